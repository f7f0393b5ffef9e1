package session

import (
	"context"
	"io"

	"github.com/snowflakedb/gosnowflake"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/quiet"
)

// init is the second half of the exception that package quiet describes: the
// driver was initialized with nothing in its environment that leads to a file.
// Its log goes nowhere, and it looks for a file that configures logging here,
// where it finds none, once and for all. Then the environment is put back.
func init() {
	log := gosnowflake.GetLogger()
	log.SetOutput(io.Discard)
	_ = log.SetLogLevel("fatal") // a level that exists
	// OCSP and revocation lists exclude each other, which the driver notices after it
	// has looked for that file and before it connects anywhere.
	_, _ = gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, gosnowflake.Config{
		Account: "none", User: "none", Password: "none", Host: "localhost",
		DisableTelemetry: true, CertRevocationCheckMode: gosnowflake.CertRevocationCheckEnabled,
	}).Connect(context.Background())
	quiet.Restore()
}
