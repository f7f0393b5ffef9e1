package approval

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// bases are cases in which everything holds, one of each kind.
var bases = map[string]func() Case{
	"comment": approved, "offline": offline, "offline resume": offlineResume, "offline review": offlineReview, "tier 2": start(tier2), "emergency": start(emergency), "resume": start(resume),
	"typed": start(typedByDora), "schedule": start(scheduled), "team": start(team),
	"ready": start(ready), "half way": start(resume, ready),
}

// harmless are facts that speak neither for nor against: what happens around a request.
var harmless = []func(*Case, int){
	func(c *Case, n int) {
		c.Evidence.Ledger.Comments.Items = append(c.Evidence.Ledger.Comments.Items, int64(n))
	},
	func(c *Case, n int) {
		id := fmt.Sprintf("2025-%03d", n)
		c.Evidence.Ledger.Paths.Items = append(c.Evidence.Ledger.Paths.Items, SeenRequest{id, "requests/2025/" + id + ".yaml", file(id).SHA256})
	},
	func(c *Case, n int) {
		c.Evidence.Ledger.OpenReviews.Items = append(c.Evidence.Ledger.OpenReviews.Items, OpenReview{fmt.Sprint(n), "finn", ago(time.Hour)})
	},
	func(c *Case, n int) {
		c.Roster.Spec.People = append(c.Roster.Spec.People, Person{ID: fmt.Sprintf("p%d", n), GitHub: []Account{{ID: int64(10_000 + n)}}, Roles: []Role{ApproverIT}})
	},
	func(c *Case, n int) {
		c.Evidence.Changes.Items = append(c.Evidence.Changes.Items, AuthorityChange{fmt.Sprintf("file%d", n), "ann", ago(time.Hour)})
	},
	online(func(c *Case, n int) {
		c.Evidence.Comments.Items = append(c.Evidence.Comments.Items, Comment{ID: int64(n), Pull: 7, User: ptr(other), Body: "hello", CreatedAt: ago(time.Hour), UpdatedAt: ago(time.Hour), ViaApp: No})
	}),
	online(func(c *Case, n int) { third(ptr(other), Commented, fmt.Sprint(n))(c); last(c).ID = int64(n) }),
	online(func(c *Case, n int) { third(ptr(other), ChangesRequested, fmt.Sprint(n))(c); last(c).ID = int64(n) }),
	online(func(c *Case, n int) { third(ptr(robot), Approved, fmt.Sprint(n))(c); last(c).ID = int64(n) }),
	online(func(c *Case, n int) { third(nil, Approved, fmt.Sprint(n))(c); last(c).ID = int64(n) }),
	online(func(c *Case, n int) { // somebody objected, and changed their mind
		third(ptr(gus), ChangesRequested, "")(c)
		last(c).ID, last(c).SubmittedAt = int64(n), ago(time.Duration(40+n%10)*time.Minute)
		third(ptr(gus), Approved, "")(c)
		last(c).ID, last(c).SubmittedAt = int64(n)+1_000_000, ago(30*time.Minute)
	}),
	online(func(c *Case, n int) { pushed(BaseChanged, ago(time.Duration(61+n%20)*time.Minute))(c) }),
	online(func(c *Case, n int) { // a branch of the name was there before
		none, at := strings.Repeat("0", 40), ago(200*time.Minute+2*time.Duration(n)*time.Second)
		c.Evidence.Movements.Items = append(c.Evidence.Movements.Items,
			Movement{int64(n), "branch_creation", c.Evidence.Movements.Items[0].Actor, none, sha("e"), at}, Movement{int64(n), "branch_deletion", ptr(other), sha("e"), none, at.Add(time.Second)})
	}),
	online(func(c *Case, n int) { // the branch is used again for something else
		c.Evidence.Movements.Items = append(c.Evidence.Movements.Items, Movement{int64(n), "push", ptr(other), sha("c"), sha("e"), ago(time.Minute)})
	}),
}

func online(change func(*Case, int)) func(*Case, int) {
	return func(c *Case, n int) {
		if c.Evidence.Source != SourceOffline {
			change(c, n)
		}
	}
}

func last(c *Case) *Review { return &c.Evidence.Reviews.Items[len(c.Evidence.Reviews.Items)-1] }

