package sqltext_test

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"SELECT 1; SET NOCOUNT ON; DECLARE @a int = 1":              0,
		"UPDATE t SET a = 1":                                        1,
		"DELETE t; INSERT t VALUES (1)":                             2,
		"ALTER AVAILABILITY GROUP g FAILOVER":                       1,
		"IF 1 = 1 DROP TABLE t ELSE CREATE TABLE t":                 1, // a statement that is not known takes the rest
		"BEGIN TRY DELETE t END TRY BEGIN CATCH SELECT 1 END CATCH": 1,
		"EXEC sp_executesql N'SELECT 1'":                            0,
		"EXEC sp_executesql N'DELETE t'":                            1,
		"EXEC ('TRUNCATE TABLE t')":                                 1,
		"EXEC msdb.dbo.sp_start_job 'x'":                            1,
		"sp_who":                                                    1, // it could do anything
		"SELECT 'DROP TABLE t'":                                     0,
		"SELECT 1 FROM ( DELETE t":                                  1, // cannot be read, and counts all the same
		"DROP":                                                      1,
		"GRANT CONTROL SERVER TO x; SHUTDOWN":                       2,
	} {
		if got := sqltext.Changes(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// FuzzParse reads whatever text comes; nothing may panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"ALTER AVAILABILITY GROUP [g] MODIFY REPLICA ON N'x' WITH (SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL), SESSION_TIMEOUT = 10)",
		"SELECT TOP (1) [a]]b], 'it''s', 0x0F, 1.5e3, @@x FROM a..b c(d) WITH (NOLOCK) /* /* */ */ -- x",
		"EXEC @rc = dbo.p @a = 1, @b = N'x' OUTPUT, NULL; SET TRANSACTION ISOLATION LEVEL READ COMMITTED SELECT 1",
		"UPDATE t SET a += 1 OUTPUT inserted.* WHERE b LIKE '%' ESCAPE '!' ; IF 1=1 BEGIN PRINT 'x' END ELSE THROW",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := sqltext.Parse(text)
		if n := sqltext.Changes(text); n < 0 || err == nil && n > len(text) {
			t.Fatalf("%d changes in %d bytes", n, len(text))
		}
	})
}
