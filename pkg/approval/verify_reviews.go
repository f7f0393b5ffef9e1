package approval

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ballot is an approval that counts: a person's, for the roles the person claimed and
// holds.
type ballot struct {
	person string
	id     string // of the review or statement
	at     time.Time
	roles  []SlotRole
	user   int64 // account, for teams; 0 offline
}

// approvals counts, and fills the slots.
func (j *judge) approvals() {
	var ballots []ballot
	if j.offline() {
		ballots = j.statements()
	} else {
		ballots = j.reviews()
	}
	j.fill(ballots)
}

// reviews judges every review and returns those that count (section 6 of the rules).
func (j *judge) reviews() []ballot {
	accounts := make(map[int64][]Review)
	first, unclear, seen := make(map[int64]Review), make(map[int64]bool), make(map[int64]bool)
	for _, r := range j.e.Reviews.Items {
		if other, twice := first[r.ID]; twice && !sameReview(other, r) {
			unclear[r.ID] = true
		}
		first[r.ID] = r
	}
	for _, r := range j.e.Reviews.Items {
		switch {
		case r.ID > 0 && unclear[r.ID]:
			j.hard("API-01", reviewID(r), "it was read twice, with different contents")
			continue
		case r.ID > 0 && seen[r.ID]:
			continue // pages overlap when something is added while they are read
		}
		seen[r.ID] = true
		switch {
		case r.State == Pending, r.State == Commented:
			j.counted(r, "", Counted{Rule: "APP-01", Message: "a comment decides nothing"})
			continue
		case r.State != Approved && r.State != ChangesRequested && r.State != Dismissed:
			j.hard("API-01", reviewID(r), fmt.Sprintf("its state %q is unknown", r.State))
			continue
		case r.ID <= 0 || r.SubmittedAt.IsZero():
			j.hard("API-01", reviewID(r), "it has no id or no time")
			continue
		case r.User == nil || r.User.ID <= 0:
			j.counted(r, "", Counted{Rule: "ID-02", Message: "its account is gone"})
			continue
		case r.User.Type == "":
			// It may be a person's objection.
			j.hard("API-01", reviewID(r), "the type of its account was not read")
			continue
		case r.User.Type != UserTypeUser:
			j.counted(r, "", Counted{Rule: "ID-02", Message: fmt.Sprintf("%s is of type %q, not a person", account(r.User), r.User.Type)})
			continue
		}
		accounts[r.User.ID] = append(accounts[r.User.ID], r)
	}
	dismissed := make(map[int64]bool)
	for _, d := range j.e.Dismissals.Items {
		dismissed[d.ReviewID] = true
		if by := j.accountPeople(d.Actor); len(by) > 0 {
			j.warn("APP-01", "review "+strconv.FormatInt(d.ReviewID, 10), "dismissed by "+strings.Join(by, ", "))
		} else {
			j.warn("APP-01", "review "+strconv.FormatInt(d.ReviewID, 10), "dismissed by "+account(d.Actor))
		}
	}
	var ballots []ballot
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		list := accounts[id]
		slices.SortFunc(list, func(a, b Review) int { return cmp.Or(a.SubmittedAt.Compare(b.SubmittedAt), cmp.Compare(a.ID, b.ID)) })
		last := len(list) - 1
		for _, r := range list[:last] {
			person, _ := j.now.account(id)
			j.counted(r, person, Counted{Rule: "APP-01", Message: "a later review of the same account decides"})
		}
		if b, ok := j.review(list[last], dismissed[list[last].ID]); ok {
			ballots = append(ballots, b)
		}
	}
	return ballots
}

func sameReview(a, b Review) bool {
	au, bu := a.User, b.User
	a.User, b.User = nil, nil
	at, bt := a.SubmittedAt, b.SubmittedAt
	a.SubmittedAt, b.SubmittedAt = time.Time{}, time.Time{}
	return a == b && at.Equal(bt) && (au == nil) == (bu == nil) && (au == nil || *au == *bu)
}

func reviewID(r Review) string { return "review " + strconv.FormatInt(r.ID, 10) }

