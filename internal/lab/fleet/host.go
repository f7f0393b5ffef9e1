package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// Host runs the systems of a fleet in this process until ctx is done or somebody
// asks it to stop. It writes what Up needs below dir, then a line to ready.
func Host(ctx context.Context, dir string, ready func() error) error {
	ca, err := pki.New(time.Now())
	if err != nil {
		return err
	}
	systems, err := start(ca)
	defer func() {
		for _, s := range systems {
			_ = s.Close() // the process ends: nothing is left that could matter
		}
	}()
	if err != nil {
		return err
	}
	return serve(ctx, dir, ca, systems, ready)
}

// serve keeps the systems' secrets, and answers at the control socket.
func serve(ctx context.Context, dir string, ca pki.Authority, systems []lab.System, ready func() error) error {
	if err := keepSecrets(dir, ca, systems); err != nil {
		return err
	}
	socket := socketPath(dir)
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an old control socket: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen at the control socket: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := &http.Server{Handler: handler(dir, systems, stop), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := ready(); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case <-ctx.Done():
	case err := <-ended:
		return fmt.Errorf("control socket: %w", err)
	}
	// Whoever asked for the end waits for the answer.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return server.Shutdown(last)
}

// keepSecrets writes each secret to a file of its own, and the CA certificate.
func keepSecrets(dir string, ca pki.Authority, systems []lab.System) error {
	for _, s := range systems {
		folder := filepath.Join(dir, "secrets", s.Name())
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		for name, value := range s.Secrets() {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(value+"\n"), 0o600); err != nil {
				return fmt.Errorf("keep secret %s of %s: %w", name, s.Name(), err)
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, "host-ca.pem"), ca.CertPEM(), 0o644)
}
