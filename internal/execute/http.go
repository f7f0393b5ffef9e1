package execute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// request makes one HTTP request. Redirects are not followed: a token would go
// wherever a server says. Certificates are always verified. changes says that the
// request is a step, of which an unexpected answer leaves the effect in doubt.
func (d *Doer) request(ctx context.Context, h runbook.HTTP, changes bool) connectors.Outcome {
	method := h.Method
	if method == "" {
		method = http.MethodGet
	}
	if err := allowedURL(h.URL); err != nil {
		return failed("%s", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.URL, strings.NewReader(h.Body))
	if err != nil {
		return failed("the request cannot be made")
	}
	for name, value := range h.Headers {
		req.Header.Set(name, value)
	}
	var hidden redactor
	if h.Bearer != "" {
		token, err := d.Secrets.Value(ctx, h.Bearer)
		if err != nil {
			return failed("bearer: %s", err)
		}
		hidden = redactor{token}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second}
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err // the address may hold what a step filled in
		}
		return doubt("%s", hidden.hide(err.Error()))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxOutput))
	if err != nil {
		return doubt("the answer could not be read: %s", hidden.hide(err.Error()))
	}
	expected := resp.StatusCode >= 200 && resp.StatusCode < 300
	if len(h.Expect) > 0 {
		expected = slices.Contains(h.Expect, resp.StatusCode)
	}
	says := "the server answered " + strconv.Itoa(resp.StatusCode)
	switch {
	case expected && !strings.Contains(string(body), h.Contains):
		expected, says = false, says+", and the answer does not contain what it should"
	case !expected:
		says += ", which is not what was expected"
	}
	if expected {
		return connectors.Outcome{State: connectors.Done, Message: says, Facts: connectors.Facts{"status": strconv.Itoa(resp.StatusCode)}}
	}
	if changes && method != http.MethodGet && method != http.MethodHead {
		return doubt("%s", says)
	}
	return connectors.Outcome{State: connectors.NotDone, Message: says}
}

// allowedURL lets https through, and http to this machine.
func allowedURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("the address is not one, or holds a user")
	}
	if u.Scheme == "https" {
		return nil
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "http" && (strings.EqualFold(u.Hostname(), "localhost") || err == nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%s:// is for this machine only; write https://", u.Scheme)
}