// counted notes what became of a review.
func (j *judge) counted(r Review, person string, c Counted) {
	c.ID, c.Person, c.State, c.At = reviewID(r), person, r.State, r.SubmittedAt
	if r.User != nil {
		c.Login = r.User.Login
	}
	j.v.Reviews = append(j.v.Reviews, c)
}

// review judges the last decisive review of one account.
func (j *judge) review(r Review, dismissed bool) (ballot, bool) {
	person, known := j.now.account(r.User.ID)
	if r.State == ChangesRequested { // a record of a dismissal that the state does not show lifts nothing
		if by := j.accountPeople(r.User); len(by) > 0 { // also of somebody who has left since
			j.deny("APP-02", reviewID(r), strings.Join(by, ", ")+" asks for changes")
			j.counted(r, by[0], Counted{Rule: "APP-02", Message: "an objection"})
			return ballot{}, false
		}
	}
	no := func(rule RuleID, format string, args ...any) (ballot, bool) {
		j.counted(r, person, Counted{Rule: rule, Message: fmt.Sprintf(format, args...)})
		return ballot{}, false
	}
	if !known {
		if owner, taken := j.now.logins[strings.ToLower(r.User.Login)]; taken && r.User.Login != "" {
			return no("ID-01", "the login is that of %s on the roster, but %s is another account", owner, account(r.User))
		}
		return no("ID-03", "%s is on no roster", account(r.User))
	}
	if r.State != Approved || dismissed {
		return no("APP-01", "it was dismissed, and no earlier one counts instead")
	}
	if why := j.excluded[person]; len(why) > 0 {
		return no("ID-04", "%s may not approve this request: %s", person, strings.Join(why, ", "))
	}
	if r.CommitID == "" || r.CommitID != j.e.Pull.Head.SHA {
		return no("APP-03", "it is about %s, not about the head of the pull request", orNone(short(r.CommitID)))
	}
	if rule, why := j.stale(r.SubmittedAt); rule != "" {
		if !j.lifted(rule, r, why) {
			return no(rule, "%s", why)
		}
	}
	c := parseClaim(r.Body, j.v.Digest)
	switch {
	case c.bad != "":
		return no("APP-05", "%s", c.bad)
	case c.lines == 0 && j.terms.digestLine:
		return no("APP-05", "it has no line with the digest")
	case c.lines == 0:
		c.roles = []SlotRole{SlotBusiness, SlotIT}
	}
	switch r.Edited {
	case No:
	case Yes:
		if !j.lifted("APP-06", r, "its text was edited") {
			return no("APP-06", "its text was edited after it was submitted")
		}
	default:
		if j.v.Tier != 2 {
			j.hard("APP-06", reviewID(r), "whether its text was edited could not be read")
			return no("APP-06", "whether its text was edited could not be read")
		}
		j.warn("APP-06", reviewID(r), "whether its text was edited could not be read")
	}
	if j.e.Pull.Merged == Yes && !r.SubmittedAt.Before(j.e.Pull.MergedAt) && !j.lifted("APP-07", r, "it came after the merge") {
		return no("APP-07", "it came after the merge")
	}
	if age := j.approvalTime().Sub(r.SubmittedAt); age > j.terms.maxAge || age < -maxSkew {
		why := fmt.Sprintf("it is %s old, and the policy allows %s", age.Round(time.Second), j.terms.maxAge)
		if age < 0 || !j.lifted("APP-07", r, why) {
			return no("APP-07", "%s", why)
		}
	}
	return j.roles(r, person, c.roles)
}

// approvalTime is the moment for which an approval must be young enough: now, or when
// an attempt that cannot be left half done was claimed.
func (j *judge) approvalTime() time.Time {
	if j.pastNoReturn() {
		if a, ok := j.lastAttempt(); ok && !a.At.IsZero() {
			return a.At
		}
	}
	return j.c.Now
}

// lifted reports that break-glass does without a rule, and notes it.
func (j *judge) lifted(rule RuleID, r Review, why string) bool {
	if !j.relax[rule] {
		return false
	}
	j.v.Relaxed = append(j.v.Relaxed, Finding{rule, reviewID(r), why})
	return true
}

