package store

import (
	"database/sql"
	"time"
)

// slotWidth is the length of time that one bucket stands for.
const slotWidth = 5 * time.Minute

const slotMillis = int64(slotWidth / time.Millisecond)

// millis is how a time is stored. The zero time is NULL: it means not known.
func millis(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: true}
}

// moment is the reverse of millis.
func moment(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return at(ms.Int64)
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// window turns the limits of a query into milliseconds, both included. A zero
// limit is none.
func window(since, until time.Time) (from, to int64) {
	const always = int64(1) << 52 // a time no clock shows, and no overflow when added to
	from, to = -always, always
	if !since.IsZero() {
		from = since.UnixMilli()
	}
	if !until.IsZero() {
		to = until.UnixMilli()
	}
	return from, to
}

// text stores an empty string as NULL, which takes no room.
func text[T ~string](s T) sql.NullString {
	return sql.NullString{String: string(s), Valid: s != ""}
}
