package mongodb

import (
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// declared is what the resource says about the set's identity.
func (s *set) declared(key string) string {
	if s.key != "" {
		key += "/" + s.key
	}
	return s.spec.Identity[key]
}

// identify tells members from strangers. The name of a set proves little: a node
// that lost its disk and was initiated anew has the same name and is another
// set. replicaSetId is made once, with the set.
func (s *set) identify() {
	for _, n := range s.nodes {
		if n.hello == nil {
			continue
		}
		switch f, status := s.stranger(n); status {
		case foreign:
			s.rejected[n] = true
			s.identity(n, f)
		case undecided:
			s.unproven[n] = true
			s.identity(n, f)
		case proved:
			s.book.Add(&n.Node, identityID, readiness.Str(n.config.ID), s.changed(n)...)
		}
	}
}

// changed compares with the last check, where the resource declares nothing.
func (s *set) changed(n *node) []readiness.Finding {
	prev, ok := s.previous(n, identityID)
	if was, isText := prev.Value.Text(); ok && isText && s.declared("replicaSetId") == "" && isObjectID(was) && was != n.config.ID {
		return []readiness.Finding{observe.Finding(readiness.Conflict, "%s was of set %s at the last check and is of set %s; declare replicaSetId", n.Name, was, n.config.ID)}
	}
	return nil
}

type proof int

const (
	proved proof = iota
	undecided
	foreign
	later // an arbiter: others have to prove it
)

// identity records why a node is not taken for a member.
func (s *set) identity(n *node, f readiness.Finding) {
	if f.Code == readiness.IdentityMismatch && n.config != nil && n.config.ID != "" {
		s.book.Add(&n.Node, identityID, readiness.Str(n.config.ID), f)
		return
	}
	s.book.Fail(&n.Node, identityID, f)
}

func (s *set) stranger(n *node) (readiness.Finding, proof) {
	mismatch := func(format string, args ...any) (readiness.Finding, proof) {
		return observe.Finding(readiness.IdentityMismatch, format, args...), foreign
	}
	wantName, wantID := s.declared("setName"), s.declared("replicaSetId")
	switch {
	case n.router():
		return mismatch("%s is a router (mongos) and no member of a replica set", n.Name)
	case n.refused != nil:
		return *n.refused, foreign
	case n.hello.SetName == "" && n.hello.Writable:
		return observe.Finding(readiness.NotAMember, "%s names no replica set: it is a server by itself", n.Name), foreign
	case n.hello.SetName == "":
		return observe.Finding(readiness.IdentityUnproven, "%s did not name its replica set", n.Name), foreign
	case wantName != "" && n.hello.SetName != wantName:
		return mismatch("%s is of set %q, the resource declares %q", n.Name, n.hello.SetName, wantName)
	case n.arbiter():
		return readiness.Finding{}, later
	case !n.reached():
		return readiness.Finding{}, later // hello alone, without a login
	case n.config == nil || n.config.ID == "":
		if f, failed := n.failed[identityID]; failed {
			return f, undecided
		}
		return observe.Finding(readiness.IdentityUnproven, "%s did not tell the replicaSetId of its configuration", n.Name), undecided
	case wantID != "" && n.config.ID != wantID:
		return mismatch("%s is of set %s, the resource declares %s, although both are called %q", n.Name, n.config.ID, wantID, n.hello.SetName)
	}
	for _, other := range s.nodes {
		if other == n || other.hello == nil || other.router() {
			continue
		}
		if wantID == "" && other.config != nil && other.config.ID != "" && other.config.ID != n.config.ID {
			return mismatch("%s is of set %s and %s of set %s; both are called %q", n.Name, n.config.ID, other.Name, other.config.ID, n.hello.SetName)
		}
		if wantName == "" && wantID == "" && other.hello.SetName != "" && other.hello.SetName != n.hello.SetName {
			return mismatch("%s is of set %q and %s of set %q", n.Name, n.hello.SetName, other.Name, other.hello.SetName)
		}
	}
	return readiness.Finding{}, proved
}

// aliases recognises one server behind two endpoints: the process has one number
// for its lifetime. Two processes with one name of the set are worse.
func (s *set) aliases() {
	for i, n := range s.nodes {
		for _, first := range s.nodes[:i] {
			if !s.member(n) || !s.member(first) {
				continue
			}
			known := n.hello.Process != "" && first.hello.Process != ""
			switch {
			case known && n.hello.Process == first.hello.Process, !known && n.hello.Me != "" && sameHost(n.hello.Me, first.hello.Me):
				s.alias[n] = first
				f := observe.Finding(readiness.EndpointAliased, "%s and %s answer as one server, %s", first.Name, n.Name, first.hello.Me)
				s.blame(first, identityID, f)
				s.blame(n, identityID, f)
			case n.hello.Me != "" && sameHost(n.hello.Me, first.hello.Me):
				f := observe.Finding(readiness.Conflict, "%s and %s are two processes and both call themselves %s", first.Name, n.Name, n.hello.Me)
				s.blame(first, identityID, f)
				s.blame(n, identityID, f)
			}
		}
	}
}

// blame adds a finding to a reading of a node, or records it as one that failed.
func (s *set) blame(n *node, id readiness.ID, f readiness.Finding) {
	if !s.book.Blame(&n.Node, id, f) {
		s.book.Fail(&n.Node, id, f)
	}
}

// vouch proves an arbiter by somebody else: heartbeats between members of sets
// with different replicaSetId fail, so whoever hears it is of one set with it.
func (s *set) vouch(n *node) {
	if !n.arbiter() || !s.member(n) || !n.reached() {
		return
	}
	for _, by := range s.nodes {
		if !s.trusted(by) || by.arbiter() || s.seats[n] == nil {
			continue
		}
		if v := by.newest().of(s.seats[n].Host); v != nil && v.State != nil && *v.State == stateArbiter {
			if _, heard := s.heard(by, v); heard {
				s.book.Add(&n.Node, identityID, readiness.Str(s.config.ID+", by the heartbeats of "+by.Name))
				return
			}
		}
	}
	s.unproven[n] = true
	s.book.Fail(&n.Node, identityID, observe.Finding(readiness.IdentityUnproven, "no member that was reached hears arbiter %s, so its set is known by name only", n.Name))
}
