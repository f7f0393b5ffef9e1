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
				undo, err := s.reconfigured(func(c *config) {
					m := c.member(away.host)
					m.delay, m.priority, m.hidden = time.Hour, 0, true
				})
				s.lagBehind(away, time.Hour)
				away.quirks.paused = false
				return undo, err
			}},
		{"hidden-member", "the member at the DR site is hidden: no client sees it, and it cannot be elected", codes(readiness.NotElectable),
			func(s *Set) (func() error, error) {
				away := s.away()
				return s.reconfigured(func(c *config) { m := c.member(away.host); m.hidden, m.priority = true, 0 })
			}},
		{"config-drift", "the member at the DR site does not take over a newer configuration", codes(readiness.ConfigDrift),
			func(s *Set) (func() error, error) {
				undo, _ := quirk(s.away(), func(q *quirks) { q.deafToConfig = true })
				_, err := s.reconfigured(func(*config) {})
				return undo, err
			}},
		{"config-uncommitted", "no secondary has the newest configuration", codes(readiness.ConfigUncommitted),
			func(s *Set) (func() error, error) {
				others := s.but(s.home())
				for _, n := range others {
					n.quirks.deafToConfig = true
				}
				_, err := s.reconfigured(func(*config) {})
				return func() error {
					for _, n := range others {
						n.quirks.deafToConfig = false
					}
					return nil
				}, err
			}},
		{"removed-member", "the member at the DR site was removed from the configuration", codes(readiness.NodeRemoved),
			func(s *Set) (func() error, error) {
				away := s.away()
				return s.reconfigured(func(c *config) {
					c.members = slices.DeleteFunc(c.members, func(m memberConfig) bool { return samePort(m.host, away.host) })
				})
			}},
		{"unlisted-member", "the set has a fourth member that the resource does not list", codes(readiness.EndpointMissing), (*Set).addMember},
		{"wrong-name", "the configuration has the member at the DR site by another name than the resource", codes(readiness.AddressMismatch),
			func(s *Set) (func() error, error) {
				away := s.away()
				return s.reconfigured(func(c *config) { c.member(away.host).host = otherName(away.host) })
			}},
	}
}

// reconfigured changes the configuration on the primary; undo brings the members
// back as they were, as a newer version.
func (s *Set) reconfigured(edit func(*config)) (func() error, error) {
	r := s.main()
	install := func(edit func(*config)) error {
		all := r.primaries()
		if len(all) == 0 {
			return errors.New("there is no primary to reconfigure")
		}
		p := all[0]
		r.install(p, p.cfg.change(func(c *config) {
			edit(c)
			c.term = p.term
		}))
		return nil
	}
	if len(r.primaries()) == 0 {
		return nil, errors.New("there is no primary to reconfigure")
	}
	before := r.primaries()[0].cfg.members
	err := install(edit)
	return func() error { return install(func(c *config) { c.members = slices.Clone(before) }) }, err
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
	undoConfig, err := s.reconfigured(func(c *config) { c.members = append(c.members, m) })
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
