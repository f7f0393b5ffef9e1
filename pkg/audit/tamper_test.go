package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

// tamper is one way to change a log, at a random place. It changes files; false
// says that this log offers no place for it.
type tamper struct {
	name  string
	rules []string // one of these must be found
	do    func(x *attack) bool
}

// attack is a tampering under way: a copy of the files, and all the keys where the
// attacker holds them.
type attack struct {
	*rand.Rand
	b      *book
	files  audit.Memory
	others [][]byte  // checkpoints that somebody else was shown
	now    time.Time // of the verifier
}

func (x *attack) paths(contains string) []string {
	var found []string
	for _, p := range slices.Sorted(maps.Keys(x.files)) {
		if strings.Contains(p, contains) {
			found = append(found, p)
		}
	}
	return found
}

func (x *attack) pick(list []string) string { return list[x.IntN(len(list))] }

func (x *attack) segments() []string {
	return slices.DeleteFunc(x.paths("audit/log/"), func(p string) bool { return !strings.HasSuffix(p, ".jsonl") })
}

func (x *attack) sidecar(segment string) string {
	for _, p := range x.paths(segment) {
		if p != segment {
			return p
		}
	}
	return ""
}

// edit replaces a file by a changed copy.
func (x *attack) edit(path string, change func([]byte) []byte) {
	x.files[path] = change(bytes.Clone(x.files[path]))
}

// resign signs a segment anew, as a thief of the writer's key would.
func (x *attack) resign(path string) {
	id, err := audit.ParseSegmentID(strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], ".jsonl"))
	if err != nil {
		panic(err)
	}
	c, err := x.b.writer.Sign(context.Background(), origin, audit.Segment{ID: id, Raw: x.files[path]})
	if err != nil {
		panic(err)
	}
	x.files[path+c.Ext] = c.Data
}

func cutLine(raw []byte, i int) []byte {
	lines := bytes.SplitAfter(raw, []byte("\n"))
	return bytes.Join(slices.Delete(lines, i, i+1), nil)
}

