package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Failure says why a server gave no facts.
type Failure struct {
	// Code is the reason; empty when the server simply does not answer, and which
	// side is not seen then is for the whole resource to say.
	Code readiness.Code
	// Message is for people: lower case, without a secret.
	Message string
	// Alive says that something on the host answered, so the host is up.
	Alive bool
}

// Classify says what a connection error tells about a server. Accepted is
// whether the host took a TCP connection, budget how long it was given. Errors
// that only the platform understands are to be looked at before.
func Classify(err error, accepted bool, budget time.Duration) Failure {
	var netErr net.Error
	var name *net.DNSError
	switch {
	case IsCertificateError(err):
		return Failure{readiness.IdentityUnproven, "certificate not accepted, so no login was tried: " + RootCause(err), true}
	case errors.Is(err, context.Canceled): // before the timeout it looks like to the socket
		return Failure{readiness.VisCollector, "the check was interrupted before the node answered", false}
	case errors.As(err, &name): // before the timeout that it may be
		return Failure{"", unresolved(name), false}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		if accepted {
			return Failure{"", fmt.Sprintf("accepted the connection but did not answer within %s", budget), false}
		}
		return Failure{"", fmt.Sprintf("no answer within %s", budget), false}
	case errors.Is(err, syscall.ECONNREFUSED):
		return Failure{"", "connection refused", false}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return Failure{"", "the connection was closed before an answer came", false}
	default:
		return Failure{"", RootCause(err), false}
	}
}

// unresolved says that nobody was asked, because nobody said where to ask. It tells
// nothing about the server.
func unresolved(err *net.DNSError) string {
	why := err.Err
	switch {
	case err.IsNotFound:
		why = "no such name"
	case err.IsTimeout:
		why = "no name server answered in time"
	}
	return fmt.Sprintf("the name %q does not resolve (DNS: %s), so the server was not asked", err.Name, why)
}

// IsCertificateError reports whether a server's certificate was not accepted.
func IsCertificateError(err error) bool {
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	return errors.As(err, &unknownAuthority) || errors.As(err, &hostname) || errors.As(err, &invalid) || errors.As(err, &verification)
}

// RootCause drops a driver's wrapping, which repeats user, host and database.
func RootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// Redact takes secrets out of a text. One so short that the text would show
// where it was takes the text with it.
func Redact(text string, secrets ...string) string {
	for _, secret := range secrets {
		switch {
		case secret == "" || !strings.Contains(text, secret):
		case len(secret) < 4:
			return "(the message may hold the password)"
		default:
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
