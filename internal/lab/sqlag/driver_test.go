package sqlag_test

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

const instanceFacts = `SELECT CONVERT(nvarchar(128),SERVERPROPERTY('ServerName')) AS server_name, CONVERT(int,SERVERPROPERTY('ProductMajorVersion')) AS ver,
  CONVERT(int,SERVERPROPERTY('IsHadrEnabled')) AS hadr, (SELECT sqlserver_start_time FROM sys.dm_os_sys_info) AS started, SYSDATETIMEOFFSET() AS node_clock`

func TestDriver(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	for _, encrypt := range []string{"true", "strict"} {
		t.Run(encrypt, func(t *testing.T) {
			db := open(t, g, g.Instances()[0], sqlag.UserMonitor, encrypt)
			for _, q := range []string{instanceFacts, "SELECT * FROM sys.dm_hadr_database_replica_states", "SELECT * FROM sys.availability_groups", "SELECT @p1 + 1, @p2"} {
				var args []any
				if q[7] == '@' {
					args = []any{41, "x"}
				}
				for _, r := range ask(t, db, q, args...) {
					t.Log(r)
				}
			}
		})
	}
}
