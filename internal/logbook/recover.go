package logbook

import (
	"context"
	"slices"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// Waiting is how many segments wait on this machine that are not in the log.
func (b *Book) Waiting() int {
	log, ok := b.Store.(*gitlog.Log)
	if !ok {
		return 0
	}
	ids, err := log.Pending()
	if err != nil {
		return 0 // what cannot be listed is not offered
	}
	return len(ids)
}

// maxNamed bounds the segments that one entry names, so that it fits into a line.
const maxNamed = 200

// Imported are the entries that say which segments came to the log later than they
// were written.
func Imported(segments []audit.Evidence, by audit.Actor) []audit.Entry {
	var entries []audit.Entry
	for named := range slices.Chunk(segments, maxNamed) {
		entries = append(entries, audit.Entry{Type: audit.RecoveryImport, Actor: &by, Evidence: named})
	}
	return entries
}

// Recover brings what waits in a folder to the log with the same bytes, says so in an
// entry, and seals where the book has its key. Empty is the spool of the repository.
// It returns how many segments it brought, also beside an error.
func (b *Book) Recover(ctx context.Context, dir string, by audit.Actor) (int, error) {
	log, ok := b.Store.(*gitlog.Log)
	if !ok {
		return 0, nil // a log in a directory has no spool
	}
	brought, err := log.Recover(ctx, dir)
	if err != nil || len(brought) == 0 {
		return len(brought), err
	}
	return len(brought), b.Record(ctx, Imported(brought, by)...)
}
