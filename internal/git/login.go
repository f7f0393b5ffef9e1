package git

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// SignIn says how to sign in at an address, at the moment it is asked: a token may have
// ended since the last call.
type SignIn func(ctx context.Context) (address string, login Login, err error)

type signInKey struct{}

// WithSignIn returns a context in which calls to remotes sign in at one address. Git
// sends the login to that repository alone, whatever the remotes here are called.
func WithSignIn(ctx context.Context, signIn SignIn) context.Context {
	return context.WithValue(ctx, signInKey{}, signIn)
}

// signedIn are the variables by which git signs in; none without WithSignIn.
func signedIn(ctx context.Context) ([]string, error) {
	signIn, ok := ctx.Value(signInKey{}).(SignIn)
	if !ok {
		return nil, nil
	}
	address, login, err := signIn(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign in for git: %w", err)
	}
	settings := [][2]string{{"http.followRedirects", "false"}, {"credential.helper", ""}}
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" {
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
			settings = append(settings, [2]string{"protocol.http.allow", "always"})
		}
	}
	bare := strings.TrimSuffix(address, ".git")
	for _, at := range []string{bare, bare + ".git"} {
		settings = append(settings, [2]string{"http." + at + ".extraHeader", login.header()})
	}
	return configured(settings), nil
}

// header is what signs in. It reaches git by its environment alone.
func (l Login) header() string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(l.User+":"+l.Password))
}
