package mongoset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"go.mongodb.org/mongo-driver/bson"
)

// Operation codes and flags of the wire protocol ("MongoDB Wire Protocol" of the
// manual). Compression is never agreed to, so OP_COMPRESSED is a mistake.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013

	headerSize = 16

	flagChecksum       = 1 << 0
	flagMoreToCome     = 1 << 1
	flagExhaustAllowed = 1 << 16
	flagsRequired      = 0xffff // unknown bits among these end the connection

	replyAwaitCapable = 8
)

// request is one message of a client, whatever its form.
type request struct {
	id       int32
	legacy   bool // OP_QUERY: answered with OP_REPLY
	exhaust  bool
	noAnswer bool // the client does not want one
	body     bson.D
	db       string
}

func (r *request) command() string {
	if len(r.body) == 0 {
		return ""
	}
	return r.body[0].Key
}

// readMessage reads one message. What a client claims to send is not believed
// before it has arrived: memory grows with the bytes that came.
func readMessage(r io.Reader, begun func()) (*request, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:1]); err != nil {
		return nil, err
	}
	begun()
	if _, err := io.ReadFull(r, header[1:]); err != nil {
		return nil, err
	}
	length := int32(binary.LittleEndian.Uint32(header[0:]))
	if length < headerSize || length > maxMessageSize {
		return nil, fmt.Errorf("message of %d bytes", length)
	}
	var rest bytes.Buffer
	if n, err := io.CopyN(&rest, r, int64(length-headerSize)); err != nil {
		return nil, fmt.Errorf("message ended after %d bytes: %w", n, err)
	}
	id := int32(binary.LittleEndian.Uint32(header[4:]))
	switch op := int32(binary.LittleEndian.Uint32(header[12:])); op {
	case opMsg:
		return parseMsg(id, header[:], rest.Bytes())
	case opQuery:
		return parseQuery(id, rest.Bytes())
	default:
		return nil, fmt.Errorf("operation code %d", op)
	}
}

var errShort = errors.New("message is shorter than its parts")

func parseMsg(id int32, header, b []byte) (*request, error) {
	if len(b) < 4 {
		return nil, errShort
	}
	flags := binary.LittleEndian.Uint32(b)
	if unknown := flags & flagsRequired &^ (flagChecksum | flagMoreToCome); unknown != 0 {
		return nil, fmt.Errorf("unknown flags %#x", unknown)
	}
	sections := b[4:]
	if flags&flagChecksum != 0 {
		if len(sections) < 4 {
			return nil, errShort
		}
		end := len(b) - 4
		sum := crc32.Update(crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli)), crc32.MakeTable(crc32.Castagnoli), b[:end])
		if sum != binary.LittleEndian.Uint32(b[end:]) {
			return nil, errors.New("checksum does not match")
		}
		sections = b[4:end]
	}
	req := &request{id: id, exhaust: flags&flagExhaustAllowed != 0, noAnswer: flags&flagMoreToCome != 0}
	var sequences bson.D
	for len(sections) > 0 {
		kind := sections[0]
		sections = sections[1:]
		switch kind {
		case 0:
			doc, rest, err := cutDocument(sections)
			if err != nil {
				return nil, err
			}
			if req.body != nil {
				return nil, errors.New("two bodies")
			}
			req.body, sections = doc, rest
		case 1:
			seq, rest, err := cutSequence(sections)
			if err != nil {
				return nil, err
			}
			sequences, sections = append(sequences, seq), rest
		default:
			return nil, fmt.Errorf("section of kind %d", kind)
		}
	}
	if len(req.body) == 0 {
		return nil, errors.New("no body")
	}
	req.body = append(req.body, sequences...)
	req.db, _ = lookup(req.body, "$db").(string)
	return req, nil
}

// cutSequence reads a document sequence, which stands for an array of the body.
func cutSequence(b []byte) (bson.E, []byte, error) {
	if len(b) < 4 {
		return bson.E{}, nil, errShort
	}
	size := int(int32(binary.LittleEndian.Uint32(b)))
	if size < 5 || size > len(b) {
		return bson.E{}, nil, errShort
	}
	part, rest := b[4:size], b[size:]
	end := bytes.IndexByte(part, 0)
	if end < 0 {
		return bson.E{}, nil, errShort
	}
	name := string(part[:end])
	part = part[end+1:]
	docs := bson.A{}
	for len(part) > 0 {
		doc, more, err := cutDocument(part)
		if err != nil {
			return bson.E{}, nil, err
		}
		docs, part = append(docs, doc), more
	}
	return bson.E{Key: name, Value: docs}, rest, nil
}

func parseQuery(id int32, b []byte) (*request, error) {
	if len(b) < 4 {
		return nil, errShort
	}
	b = b[4:] // flags
	end := bytes.IndexByte(b, 0)
	if end < 0 || len(b) < end+1+8 {
		return nil, errShort
	}
	ns := string(b[:end])
	doc, _, err := cutDocument(b[end+1+8:])
	if err != nil {
		return nil, err
	}
	if inner, ok := lookup(doc, "$query").(bson.D); ok {
		doc = inner
	}
	db, _, _ := bytes.Cut([]byte(ns), []byte("."))
	return &request{id: id, legacy: true, body: doc, db: string(db)}, nil
}

func cutDocument(b []byte) (bson.D, []byte, error) {
	if len(b) < 5 {
		return nil, nil, errShort
	}
	size := int(int32(binary.LittleEndian.Uint32(b)))
	if size < 5 || size > len(b) {
		return nil, nil, errShort
	}
	raw := bson.Raw(b[:size])
	if err := raw.Validate(); err != nil {
		return nil, nil, fmt.Errorf("document: %w", err)
	}
	doc := bson.D{}
	if err := bson.Unmarshal(raw, &doc); err != nil {
		return nil, nil, fmt.Errorf("document: %w", err)
	}
	return doc, b[size:], nil
}

// encodeReply is an answer in the form of its request.
func encodeReply(id, responseTo int32, legacy, moreToCome bool, doc bson.D) ([]byte, error) {
	body, err := bson.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	var b []byte
	u32 := func(v uint32) { b = binary.LittleEndian.AppendUint32(b, v) }
	code := uint32(opMsg)
	if legacy {
		code = opReply
	}
	u32(0)
	u32(uint32(id))
	u32(uint32(responseTo))
	u32(code)
	if legacy {
		u32(replyAwaitCapable)
		b = binary.LittleEndian.AppendUint64(b, 0) // no cursor
		u32(0)
		u32(1)
	} else {
		flags := uint32(0)
		if moreToCome {
			flags = flagMoreToCome
		}
		u32(flags)
		b = append(b, 0)
	}
	b = append(b, body...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b, nil
}
