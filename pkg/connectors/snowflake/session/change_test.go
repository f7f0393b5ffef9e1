package session

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// What a session starts that changes something outlives it; one that reads keeps its
// limits.
func TestLastingParameters(t *testing.T) {
	t.Parallel()
	for _, changes := range []bool{false, true} {
		login := Login{Account: "ACME-FRA", Address: endpoint.Address{Host: "acme-fra.snowflakecomputing.com", Port: 443}, Timeout: time.Second, Changes: changes}
		c, err := login.config(connectors.Credential{Username: "u", Password: "p"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range lasting {
			if (*c.Params[name] == value) != changes {
				t.Errorf("changes %v: %s is %s", changes, name, *c.Params[name])
			}
		}
	}
}

// Only the service's own refusal says that nothing was changed.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&gosnowflake.SnowflakeError{Number: notAuthorized, Message: "Insufficient privileges"}, true},
		{&gosnowflake.SnowflakeError{Number: 3134, Message: "cannot currently be set as primary"}, true},
		{&gosnowflake.SnowflakeError{Number: canceled, Message: "SQL execution canceled"}, false},
		{&gosnowflake.SnowflakeError{Number: timedOut, Message: "Statement reached its timeout"}, false},
		{&gosnowflake.SnowflakeError{Number: internal, Message: "internal error"}, false},
		{&gosnowflake.SnowflakeError{Number: gosnowflake.ErrFailedToPostQuery, Message: "failed to POST", MessageArgs: []any{503, "https://x"}}, false},
		{&gosnowflake.SnowflakeError{Message: "without a number"}, false},
		{&StatusError{503}, false},
		{context.DeadlineExceeded, false},
		{io.ErrUnexpectedEOF, false},
		{errors.New("connection reset"), false},
	} {
		if got := Refused(c.err); got != c.want {
			t.Errorf("%v: refused %v", c.err, got)
		}
	}
}
