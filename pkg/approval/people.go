package approval

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// webFlow is the account that GitHub itself commits with, for what is done in the
// browser.
const webFlow = 19864447

// people finds the persons of a roster by the marks they leave.
type people struct {
	byID      map[string]Person
	byAccount map[int64][]string // more than one: the roster contradicts itself
	byEmail   map[string][]string
	logins    map[string]string // folded login -> person, to recognize a login that was given away
}

func indexPeople(r Roster) people {
	p := people{map[string]Person{}, map[int64][]string{}, map[string][]string{}, map[string]string{}}
	twice := make(map[string]bool)
	for _, person := range r.People {
		_, twice[person.ID] = p.byID[person.ID]
		p.byID[person.ID] = person
	}
	for id := range p.byID {
		if twice[id] || id == "" {
			delete(p.byID, id) // of two, neither holds a role (ID-06); their marks still exclude
		}
	}
	for _, person := range r.People {
		for _, a := range person.GitHub {
			if a.ID > 0 {
				p.byAccount[a.ID] = insert(p.byAccount[a.ID], person.ID)
			}
			if a.Login != "" {
				p.logins[strings.ToLower(a.Login)] = person.ID
			}
		}
		for _, e := range person.Emails {
			p.byEmail[strings.ToLower(e)] = insert(p.byEmail[strings.ToLower(e)], person.ID)
		}
	}
	return p
}

func insert(list []string, s string) []string {
	if i, ok := slices.BinarySearch(list, s); !ok {
		list = slices.Insert(list, i, s)
	}
	return list
}

// account returns the one person an account belongs to.
func (p people) account(id int64) (string, bool) {
	if owners := p.byAccount[id]; len(owners) == 1 && id > 0 {
		return owners[0], true
	}
	return "", false
}

// holds reports whether a person has a role at a moment.
func (p people) holds(id string, role Role, at time.Time) bool {
	person, ok := p.byID[id]
	return ok && role != "" && person.active(at) && slices.Contains(person.Roles, role)
}

func (p Person) active(at time.Time) bool {
	return (p.ActiveFrom == nil || !at.Before(*p.ActiveFrom)) && (p.ActiveUntil == nil || at.Before(*p.ActiveUntil))
}

// noReply is the address GitHub gives an account that hides its own; the number is
// that of the account.
var noReply = regexp.MustCompile(`^([0-9]+)\+[^@]+@users\.noreply\.github\.com$`)

// mail returns everybody an address may belong to, in any of the rosters.
func (j *judge) mail(address string) []string {
	address = strings.ToLower(strings.TrimSpace(address))
	var found []string
	for _, p := range []people{j.now, j.then} {
		for _, id := range p.byEmail[address] {
			found = insert(found, id)
		}
		if m := noReply.FindStringSubmatch(address); m != nil {
			if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
				for _, id := range p.byAccount[n] {
					found = insert(found, id)
				}
			}
		}
	}
	return found
}

// accountPeople returns everybody an account belongs to, in any of the rosters.
func (j *judge) accountPeople(u *User) []string {
	var found []string
	if u == nil || u.ID <= 0 {
		return nil
	}
	for _, p := range []people{j.now, j.then} {
		for _, id := range p.byAccount[u.ID] {
			found = insert(found, id)
		}
	}
	return found
}

// exclude notes that a person may fill no slot.
func (j *judge) exclude(person, why string) {
	if person != "" {
		j.excluded[person] = insert(j.excluded[person], why)
	}
}

// excludeActor excludes whoever did something to the request. Somebody unknown could
// be anybody, so the request is denied then (ID-04).
func (j *judge) excludeActor(u *User, why string) {
	ids := j.accountPeople(u)
	switch {
	case u == nil || u.ID <= 0:
		j.hard("ID-04", "", "who is the "+why+" is not known, so nobody can be kept from approving their own request")
	case len(ids) > 0:
		for _, id := range ids {
			j.exclude(id, why)
		}
	case j.isSchedule(u):
	default:
		j.hard("ID-04", account(u), "the "+why+" is on no roster; add the account to the person it belongs to")
	}
}

// isSchedule reports whether an account is the one that opened a schedule's pull
// request: it belongs to nobody, and the owner of the schedule answers for it.
func (j *judge) isSchedule(u *User) bool {
	author := j.e.Pull.Author
	return j.request().Schedule != "" && u != nil && author != nil && u.ID == author.ID && u.ID > 0 && u.Type == "Bot" && author.Type == "Bot"
}

// coAuthor finds people named in a message, wherever they are named.
var coAuthor = regexp.MustCompile(`(?im)^[ \t]*co-authored-by[ \t]*:(.*)$`)

var bracketed = regexp.MustCompile(`<([^<>\s]+@[^<>\s]+)>\s*$`)

// authors excludes everybody who wrote a part of the request, and denies what nobody
// on the roster wrote (ID-04, ID-05).
func (j *judge) authors() {
	for _, c := range j.e.Commits.Items {
		subject := "commit " + short(c.SHA)
		j.signature(c, c.Author, subject, "author", false)
		j.signature(c, c.Committer, subject, "committer", true)
		for _, m := range coAuthor.FindAllStringSubmatch(c.Message, -1) {
			address := bracketed.FindStringSubmatch(strings.TrimRight(m[1], "\r"))
			if address == nil {
				j.hard("ID-05", subject, "a co-author is named without an address")
				continue
			}
			ids := j.mail(address[1])
			if len(ids) == 0 {
				j.hard("ID-05", subject, "its co-author is on no roster")
			}
			for _, id := range ids {
				j.exclude(id, "co-author of "+subject)
			}
		}
	}
}