// roles finds which of the claimed roles the person held then and holds now (ID-03,
// APP-08).
func (j *judge) roles(r Review, person string, claimed []SlotRole) (ballot, bool) {
	then, known := j.then.account(r.User.ID)
	before := known && then == person
	var held, missing, late []SlotRole
	for _, role := range claimed {
		switch {
		case !j.now.holds(person, role.Role(), j.c.Now):
			missing = append(missing, role)
		case !before || !j.then.holds(person, role.Role(), r.SubmittedAt):
			late = append(late, role)
		default:
			held = append(held, role)
		}
	}
	if len(held) == 0 && len(late) > 0 && j.lifted("ID-03", r, person+" did not hold the role when the review was written") {
		held = late
	}
	if len(held) > 0 {
		j.counted(r, person, Counted{Counted: true, Roles: held})
		return ballot{person, reviewID(r), r.SubmittedAt, held, r.User.ID}, true
	}
	c := Counted{Rule: "ID-03", Message: fmt.Sprintf("%s did not hold the role %s when the review was written", person, joinRoles(late))}
	if len(late) == 0 {
		held, active := j.then.byID[person]
		c = Counted{Rule: "APP-08", Message: fmt.Sprintf("%s does not hold the role %s", person, joinRoles(missing))}
		if p := j.now.byID[person]; !p.active(j.c.Now) || active && slices.ContainsFunc(missing, func(s SlotRole) bool { return slices.Contains(held.Roles, s.Role()) }) {
			c = Counted{Rule: "ID-03", Message: fmt.Sprintf("%s no longer holds the role %s", person, joinRoles(missing))}
		}
	}
	j.counted(r, person, c)
	return ballot{}, false
}

func joinRoles(list []SlotRole) string {
	var names []string
	for _, r := range list {
		names = append(names, string(r))
	}
	return strings.Join(names, " or ")
}

func orNone(s string) string {
	if s == "" {
		return "no commit"
	}
	return s
}

// stale tells why an approval of that moment is of something that has changed since
// (APP-04, PR-06). A second that both share is not strictly later.
func (j *judge) stale(at time.Time) (RuleID, string) {
	head := j.e.Pull.Head.SHA
	var latest time.Time
	found := false
	for _, m := range j.e.Movements.Items {
		if j.afterMerge(m.At) || zeros(m.After) && j.e.Pull.Merged == Yes && m.At.Equal(j.e.Pull.MergedAt) {
			continue // what happened to the branch later changes nothing
		}
		if m.At.IsZero() {
			return "APP-04", "a movement of the head has no time"
		}
		if m.At.After(latest) {
			latest, found = m.At, false
		}
		if m.At.Equal(latest) && m.After == head {
			found = true
		}
	}
	if !found {
		return "APP-04", "when the head became what it is was not found"
	}
	if !at.After(latest) {
		return "APP-04", "the head moved at " + stamp(latest) + ", and it is not later"
	}
	for _, t := range j.e.Timeline.Items {
		switch {
		case t.Kind == CommentDeleted: // it hides a refusal, and makes nothing stale
		case t.At.IsZero():
			return "PR-06", "an event of the pull request has no time"
		case at.After(t.At), t.Kind == HeadDeleted && j.e.Pull.Merged == Yes && !t.At.Before(j.e.Pull.MergedAt):
		case t.Kind == HeadForcePushed:
			return "APP-04", "the head was pushed by force at " + stamp(t.At)
		case t.Kind == BaseChanged || t.Kind == BaseForcePushed:
			return "PR-06", "the base of the pull request changed at " + stamp(t.At)
		default:
			return "PR-06", "the head branch was deleted or restored at " + stamp(t.At)
		}
	}
	return "", ""
}