// shuffle changes the order of everything an API gives as a list.
func shuffle(c Case, r *rand.Rand) Case {
	e := &c.Evidence
	mix(r, &e.Files.Items)
	mix(r, &e.Commits.Items)
	mix(r, &e.Reviews.Items)
	mix(r, &e.Dismissals.Items)
	mix(r, &e.Movements.Items)
	mix(r, &e.Timeline.Items)
	mix(r, &e.Comments.Items)
	mix(r, &e.Changes.Items)
	mix(r, &e.Teams)
	mix(r, &e.Pins)
	mix(r, &e.Policies.Items)
	mix(r, &e.Ledger.Paths.Items)
	mix(r, &e.Ledger.Comments.Items)
	mix(r, &e.Ledger.Attempts.Items)
	mix(r, &e.Ledger.OpenReviews.Items)
	mix(r, &e.Ledger.Unreconciled.Items)
	mix(r, &c.Policies)
	mix(r, &c.Targets)
	mix(r, &c.Roster.Spec.People)
	if e.Offline != nil {
		o := *e.Offline
		mix(r, &o.Statements)
		mix(r, &o.Signatures)
		e.Offline = &o
	}
	return c
}

func mix[T any](r *rand.Rand, list *[]T) {
	*list = slices.Clone(*list)
	r.Shuffle(len(*list), func(i, k int) { (*list)[i], (*list)[k] = (*list)[k], (*list)[i] })
}

func text(t *testing.T, v Verdict) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// random is a case in which everything holds, with harmless facts around it.
func random(r *rand.Rand) (string, Case) {
	names := slices.Sorted(maps.Keys(bases))
	name := names[r.IntN(len(names))]
	c := bases[name]()
	for range r.IntN(6) {
		harmless[r.IntN(len(harmless))](&c, 1000+r.IntN(1_000_000))
	}
	return name, c
}

const rounds = 12_000

// Harmless facts change nothing, one fact against denies, and the order in which an
// API gives its lists cannot be seen in the verdict (T-04).
func TestVerdictsOfRandomCases(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(20260310, 4))
	var against []ruleCase // facts that apply to what a comment confirms
	for _, f := range ruleCases {
		if f.from == nil {
			against = append(against, f)
		}
	}
	for i := range rounds {
		name, c := random(r)
		v := Verify(c)
		if !v.Allowed {
			t.Fatalf("round %d: %s with harmless facts is denied: %v", i, name, v.Denials)
		}
		if got := text(t, Verify(shuffle(c, r))); got != text(t, v) {
			t.Fatalf("round %d: %s: another order, another verdict:\n%s\n%s", i, name, got, text(t, v))
		}
		if name != "comment" {
			continue
		}
		first := against[r.IntN(len(against))]
		first.fail(&c)
		v = Verify(c)
		if v.Allowed {
			t.Fatalf("round %d: allowed, although %s", i, first.name)
		}
		if got := text(t, Verify(shuffle(c, r))); got != text(t, v) {
			t.Fatalf("round %d: %s: another order, another verdict:\n%s\n%s", i, first.name, got, text(t, v))
		}
	}
}

// undone are pairs of facts of which the second replaces what the first is about.
var undone = map[[2]string]bool{
	{"POL-01 a policy at the tip is not in use", "POL-01 a policy is in use that is not at the tip"}: true, // it is the same policy
	{"CONF-08 not at a terminal", "CONF-08 typed in a workflow"}:                                     true, // the comment is back,
	{"CONF-08 signed by somebody else", "CONF-08 typed in a workflow"}:                               true, // and what was typed is gone
	{"CONF-08 signed for something else", "CONF-08 typed in a workflow"}:                             true,
}

// Reasons against add up: none takes another one away.
func TestDenialsOnlyAddUp(t *testing.T) {
	t.Parallel()
	var general []ruleCase
	for _, f := range ruleCases {
		if f.from == nil {
			general = append(general, f)
		}
	}
	tried, n := 0, 0
	for i, a := range general {
		for _, b := range general[i+1:] {
			if n++; testing.Short() && n%10 > 0 || n%2 > 0 {
				continue // half of all pairs, which are more than 25,000
			}
			c := approved()
			ok := func() (ok bool) {
				defer func() { ok = recover() == nil }() // the second fact has nothing left to be about
				a.fail(&c)
				b.fail(&c)
				return
			}()
			if !ok {
				continue
			}
			tried++
			if v := Verify(c); v.Allowed && !undone[[2]string{a.name, b.name}] {
				t.Errorf("allowed, although %s, and %s", a.name, b.name)
			}
		}
	}
	if tried < 10_000 && !testing.Short() {
		t.Errorf("%d pairs were tried only", tried)
	}
}

