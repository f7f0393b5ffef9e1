package ledger

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Kind says what a record is about.
type Kind string

// Kinds of records.
const (
	Seen      Kind = "seen"      // a request with its path and digest (PR-07)
	Claimed   Kind = "claimed"   // an attempt owns the request (RUN-01)
	Confirmed Kind = "confirmed" // a comment that was used (CONF-05)
	Withdrawn Kind = "withdrawn" // the request shall not run
	Finished  Kind = "finished"  // the request has run for good (RUN-02)
	Emergency Kind = "emergency" // break-glass was used (BG-04)
	Reviewed  Kind = "reviewed"  // its review is done
	Offline   Kind = "offline"   // an attempt without the forge, to be reconciled (OFF-06)
	Settled   Kind = "settled"   // that attempt is reconciled
	Unlocked  Kind = "unlocked"  // locks were broken by two persons (LOCK-05)
	Restored  Kind = "restored"  // what the request took away of protection is there again (SI-37)
)

// Record is one thing that happened to a request. Records are added and never
// changed.
type Record struct {
	Version int       `json:"v"`
	Kind    Kind      `json:"kind"`
	Request string    `json:"request"`
	Path    string    `json:"path,omitempty"`
	Digest  string    `json:"digest,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Comment int64     `json:"comment,omitempty"` // numeric id
	Run     string    `json:"run,omitempty"`
	Fence   int64     `json:"fence,omitempty"`  // of the lock that was broken
	Result  string    `json:"result,omitempty"` // of a run that finished
	Moved   []string  `json:"moved,omitempty"`  // resources whose roles have changed for good, or may have; or that are protected again
	Closes  []string  `json:"closes,omitempty"` // names of the records after which they are
	Keys    []string  `json:"keys,omitempty"`   // what a run without the forge touched
	Persons []string  `json:"persons,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Due     time.Time `json:"due,omitzero"` // of a review
	At      time.Time `json:"at"`
}

// Records are kept where all runners see them.
type Records interface {
	// Add adds all records or none, durably. ErrExists when one of them is there
	// already with another content. An error that is neither leaves open whether
	// they were added; adding the same records again is no error.
	Add(ctx context.Context, records ...Record) error

	// All returns every record in the order of its name.
	All(ctx context.Context) ([]Record, error)
}

// Recaller are records that know what they said last in this process. It may have changed
// since: Add finds that out, because it adds nothing on top of what it does not know.
type Recaller interface {
	// Recall returns what All returned last, unless something was added since.
	Recall() ([]Record, bool)
}

// Joiner are records and cells of one place, which it can change in one step.
type Joiner interface {
	// AddAndSwap adds all records and makes every change, or nothing of it. ErrMoved and
	// ErrExists say that nothing was done; any other error leaves it open. Records that are
	// there already with the same content are no error.
	AddAndSwap(ctx context.Context, changes []Change, records ...Record) error
}

// ErrExists says that a record exists with another content: the attempt is taken,
// the comment is used, the request has ended.
var ErrExists = errors.New("it is recorded already")

var safeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Name is the path of a record. What may happen once has one name: there is one
// claim for each attempt, one use of a comment, one end of a request.
func (r Record) Name() (string, error) {
	if !safeID.MatchString(r.Request) {
		return "", fmt.Errorf("%q is no id of a request", r.Request)
	}
	switch r.Kind {
	case Seen, Withdrawn, Finished, Emergency, Reviewed:
		return fmt.Sprintf("%s/%s.json", r.Kind, r.Request), nil
	case Claimed, Restored:
		if r.Attempt < 1 {
			return "", fmt.Errorf("a record of kind %s needs its number", r.Kind)
		}
		return fmt.Sprintf("%s/%s/%06d.json", r.Kind, r.Request, r.Attempt), nil
	case Confirmed:
		if r.Comment < 1 {
			return "", errors.New("a confirmation needs the id of its comment")
		}
		return string(r.Kind) + "/" + strconv.FormatInt(r.Comment, 10) + ".json", nil
	case Unlocked:
		if !safeID.MatchString(r.Run) || r.Fence < 1 {
			return "", fmt.Errorf("%q with the number %d is no lock of a run", r.Run, r.Fence)
		}
		return fmt.Sprintf("%s/%s/%06d.json", r.Kind, r.Run, r.Fence), nil
	case Offline, Settled:
		if !safeID.MatchString(r.Run) || r.Attempt < 0 {
			return "", fmt.Errorf("%q is no id of a run, or %d no attempt of it", r.Run, r.Attempt)
		}
		if r.Attempt == 0 { // written before attempts were told apart: all there had been
			return fmt.Sprintf("%s/%s.json", r.Kind, r.Run), nil
		}
		return fmt.Sprintf("%s/%s/%06d.json", r.Kind, r.Run, r.Attempt), nil
	default:
		return "", fmt.Errorf("unknown kind of record %q", r.Kind)
	}
}

// Encode returns the bytes of a record with its name.
func (r Record) Encode() (name string, data []byte, err error) {
	r.Version, r.At = 1, r.At.UTC()
	name, err = r.Name()
	return name, encode(r), err
}