func (j *judge) signature(c Commit, s Signature, subject, part string, committer bool) {
	if committer && s.User != nil && s.User.ID == webFlow {
		if c.Verified != Yes {
			j.hard("ID-05", subject, "it names GitHub as committer but is not a verified commit")
		}
		return
	}
	if j.isSchedule(s.User) {
		if c.Verified != Yes {
			j.hard("ID-05", subject, "it names the account of the schedule as its "+part+" but is not a verified commit")
		}
		return
	}
	ids := j.accountPeople(s.User)
	if s.User != nil && len(ids) == 0 {
		j.hard("ID-05", subject, "the account of its "+part+" is on no roster: "+account(s.User))
		return
	}
	for _, id := range j.mail(s.Email) {
		ids = insert(ids, id)
	}
	if len(ids) == 0 {
		j.hard("ID-05", subject, "its "+part+" is on no roster")
	}
	for _, id := range ids {
		j.exclude(id, part+" of "+subject)
	}
}

// excludePeople fills the excluded set (ID-04).
func (j *judge) excludePeople() {
	r := j.request()
	if _, ok := j.now.byID[r.Requester]; ok {
		j.exclude(r.Requester, "requester")
	} else {
		j.hard("ID-04", "person "+r.Requester, "the declared requester is not on the roster")
	}
	if r.Schedule != "" {
		j.ofSchedule()
		if _, ok := j.now.byID[j.c.ScheduleOwner]; ok {
			j.exclude(j.c.ScheduleOwner, "owner of the schedule "+r.Schedule)
		} else {
			j.hard("SCH-02", "schedule "+r.Schedule, "its owner is not on the roster")
		}
	}
	j.authors()
	if j.offline() {
		return // the forge knows the rest; reconciling looks at it again (OFF-06)
	}
	j.excludeActor(j.e.Pull.Author, "author of the pull request")
	for _, m := range j.e.Movements.Items {
		if !j.afterMerge(m.At) && !zeros(m.After) {
			j.excludeActor(m.Actor, "one who moved the head")
		}
	}
	j.unbroken()
	for _, t := range j.e.Timeline.Items {
		if t.Kind == HeadForcePushed || t.Kind == HeadRestored {
			j.excludeActor(t.Actor, "one who moved the head")
		}
	}
}

// unbroken checks that the movements of the head lead from the creation of the branch
// on, each to the next. Where one is missing, whoever made it could be an approver, and
// the list of those who pushed says nothing (ID-04).
func (j *judge) unbroken() {
	moves := slices.DeleteFunc(slices.Clone(j.e.Movements.Items), func(m Movement) bool { return j.afterMerge(m.At) })
	slices.SortFunc(moves, func(a, b Movement) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	if len(moves) == 0 {
		j.hard("ID-04", "", "no movement of the head was found, so who pushed is not known")
		return
	}
	const what = "; who moved it then is not known, so nobody can be kept from approving their own request. Make the request on a new branch"
	if first := moves[0]; !zeros(first.Before) {
		j.hard("ID-04", "", "the movements of the head do not begin with the creation of its branch"+what)
	}
	for i, m := range moves[1:] {
		if before := moves[i]; m.Before != before.After {
			j.hard("ID-04", "", fmt.Sprintf("a movement of the head between %s and %s is missing", stamp(before.At), stamp(m.At))+what)
		}
	}
}

func (j *judge) excludedList() []Excluded {
	var list []Excluded
	for _, id := range slices.Sorted(maps.Keys(j.excluded)) {
		list = append(list, Excluded{id, j.excluded[id]})
	}
	return list
}

// account names an account for people; the number is what counts (ID-01).
func account(u *User) string {
	if u == nil {
		return "no account"
	}
	if u.Login == "" {
		return "account " + strconv.FormatInt(u.ID, 10)
	}
	return "account " + strconv.FormatInt(u.ID, 10) + " (" + u.Login + ")"
}

func short(sha string) string { return sha[:min(12, len(sha))] }

// ofSchedule checks that a request is one that its schedule would open. Otherwise
// whoever can make a bot open a pull request could ask for anything under its name.
func (j *judge) ofSchedule() {
	r, s := j.request(), j.c.Schedule
	deny := func(why string) { j.hard("SCH-01", "schedule "+r.Schedule, why) }
	switch {
	case r.Type == runbook.Failover:
		deny("a schedule asks for no failover")
	case r.Type != s.Type:
		deny(fmt.Sprintf("it does not ask for a %s", r.Type))
	}
	if _, pinned := r.Pins[s.Path]; !pinned || s.Path == "" {
		j.hard("BIND-03", s.Path, "it declares the schedule "+r.Schedule+" and is not pinned")
	}
	if !slices.Contains(s.Targets, r.Target) {
		deny("it is not about " + r.Target)
	}
	if s.Site != "" && r.TargetSite != s.Site {
		deny("it does not lead to site " + r.TargetSite)
	}
	if r.BreakGlass != nil || r.AcceptUnprovenWriter || r.ProductionDrill {
		deny("a schedule uses no break-glass, accepts no unproven writer, and reaches no production in a drill")
	}
}
