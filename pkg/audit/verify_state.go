package audit

import (
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"time"
)

// state is what the judge knows of the log so far.
type state struct {
	tree   *Tree
	index  int64 // leaf at which the next segment begins
	broken bool  // leaves are missing: roots cannot be compared any more
	trust  int   // version in force, from 0
	heads  []head
	seen   map[[32]byte]struct{} // SHA-256 of every segment so far
	views  []frontier
	runs   map[string]*run
	ends   []end              // of runs whose beginning was not read yet
	wanted map[int64][]wanted // sizes whose root somebody knows

	rest      map[string]bool // segments that are not sealed
	restOrder []file

	newest    Time
	sealedTo  Time // newest entry that is sealed
	inSeal    []viewed
	created   Time
	hasLeaves bool
	emergency []breakGlass
	suspects  []suspect
	begun     map[string]Time       // the newest beginning of a run, by the digest of its request
	answers   map[[32]byte]answered // what persons signed about steps
	tried     map[string]int64      // leaf of the newest result that no person gave, by request and step
}

// end is what an entry that is not sealed says of another run: that it is over.
type end struct {
	run, proof, path string
	leaf             int64
}

// suspect is something that a key signed which some version of the keys has as
// suspect there.
type suspect struct {
	key, path string
	leaf      int64
}

// head is a seal with the newest entry up to it.
type head struct {
	TreeHead
	newest Time
}

// frontier is a segment that a writer saw before it was sealed.
type frontier struct {
	digest [32]byte
	path   string
	leaf   int64
}

// wanted is a head that somebody outside knows.
type wanted struct {
	root string
	rule string
	who  string
}

// viewed is a segment of the current seal with what its writer had seen.
type viewed struct {
	path string
	leaf int64
	seen Time
}

// run is a run of a writer.
type run struct {
	path    string
	nextSeq int64
	part    int
	prev    [32]byte // SHA-256 of its newest part
	intent  int64    // leaf; -1: none
	steps   []string // of its plan
	proof   string   // digest of its intent, as who ends it must name it
	outcome int64

	request string // digest of its request
	since   Time   // when the start of that request before this one began
	offline bool
}

type breakGlass struct {
	path string
	leaf int64
	run  string
	due  Time
	done bool
}

func (v *verifier) begin() error {
	v.state = state{tree: NewTree(), seen: map[[32]byte]struct{}{}, runs: map[string]*run{}, rest: map[string]bool{}, wanted: map[int64][]wanted{}, begun: map[string]Time{}, answers: map[[32]byte]answered{}, tried: map[string]int64{}}
	v.report.Origin = v.origin()
	if v.options.Pin != nil {
		v.report.Pinned = v.want(v.options.Pin, "AUD-16", "the pin")
	}
	for i, other := range v.options.Others {
		v.want(other, "AUD-21", fmt.Sprintf("checkpoint %d from elsewhere", i+1))
	}
	return nil
}

// want remembers a checkpoint from outside the log, to be compared on the way, and
// returns its size.
func (v *verifier) want(text []byte, rule, who string) int64 {
	h, _, err := openCheckpoint(text, v.origin(), v.logKeys())
	if err != nil {
		v.report.find(rule, "", 0, -1, "%s does not belong to this log: %v", who, err)
		return 0
	}
	if h.Size > 0 {
		v.state.wanted[h.Size] = append(v.state.wanted[h.Size], wanted{h.Root, rule, who})
	}
	return h.Size
}

// inForce is the version of the keys that counts now.
func (v *verifier) inForce() *Trust { return &v.versions[v.state.trust] }

// segment judges a segment at its place in the log. The error is Each's.
func (v *verifier) segment(c *checked, listed *SealedSegment) error {
	s := &v.state
	v.report.Segments++
	first := s.index
	clean := len(c.findings) == 0
	for _, f := range c.findings {
		leaf := int64(-1)
		if f.line > 0 {
			leaf = first + int64(f.line) - 1
		}
		v.report.find(f.rule, c.path, f.line, leaf, "%s", f.text)
	}
	if listed != nil {
		v.compare(c, *listed)
		s.index = first + listed.Leaves
	} else {
		v.report.Unsealed++
		s.rest[c.path] = true
		s.restOrder = append(s.restOrder, c.file)
		s.index = first + int64(len(c.leaves))
	}
	if listed != nil && !s.broken {
		for i := range c.leaves {
			if err := s.tree.append(c.leaves[i][:]); err != nil {
				return err
			}
			v.meet()
		}
	}
	v.digestOnce(c, first)
	key, ok := v.keyOf(c, first)
	if len(c.entries) > 0 {
		v.entries(c, first, listed != nil)
	}
	if v.options.Each == nil || !clean || !ok {
		return nil
	}
	for i, e := range c.entries {
		if err := v.options.Each(Recorded{e, first + int64(i), c.path, i + 1, key, listed != nil}); err != nil {
			return err
		}
	}
	return nil
}

// compare holds a segment against the line of its seal.
func (v *verifier) compare(c *checked, listed SealedSegment) {
	switch {
	case c.sha256 != listed.SHA256:
		v.report.find("AUD-11", c.path, 0, -1, "the seal has another digest of this segment")
	case c.sidecar != listed.Sidecar || c.sideSHA != listed.SidecarSHA256:
		v.report.find("AUD-11", listed.Sidecar, 0, -1, "the seal has another digest of this signature file")
	case int64(len(c.leaves)) != listed.Leaves:
		v.report.find("AUD-11", c.path, 0, -1, "the seal counts %d leaves, there are %d", listed.Leaves, len(c.leaves))
	default:
		return
	}
	v.state.broken = true
}

