package mongoset

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// No bytes make the reader fail otherwise than by an error, and what it accepts
// it can answer.
func FuzzReadMessage(f *testing.F) {
	doc := bson.D{{Key: "hello", Value: int32(1)}, {Key: "$db", Value: "admin"}}
	for _, legacy := range []bool{false, true} {
		b, err := encodeReply(1, 0, legacy, false, doc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	body, err := bson.Marshal(doc)
	if err != nil {
		f.Fatal(err)
	}
	query := append([]byte{0, 0, 0, 0}, "admin.$cmd\x00\x00\x00\x00\x00\xff\xff\xff\xff"...)
	query = append(query, body...)
	f.Add(append([]byte{byte(16 + len(query)), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xd4, 7, 0, 0}, query...))
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := readMessage(bytes.NewReader(b), func() {})
		if err != nil {
			return
		}
		_ = req.command()
		if _, err := encodeReply(1, req.id, req.legacy, false, req.body); err != nil {
			t.Skip("a document that the encoder refuses is not sent back")
		}
	})
}