// fill gives each slot to another person, as many as can be (ID-06).
func (j *judge) fill(ballots []ballot) {
	var persons []string
	of := make(map[string][]ballot)
	for _, b := range ballots {
		of[b.person] = append(of[b.person], b)
		persons = insert(persons, b.person)
	}
	slots := j.terms.slots
	may := func(slot int, person string) (ballot, bool) {
		var first ballot
		for _, b := range of[person] {
			if slices.Contains(b.roles, slots[slot].Role) && j.inTeam(slots[slot], b) && (first.id == "" || b.at.Before(first.at) || b.at.Equal(first.at) && b.id < first.id) {
				first = b
			}
		}
		return first, first.id != ""
	}
	holder := match(len(slots), len(persons), func(slot, person int) bool {
		_, ok := may(slot, persons[person])
		return ok
	})
	used := make(map[string]bool)
	for i := range slots {
		if holder[i] >= 0 {
			used[persons[holder[i]]] = true
		}
	}
	for i, s := range slots {
		f := SlotFill{Role: s.Role, Team: s.Team}
		if holder[i] >= 0 {
			b, _ := may(i, persons[holder[i]])
			f.Person, f.Review = b.person, b.id
			if b.at.After(j.lastCounted) {
				j.lastCounted = b.at
			}
			if j.firstCounted.IsZero() || b.at.Before(j.firstCounted) {
				j.firstCounted = b.at
			}
		} else {
			f.Could = j.could(s, used)
			j.hard("ID-06", "slot "+strconv.Itoa(i+1), fmt.Sprintf("nobody who may has approved as %s", s.Role))
		}
		j.v.Slots = append(j.v.Slots, f)
	}
	if len(slots) == 0 {
		j.hard("POL-03", "", "no approval is asked for, so none was given")
	}
	if !j.firstCounted.IsZero() && !j.pastNoReturn() && !j.relax["APP-07"] {
		j.until(j.firstCounted.Add(j.terms.maxAge))
	}
	if j.terms.grant > 0 && !j.lastCounted.IsZero() && !j.pastNoReturn() {
		if j.age(j.lastCounted) > j.terms.grant {
			j.hard("BG-02", "", fmt.Sprintf("the grant of %s was good for %s", stamp(j.lastCounted), j.terms.grant))
		}
		j.until(j.lastCounted.Add(j.terms.grant))
		j.v.Emergency.Until = j.lastCounted.Add(j.terms.grant)
	}
}

// inTeam reports whether the account of an approval is in the team that a slot asks
// for. A team that could not be read is an error of the configuration (ID-07).
func (j *judge) inTeam(s Slot, b ballot) bool {
	if s.Team == nil {
		return true
	}
	name := "team " + s.Team.Org + "/" + s.Team.Slug
	if j.offline() {
		j.hard("ID-07", name, "no team can be read while the forge does not answer")
		return false
	}
	answer := Membership("")
	for _, m := range j.e.Teams {
		if m.Team == *s.Team && m.UserID == b.user {
			if answer != "" && answer != m.Membership {
				answer = ""
				break
			}
			answer = m.Membership
		}
	}
	switch answer {
	case MemberActive:
		return true
	case MemberPending, MemberNone:
		return j.relax["ID-07"]
	default:
		j.hard("ID-07", name, "it could not be read; the token needs the permission members: read")
		return false
	}
}

// could lists who might still fill a slot. After the merge nobody can.
func (j *judge) could(s Slot, used map[string]bool) []string {
	if j.e.Pull.Merged == Yes && !j.offline() {
		return nil
	}
	var list []string
	for id := range j.now.byID {
		if !used[id] && len(j.excluded[id]) == 0 && j.now.holds(id, s.Role.Role(), j.c.Now) {
			list = insert(list, id)
		}
	}
	return list
}

// match assigns persons to slots so that as many slots as possible are filled, each
// by another person: a maximum bipartite matching by augmenting paths. It returns the
// person of each slot, or -1.
func match(slots, persons int, may func(slot, person int) bool) []int {
	holder := slices.Repeat([]int{-1}, slots)
	slotOf := slices.Repeat([]int{-1}, persons)
	var try func(slot int, seen []bool) bool
	try = func(slot int, seen []bool) bool {
		for p := range persons {
			if seen[p] || !may(slot, p) {
				continue
			}
			seen[p] = true
			if slotOf[p] < 0 || try(slotOf[p], seen) {
				slotOf[p], holder[slot] = slot, p
				return true
			}
		}
		return false
	}
	for s := range slots {
		try(s, make([]bool, persons))
	}
	return holder
}
