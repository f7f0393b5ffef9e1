package github_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

func num(n int64) string { return strconv.FormatInt(n, 10) }

// get asks without a library, and follows no redirect.
func (l *lab) get(token, path string) (int, string, http.Header) {
	l.t.Helper()
	return l.send("GET", token, path, "")
}

func (l *lab) send(method, token, path, body string) (int, string, http.Header) {
	l.t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, l.URL()+path, from)
	if err != nil {
		l.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}
