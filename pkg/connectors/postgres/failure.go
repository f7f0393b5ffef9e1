package postgres

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// classify turns a connection error into what it says about the node. Texts of
// the server are shown; a password never is.
func classify(err error, accepted bool, budget time.Duration, password string) *unreached {
	u := classifyError(err, accepted, budget)
	u.refused, u.accepted = errors.Is(err, syscall.ECONNREFUSED), accepted && !u.alive
	u.message = endpoint.Redact(u.message, password)
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
	return &unreached{code: f.Code, message: "logged in, but the first query failed: " + f.Message, alive: true}
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
			return &unreached{code: readiness.NodeStarting, message: message, alive: true}
		case strings.HasPrefix(pgErr.Code, "28"), pgErr.Code == "42501":
			return &unreached{code: readiness.VisAuth, message: "login refused: " + pgErr.Message, alive: true}
		default:
			return &unreached{code: "", message: fmt.Sprintf("login failed: %s (SQLSTATE %s)", pgErr.Message, pgErr.Code), alive: true}
		}
	}
	if strings.Contains(err.Error(), "server refused TLS") {
		return &unreached{code: readiness.IdentityUnproven, message: "the server offers no TLS; clear text is never used", alive: true}
	}
	f := endpoint.Classify(err, accepted, budget)
	return &unreached{code: f.Code, message: f.Message, alive: f.Alive}
}

// queryFailure is the finding for a statement that failed on a reached node.
func queryFailure(err error, password string) readiness.Finding {
	code, message := readiness.QueryFailed, endpoint.RootCause(err)
	if pgErr := asPgError(err); pgErr != nil {
		message = fmt.Sprintf("%s (SQLSTATE %s)", pgErr.Message, pgErr.Code)
		if pgErr.Code == "42501" {
			code = readiness.InsufficientPrivilege
		}
	}
	return readiness.Finding{Code: code, Message: endpoint.Redact(message, password)}
}
