package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// world is a server with two small tables.
type world struct{ changed []string }

func (w *world) Table(n sqltext.Name) (*engine.Table, error) {
	whole, words := sqltype.Of(sqltype.Int), sqltype.Text(20)
	switch strings.ToLower(n.Object) {
	case "city":
		return &engine.Table{
			Columns: []engine.Column{{Name: "id", Type: whole}, {Name: "name", Type: words}, {Name: "land", Type: whole}, {Name: "people", Type: sqltype.Of(sqltype.BigInt)}},
			Rows:    [][]any{{int64(1), "Köln", int64(1), int64(1000)}, {int64(2), "Bonn", int64(1), int64(300)}, {int64(3), "Gent", int64(2), nil}, {int64(4), "Nowhere", nil, int64(7)}},
		}, nil
	case "land":
		return &engine.Table{Columns: []engine.Column{{Name: "id", Type: whole}, {Name: "name", Type: words}}, Rows: [][]any{{int64(1), "Germany"}, {int64(2), "Belgium"}, {int64(3), "Chile"}}}, nil
	case "secret":
		return nil, sqlerr.List{sqlerr.NoServerState("VIEW SERVER STATE"), sqlerr.NoPermission()}
	}
	return nil, sqlerr.InvalidObject(n.String())
}

func (w *world) TableFunction(n sqltext.Name, _ []any) (*engine.Table, error) {
	return nil, sqlerr.InvalidObject(n.String())
}
func (w *world) Function(name string) (engine.Function, bool) {
	return engine.Function{Type: sqltype.Of(sqltype.Int), Min: 1, Max: 1, Eval: func(a []any) (any, error) { return a[0], nil }}, name == "echo"
}
func (w *world) Variable(name string) (any, sqltype.Type, bool) {
	return "here", sqltype.Text(10), name == "@@servername"
}
func (w *world) Now() time.Time   { return time.Date(2026, 11, 26, 1, 2, 3, 4_000_000, time.UTC) }
func (w *world) Use(string) error { return nil }
func (w *world) Change(s sqltext.Statement) error {
	w.changed = append(w.changed, fmt.Sprintf("%T", s))
	return nil
}
func (w *world) Write(n sqltext.Name, _ string) (*engine.Table, error) {
	t, err := w.Table(n)
	if err == nil {
		t.Replace = func(rows [][]any) error { w.changed = append(w.changed, fmt.Sprint(rows)); return nil }
	}
	return t, err
}

// sink keeps what came as text.
type sink struct{ out []string }

func (s *sink) Result(_ string, _ []engine.Column, rows [][]any) error {
	for _, r := range rows {
		var line []string
		for _, v := range r {
			if v == nil {
				line = append(line, "NULL")
			} else {
				line = append(line, sqltype.Format(v, 0))
			}
		}
		s.out = append(s.out, strings.Join(line, " "))
	}
	return nil
}
func (s *sink) Done(string, int64)  {}
func (s *sink) Message(text string) { s.out = append(s.out, "! "+text) }

func run(t *testing.T, text string, parameters ...engine.Parameter) (string, *world, error) {
	t.Helper()
	w, s := &world{}, &sink{}
	err := engine.New(w).Run(t.Context(), text, parameters, s)
	return strings.Join(s.out, "; "), w, err
}