// speechless are parts of the evidence that may be missing without a denial, by their
// path, and why.
var speechless = map[string]string{
	"Repository.FullName": "for display", "Pull.Base.SHA": "the base moves on",
	"Reviews.Items.User.Login": "for display (ID-01)", "Pull.Author.Login": "for display", "Pull.MergedBy.Login": "for display", "Pull.MergedBy.Type": "recorded only",
	"Pull.Author.Type": "matters for schedules only; who it is, is known by its id", "Commits.Items.Author.User.Login": "for display", "Commits.Items.Committer.User.Login": "for display",
	"Commits.Items.Author.User.Type": "known by its id", "Commits.Items.Committer.User.Type": "known by its id",
	"Commits.Items.Author.User": "the address remains", "Commits.Items.Committer.User": "the address remains", "Commits.Items.Author.Email": "the account remains", "Commits.Items.Committer.Email": "the account remains",
	"Commits.Items.Parents": "recorded only", "Commits.Items.Message": "names co-authors, or nobody", "Commits.Items.Verified": "matters for commits by GitHub itself",
	"Movements.Items.ID": "recorded only", "Movements.Items.Kind": "what moved is told by after", "Movements.Items.Actor.Login": "for display", "Movements.Items.Actor.Type": "known by its id",
	"Confirmation.User.Login": "for display", "Run.Actor.Login": "for display", "Run.Actor.Type": "known by its id", "Run.TriggeringActor.Login": "for display", "Run.TriggeringActor.Type": "known by its id",
	"Pins.AtMerge.Size": "the digest says it", "Pins.AtTip.Size": "the digest says it", "Policies.Items.File.Size": "the digest says it", "Roster.File.Size": "the digest says it", "RosterBefore.File.Size": "the digest says it",
	"Ledger.OpenReviews.Complete": "asked by break-glass only (BG-04)",
}

// Whatever was not read denies: each fact of the evidence, at its zero value.
func TestAPI01EachFactThatIsMissingDenies(t *testing.T) {
	t.Parallel()
	var paths []string
	whole := approved()
	leaves(reflect.ValueOf(&whole.Evidence).Elem(), "", &paths)
	if len(paths) < 90 {
		t.Fatalf("%d facts only", len(paths))
	}
	for _, path := range paths {
		c := approved()
		zero(reflect.ValueOf(&c.Evidence).Elem(), strings.Split(path, "."))
		_, may := speechless[strings.TrimPrefix(path, ".")]
		switch v := Verify(c); {
		case v.Allowed && !may:
			t.Errorf("allowed without %s", path)
		case !v.Allowed && may:
			t.Errorf("denied without %s, which the list says may be missing: %v", path, v.Denials)
		}
	}
	for path := range speechless {
		if !slices.Contains(paths, path) {
			t.Errorf("%s is no fact of the evidence", path)
		}
	}
}

// leaves lists the paths of all that is set.
func leaves(v reflect.Value, at string, paths *[]string) {
	add := func() {
		if !v.IsZero() && at != "" {
			*paths = append(*paths, at)
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			add()
			return
		}
		for i := range v.NumField() {
			leaves(v.Field(i), strings.TrimPrefix(at+"."+v.Type().Field(i).Name, "."), paths)
		}
	case reflect.Pointer:
		add()
		if !v.IsNil() {
			leaves(v.Elem(), at, paths)
		}
	case reflect.Slice:
		add()
		if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct {
			leaves(v.Index(0), at, paths)
		}
	default:
		add()
	}
	slices.Sort(*paths)
	*paths = slices.Compact(*paths)
}

// zero makes what stands at a path unread, in the first item of each list.
func zero(v reflect.Value, path []string) {
	for len(path) > 0 {
		switch v.Kind() {
		case reflect.Pointer:
			v = v.Elem()
		case reflect.Slice:
			v = v.Index(0)
		default:
			v, path = v.FieldByName(path[0]), path[1:]
		}
	}
	v.SetZero()
}
