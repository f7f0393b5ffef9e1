package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// startForm is how the start of a run is written in the ids of its segments.
const startForm = "20060102T150405Z"

// SegmentID names a segment. All segments of a run share start and run, so that
// they sort in order even if the clock steps.
type SegmentID struct {
	Start time.Time // of the run, to the second
	Run   string
	Part  int // from 1
}

// String is the id as it stands in entries and file names.
func (s SegmentID) String() string {
	start := s.Start.UTC()
	year, month, day := start.Date()
	hour, minute, second := start.Clock()
	text := make([]byte, 0, 64)
	text = appendDigits(text, year, 4)
	text = appendDigits(text, int(month), 2)
	text = append(appendDigits(text, day, 2), 'T')
	text = appendDigits(text, hour, 2)
	text = appendDigits(text, minute, 2)
	text = append(appendDigits(text, second, 2), 'Z', '-')
	text = append(append(text, s.Run...), '-')
	return string(appendDigits(text, s.Part, 4))
}

// appendDigits appends a number of at least so many digits.
func appendDigits(to []byte, n, digits int) []byte {
	for least := 10; digits > 1; digits, least = digits-1, least*10 {
		if n < least {
			to = append(to, '0')
		}
	}
	return strconv.AppendInt(to, int64(n), 10)
}

// ParseSegmentID reads an id in the one form it is written in.
func ParseSegmentID(text string) (SegmentID, error) {
	var s SegmentID
	const length = len(startForm) + 1 + 32 + 1 + 4
	if len(text) != length {
		return s, fmt.Errorf("%q is no id of a segment", text)
	}
	start, ok := parseStart(text[:len(startForm)])
	run, number := text[len(startForm)+1:length-5], text[length-4:]
	part := 0
	for _, c := range []byte(number) {
		ok = ok && '0' <= c && c <= '9'
		part = part*10 + int(c-'0')
	}
	if !ok || part < 1 || !isRun(run) || text[len(startForm)] != '-' || text[length-5] != '-' {
		return s, fmt.Errorf("%q is no id of a segment", text)
	}
	return SegmentID{start, run, part}, nil
}

// parseStart reads the start of a run, in the one form it is written in.
func parseStart(text string) (time.Time, bool) {
	if len(text) != len(startForm) || text[8] != 'T' || text[15] != 'Z' {
		return time.Time{}, false
	}
	long := make([]byte, 0, len(TimeForm))
	for _, part := range []string{text[0:4], "-", text[4:6], "-", text[6:11], ":", text[11:13], ":", text[13:15], ".000Z"} {
		long = append(long, part...)
	}
	var t Time
	ok := t.read(long, new(day))
	return t.Time, ok
}

// Segment is a batch of entries as its file holds it.
type Segment struct {
	ID  SegmentID
	Raw []byte
}

// SHA256 is the digest of the file.
func (s Segment) SHA256() string { return digest(s.Raw) }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Lines returns the entries' lines without line feeds. A file that does not end
// with a line feed, or has an empty line, is no segment.
func Lines(raw []byte) ([][]byte, error) {
	lines, err := appendLines(nil, raw)
	if err != nil {
		return nil, err
	}
	return lines, nil
}

// appendLines is Lines, into a list that was used before.
func appendLines(lines [][]byte, raw []byte) ([][]byte, error) {
	if len(raw) == 0 || raw[len(raw)-1] != '\n' {
		return lines, errors.New("the file does not end with a line feed")
	}
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end == 0 {
			return lines, fmt.Errorf("line %d is empty", len(lines)+1)
		}
		lines, raw = append(lines, raw[:end:end]), raw[end+1:]
	}
	return lines, nil
}

// View is what a writer knows of a log when it begins a segment.
type View struct {
	Seen     TreeHead // newest seal; zero size with the root of an empty tree before there is one
	Frontier []string // SHA-256 of the segments that are not sealed, sorted
	Keys     Trust    // version in force; the zero Trust when it is not known
	Index    int64    // leaf at which the next segment begins, as far as is known
}

// Allows reports whether a key may sign the next segment. A segment by a key that
// is not trusted would stay in the log for good, as one that does not verify.
func (v View) Allows(signer SignerID) error {
	if v.Keys.Version == 0 {
		return nil
	}
	i := slices.IndexFunc(v.Keys.Keys, func(k Key) bool { return k.ID == signer.KeyID })
	switch {
	case i < 0:
		return fmt.Errorf("%w: key %s is not among the keys of log %s (version %d)", ErrNotAllowed, shortID(signer.KeyID), v.Keys.Log, v.Keys.Version)
	case !v.Keys.Keys[i].MayWrite(v.Index):
		return fmt.Errorf("%w: key %s may not sign entries at leaf %d: %s (version %d of the keys)", ErrNotAllowed, shortID(signer.KeyID), v.Index, v.Keys.Keys[i].window(), v.Keys.Version)
	}
	return nil
}

// ErrNotAllowed says that a key may not sign what it was to sign: it is retired, or
// was never brought to the log.
var ErrNotAllowed = errors.New("the log does not trust this key for this")

// Run makes the segments of one run, one after the other. It is used by one
// goroutine.
type Run struct {
	origin string
	id     SegmentID
	tool   string
	seq    int64
	prev   string
}

// NewRun begins a run that started at start, in the log of that origin. Tool is
// the writer's name and version.
func NewRun(origin string, start time.Time, tool string) *Run {
	id := make([]byte, 16)
	rand.Read(id) // never fails (crypto/rand)
	return &Run{origin: origin, id: SegmentID{start.UTC().Truncate(time.Second), hex.EncodeToString(id), 0}, tool: tool}
}

// ID returns the run's id.
func (r *Run) ID() string { return r.id.Run }

// Open makes the run's next segment: its first entry says what the writer knew of
// the log, then come the entries given. What the run knows is filled in: log, run,
// segment, seq, v, and the time where an entry has none.
func (r *Run) Open(now time.Time, view View, signer SignerID, entries ...Entry) (Segment, error) {
	first := Entry{Type: SegmentOpen, Seen: &view.Seen, Frontier: view.Frontier, PrevPart: r.prev, Signer: &signer, Tool: r.tool}
	return r.segment(now, append([]Entry{first}, entries...))
}

// Genesis makes the first segment of a log, whose keys are in the trust document
// with that digest.
func (r *Run) Genesis(now time.Time, trustSHA256 string, signer SignerID, entries ...Entry) (Segment, error) {
	nonce := make([]byte, 16)
	rand.Read(nonce) // never fails (crypto/rand)
	first := Entry{Type: Genesis, CreatedAt: At(now), Nonce: hex.EncodeToString(nonce), TrustSHA256: trustSHA256, Signer: &signer, Tool: r.tool}
	return r.segment(now, append([]Entry{first}, entries...))
}

func (r *Run) segment(now time.Time, entries []Entry) (Segment, error) {
	id := r.id
	id.Part++
	seq := r.seq
	var raw bytes.Buffer
	for _, e := range entries {
		e.V, e.Log, e.Run, e.Segment, e.Seq = Version, r.origin, id.Run, id.String(), seq
		if e.Time.IsZero() {
			e.Time = At(now)
		}
		line, err := Encode(e)
		if err != nil {
			return Segment{}, err
		}
		raw.Write(line)
		raw.WriteByte('\n')
		seq++
	}
	s := Segment{ID: id, Raw: raw.Bytes()}
	r.id, r.seq, r.prev = id, seq, s.SHA256()
	return s, nil
}

// SHA256 returns the digest of a document in the form entries name it by.
func SHA256(data []byte) string { return digest(data) }