// Decode reads the bytes of a record. Its name must be the one that it has by its
// content.
func Decode(name string, data []byte) (Record, error) {
	var r Record
	if err := decode(data, &r); err != nil {
		return Record{}, fmt.Errorf("record %s: %w", name, err)
	}
	if own, err := r.Name(); err != nil || own != name || r.Version != 1 {
		return Record{}, fmt.Errorf("record %s does not say what its name says", name)
	}
	return r, nil
}

// History is what the records say of one request.
type History struct {
	Seen      []Record // at most one
	Claims    []Record
	Withdrawn *Record
	Finished  *Record
}

// Of returns what records say of a request.
func Of(records []Record, request string) History {
	var h History
	for _, r := range records {
		if r.Request != request {
			continue
		}
		switch r.Kind {
		case Seen:
			h.Seen = append(h.Seen, r)
		case Claimed:
			h.Claims = append(h.Claims, r)
		case Withdrawn:
			h.Withdrawn = &r
		case Finished:
			h.Finished = &r
		}
	}
	return h
}

// NextAttempt is the number of the attempt that may be claimed next.
func (h History) NextAttempt() int {
	last := 0
	for _, c := range h.Claims {
		last = max(last, c.Attempt)
	}
	return last + 1
}

// UsedComments returns the ids of comments that have confirmed something, sorted.
func UsedComments(records []Record) []int64 {
	var ids []int64
	for _, r := range records {
		if r.Kind == Confirmed {
			ids = append(ids, r.Comment)
		}
	}
	slices.Sort(ids)
	return ids
}

// Unsettled returns attempts without the forge that touched one of the keys and are
// not reconciled (OFF-06).
func Unsettled(records []Record, keys ...string) []Record {
	return slices.DeleteFunc(Waiting(records), func(r Record) bool {
		return !slices.ContainsFunc(r.Keys, func(k string) bool { return slices.Contains(keys, k) })
	})
}

// Waiting returns the attempts without the forge that are not reconciled, oldest first.
// One that is settled says nothing of a later one of the same run.
func Waiting(records []Record) []Record {
	type attempt struct {
		run    string
		number int
	}
	settled := map[attempt]bool{}
	for _, r := range records {
		if r.Kind == Settled {
			settled[attempt{r.Run, r.Attempt}] = true
		}
	}
	var open []Record
	for _, r := range records {
		if r.Kind == Offline && !settled[attempt{r.Run, r.Attempt}] {
			open = append(open, r)
		}
	}
	slices.SortStableFunc(open, func(a, b Record) int { return a.At.Compare(b.At) })
	return open
}

// RunsOf returns the ids of the runs without the forge of a request.
func RunsOf(records []Record, request string) []string {
	var runs []string
	for _, r := range records {
		if r.Kind == Offline && r.Request == request {
			runs = append(runs, r.Run)
		}
	}
	return runs
}

// Merge puts two lists of records together. What both have, byte for byte, is there
// once; two records of one name that say different things stay, for the rules to see.
func Merge(a, b []Record) []Record {
	all := slices.Clone(a)
	for _, r := range b {
		if !slices.ContainsFunc(a, func(o Record) bool { return same(o, r) }) {
			all = append(all, r)
		}
	}
	return all
}

// same reports whether two records say the same under the same name.
func same(a, b Record) bool {
	if a.Kind != b.Kind || a.Request != b.Request || a.Attempt != b.Attempt || a.Run != b.Run {
		return false
	}
	oneName, one, oneErr := a.Encode()
	otherName, other, otherErr := b.Encode()
	return oneErr == nil && otherErr == nil && oneName == otherName && string(one) == string(other)
}

// Unprotected returns, by resource, what has changed its roles where nobody has shown since
// that it is protected again, oldest first (SI-37): ends of runs, runs whose lock was
// broken, and runs without the forge that ended in another way than the shared ledger says.
func Unprotected(records []Record) map[string][]Record {
	type left struct{ resource, record string }
	closed := map[left]bool{}
	for _, r := range records {
		for _, resource := range r.Moved {
			for _, name := range r.Closes {
				closed[left{resource, name}] = true
			}
		}
	}
	open := map[string][]Record{}
	for _, r := range records {
		name, err := r.Name()
		if err != nil || r.Kind == Restored {
			continue
		}
		for _, resource := range r.Moved {
			if !closed[left{resource, name}] {
				open[resource] = append(open[resource], r)
			}
		}
	}
	for _, list := range open {
		slices.SortStableFunc(list, func(a, b Record) int { return a.At.Compare(b.At) })
	}
	return open
}

// OpenReviews returns uses of break-glass whose review is not done (BG-04).
func OpenReviews(records []Record) []Record {
	done := map[string]bool{}
	for _, r := range records {
		if r.Kind == Reviewed {
			done[r.Request] = true
		}
	}
	var open []Record
	for _, r := range records {
		if r.Kind == Emergency && !done[r.Request] {
			open = append(open, r)
		}
	}
	return open
}
