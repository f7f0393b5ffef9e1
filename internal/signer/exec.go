package signer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

// Exec is a helper program: the message on its standard input, 64 bytes of signature
// on its standard output. It is how keys in a cloud's key service or in a hardware
// module sign.
type Exec struct {
	Program string    // absolute path; it gets no arguments
	Public  audit.Key // of the key it signs with
	Stderr  io.Writer // what the program has to say; nil: nobody hears it
	Timeout time.Duration
}

const defaultTimeout = 30 * time.Second

// Signer makes a signer of the program. It is not run before there is something to
// sign.
func (e Exec) Signer() (audit.Signer, error) {
	if !filepath.IsAbs(e.Program) {
		return nil, fmt.Errorf("the signing program %q is not an absolute path", e.Program)
	}
	if e.Timeout <= 0 {
		e.Timeout = defaultTimeout
	}
	return audit.Elsewhere(audit.BackendExec, e.Public, e.sign)
}

func (e Exec) sign(ctx context.Context, message []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.Program)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(message), e.Stderr
	cmd.WaitDelay = time.Second // a child of the program may hold the pipe
	out := &atMost{limit: ed25519.SignatureSize}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("run the signing program %s: %w", e.Program, err)
	}
	if out.over || out.Len() != ed25519.SignatureSize {
		return nil, fmt.Errorf("the signing program %s did not write a signature: %d bytes and nothing else", e.Program, ed25519.SignatureSize)
	}
	return out.Bytes(), nil
}

// atMost keeps the first bytes that are written to it.
type atMost struct {
	bytes.Buffer
	limit int
	over  bool
}

func (w *atMost) Write(p []byte) (int, error) {
	if w.Len()+len(p) > w.limit {
		w.over = true
		return 0, errors.New("it writes too much")
	}
	return w.Buffer.Write(p)
}
