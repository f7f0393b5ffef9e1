package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// checked is a segment after everything that needs no other one.
type checked struct {
	path     string
	id       SegmentID
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

// checkSegment reads a segment and its sidecar and checks form and signature. The
// error is one of the archive. Of a segment below the pin, the signature is taken for
// the one that was checked then: its bytes are leaves of the tree, which is compared
// with the pin.
func (v *verifier) checkSegment(f file, pinned bool) (*checked, error) {
	c := &checked{path: f.path, id: f.id}
	raw, err := v.read(f.path)
	if err != nil {
		return nil, err
	}
	s := Segment{f.id, raw}
	c.sum = sha256.Sum256(raw)
	c.sha256 = hex.EncodeToString(c.sum[:])
	id := f.id.String()
	hasher := newLeafHasher()
	lines, err := Lines(raw)
	if err != nil {
		c.find("AUD-03", 0, err.Error())
	}
	c.leaves = make([][sha256.Size]byte, 0, len(lines)+1) // and the sidecar
	c.entries = make([]Entry, 0, len(lines))
	for i, line := range lines {
		c.leaves = append(c.leaves, hasher.leaf(line))
		e, err := Decode(line)
		switch {
		case err != nil:
			c.find("AUD-03", i+1, err.Error())
			continue
		case e.Segment != id:
			c.find("AUD-02", i+1, "the entry says it belongs to segment "+e.Segment)
		case e.Log != v.origin():
			c.find("AUD-08", i+1, "the entry belongs to log "+e.Log)
		}
		c.entries = append(c.entries, e)
	}
	if len(c.entries) != len(lines) {
		c.entries = nil // what is left would look like a gap
	}
	return c, v.checkSidecar(c, s, hasher, pinned)
}

func (v *verifier) checkSidecar(c *checked, s Segment, hasher leafHasher, pinned bool) error {
	exts := v.sidecars[c.path]
	if len(exts) != 1 {
		return nil // AUD-04 says so
	}
	c.sidecar = c.path + exts[0]
	data, err := v.read(c.sidecar)
	if err != nil {
		return err
	}
	c.sideSHA = digest(data)
	c.leaves = append(c.leaves, hasher.leaf(data))
	signatures, err := openSidecar(v.origin(), s, c.sha256, Sidecar{exts[0], data})
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
		switch key, known := v.signer(x, pinned); {
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
