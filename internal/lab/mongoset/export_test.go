package mongoset

import "hash/crc32"

// Checksum is what a client appends to a message.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
