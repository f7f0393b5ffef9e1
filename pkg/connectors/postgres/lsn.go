package postgres

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// lsn is a position in the write-ahead log, in bytes from its beginning
// (PostgreSQL documentation, "pg_lsn Type").
type lsn uint64

func parseLSN(text string) (lsn, error) {
	hi, lo, ok := strings.Cut(text, "/")
	if !ok {
		return 0, fmt.Errorf("%q is not a WAL position", text)
	}
	h, err := strconv.ParseUint(hi, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a WAL position", text)
	}
	l, err := strconv.ParseUint(lo, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a WAL position", text)
	}
	return lsn(h<<32 | l), nil
}

// String writes the form PostgreSQL uses.
func (l lsn) String() string { return fmt.Sprintf("%X/%X", uint64(l)>>32, uint32(l)) }

// UnmarshalJSON reads PostgreSQL's text form.
func (l *lsn) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := parseLSN(text)
	*l = parsed
	return err
}

// minus returns l - m in bytes. It may be negative, and a negative difference is
// information (a node that has what the other never had), so it is never clamped.
func (l lsn) minus(m lsn) int64 { return int64(l - m) }

// reached reports whether all records before insert, the position at which the next one
// would begin, end at or before l. Where the last record ends with its WAL page the two
// differ for good: insert is after the header of the next page, 24 bytes long and 40 at
// the start of a segment, where no record can end (PostgreSQL's xlog.c,
// XLogBytePosToRecPtr and XLogBytePosToEndRecPtr).
func (l lsn) reached(insert lsn) bool {
	const page, header, longHeader = 8192, 24, 40
	return l >= insert || l%page == 0 && (insert-l == header || insert-l == longHeader)
}