// meet compares the root with the ones that are known outside, when the tree has
// their size.
func (v *verifier) meet() {
	s := &v.state
	list, ok := s.wanted[s.tree.Size()]
	if !ok {
		return
	}
	h, err := s.tree.Head()
	for _, w := range list {
		if err != nil || h.Root != w.root {
			v.report.find(w.rule, "", 0, h.Size-1, "%s has another root for the first %d leaves", w.who, h.Size)
		}
	}
	delete(s.wanted, s.tree.Size())
}

// digestOnce notes that a segment is there.
func (v *verifier) digestOnce(c *checked, leaf int64) {
	if _, twice := v.state.seen[c.sum]; twice {
		v.report.find("AUD-09", c.path, 0, leaf, "a segment with the same bytes is in the log already")
	}
	v.state.seen[c.sum] = struct{}{}
}

func raw32(text string) (out [32]byte) {
	raw, err := hex.DecodeString(text)
	if err == nil {
		copy(out[:], raw)
	}
	return out
}

// keyOf finds the key that counts for a segment at its place.
func (v *verifier) keyOf(c *checked, leaf int64) (string, bool) {
	t := v.inForce()
	for _, id := range c.signers {
		i := slices.IndexFunc(t.Keys, func(k Key) bool { return k.ID == id })
		if i < 0 {
			v.report.find("AUD-06", c.path, 0, leaf, "key %s is not trusted any more, or not yet (version %d of the keys)", shortID(id), t.Version)
			continue
		}
		k := t.Keys[i]
		update := len(c.entries) == 2 && c.entries[1].Type == TrustUpdate && k.has(RoleTrustAdmin) && k.in(leaf)
		if !k.MayWrite(leaf) && !update {
			v.report.find("AUD-06", c.path, 0, leaf, "key %s may not sign a segment at leaf %d: %s", shortID(id), leaf, k.window())
			continue
		}
		v.remember(id, c.path, leaf)
		return id, true
	}
	return "", false
}

// remember notes what a key signed if some version of the keys has it as suspect
// there: which version counts is known at the end only.
func (v *verifier) remember(id, path string, leaf int64) {
	for _, t := range v.versions {
		i := slices.IndexFunc(t.Keys, func(k Key) bool { return k.ID == id })
		if i >= 0 && t.Keys[i].isSuspect(leaf) {
			v.state.suspects = append(v.state.suspects, suspect{id, path, leaf})
			return
		}
	}
}

func (k Key) isSuspect(leaf int64) bool {
	return k.Suspect != nil && leaf >= k.Suspect.From && leaf < k.Suspect.To
}

func (k Key) window() string {
	end := "without end"
	if k.ToIndex != nil {
		end = fmt.Sprintf("to leaf %d", *k.ToIndex-1)
	}
	return fmt.Sprintf("it has the roles %v from leaf %d %s", k.Roles, k.FromIndex, end)
}

// endSeal compares the tree with a seal's checkpoint.
func (v *verifier) endSeal(end sealEnd) {
	s := &v.state
	if end.size < 0 { // a segment that is missing
		s.broken = true
		s.index += end.from
		return
	}
	v.report.Seals++
	path := NotePath(end.size)
	if end.note == nil {
		v.report.find("AUD-12", path, 0, -1, "the seal has no checkpoint")
		s.index = end.size
		return
	}
	h, key, err := end.head, end.key, end.err
	switch i := slices.IndexFunc(v.inForce().Keys, func(k Key) bool { return k.ID == key.ID }); {
	case err != nil:
		v.report.find("AUD-12", path, 0, -1, "%v", err)
	case h.Size != end.size:
		v.report.find("AUD-12", path, 0, -1, "the checkpoint is of size %d", h.Size)
	case i < 0 || !v.inForce().Keys[i].in(end.size-1):
		v.report.find("AUD-12", path, 0, -1, "key %s of the log is not trusted at this size", key.ID)
	case s.broken:
	default:
		now, err := s.tree.Head()
		if err != nil || now != h {
			v.report.find("AUD-11", path, 0, -1, "the tree has %d leaves and root %s, the checkpoint says %d and %s", now.Size, shortID(now.Root), h.Size, shortID(h.Root))
			s.broken = true
		}
	}
	s.index = end.size
	s.sealedTo = s.newest
	s.heads = append(s.heads, head{h, s.newest})
	if err == nil {
		v.report.Head = h
		v.remember(key.ID, path, h.Size-1)
	}
	for _, x := range s.inSeal {
		if lag := s.newest.Sub(x.seen.Time); lag > seconds(v.inForce().Limits.MaxUnsealed) {
			v.report.find("AUD-20", x.path, 0, x.leaf, "its writer had seen nothing newer than %s before the seal's newest entry", lag.Round(time.Second))
		}
	}
	s.inSeal = s.inSeal[:0]
}

// headAt returns the seal of a size.
func (s *state) headAt(size int64) (head, bool) {
	i := sort.Search(len(s.heads), func(i int) bool { return s.heads[i].Size >= size })
	if i < len(s.heads) && s.heads[i].Size == size {
		return s.heads[i], true
	}
	return head{}, false
}
