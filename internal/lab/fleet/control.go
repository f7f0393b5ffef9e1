package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
)

// SystemStatus is a system as it is now.
type SystemStatus struct {
	Name     string      `json:"name"`
	Platform string      `json:"platform"`
	Nodes    []lab.Node  `json:"nodes"`
	Faults   []lab.Fault `json:"faults"`
	Broken   []string    `json:"broken"`

	// Resource is the system as a Resource document.
	Resource string `json:"resource"`
}

// order is what a client asks of the host.
type order struct {
	System string `json:"system"`
	Fault  string `json:"fault"`
}

// longestSocket is below what every Unix allows for the path of a socket.
const longestSocket = 100

// socketPath is in the fleet's directory, or in the temporary one where the path
// would be too long for a socket.
func socketPath(dir string) string {
	if path := filepath.Join(dir, "control.sock"); len(path) <= longestSocket {
		return path
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("bcctl-fleet-%.8x.sock", sha256.Sum256([]byte(dir))))
}

// caInRepository is where the configuration repository has the host's CA.
const caInRepository = "certs/fleet-ca.pem"

func handler(dir string, systems []lab.System, stop func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /systems", func(w http.ResponseWriter, _ *http.Request) {
		all := []SystemStatus{}
		for _, s := range systems {
			ref := func(secret string) string { return "file:" + filepath.Join(dir, "secrets", s.Name(), secret) }
			all = append(all, SystemStatus{s.Name(), s.Platform(), s.Nodes(), s.Faults(), s.Broken(), s.Resource(ref, caInRepository)})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(all) // the client sees that it is cut off
	})
	change := func(do func(lab.System, string) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var o order
			if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&o); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			i := slices.IndexFunc(systems, func(s lab.System) bool { return s.Name() == o.System })
			if i < 0 {
				http.Error(w, fmt.Sprintf("no system %q; there are %s", o.System, names(systems)), http.StatusNotFound)
				return
			}
			if err := do(systems[i], o.Fault); err != nil {
				http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			}
		}
	}
	mux.HandleFunc("POST /break", change(lab.System.Break))
	mux.HandleFunc("POST /repair", change(lab.System.Repair))
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) { stop() })
	return mux
}

func names(systems []lab.System) string {
	var list []string
	for _, s := range systems {
		list = append(list, s.Name())
	}
	return strings.Join(list, ", ")
}

// ErrNoHost is returned when the process that runs the systems is gone.
var ErrNoHost = errors.New("the systems of this laboratory do not run any more; run bcctl lab down, then bcctl lab up --fleet")

// orderTimeout bounds what is asked of the host: a fault is put in at once.
const orderTimeout = 20 * time.Second

// ask sends a request to the host of a fleet, and decodes its answer into v.
func ask(ctx context.Context, dir, method, path string, body, v any) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://host"+path, &payload)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socketPath(dir))
	}}
	response, err := (&http.Client{Transport: transport}).Do(request)
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return ErrNoHost
	case err != nil:
		return fmt.Errorf("ask the laboratory: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if v == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(v); err != nil {
		return fmt.Errorf("read the laboratory's answer: %w", err)
	}
	return nil
}
