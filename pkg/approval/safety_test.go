package approval

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Everybody who had a hand in a request, in every way a hand can be in it, fills no
// slot of it; the same person without that hand does. Somebody who has the role, and
// is a person, is needed in each of the two reviews.
func TestSI15WhoHadAHandInItDoesNotCount(t *testing.T) {
	t.Parallel()
	hands := map[string]func(*Case, User){
		"asked":          func(c *Case, u User) { c.Request.Spec.Requester = u.Login },
		"opened it":      func(c *Case, u User) { c.Evidence.Pull.Author = &u },
		"wrote a commit": func(c *Case, u User) { c.Evidence.Commits.Items[0].Author = Signature{&u, u.Login + "@example.com"} },
		"committed":      func(c *Case, u User) { c.Evidence.Commits.Items[0].Committer = Signature{&u, u.Login + "@example.com"} },
		"co-wrote a commit": func(c *Case, u User) {
			c.Evidence.Commits.Items[0].Message = "x\n\nCo-authored-by: U <" + u.Login + "@example.com>"
		},
		"pushed": func(c *Case, u User) { c.Evidence.Movements.Items[0].Actor = &u },
		"pushed by force": func(c *Case, u User) {
			pushed(HeadForcePushed, ago(80*time.Minute))(c)
			c.Evidence.Timeline.Items[0].Actor = &u
		},
		"owns its schedule":    func(c *Case, u User) { scheduled(c); c.ScheduleOwner = u.Login },
		"is a bot":             func(c *Case, u User) { replace(c, u, User{u.ID, "Bot", u.Login}) },
		"only borrowed a name": func(c *Case, u User) { replace(c, u, User{other.ID, UserTypeUser, u.Login}) },
	}
	for hand, put := range hands {
		for i, u := range []User{ben, cleo} {
			t.Run(hand+"/"+u.Login, func(t *testing.T) {
				t.Parallel()
				twin := approved()
				if hand == "owns its schedule" {
					scheduled(&twin)
				}
				wantAllowed(t, "the twin", twin)
				c := approved()
				put(&c, u)
				v := Verify(c)
				if v.Allowed {
					t.Fatal("it is allowed")
				}
				for _, s := range v.Slots {
					if s.Person == u.Login {
						t.Errorf("%s fills the slot %s", u.Login, s.Role)
					}
				}
				if s := v.Slots[1-i]; s.Person == "" {
					t.Errorf("the slot %s of the other person is open too", s.Role)
				}
			})
		}
	}
}

func replace(c *Case, who, by User) {
	for i := range c.Evidence.Reviews.Items {
		if r := review(c, i); r.User.ID == who.ID {
			r.User = &by
		}
	}
}

// What a request says of its own policy, roster or inventory decides nothing: each is
// that of the tip of main, and a pull request that brings one along is no request.
func TestSI16PolicyIsThatOfMain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Case){
		"the policy is of the request's branch":    func(c *Case) { c.Policies[0].Commit = c.Evidence.Pull.Head.SHA },
		"the roster is of the request's branch":    func(c *Case) { c.Roster.Commit = c.Evidence.Pull.Head.SHA },
		"the policy was read before main moved":    func(c *Case) { c.Evidence.Main.Tip = sha("9") },
		"the checkout is not the tip":              func(c *Case) { c.Evidence.Main.Checkout = sha("9") },
		"the request changes the policy too":       brings(policyPath),
		"the request changes the roster too":       brings(rosterPath),
		"the request changes the inventory too":    brings(ledgerPath),
		"the request changes the workflow too":     brings(workflow),
		"the policy's content is another":          func(c *Case) { c.Policies[0].SHA256 = file("other").SHA256 },
		"the inventory changed after the approval": func(c *Case) { pinned(c, ledgerPath).AtTip = file("other") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := approved()
			wantAllowed(t, "the twin", c)
			change(&c)
			if v := Verify(c); v.Allowed {
				t.Error("it is allowed")
			}
		})
	}
}

func brings(path string) func(*Case) {
	return func(c *Case) {
		c.Evidence.Files.Items = append(c.Evidence.Files.Items, ChangedFile{path, "modified", regularFile, ptr(int64(10))})
	}
}

func pinned(c *Case, path string) *PinFact {
	i := slices.IndexFunc(c.Evidence.Pins, func(p PinFact) bool { return p.Path == path })
	return &c.Evidence.Pins[i]
}

// Each event that voids an approval, at every moment after it: the run that was allowed
// is not any more, in the mode of a first start.
func TestSI17ApprovalsAreVoided(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Case){
		"the request expired":       func(c *Case) { c.Request.Spec.ExpiresAt = noon },
		"the approval is too old":   func(c *Case) { entry(c).ApprovalMaxAge = minutes(30) },
		"withdrawn by a comment":    withdrawnBy(ann),
		"withdrawn on the ledger":   func(c *Case) { c.Evidence.Ledger.Withdrawn = Yes },
		"a push":                    moved(ago(45 * time.Minute)),
		"a push by force":           pushed(HeadForcePushed, ago(45*time.Minute)),
		"the approval is dismissed": func(c *Case) { review(c, 0).State = Dismissed },
		"a later objection":         third(&ben, ChangesRequested, "wait"),
		"the head is another":       func(c *Case) { c.Evidence.Pull.Head.SHA = sha("e"); c.Evidence.Pull.FetchedHead = sha("e") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := approved()
			wantAllowed(t, "the twin", c)
			change(&c)
			if v := Verify(c); v.Allowed {
				t.Error("it is allowed")
			}
		})
	}
}

