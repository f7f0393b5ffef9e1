package audit

import "slices"

// Class is what a finding means for the log as a whole.
type Class string

// Classes, the worst first. A log without findings is verified.
const (
	Tampered   Class = "tamper"     // something was changed, dropped, inserted or forged
	Stale      Class = "stale"      // it may be whole, and its newest end may be missing
	Disallowed Class = "policy"     // it is whole, and what it records was not allowed
	Incomplete Class = "incomplete" // it is whole, and a run in it has no end
	Verified   Class = "verified"
)

// Rule is one thing that is checked.
type Rule struct {
	ID     string `json:"id"`
	Class  Class  `json:"class"`
	Checks string `json:"checks"` // what must be so
	Attack string `json:"attack"` // what it would be otherwise
}

// rules are numbered as docs/audit-format.md lists them. Numbers are never used
// again for something else.
var rules = []Rule{
	{"AUD-01", Tampered, "the log is the one that is expected", "the whole log replaced by another one"},
	{"AUD-02", Tampered, "only files of a log are there, each where its contents say", "a smuggled, moved or renamed file"},
	{"AUD-03", Tampered, "every document is in the one form there is for it", "two readers see different values"},
	{"AUD-04", Tampered, "every segment has exactly one signature file", "a signature stripped or exchanged"},
	{"AUD-05", Tampered, "the signature fits the exact bytes", "an edited byte"},
	{"AUD-06", Tampered, "the key was trusted for this at this place of the log", "a forged entry, or a key used outside its time or purpose"},
	{"AUD-08", Tampered, "everything names this log", "an entry replayed from another log"},
	{"AUD-09", Tampered, "every segment is there once", "a segment duplicated or replayed"},
	{"AUD-10", Tampered, "the entries of a run have no gap and are in order", "entries deleted, inserted or reordered inside a run"},
	{"AUD-11", Tampered, "seals follow each other from the first leaf, and the tree over their segments has the root they sign", "segments deleted, inserted or reordered"},
	{"AUD-12", Tampered, "the key of the log signed every checkpoint", "a forged head"},
	{"AUD-13", Tampered, "every seal a writer saw is there", "history rewritten below what a writer saw"},
	{"AUD-14", Tampered, "every segment a writer saw is there", "a segment deleted before it was sealed"},
	{"AUD-15", Stale, "no segment stays unsealed for long", "entries kept out of the tree"},
	{"AUD-16", Tampered, "the tree contains the one that was pinned", "the log cut off or rewritten"},
	{"AUD-17", Tampered, "every cosignature fits its checkpoint, and enough witnesses cosigned the newest", "two histories shown, or one rewritten by who holds all keys of the log"},
	{"AUD-18", Stale, "the newest entry is not too old", "the newest entries dropped, an old log shown"},
	{"AUD-19", Disallowed, "the times of entries fit what their writers had seen", "back-dated or post-dated entries"},
	{"AUD-20", Disallowed, "a writer had seen a recent seal", "back-dating by claiming an old view"},
	{"AUD-21", Tampered, "there is one checkpoint of each size", "two versions of the log shown to different people"},
	{"AUD-22", Tampered, "every version of the keys was signed by the keys before", "keys exchanged silently"},
	{"AUD-23", Disallowed, "no entry was signed while its key was suspect", "entries by somebody who had stolen a key"},
	{"AUD-30", Incomplete, "every run that began has an end, and none ended without having begun", "a failure hidden, or something done without approval"},
	{"AUD-31", Disallowed, "approvals are for the commit that ran, and not by who asked", "approval of something else, or by oneself"},
	{"AUD-32", Disallowed, "every emergency was reviewed in time", "normal work passed off as an emergency"},
	{"AUD-35", Disallowed, "what a person answered about a step in doubt is signed, once, for that step and answer, by who might answer then", "a step settled by nobody, or by somebody who may not"},
	{"AUD-40", Tampered, "the branch only ever gained files, one commit after the other", "history rewritten or merged"},
}

// Rules returns everything that is checked.
func Rules() []Rule { return slices.Clone(rules) }

func ruleOf(id string) Rule {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{ID: id, Class: Tampered}
	}
	return rules[i]
}
