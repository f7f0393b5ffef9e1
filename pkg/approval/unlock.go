package approval

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// unlockAge is how old the word of a person may be that a lock is to be broken.
const unlockAge = time.Hour

// UnlockLine is what each of the two persons types who break a lock (LOCK-05). It names
// the very lock by its fencing number: once that is broken, or another run has the key,
// nobody has typed anything about it.
func UnlockLine(key string, fence int64, request string) string {
	return "/bcctl unlock " + key + " of " + request + " fence=" + strconv.FormatInt(fence, 10)
}

// Unlockers are the persons whose signed words break a lock: two persons, of whom one
// is not its holder, each with a role that has to do with runs. An error says by which
// rule they do not.
func Unlockers(r Roster, line, holder string, said []TypedLine, now time.Time) ([]string, error) {
	var persons []string
	for _, s := range said {
		t, err := unlocker(r, s, now)
		switch {
		case err != nil:
			return nil, err
		case t.Line != line:
			return nil, fmt.Errorf("LOCK-05: %s typed %q, and the lock is broken with %q", t.Person, t.Line, line)
		}
		persons = insert(persons, t.Person)
	}
	switch {
	case len(persons) < 2:
		return nil, errors.New("LOCK-05: a lock is broken by two persons")
	case !slices.ContainsFunc(persons, func(p string) bool { return p != holder }):
		return nil, errors.New("LOCK-05: one of the two must not be who holds the lock")
	}
	return persons, nil
}

// unlocker is who signed that a lock is to be broken.
func unlocker(r Roster, s TypedLine, now time.Time) (TypedStatement, error) {
	var t TypedStatement
	if err := decodeCanonical(s.Statement, &t); err != nil || t.Schema != TypedSchema || t.At.IsZero() || t.Person == "" {
		return t, errors.New("LOCK-05: what was signed is not what bcctl unlock writes")
	}
	fp, err := verifySSH(s.Statement, s.Signature, NamespaceUnlock)
	if err != nil {
		return t, fmt.Errorf("LOCK-05: %s: %w", t.Person, err)
	}
	person, ok := r.PersonOfKey(fp)
	if key, _ := person.keyOf(fp); !ok || person.ID != t.Person || !key.counts(t.At, now) {
		return t, fmt.Errorf("LOCK-05: the key %s is none of %s's alone that counts", fp, t.Person)
	}
	all := indexPeople(r)
	if !slices.ContainsFunc([]Role{Operator, ApproverIT, Admin}, func(role Role) bool { return all.holds(t.Person, role, now) }) {
		return t, fmt.Errorf("LOCK-05: %s is no operator, approver or administrator now", t.Person)
	}
	if age := now.Sub(t.At); age > unlockAge || age < -maxSkew {
		return t, fmt.Errorf("LOCK-05: what %s signed is %s old; at most %s is allowed", t.Person, age.Round(time.Second), unlockAge)
	}
	return t, nil
}