// tampers are the classes of the issue this format answers, each at random places.
var tampers = []tamper{
	{"edit a byte anywhere", []string{"AUD-02", "AUD-03", "AUD-05", "AUD-06", "AUD-08", "AUD-11", "AUD-12", "AUD-22"}, func(x *attack) bool {
		x.edit(x.pick(slices.Sorted(maps.Keys(x.files))), func(d []byte) []byte {
			d[x.IntN(len(d))] ^= byte(1 + x.IntN(255))
			return d
		})
		return true
	}},
	{"delete a segment", []string{"AUD-11", "AUD-14"}, func(x *attack) bool {
		s := x.pick(x.segments())
		if s == audit.SegmentPath(x.b.pending[len(x.b.pending)-1].ID) {
			return false // the very last one, which nothing in the log knows of yet
		}
		delete(x.files, x.sidecar(s))
		delete(x.files, s)
		return true
	}},
	{"delete a signature", []string{"AUD-04"}, func(x *attack) bool {
		delete(x.files, x.sidecar(x.pick(x.segments())))
		return true
	}},
	{"delete a seal", []string{"AUD-11", "AUD-12"}, func(x *attack) bool {
		delete(x.files, x.pick(x.paths("audit/seals/")))
		return true
	}},
	{"delete an entry, with the writer's key", []string{"AUD-10", "AUD-11"}, func(x *attack) bool {
		s := x.pick(x.segments())
		n := bytes.Count(x.files[s], []byte("\n"))
		if n < 3 {
			return false
		}
		x.edit(s, func(d []byte) []byte { return cutLine(d, 1+x.IntN(n-1)) })
		x.resign(s)
		return true
	}},
	{"reorder entries, with the writer's key", []string{"AUD-10", "AUD-11"}, func(x *attack) bool {
		s := x.pick(x.segments())
		lines := bytes.SplitAfter(x.files[s], []byte("\n"))
		if len(lines) < 4 {
			return false
		}
		lines[1], lines[2] = lines[2], lines[1]
		x.files[s] = bytes.Join(lines, nil)
		x.resign(s)
		return true
	}},
	{"insert a copy of an entry, with the writer's key", []string{"AUD-10", "AUD-11"}, func(x *attack) bool {
		s := x.pick(x.segments())
		lines := bytes.SplitAfter(x.files[s], []byte("\n"))
		i := x.IntN(len(lines) - 1)
		x.files[s] = bytes.Join(slices.Insert(lines, i, lines[i]), nil)
		x.resign(s)
		return true
	}},
	{"duplicate a segment under another name", []string{"AUD-02"}, func(x *attack) bool {
		s := x.pick(x.segments())
		id, _ := audit.ParseSegmentID(strings.TrimSuffix(s[strings.LastIndex(s, "/")+1:], ".jsonl"))
		id.Part = 2 + x.IntN(9)
		other := audit.SegmentPath(id)
		x.files[other+strings.TrimPrefix(x.sidecar(s), s)] = x.files[x.sidecar(s)]
		x.files[other] = x.files[s]
		return true
	}},
	{"move a segment to another day", []string{"AUD-02"}, func(x *attack) bool {
		s := x.pick(x.segments())
		other := strings.Replace(s, "/2026/", "/2025/", 1)
		x.files[other], x.files[other+strings.TrimPrefix(x.sidecar(s), s)] = x.files[s], x.files[x.sidecar(s)]
		return true
	}},
	{"swap two segments", []string{"AUD-02", "AUD-05", "AUD-11"}, func(x *attack) bool {
		a, b := x.pick(x.segments()), x.pick(x.segments())
		if a == b {
			return false
		}
		x.files[a], x.files[b] = x.files[b], x.files[a]
		return true
	}},
	{"truncate the newest", []string{"AUD-16"}, func(x *attack) bool { return x.truncate(1 + x.IntN(3)) }},
	{"truncate the whole history", []string{"AUD-01", "AUD-16"}, func(x *attack) bool { return x.truncate(1 << 20) }},
	{"rewrite everything with all the keys", []string{"AUD-16"}, func(x *attack) bool {
		other := x.b.rewritten()
		x.files = other.files
		return true
	}},
	{"another log with keys of one's own", []string{"AUD-01", "AUD-16"}, func(x *attack) bool {
		other := newBook(x.b.t, audit.BackendEd25519)
		other.write(verdict("payments"))
		other.seal()
		x.files = other.files
		return true
	}},
	{"replace the keys", []string{"AUD-22", "AUD-06", "AUD-12"}, func(x *attack) bool {
		t := x.b.trust
		t.Keys = slices.Clone(t.Keys)
		t.Keys[0] = publicKey(x.b.t, newSigner(x.b.t, audit.BackendEd25519), audit.RoleWriter)
		text, err := audit.EncodeTrust(t)
		if err != nil {
			panic(err)
		}
		x.files[audit.TrustPath(1)] = text
		return true
	}},
	{"add a version of the keys nobody signed", []string{"AUD-22"}, func(x *attack) bool {
		t := x.b.trust
		t.Version++
		text, err := audit.EncodeTrust(t)
		if err != nil {
			panic(err)
		}
		x.files[audit.TrustPath(t.Version)] = text
		return true
	}},
	{"forge with a key nobody trusts", []string{"AUD-06"}, func(x *attack) bool {
		x.forge(newSigner(x.b.t, audit.BackendEd25519), origin)
		return true
	}},
	{"replay from another log", []string{"AUD-08"}, func(x *attack) bool {
		x.forge(x.b.writer, "example.com/acme/another")
		return true
	}},
	{"forge with a key that is retired", []string{"AUD-06"}, func(x *attack) bool {
		if x.b.retired == nil {
			return false
		}
		x.forge(x.b.retired, origin)
		return true
	}},
	{"forge with a key that is not trusted yet", []string{"AUD-06"}, func(x *attack) bool {
		x.forge(x.b.future, origin)
		return true
	}},
	{"take the retirement of a key back", []string{"AUD-22"}, func(x *attack) bool {
		if x.b.retired == nil {
			return false
		}
		x.edit(audit.TrustPath(2), func(d []byte) []byte {
			t, err := audit.DecodeTrust(d)
			if err != nil {
				panic(err)
			}
			t.Keys[0].ToIndex = nil
			text, err := audit.EncodeTrust(t)
			if err != nil {
				panic(err)
			}
			return text
		})
		return true
	}},
	{"bring new keys, signed by the writer", []string{"AUD-22"}, func(x *attack) bool {
		t := x.b.trust
		t.Version++
		text, err := audit.EncodeTrust(t)
		if err != nil {
			panic(err)
		}
		x.files[audit.TrustPath(t.Version)] = text
		x.add(x.b.writer, origin, x.b.now.Add(time.Second), x.b.view(), audit.Entry{Type: audit.TrustUpdate, Trust: &audit.TrustRef{Version: t.Version, SHA256: audit.SHA256(text)}})
		return true
	}},
	{"back-date, with the writer's key", []string{"AUD-19"}, func(x *attack) bool {
		x.add(x.b.writer, origin, x.b.now.Add(-time.Hour-time.Duration(x.IntN(1000))*time.Minute), x.b.view(), verdict("payments"))
		return true
	}},
	{"post-date, with the writer's key", []string{"AUD-19"}, func(x *attack) bool {
		x.add(x.b.writer, origin, x.b.now.Add(time.Hour), x.b.view(), verdict("payments"))
		return true
	}},
	{"back-date by days and claim an old view", []string{"AUD-20"}, func(x *attack) bool {
		other := x.b.clone()
		old := other.view()
		when := other.now
		other.seal0()
		other.now = other.now.Add(time.Duration(30+x.IntN(100)) * time.Hour)
		other.write(verdict("payments"))
		other.seal()
		s := x.sign(other.writer, origin, when, old, verdict("payments"))
		other.files[audit.SegmentPath(s.ID)], other.files[audit.SegmentPath(s.ID)+s.Sidecar.Ext] = s.Raw, s.Sidecar.Data
		other.pending = append(other.pending, s)
		other.seal()
		x.files, x.now = other.files, other.now.Add(time.Minute)
		return true
	}},
	{"show somebody else another log", []string{"AUD-21"}, func(x *attack) bool {
		other := x.b.rewritten()
		x.others = [][]byte{other.files[audit.NotePath(other.head.Size)]}
		return true
	}},
	{"re-encode an entry, with the writer's key", []string{"AUD-03"}, func(x *attack) bool {
		s := x.pick(x.segments())
		x.edit(s, func(d []byte) []byte {
			switch x.IntN(4) {
			case 0:
				return bytes.Replace(d, []byte(`":"`), []byte(`": "`), 1)
			case 1:
				return bytes.Replace(d, []byte(`{`), []byte(`{"action":"",`), 1)
			case 2:
				return bytes.Replace(d, []byte(`"log"`), []byte(`"\u006cog"`), 1)
			default:
				return bytes.Replace(d, []byte(`"log"`), []byte(`"LOG"`), 1)
			}
		})
		x.resign(s)
		return true
	}},
	{"mix up line endings", []string{"AUD-03", "AUD-05", "AUD-11", "AUD-12", "AUD-22"}, func(x *attack) bool {
		p := x.pick(slices.DeleteFunc(slices.Sorted(maps.Keys(x.files)), func(p string) bool { return !bytes.Contains(x.files[p], []byte("\n")) }))
		x.edit(p, func(d []byte) []byte { return bytes.ReplaceAll(d, []byte("\n"), []byte("\r\n")) })
		return true
	}},
	{"swap the payload type", []string{"AUD-03"}, func(x *attack) bool {
		c := x.sidecar(x.pick(x.segments()))
		if !strings.HasSuffix(c, ".dsse.json") {
			return false
		}
		x.edit(c, func(d []byte) []byte {
			return bytes.Replace(d, []byte("application/vnd.in-toto+json"), []byte("application/json"), 1)
		})
		return true
	}},
	{"smuggle a file", []string{"AUD-02"}, func(x *attack) bool {
		x.files[x.pick([]string{"audit/log/note.txt", "audit/README.md", "README.md", "audit/seals/1.json", "audit/log/2026/03/01/x.jsonl"})] = []byte("x\n")
		return true
	}},
	{"exchange a checkpoint for an older one", []string{"AUD-12"}, func(x *attack) bool {
		notes := slices.DeleteFunc(x.paths("audit/seals/"), func(p string) bool { return !strings.HasSuffix(p, ".note") })
		i := 1 + x.IntN(len(notes)-1)
		x.files[notes[i]] = x.files[notes[x.IntN(i)]]
		return true
	}},
	{"forge a checkpoint", []string{"AUD-12"}, func(x *attack) bool {
		key, _ := newLogKey(x.b.t, origin)
		notes := slices.DeleteFunc(x.paths("audit/seals/"), func(p string) bool { return !strings.HasSuffix(p, ".note") })
		text, err := key.Checkpoint(x.b.head)
		if err != nil {
			panic(err)
		}
		x.files[notes[x.IntN(len(notes))]] = text
		return true
	}},
}

