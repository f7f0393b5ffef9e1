package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checked is a segment after everything that needs no other one.
type checked struct {
	file
	sum      [sha256.Size]byte // of the file
	sha256   string            // the same in digits
	sidecar  string            // its path
	sideSHA  string
	leaves   [][sha256.Size]byte // hashes
	entries  []Entry             // empty when a line could not be read
	signers  []string            // ids of the keys whose signatures are good
	findings []partial
}

// partial is a finding whose leaf is not known yet.
type partial struct {
	rule string
	line int
	text string
}

func (c *checked) find(rule string, line int, text string) {
	c.findings = append(c.findings, partial{rule, line, text})
}

// worker checks one segment after the other. It is used by one goroutine.
type worker struct {
	*verifier
	first, lines *reader
	leaf         leafHasher
	sidecars     opener

	// To be used again: the files that were read last, and the lines of the segment.
	raw, side []byte
	split     [][]byte
}

func (v *verifier) newWorker() *worker {
	return &worker{verifier: v, first: newReader(), lines: newReader(), leaf: newLeafHasher()}
}

// readAgain reads a file into what was read before, where the archive can.
func (w *worker) readAgain(path string, buffer *[]byte) ([]byte, error) {
	a, ok := w.archive.(Rereader)
	if !ok {
		return w.read(path)
	}
	data, err := a.ReadInto(w.ctx, path, *buffer)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	*buffer = data
	return data, nil
}

// do does the part of a task that needs no other one.
func (w *worker) do(t *task) (err error) {
	if t.seal != nil {
		if t.seal.note == nil {
			return nil
		}
		t.seal.head, t.seal.key, t.seal.err = w.notesOfLog.open(t.seal.note, w.origin())
		return nil
	}
	t.result, err = w.checkSegment(t.file, t.pinned)
	return err
}

// fresh is a place for a segment with n lines. The judge gives back what it is done
// with; no entry is kept by its address. The tree keeps leaves for a while.
func (v *verifier) fresh(f file, n int) *checked {
	c, _ := v.used.Get().(*checked)
	if c == nil {
		c = &checked{}
	}
	entries := slices.Grow(c.entries[:0], n)[:n]
	clear(entries)
	*c = checked{file: f, entries: entries, leaves: make([][sha256.Size]byte, 0, n+1), signers: c.signers[:0]}
	return c
}

// decode is Decode of a line of the segment with that in common. It is read into a
// zero entry.
func (w *worker) decode(line []byte, first bool, h *common, e *Entry) (err error) {
	r := w.lines
	if first {
		r = w.first // those are like each other, and not like the rest
	}
	if len(line) <= MaxLine && r.document(line, e) {
		return e.checkIn(h)
	}
	*e, err = Decode(line)
	return err
}

// checkSegment reads a segment and its sidecar and checks form and signature. The
// error is one of the archive. Of a segment below the pin, the signature is taken for
// the one that was checked then: its bytes are leaves of the tree, which is compared
// with the pin.
func (w *worker) checkSegment(f file, pinned bool) (*checked, error) {
	raw, err := w.readAgain(f.path, &w.raw)
	if err != nil {
		return nil, err
	}
	w.split, err = appendLines(w.split[:0], raw)
	lines := w.split
	if err != nil {
		lines = nil
	}
	c := w.fresh(f, len(lines))
	if err != nil {
		c.find("AUD-03", 0, err.Error())
	}
	c.sum = sha256.Sum256(raw)
	c.sha256 = hex.EncodeToString(c.sum[:])
	read := 0
	h := &common{log: w.origin(), segment: f.id.String(), run: f.id.Run}
	for i, line := range lines {
		c.leaves = append(c.leaves, w.leaf.leaf(line))
		e := &c.entries[i]
		err := w.decode(line, i == 0, h, e)
		switch {
		case err != nil:
			c.find("AUD-03", i+1, err.Error())
			continue
		case e.Segment != h.segment:
			c.find("AUD-02", i+1, "the entry says it belongs to segment "+e.Segment)
		case e.Log != h.log:
			c.find("AUD-08", i+1, "the entry belongs to log "+e.Log)
		}
		read++
	}
	if read != len(lines) {
		c.entries = nil // what is left would look like a gap
	}
	return c, w.checkSidecar(c, Segment{f.id, raw}, pinned)
}

func (w *worker) checkSidecar(c *checked, s Segment, pinned bool) error {
	if c.sidecars != 1 {
		return nil // AUD-04 says so
	}
	c.sidecar = c.path + c.ext
	data, err := w.readAgain(c.sidecar, &w.side)
	if err != nil {
		return err
	}
	c.sideSHA = digest(data)
	c.leaves = append(c.leaves, w.leaf.leaf(data))
	signatures, err := w.sidecars.open(w.origin(), s, c.sha256, Sidecar{c.ext, data})
	switch {
	case errors.Is(err, errForeign):
		c.find("AUD-08", 0, err.Error())
		return nil
	case errors.Is(err, errSidecarForm):
		c.find("AUD-03", 0, err.Error())
		return nil
	case err != nil:
		c.find("AUD-05", 0, err.Error())
		return nil
	}
	for _, x := range signatures {
		switch key, known := w.signer(x, pinned); {
		case key != "" && key != x.keyID:
			// The name is not covered by the signature: somebody changed it.
			c.find("AUD-05", 0, "the signature names another key than the one that made it")
		case key != "":
			c.signers = append(c.signers, key)
		case known:
			c.find("AUD-05", 0, "the signature of key "+x.keyID+" does not fit the bytes")
		default:
			c.find("AUD-06", 0, errNoKey.Error())
		}
	}
	return nil
}

// signer finds the key that made a signature among all that ever were trusted.
// Known says that the key it names is one of them. Pinned is that its name is true.
func (v *verifier) signer(x opened, pinned bool) (id string, known bool) {
	for _, named := range []bool{true, false} { // the key that is named first
		for _, k := range v.known {
			if k.alg != x.backend || (k.id == x.keyID) != named {
				continue
			}
			known = known || named
			if pinned && named || x.verify(k) {
				return k.id, true
			}
		}
	}
	return "", known
}

// origin is the name of the log, from its first version of the keys.
func (v *verifier) origin() string {
	if len(v.versions) == 0 {
		return ""
	}
	return v.versions[0].Log
}

// logKeys are all keys of the log that ever were trusted.
func (v *verifier) logKeys() []Key {
	var keys []Key
	for _, t := range v.versions {
		for _, k := range t.Keys {
			if k.has(RoleLog) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func shortID(id string) string {
	if strings.HasPrefix(id, "SHA256:") || len(id) < 16 {
		return id
	}
	return id[:16]
}
