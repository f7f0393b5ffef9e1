package docs_test

import (
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/ledger/pgstore"
)

// What operations.md tells an owner to run is what the tests run.
func TestTheLedgerIsMadeAsDocumented(t *testing.T) {
	t.Parallel()
	if !strings.Contains(readPage(t, "docs/operations.md").text, "```sql\n"+pgstore.Schema+"```") {
		t.Error("operations.md does not have the statements of internal/ledger/pgstore/schema.sql")
	}
}