// truncate takes the newest seals away, with everything in them and after them.
func (x *attack) truncate(seals int) bool {
	lists := slices.DeleteFunc(x.paths("audit/seals/"), func(p string) bool { return !strings.HasSuffix(p, ".json") })
	for range min(seals, len(lists)) {
		last := lists[len(lists)-1]
		lists = lists[:len(lists)-1]
		s, err := audit.DecodeSeal(x.files[last])
		if err != nil {
			panic(err)
		}
		for _, listed := range s.Segments {
			delete(x.files, listed.Path)
			delete(x.files, listed.Sidecar)
		}
		delete(x.files, last)
		delete(x.files, strings.TrimSuffix(last, "json")+"note")
	}
	for _, p := range x.b.pending { // what was not sealed saw what is gone
		delete(x.files, audit.SegmentPath(p.ID))
		delete(x.files, audit.SegmentPath(p.ID)+p.Sidecar.Ext)
	}
	return true
}

// forge adds a segment signed by somebody, for a log of that name.
func (x *attack) forge(by audit.Signer, name string) {
	x.add(by, name, x.b.now.Add(time.Second), x.b.view(), verdict("payments"))
}

// add adds a segment of its own run.
func (x *attack) add(by audit.Signer, name string, now time.Time, view audit.View, entries ...audit.Entry) {
	s := x.sign(by, name, now, view, entries...)
	x.files[audit.SegmentPath(s.ID)], x.files[audit.SegmentPath(s.ID)+s.Sidecar.Ext] = s.Raw, s.Sidecar.Data
}

