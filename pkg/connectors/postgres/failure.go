package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// classify turns a connection error into what it says about the node. Texts of
// the server are shown; a password never is.
func classify(err error, accepted bool, budget time.Duration, password string) *unreached {
	u := classifyError(err, accepted, budget)
	u.message = redact(u.message, password)
	return u
}

// classifyFirstQuery is classify for a node that let the role in and then did not
// tell what it is.
func classifyFirstQuery(err error, budget time.Duration, password string) *unreached {
	pgErr := asPgError(err)
	if pgErr == nil || startsOrStops(pgErr) {
		return classify(err, true, budget, password)
	}
	f := queryFailure(err, password)
	return &unreached{f.Code, "logged in, but the first query failed: " + f.Message, true}
}

// startsOrStops: admin_shutdown, crash_shutdown and cannot_connect_now.
func startsOrStops(err *pgconn.PgError) bool {
	return err.Code == "57P01" || err.Code == "57P02" || err.Code == "57P03"
}

func classifyError(err error, accepted bool, budget time.Duration) *unreached {
	if pgErr := asPgError(err); pgErr != nil {
		switch {
		case startsOrStops(pgErr):
			message := pgErr.Message
			if pgErr.Detail != "" {
				message += ": " + pgErr.Detail
			}
			return &unreached{readiness.NodeStarting, message, true}
		case strings.HasPrefix(pgErr.Code, "28"), pgErr.Code == "42501":
			return &unreached{readiness.VisAuth, "login refused: " + pgErr.Message, true}
		default:
			return &unreached{"", fmt.Sprintf("login failed: %s (SQLSTATE %s)", pgErr.Message, pgErr.Code), true}
		}
	}
	var netErr net.Error
	switch {
	case isCertificateError(err):
		return &unreached{readiness.IdentityUnproven, "certificate not accepted, so no login was tried: " + rootCause(err), true}
	case errors.Is(err, context.Canceled): // before the timeout it looks like to the socket
		return &unreached{readiness.VisCollector, "the check was interrupted before the node answered", false}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		if accepted {
			return &unreached{"", fmt.Sprintf("accepted the connection but did not answer within %s", budget), false}
		}
		return &unreached{"", fmt.Sprintf("no answer within %s", budget), false}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &unreached{"", "connection refused", false}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return &unreached{"", "the connection was closed before an answer came", false}
	case strings.Contains(err.Error(), "server refused TLS"):
		return &unreached{readiness.IdentityUnproven, "the server offers no TLS; clear text is never used", true}
	default:
		return &unreached{"", rootCause(err), false}
	}
}

func isCertificateError(err error) bool {
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknownAuthority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

// rootCause drops the driver's wrapping, which repeats user, host and database.
func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// redact takes a password out of a text. One so short that the text would show
// where it was takes the text with it.
func redact(text, password string) string {
	switch {
	case password == "" || !strings.Contains(text, password):
		return text
	case len(password) < 4:
		return "(the message may hold the password)"
	default:
		return strings.ReplaceAll(text, password, "***")
	}
}

// queryFailure is the finding for a statement that failed on a reached node.
func queryFailure(err error, password string) readiness.Finding {
	code, message := readiness.QueryFailed, rootCause(err)
	if pgErr := asPgError(err); pgErr != nil {
		message = fmt.Sprintf("%s (SQLSTATE %s)", pgErr.Message, pgErr.Code)
		if pgErr.Code == "42501" {
			code = readiness.InsufficientPrivilege
		}
	}
	return readiness.Finding{Code: code, Message: redact(message, password)}
}