// A confirmation with any one character replaced, left out or doubled confirms nothing,
// wherever in the line it is and however it reached us.
func TestSI18OneCharacterOffConfirmsNothing(t *testing.T) {
	t.Parallel()
	line := confirmation(approved())
	forms := map[string]func(*Case, string){
		"comment": func(c *Case, text string) { c.Evidence.Confirmation.Body = text },
		"typed":   func(c *Case, text string) { typed(c, "dora", ago(time.Minute), text) },
	}
	for form, put := range forms {
		c := approved()
		put(&c, line)
		wantAllowed(t, form, c)
		for i := range line {
			for _, wrong := range []string{line[:i] + line[i+1:], line[:i] + line[i:i+1] + line[i:], line[:i] + next(line[i]) + line[i+1:]} {
				if wrong == line { // a doubled character beside its twin, left out
					continue
				}
				c := approved()
				put(&c, wrong)
				if v := Verify(c); v.Allowed {
					t.Errorf("%s: %q confirms what %q is for", form, wrong, line)
				}
			}
		}
	}
}

// next is another character, which is no white space either.
func next(b byte) string {
	if b == 'x' {
		return "y"
	}
	return "x"
}

// A schedule asks. Nothing that a schedule starts is allowed to run, in no mode, and a
// request by a schedule needs the people and the confirmation that any other needs.
func TestSI19AScheduleStartsNothing(t *testing.T) {
	t.Parallel()
	c := approved()
	scheduled(&c)
	wantAllowed(t, "asked by a schedule, approved and confirmed by people", c)
	for name, change := range map[string]func(*Case){
		"the schedule starts the run":    inRun(func(w *WorkflowRun) { w.Event = "schedule" }),
		"nobody confirms":                func(c *Case) { c.Evidence.Confirmation = nil },
		"the schedule's account does":    func(c *Case) { c.Evidence.Confirmation.User = ptr(robot) },
		"nobody approves":                func(c *Case) { c.Evidence.Reviews.Items = nil },
		"the schedule's account does so": func(c *Case) { review(c, 0).User = ptr(robot) },
		"its owner approves":             func(c *Case) { c.ScheduleOwner = "cleo" },
	} {
		for _, mode := range []Mode{ModeConfirm, ModeResume} {
			t.Run(fmt.Sprint(name, "/", mode), func(t *testing.T) {
				t.Parallel()
				c := approved()
				if mode == ModeResume {
					resume(&c)
				}
				scheduled(&c)
				change(&c)
				if v := Verify(c); v.Allowed {
					t.Error("it is allowed")
				}
			})
		}
	}
}

// Whatever denies an ordinary request denies an emergency too, unless the rule is one
// about people or waiting; and with every rule relaxed that can be, what is left still
// denies.
func TestSI20BreakGlassOnlyTakesPeopleAndWaitingAway(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, r := range ruleCases {
		by := r.by
		if by == "" {
			by = RuleID(strings.Fields(r.name)[0])
		}
		if r.from != nil || by.Relaxable() || elsewhere(r.name) {
			continue
		}
		for form, relax := range map[string][]RuleID{"as the policy has it": nil, "with all relaxed": relaxable} {
			c := approved()
			emergency(&c)
			confirm(&c)
			if relax != nil {
				glass(&c).Relax = relax
			}
			wantAllowed(t, "the emergency", c)
			if !applies(r, &c) {
				continue
			}
			tried++
			if v := Verify(c); v.Allowed {
				t.Errorf("%s: allowed, although %s", form, r.name)
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d facts apply to an emergency", tried)
	}
	for _, rule := range relaxable { // the list itself
		switch rule.family() {
		case "AUD", "LOCK", "CONF", "API", "WF", "BG", "OFF", "SCH":
			t.Errorf("%s can be relaxed, and is about neither people nor waiting", rule)
		}
	}
}

// elsewhere are facts that are about something else in an emergency: the policy's
// ordinary entry, the second of two approvals, or a time before its one approval.
func elsewhere(name string) bool {
	for _, part := range []string{
		"POL-02 no entry", "POL-02 two entries", "POL-02 the highest tier", "POL-02 the ticket", "POL-04 an unknown role",
		"ID-06 one person with both roles", "ID-07 ", "APP-08 one person, two lines",
		"APP-01 dismissed, and no earlier", "APP-01 a later approval", "APP-04 the head moved", "APP-04 pushed by force",
	} {
		if strings.HasPrefix(name, part) {
			return true
		}
	}
	return false
}

// applies puts a fact into a case; it does not where the case has nothing for the fact
// to be about, as a second review.
func applies(r ruleCase, c *Case) (ok bool) {
	defer func() { ok = recover() == nil }()
	r.fail(c)
	return
}