func (x *attack) sign(by audit.Signer, name string, now time.Time, view audit.View, entries ...audit.Entry) audit.Signed {
	s, err := audit.NewRun(name, now, "bcctl test").Open(now, view, by.ID(), entries...)
	if err != nil {
		panic(err)
	}
	c, err := by.Sign(context.Background(), name, s)
	if err != nil {
		panic(err)
	}
	return audit.Signed{Segment: s, Sidecar: c}
}

// clone is the same log, to go on with in another way.
func (b *book) clone() *book {
	other := *b
	other.files = maps.Clone(b.files)
	other.pending = slices.Clone(b.pending)
	next, err := audit.Prepare(context.Background(), b.files, nil)
	if err != nil {
		panic(err)
	}
	other.tree = next.Tree
	return &other
}

// rewritten is a log with the same keys and first entry and another history: what
// somebody can make who holds every key and the remote.
func (b *book) rewritten() *book {
	other := &book{t: b.t, files: audit.Memory{}, now: start, tree: audit.NewTree(), key: b.key, writer: b.first(), admin: b.admin, trust: b.trust}
	other.files[audit.TrustPath(1)] = b.files[audit.TrustPath(1)]
	for p, d := range b.files {
		if bytes.Contains(d, []byte(`"type":"genesis"`)) {
			id, err := audit.ParseSegmentID(strings.TrimSuffix(p[strings.LastIndex(p, "/")+1:], ".jsonl"))
			if err != nil {
				panic(err)
			}
			other.sign(audit.Segment{ID: id, Raw: d}, other.writer)
		}
	}
	other.seal()
	for other.now.Before(b.now) {
		other.write(verdict("quiet"))
		other.seal()
	}
	return other
}