func TestQueries(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1":                       "1",
		"SELECT 1 AS a, b = 2, 3 c":      "1 2 3",
		"SELECT 7/2, 7*1.0/2, 7%2, -7/2": "3 3.500000 1 -3",
		"SELECT CAST(1 AS bigint)*1.0/NULLIF(CAST(3 AS bigint),0)":                                                               "0.33333333333333333",
		"SELECT 'a' + N'b', CONCAT('x', NULL, 1)":                                                                                "ab x1",
		"SELECT NULL, ISNULL(NULL,5), COALESCE(NULL,NULL,'z')":                                                                   "NULL 5 z",
		"SELECT name FROM city WHERE people IS NULL":                                                                             "Gent",
		"SELECT name FROM city WHERE people > 100 ORDER BY people":                                                               "Bonn; Köln",
		"SELECT name FROM city WHERE NOT (people > 100)":                                                                         "Nowhere", // NULL is neither
		"SELECT name FROM city WHERE name LIKE '%NN' OR name LIKE N'[^a-m]o%'":                                                   "Bonn; Nowhere",
		"SELECT name FROM city WHERE land IN (2, NULL)":                                                                          "Gent",
		"SELECT name FROM city WHERE land NOT IN (2, NULL)":                                                                      "",
		"SELECT c.name, l.name FROM city c LEFT JOIN land l ON l.id = c.land ORDER BY 1":                                         "Bonn Germany; Gent Belgium; Köln Germany; Nowhere NULL",
		"SELECT l.name FROM city c RIGHT JOIN land l ON l.id = c.land WHERE c.id IS NULL":                                        "Chile",
		"SELECT COUNT(*) FROM city c FULL JOIN land l ON l.id = c.land":                                                          "5",
		"SELECT l.name, COUNT(*) AS n, SUM(c.people) FROM city c JOIN land l ON l.id = c.land GROUP BY l.name ORDER BY n":        "Belgium 1 NULL; Germany 2 1300",
		"SELECT l.name FROM land l WHERE EXISTS (SELECT 1 FROM city c WHERE c.land = l.id) ORDER BY l.id DESC":                   "Belgium; Germany",
		"SELECT name, (SELECT COUNT(*) FROM city c WHERE c.land = l.id) FROM land l ORDER BY l.id":                               "Germany 2; Belgium 1; Chile 0",
		"SELECT MAX(people), MIN(people), COUNT(people), COUNT(*), AVG(people) FROM city":                                        "1000 7 3 4 435",
		"SELECT MAX(people) FROM city WHERE 1=0":                                                                                 "NULL",
		"SELECT land FROM city WHERE 1=0 GROUP BY land":                                                                          "",
		"SELECT land, COUNT(*) FROM city GROUP BY land HAVING COUNT(*) > 1":                                                      "1 2",
		"SELECT STRING_AGG(name, ',') WITHIN GROUP (ORDER BY name DESC) FROM land":                                               "Germany,Chile,Belgium",
		"SELECT TOP (2) name FROM city ORDER BY id":                                                                              "Köln; Bonn",
		"SELECT TOP 1 name FROM city ORDER BY id DESC":                                                                           "Nowhere",
		"SELECT DISTINCT land FROM city ORDER BY land":                                                                           "NULL; 1; 2",
		"SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 2":                                                                         "1; 1; 2",
		"SELECT 2 AS x UNION SELECT 1 UNION SELECT 2 ORDER BY x":                                                                 "1; 2",
		"SELECT id FROM land EXCEPT SELECT land FROM city":                                                                       "3",
		"SELECT id FROM land INTERSECT SELECT land FROM city":                                                                    "1; 2",
		"WITH x AS (SELECT id, name FROM land), y(n) AS (SELECT name FROM x WHERE id=2) SELECT n FROM y":                         "Belgium",
		"SELECT v.a, v.b FROM (VALUES (1,'x'),(2,'y')) AS v(a,b) WHERE v.a = 2":                                                  "2 y",
		"SELECT l.name, x.name FROM land l CROSS APPLY (SELECT TOP 1 name FROM city c WHERE c.land = l.id ORDER BY c.id DESC) x": "Germany Bonn; Belgium Gent",
		"SELECT l.name, x.name FROM land l OUTER APPLY (SELECT name FROM city c WHERE c.land = l.id AND c.id > 2) x":             "Germany NULL; Belgium Gent; Chile NULL",
		"SELECT COUNT(*) FROM city, land":                                                                                        "12",
		"SELECT name, ROW_NUMBER() OVER (PARTITION BY land ORDER BY id DESC) FROM city ORDER BY id":                              "Köln 2; Bonn 1; Gent 1; Nowhere 1",
		"SELECT name FROM (SELECT name, ROW_NUMBER() OVER (ORDER BY id) AS n FROM city) q WHERE n = 2":                           "Bonn",
		"SELECT CASE WHEN people > 500 THEN 'big' WHEN people IS NULL THEN 'unknown' ELSE 'small' END FROM city":                 "big; small; unknown; small",
		"SELECT CASE land WHEN 1 THEN 'D' ELSE NULL END FROM city":                                                               "D; D; NULL; NULL",
		"SELECT IIF(1 < 2, 'y', 'n'), ABS(-3), LEN('ab  '), UPPER('x'), LEFT('abc',2), SUBSTRING('abcd',2,2)":                    "y 3 2 X ab bc",
		"SELECT DATEDIFF(second, '2026-11-26T01:00:00', SYSUTCDATETIME())":                                                       "123",
		"SELECT DATEDIFF(minute, '2026-01-01T00:59:59', '2026-01-01T01:00:00')":                                                  "1", // boundaries, not minutes
		"SELECT DATEDIFF(day, DATEADD(day, -3, GETDATE()), GETDATE())":                                                           "3",
		"SELECT CONVERT(varchar(30), GETDATE(), 126), CONVERT(varchar(30), GETDATE())":                                           "2026-11-26T01:02:03.003 Nov 26 2026  1:02AM",
		"SELECT SYSDATETIMEOFFSET()":                                                                                             "2026-11-26 01:02:03.004 +00:00",
		"SELECT SWITCHOFFSET(SYSDATETIMEOFFSET(), '+02:00')":                                                                     "2026-11-26 03:02:03.004 +02:00",
		"SELECT CONVERT(varchar(30), CAST('4294967295429496729500001' AS numeric(25,0)))":                                        "4294967295429496729500001",
		"SELECT CONVERT(int, 1.9), CONVERT(bit, 5), TRY_CONVERT(int, 'x')":                                                       "1 1 NULL",
		"SELECT CONVERT(nvarchar(36), CAST('0e984725-c51c-4bf4-9960-e1c80e27aba0' AS uniqueidentifier))":                         "0E984725-C51C-4BF4-9960-E1C80E27ABA0",
		"DECLARE @a int = 2, @b nvarchar(10); SET @b = N'x'; SELECT @a + 1, @b, @@SERVERNAME":                                    "3 x here",
		"DECLARE @n int; SELECT @n = COUNT(*) FROM city; SELECT @n":                                                              "4",
		"SET NOCOUNT ON; SET LOCK_TIMEOUT 1000 SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED SELECT 1":                        "1",
		"IF EXISTS (SELECT 1 FROM land WHERE id = 9) SELECT 'yes' ELSE SELECT 'no'":                                              "no",
		"IF 1 = 1 BEGIN SELECT 1; SELECT 2 END":                                                                                  "1; 2",
		"BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_MESSAGE() END CATCH":                              "8134 Divide by zero error encountered.",
		"PRINT 'hello'": "! hello",
		"EXEC sp_executesql N'SELECT name FROM land WHERE id = @i', N'@i int', @i = 3": "Chile",
		"EXEC ('SELECT 5')": "5",
		"SELECT [name] FROM dbo.[land] WITH (NOLOCK) WHERE id = 1 -- comment\n/* and /* nested */ more */":       "Germany",
		"SELECT name FROM land ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY":                                 "Belgium",
		"SELECT name COLLATE Latin1_General_BIN FROM land WHERE id = 1 OPTION (RECOMPILE)":                       "Germany",
		"SELECT it.name FROM (land l JOIN city it ON it.land = l.id) WHERE it.id BETWEEN 2 AND 3 ORDER BY it.id": "Bonn; Gent",
		"SELECT 0x01FF, CONVERT(varchar(10), 0x01FF, 1)":                                                         "\x01\xff 0x01FF",
		"SELECT CAST(SYSDATETIME() AS datetime2(0)) AT TIME ZONE 'UTC'":                                          "2026-11-26 01:02:03.000 +00:00",
		"SELECT echo(7)": "7",
	} {
		got, _, err := run(t, query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got != want {
			t.Errorf("%s:\n got %q\nwant %q", query, got, want)
		}
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	got, _, err := run(t, "SELECT name FROM city WHERE people > @p1 AND name LIKE @p2",
		engine.Parameter{Name: "@p1", Type: sqltype.Of(sqltype.BigInt), Value: int64(10)}, engine.Parameter{Name: "@p2", Type: sqltype.Text(10), Value: "B%"})
	if err != nil || got != "Bonn" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]int32{
		"SELECT * FROM nowhere":               208,
		"SELECT nothing FROM city WHERE 1=0":  207, // also without rows
		"SELECT c.nothing FROM city c":        207,
		"SELECT x.name FROM city c":           4104,
		"SELECT id FROM city, land":           209,
		"SELECT":                              102,
		"SELECT FROM city":                    156,
		"SELECT 1 +":                          102,
		"1 SELECT":                            102,
		"SELECT 'open":                        105,
		"SELECT 1/0":                          8134,
		"SELECT CONVERT(int, 'x')":            245,
		"SELECT CONVERT(tinyint, 300)":        220,
		"SELECT 2147483647 + 1":               8115,
		"SELECT name FROM city GROUP BY land": 8120,
		"SELECT name, COUNT(*) FROM city":     8120,
		"SELECT * FROM city WHERE people":     4145,
		"SELECT @x":                           137,
		"SELECT unknown_function(1)":          195,
		"SELECT LEN()":                        174,
		"SELECT (SELECT id FROM land)":        512,
		"SELECT 1 UNION SELECT 1, 2":          205,
		"SELECT DATEDIFF(millisecond, '2000-01-01', '2026-01-01')": 535,
		"SELECT CAST('x' AS uniqueidentifier)":                     8169,
		"SELECT CAST('yesterday' AS datetime)":                     241,
		"SELECT * FROM city c JOIN land c ON 1 = 1":                1013,
		"SELECT * FROM secret":                                     300,
		"THROW 50001, 'no', 1":                                     50001,
		"SELECT CAST(1 AS blob)":                                   243,
		"SELECT " + strings.Repeat("(", 500) + "1":                 191,
		"SELECT " + strings.Repeat("-", 1000) + "1":                102,
		"SELECT COUNT(*) FROM city a, city b, city c, city d, city e, city f, city g, city h, city i, city j, city k": 701,
	} {
		_, _, err := run(t, query)
		var one *sqlerr.Error
		var list sqlerr.List
		if errors.As(err, &list) {
			one = list[0]
		} else {
			errors.As(err, &one)
		}
		if one == nil || one.Number != want {
			t.Errorf("%.80s: got %v, want %d", query, err, want)
		}
	}
}

