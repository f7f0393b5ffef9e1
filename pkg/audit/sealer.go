package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Sealable is what a store needs to make the next seal.
type Sealable struct {
	Tree     *Tree    // over everything that is sealed
	Head     TreeHead // of the newest seal
	Segments []Signed // not sealed, valid, in the order of the log
	Skipped  []Finding
	Keys     Trust // version in force after the newest segment
	Index    int64 // leaf at which the next segment begins
}

// maxFrontier is how many segments a writer names that are not sealed. More would
// not leave room in the line.
const maxFrontier = 512

// View is what a writer must know who sees this log. Of the segments that are not
// sealed it names those that no other of them names: who names a segment vouches
// for what that one names, so that none of them can be taken away without the last.
// The list stays as short as the number of writers at once, however long nobody
// seals. Should it be longer still, the newest are named.
func (s Sealable) View() View {
	named := map[string]bool{}
	for _, x := range s.Segments {
		for _, digest := range x.frontier() {
			named[digest] = true
		}
	}
	view := View{Seen: s.Head, Keys: s.Keys, Index: s.Index}
	for _, x := range s.Segments {
		if digest := x.SHA256(); !named[digest] {
			view.Frontier = append(view.Frontier, digest)
		}
	}
	view.Frontier = view.Frontier[max(0, len(view.Frontier)-maxFrontier):]
	slices.Sort(view.Frontier)
	return view
}

// With is the same log after one more segment: by a writer who knows that nothing else was
// added, and who made the segment by what View says. A trust.update is not among its entries.
func (s Sealable) With(x Signed) Sealable {
	s.Segments = append(slices.Clip(s.Segments), x)
	s.Index += int64(bytes.Count(x.Raw, []byte("\n"))) + 1
	return s
}

// frontier is what the writer of a segment had seen that was not sealed.
func (s Segment) frontier() []string {
	first, _, _ := bytes.Cut(s.Raw, []byte("\n"))
	e, err := Decode(first)
	if err != nil {
		return nil // it would not be among the valid ones
	}
	return e.Frontier
}

// Prepare reads a log and finds what is to be sealed next. A log that was tampered
// with is not sealed on: the error names the first finding. A segment that is not
// valid and not sealed is left out, and named in Skipped: whoever may write to the
// place must not be able to stop the log by putting rubbish there.
//
// Pin is a checkpoint that was kept elsewhere, nil for none: a log that does not
// contain it is not added to. Who keeps a pin has verified the log up to there, so
// that the signatures below it are not checked once more: every byte there is
// hashed, and the tree is compared with the pin. Verify checks every signature.
func Prepare(ctx context.Context, a Archive, pin []byte) (Sealable, error) {
	v := &verifier{ctx: ctx, archive: a, options: Options{Parallel: 1, Pin: pin}, report: Report{Findings: []Finding{}}}
	if err := v.index(); err != nil {
		return Sealable{}, err
	}
	if len(v.segments) == 0 {
		return Sealable{}, ErrNoLog
	}
	if err := v.readTrust(); err != nil {
		return Sealable{}, err
	}
	if pin != nil {
		if head, _, err := openCheckpoint(pin, v.origin(), v.logKeys()); err == nil {
			v.pinned = head.Size
		}
	}
	if err := v.walk(); err != nil {
		return Sealable{}, err
	}
	for _, f := range v.planned.findings {
		v.report.find(f.rule, f.path, 0, -1, "%s", f.text)
	}
	v.unmet()
	return v.sealable()
}

func (v *verifier) sealable() (Sealable, error) {
	out := Sealable{Tree: v.state.tree, Head: v.report.Head, Keys: *v.inForce(), Index: v.state.index}
	if out.Head.Size == 0 {
		head, err := NewTree().Head()
		if err != nil {
			return out, err
		}
		out.Head = head
	}
	rejected := map[string]bool{}
	for _, f := range v.report.Findings {
		switch {
		case f.Class != Tampered:
		case v.state.rest[f.Path] || v.state.rest[segmentOf(f.Path)]:
			rejected[segmentOf(f.Path)] = true
			out.Skipped = append(out.Skipped, f)
		default:
			return out, fmt.Errorf("%w (%s at %s: %s); nothing is added to it", ErrTampered, f.Rule, f.Place(), f.Message)
		}
	}
	for _, f := range v.state.restOrder {
		if rejected[f.path] {
			continue
		}
		raw, err := v.read(f.path)
		if err != nil {
			return out, err
		}
		side, err := v.read(f.path + f.ext)
		if err != nil {
			return out, err
		}
		out.Segments = append(out.Segments, Signed{Segment{f.id, raw}, Sidecar{f.ext, side}})
	}
	return out, nil
}

// segmentOf is the path of the segment that a path is about.
func segmentOf(path string) string {
	p := placeOf(path)
	if p.kind == sidecarFile {
		return SegmentPath(p.segment)
	}
	return path
}

// ErrNothingToSeal is returned when every segment is sealed already.
var ErrNothingToSeal = errors.New("every segment is sealed already")

// Next makes the seal of everything that is not sealed.
func (s Sealable) Next(key LogKey) (Sealing, error) {
	if len(s.Segments) == 0 {
		return Sealing{}, ErrNothingToSeal
	}
	if err := s.allows(key); err != nil {
		return Sealing{}, err
	}
	return MakeSeal(s.Tree, s.Segments, key)
}

// allows reports whether a key of the log may sign the next checkpoint. One by a key
// that is not trusted would stay in the log for good.
func (s Sealable) allows(key LogKey) error {
	last := s.Tree.Size() - 1
	for _, x := range s.Segments {
		last += int64(bytes.Count(x.Raw, []byte("\n"))) + 1
	}
	i := slices.IndexFunc(s.Keys.Keys, func(k Key) bool { return k.ID == key.ID() && k.has(RoleLog) })
	switch {
	case i < 0:
		return fmt.Errorf("%w: key %s of the log is not among its keys (version %d)", ErrNotAllowed, key.ID(), s.Keys.Version)
	case !s.Keys.Keys[i].in(last):
		return fmt.Errorf("%w: key %s may not sign the checkpoint of %d leaves: %s (version %d of the keys)", ErrNotAllowed, key.ID(), last+1, s.Keys.Keys[i].window(), s.Keys.Version)
	}
	return nil
}
