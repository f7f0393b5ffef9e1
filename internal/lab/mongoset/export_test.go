package mongoset

import (
	"hash/crc32"
	"time"
)

// Checksum is what a client appends to a message.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Hurry makes a set wait for clients no longer than that. It is called before
// any connects.
func Hurry(s *Set, d time.Duration) { s.patience = patience{d, d, d} }