// first is the writer that the log began with.
func (b *book) first() audit.Signer {
	if b.retired != nil {
		return b.retired
	}
	return b.writer
}

// randomBook is a log of some length, partly sealed.
func randomBook(t testing.TB, rng *rand.Rand) *book {
	b := newBook(t, []string{audit.BackendEd25519, audit.BackendSSH}[rng.IntN(2)])
	for range 4 + rng.IntN(8) {
		var entries []audit.Entry
		for range 1 + rng.IntN(3) {
			entries = append(entries, verdict([]string{"payments", "shop"}[rng.IntN(2)]))
		}
		b.write(entries...)
		if rng.IntN(3) > 0 {
			b.seal()
		}
	}
	if rng.IntN(2) == 0 {
		b.rotate()
	}
	b.write(verdict("payments"))
	b.seal()
	b.write(verdict("last"))
	b.write(verdict("saw the last"))
	return b
}

// Every class of tampering, at random places of real logs, is found and named.
// The number of tampers is the one the project promises; -short does fewer.
func TestTampersAreFound(t *testing.T) {
	t.Parallel()
	total := 10_000
	if testing.Short() {
		total = 1000
	}
	rng := rand.New(rand.NewPCG(20260301, 1))
	done := map[string]int{}
	var b *book
	for n := 0; n < total; {
		if n%100 == 0 || b == nil {
			b = randomBook(t, rng)
		}
		way := tampers[rng.IntN(len(tampers))]
		x := &attack{Rand: rng, b: b, files: maps.Clone(b.files), now: b.now.Add(time.Minute)}
		if !way.do(x) {
			continue
		}
		n++
		done[way.name]++
		r, err := audit.Verify(context.Background(), x.files, audit.Options{Now: x.now, Pin: b.files[audit.NotePath(b.head.Size)], Others: x.others})
		if err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		if r.Result == audit.Verified || !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return slices.Contains(way.rules, f.Rule) }) {
			t.Fatalf("%s (number %d) was not found for what it is: %s, %+v\n%s", way.name, n, r.Result, r.Findings, difference(b.files, x.files))
		}
	}
	for _, way := range tampers {
		if done[way.name] == 0 {
			t.Errorf("%s was never tried", way.name)
		}
	}
}

// No false alarm: logs nobody touched verify.
func TestUntouchedLogsVerify(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(20260301, 2))
	total := 1000
	if testing.Short() {
		total = 100
	}
	for n := range total {
		b := randomBook(t, rng)
		if r := b.verify(audit.Options{Pin: b.files[audit.NotePath(b.head.Size)]}); r.Result != audit.Verified {
			t.Fatalf("log %d: %s, %+v", n, r.Result, r.Findings)
		}
	}
}

// difference says where two logs differ, for a tamper that was missed.
func difference(a, b audit.Memory) string {
	var text strings.Builder
	for _, p := range slices.Sorted(maps.Keys(a)) {
		if !bytes.Equal(a[p], b[p]) {
			fmt.Fprintf(&text, "%s\n  was %q\n  is  %q\n", p, a[p], b[p])
		}
	}
	for _, p := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[p]; !there {
			fmt.Fprintf(&text, "%s is new\n", p)
		}
	}
	return text.String()
}
