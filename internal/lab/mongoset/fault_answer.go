package mongoset

import (
	"crypto/rand"
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// answerFaults are those in which the set is well and its answers are not.
func answerFaults() []fault {
	return []fault{
		{"drop-privilege", "the monitoring user lost clusterMonitor", codes(readiness.InsufficientPrivilege),
			func(s *Set) (func() error, error) { return s.replaceRole("clusterMonitor") }},
		{"drop-oplog-privilege", "the monitoring user may no longer read the oplog", codes(readiness.InsufficientPrivilege),
			func(s *Set) (func() error, error) {
				return s.replaceRole("clusterMonitor", role{statusOnly, "admin"})
			}},
		{"wrong-password", "the monitoring user has another password than its secret says", codes(readiness.VisAuth),
			func(s *Set) (func() error, error) {
				u := s.users[UserMonitor]
				before := u.credential
				err := u.setPassword(rand.Text())
				return func() error { u.credential = before; return nil }, err
			}},
		{"weak-write-concern", "somebody set the default write concern to one member", codes(readiness.WriteConcernWeak),
			func(s *Set) (func() error, error) {
				s.defaultWrite = int32(1)
				return func() error { s.defaultWrite = nil; return nil }, nil
			}},
		{"version-differs", "the member at the DR site runs an older major version", codes(readiness.VersionMismatch),
			func(s *Set) (func() error, error) {
				away := s.away()
				before := away.v
				away.v = version{before.major - 1, 0, 9}
				return func() error { away.v = before; return nil }, nil
			}},
		{"no-topology-version", "the primary's answers carry no topology version, as those of a proxy", nil,
			func(s *Set) (func() error, error) {
				return quirk("no-topology-version", func(q *quirks) { q.silentAbout = true }, s.home())
			}},
	}
}

// replaceRole takes a role from the monitoring user and gives it others.
func (s *Set) replaceRole(name string, others ...role) (func() error, error) {
	u := s.users[UserMonitor]
	u.roles = append(slices.DeleteFunc(slices.Clone(u.roles), func(r role) bool { return r.name == name }), others...)
	return func() error { u.roles = defaultRoles(UserMonitor); return nil }, nil
}
