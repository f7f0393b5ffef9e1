package mongoset

import (
	"errors"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func configFaults() []fault {
	return []fault{
		{"delayed-member", "the member at the DR site applies an hour late, by configuration", codes(readiness.ApplyDelay, readiness.NotElectable),
			func(s *Set) (func() error, error) {
				away := s.away()
				s.rewind(away, time.Hour)
				return s.reconfigured("delayed-member", ofMember(away, func(m *memberConfig) { m.delay, m.priority, m.hidden = time.Hour, 0, true }))
			}},
		{"hidden-member", "the member at the DR site is hidden: no client sees it, and it cannot be elected", codes(readiness.NotElectable),
			func(s *Set) (func() error, error) {
				away := s.away()
				return s.reconfigured("hidden-member", ofMember(away, func(m *memberConfig) { m.hidden, m.priority = true, 0 }))
			}},
		{"config-drift", "the member at the DR site does not take over a newer configuration", codes(readiness.ConfigDrift),
			func(s *Set) (func() error, error) {
				undo, _ := quirk("config-drift", func(q *quirks) { q.deafToConfig = true }, s.away()) // cannot fail
				undoConfig, err := s.reconfigured("config-drift", func(*config) {})
				return both(undo, undoConfig), err
			}},
		{"config-uncommitted", "no secondary has the newest configuration", codes(readiness.ConfigUncommitted),
			func(s *Set) (func() error, error) {
				undo, _ := quirk("config-uncommitted", func(q *quirks) { q.deafToConfig = true }, s.but(s.home())...) // cannot fail
				undoConfig, err := s.reconfigured("config-uncommitted", func(*config) {})
				return both(undo, undoConfig), err
			}},
		{"removed-member", "the member at the DR site was removed from the configuration", codes(readiness.NodeRemoved),
			func(s *Set) (func() error, error) {
				away := s.away()
				return s.reconfigured("removed-member", func(c *config) {
					c.members = slices.DeleteFunc(c.members, func(m memberConfig) bool { return samePort(m.host, away.host) })
				})
			}},
		{"unlisted-member", "the set has a fourth member that the resource does not list", codes(readiness.EndpointMissing), (*Set).addMember},
		{"wrong-name", "the configuration has the member at the DR site by another name than the resource", codes(readiness.AddressMismatch),
			func(s *Set) (func() error, error) {
				away := s.away()
				return s.reconfigured("wrong-name", ofMember(away, func(m *memberConfig) { m.host = otherName(away.host) }))
			}},
	}
}

// edit is what one fault changes of the configuration.
type edit struct {
	fault string
	apply func(*config)
}

// reconfigured changes the configuration for a fault, beside what other faults
// change; every change and its undoing is a newer version.
func (s *Set) reconfigured(fault string, apply func(*config)) (func() error, error) {
	if s.members == nil {
		s.members = slices.Clone(s.home().cfg.members)
	}
	s.edits = append(s.edits, edit{fault, apply})
	err := s.applyEdits()
	return func() error {
		s.edits = slices.DeleteFunc(s.edits, func(e edit) bool { return e.fault == fault })
		err := s.applyEdits()
		if len(s.edits) == 0 {
			s.members = nil
		}
		return err
	}, err
}

// applyEdits installs the configuration as the faults want it on the primary, or
// on the member at home when there is none.
func (s *Set) applyEdits() error {
	r, at := s.main(), s.home()
	for _, p := range r.primaries() {
		if p.cfg.id == at.cfg.id {
			at = p
			break
		}
	}
	c := at.cfg.change(func(c *config) {
		c.members, c.term = slices.Clone(s.members), at.term
		for _, e := range s.edits {
			e.apply(c)
		}
	})
	if failed := c.check(); failed != nil {
		return errors.New(failed.message)
	}
	r.install(at, c)
	return nil
}

// ofMember changes a member that is still there.
func ofMember(n *node, change func(*memberConfig)) func(*config) {
	return func(c *config) {
		if m := c.member(n.host); m != nil {
			change(m)
		}
	}
}

// addMember starts another server and makes it a member without a vote.
func (s *Set) addMember() (func() error, error) {
	r := s.main()
	srv, err := s.newServer(s.name+"-d", lab.DRSite, r.nodes[0].v)
	if err != nil {
		return nil, err
	}
	s.listed = slices.DeleteFunc(s.listed, func(x *server) bool { return x == srv })
	n := srv.node
	n.index = len(r.nodes)
	srv.world = r
	home := s.home()
	m := Member{Name: n.name, Site: n.site, NoVote: true}.config(n.index+10, n.host)
	r.nodes = append(r.nodes, n)
	r.boot(n, home.cfg)
	n.state, n.term = stateRemoved, home.term
	for _, e := range home.log.entries {
		r.apply(n, e)
	}
	srv.serve(srv.listener)
	undoConfig, err := s.reconfigured("unlisted-member", func(c *config) { c.members = append(c.members, m) })
	return func() error {
		err := undoConfig()
		srv.shut()
		n.process = stopped
		r.nodes = slices.DeleteFunc(r.nodes, func(x *node) bool { return x == n })
		s.servers = slices.DeleteFunc(s.servers, func(x *server) bool { return x == srv })
		return err
	}, err
}

// otherName is another name of the same address.
func otherName(host string) string { return "localhost" + host[len("127.0.0.1"):] }
