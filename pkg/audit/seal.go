package audit

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	tlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/internal/canonical"
)

// Seal lists the segments between two sizes of the tree, in order. Its checkpoint
// signs the tree after them.
type Seal struct {
	From     int64           `json:"from"` // leaves before
	Segments []SealedSegment `json:"segments"`
	To       int64           `json:"to"` // leaves after
	V        int             `json:"v"`
}

// SealedSegment is a segment in a seal's list.
type SealedSegment struct {
	Leaves        int64  `json:"leaves"` // lines, and the sidecar
	Path          string `json:"path"`
	SHA256        string `json:"sha256"`
	Sidecar       string `json:"sidecar"` // its path
	SidecarSHA256 string `json:"sidecarSha256"`
}

// Sealing is a seal with its checkpoint, as the files hold them.
type Sealing struct {
	Head TreeHead
	Seal []byte
	Note []byte
}

// Signed is a segment with its signature.
type Signed struct {
	Segment
	Sidecar Sidecar
}

// MakeSeal seals segments, in this order, on top of a tree, and signs the
// checkpoint with the key of the log. The tree is the one before; it grows. Two
// that seal the same segments make the same bytes.
func MakeSeal(tree *Tree, segments []Signed, key LogKey) (Sealing, error) {
	if len(segments) == 0 {
		return Sealing{}, errors.New("seal: there is no segment to seal")
	}
	seal := Seal{V: Version, From: tree.Size()}
	for _, s := range segments {
		before := tree.Size()
		if err := tree.Add(s.Segment, s.Sidecar); err != nil {
			return Sealing{}, fmt.Errorf("seal: %w", err)
		}
		path := SegmentPath(s.ID)
		seal.Segments = append(seal.Segments, SealedSegment{tree.Size() - before, path, s.SHA256(), path + s.Sidecar.Ext, digest(s.Sidecar.Data)})
	}
	seal.To = tree.Size()
	head, err := tree.Head()
	if err != nil {
		return Sealing{}, fmt.Errorf("seal: %w", err)
	}
	text, err := canonical.Encode(seal)
	if err != nil {
		return Sealing{}, fmt.Errorf("seal: %w", err)
	}
	signed, err := key.Checkpoint(head)
	return Sealing{head, text, signed}, err
}

// DecodeSeal reads a seal's list.
func DecodeSeal(text []byte) (Seal, error) {
	var s Seal
	if err := decodeStrict(text, &s); err != nil {
		return s, err
	}
	if s.V != Version || s.From < 0 || s.To <= s.From || s.To > maxInteger || len(s.Segments) == 0 {
		return s, errors.New("the seal's numbers make no sense")
	}
	sum := s.From
	for _, x := range s.Segments {
		p := placeOf(x.Path)
		if p.kind != segmentFile || !isHash(x.SHA256) || !isHash(x.SidecarSHA256) || x.Leaves < 2 || !x.isSidecar() {
			return s, fmt.Errorf("the seal's line for %q makes no sense", x.Path)
		}
		sum += x.Leaves
	}
	if sum != s.To {
		return s, fmt.Errorf("the seal lists %d leaves and says %d", sum-s.From, s.To-s.From)
	}
	return s, nil
}

// isSidecar reports whether the sidecar's path is one of the segment's, whose path is
// well formed.
func (x SealedSegment) isSidecar() bool {
	ext, ok := strings.CutPrefix(x.Sidecar, x.Path)
	return ok && (ext == extDSSE || ext == extSSH)
}

// LogKey signs checkpoints.
type LogKey struct{ signer note.Signer }

// ParseLogKey reads the private key of a log in the form of signed notes
// (PRIVATE+KEY+origin+...). The error never repeats anything of the text.
func ParseLogKey(text string) (LogKey, error) {
	signer, err := note.NewSigner(strings.TrimSpace(text))
	if err != nil {
		return LogKey{}, errors.New("the key of the log is not a signing key of signed notes (PRIVATE+KEY+...)")
	}
	return LogKey{signer}, nil
}

// Origin is the name of the log whose key it is.
func (k LogKey) Origin() string { return k.signer.Name() }

// ID is the key's id, as trust documents have it.
func (k LogKey) ID() string { return fmt.Sprintf("%08x", k.signer.KeyHash()) }

// Checkpoint signs a tree head. The text is exactly origin, size and root.
func (k LogKey) Checkpoint(head TreeHead) ([]byte, error) {
	root, err := hex.DecodeString(head.Root)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	text := tlog.Checkpoint{Origin: k.signer.Name(), Size: uint64(head.Size), Hash: root}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}

// strictBase64 reports whether there is no other way to write the same bytes.
func strictBase64(text string) bool {
	_, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil
}

// Errors of checkpoints, told apart because they mean different attacks.
var (
	errNoteForm   = errors.New("it is no checkpoint in the form this program writes")
	errNoteKey    = errors.New("no key of the log that is trusted signed it")
	errNoteOrigin = errors.New("it is the checkpoint of another log")
)

// openCheckpoint checks a checkpoint against the log keys given, and returns the
// head and the key that signed it.
func openCheckpoint(text []byte, origin string, keys []Key) (TreeHead, Key, error) {
	return notesOf(keys).open(text, origin)
}

// notes are the keys of a log, read once.
type notes struct {
	verifiers note.Verifiers
	byHash    map[uint32]Key
}

func notesOf(keys []Key) notes {
	var verifiers []note.Verifier
	byHash := map[uint32]Key{}
	for _, k := range keys {
		if v, ok := k.note(); ok && k.has(RoleLog) {
			if _, twice := byHash[v.KeyHash()]; !twice {
				verifiers = append(verifiers, v)
			}
			byHash[v.KeyHash()] = k
		}
	}
	return notes{note.VerifierList(verifiers...), byHash}
}

func (n notes) open(text []byte, origin string) (TreeHead, Key, error) {
	opened, err := note.Open(text, n.verifiers)
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return TreeHead{}, Key{}, errNoteKey
	case err != nil:
		return TreeHead{}, Key{}, errNoteForm
	}
	// Other lines of signatures, and other ways to write the same signature, would
	// make two files of one checkpoint.
	one := len(opened.Sigs) == 1 && len(opened.UnverifiedSigs) == 0
	if !one || string(text) != fmt.Sprintf("%s\n\u2014 %s %s\n", opened.Text, opened.Sigs[0].Name, opened.Sigs[0].Base64) || !strictBase64(opened.Sigs[0].Base64) {
		return TreeHead{}, Key{}, errNoteForm
	}
	var c tlog.Checkpoint
	rest, err := c.Unmarshal([]byte(opened.Text))
	if err != nil || len(rest) > 0 || len(c.Hash) != 32 || c.Size > maxInteger || string(c.Marshal()) != opened.Text {
		return TreeHead{}, Key{}, errNoteForm
	}
	if c.Origin != origin {
		return TreeHead{}, Key{}, errNoteOrigin
	}
	return TreeHead{hex.EncodeToString(c.Hash), int64(c.Size)}, n.byHash[opened.Sigs[0].Hash], nil
}