// An error about permission ends its statement; the batch goes on, as in the product.
func TestPermissionEndsTheStatementOnly(t *testing.T) {
	t.Parallel()
	got, _, err := run(t, "SELECT * FROM secret; SELECT 2")
	var list sqlerr.List
	if !errors.As(err, &list) || len(list) != 2 || got != "2" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"UPDATE land SET name = N'Peru', id += 1 OUTPUT inserted.name, deleted.name WHERE id = 3": "[[[1 Germany] [2 Belgium] [4 Peru]]]",
		"INSERT INTO land (id, name) VALUES (9, 'x')":                                             "[[[1 Germany] [2 Belgium] [3 Chile] [9 x]]]",
		"INSERT land SELECT 9, 'x'":                                                               "[[[1 Germany] [2 Belgium] [3 Chile] [9 x]]]",
		"DELETE FROM land WHERE id > 1":                                                           "[[[1 Germany]]]",
		"ALTER AVAILABILITY GROUP [a] FAILOVER":                                                   "[sqltext.AlterGroup]",
		"ALTER DATABASE [d] SET HADR RESUME":                                                      "[sqltext.AlterHadr]",
		"DROP DATABASE x":                                                                         "[sqltext.Other]",
		"EXEC msdb.dbo.sp_start_job N'x'":                                                         "[sqltext.Execute]",
	} {
		_, w, err := run(t, query)
		if got := fmt.Sprint(w.changed); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", query, got, err, want)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := engine.New(&world{}).Run(ctx, "WAITFOR DELAY '00:01:00'", nil, &sink{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// FuzzRun runs whatever text comes; nothing may panic or run without end.
func FuzzRun(f *testing.F) {
	for _, s := range []string{
		"SELECT c.name, l.name FROM city c LEFT JOIN land l ON l.id = c.land ORDER BY 1",
		"WITH x AS (SELECT id FROM land) SELECT COUNT(*) FROM x GROUP BY id HAVING MAX(id) > 1",
		"SELECT ROW_NUMBER() OVER (ORDER BY id) FROM city; DECLARE @a int = 1 SELECT @a",
		"BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH THROW END CATCH",
		"SELECT CONVERT(numeric(38,10), people)/3 FROM city WHERE name LIKE '%[a-z]_%' ESCAPE '!'",
		"SELECT x.* FROM land l OUTER APPLY (SELECT TOP 1 * FROM city c WHERE c.land = l.id) x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if strings.Contains(strings.ToUpper(text), "WAITFOR") {
			return
		}
		err := engine.New(&world{}).Run(ctx, text, nil, &sink{})
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("it runs without end")
		}
	})
}
