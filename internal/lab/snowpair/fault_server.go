package snowpair

import (
	"net/http"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

const faultExpireTokens = "expire-tokens"

func accessFaults() []fault {
	return []fault{
		newFault("drop-privilege", "take MONITOR on the group from the monitoring role at the DR site: SHOW is empty, without an error", func(p *Pair, _ time.Time) {
			p.target().revoke(UserMonitor, onGroup)
		}, readiness.GroupNotVisible),
		newFault("no-warehouse", "take USAGE on the warehouse from the monitoring role", func(p *Pair, _ time.Time) {
			for _, a := range p.org.accounts {
				a.revoke(UserMonitor, onWarehouse)
				for _, s := range p.open {
					if s.account == a && s.user == UserMonitor {
						s.warehouse = ""
					}
				}
			}
		}, readiness.QueryFailed),
		newFault("login-refused", "the monitoring user's key is no longer accepted", func(p *Pair, _ time.Time) {
			for _, a := range p.org.accounts {
				a.users[UserMonitor].refused = true
			}
			p.forgetAll(UserMonitor)
		}, readiness.VisAuth),
		newFault("network-policy", "a network policy at the DR site keeps bcctl out", func(p *Pair, _ time.Time) {
			p.target().refuse = &autoRefuse{390422, "Incoming request with IP/Token 127.0.0.1 is not allowed to access Snowflake. Contact your account administrator."}
			for _, s := range p.open {
				if s.account == p.target() {
					p.forget(s)
				}
			}
		}, readiness.VisDR),
		newFault(faultExpireTokens, "session tokens have expired when they are first used; a client renews them", func(p *Pair, now time.Time) {
			for _, s := range p.open {
				s.expires = now
			}
		}),
		newFault("clock-skew", "the clock of the account at the DR site is five minutes ahead", func(p *Pair, _ time.Time) {
			p.target().skew = 5 * time.Minute
		}, readiness.ClockSkew),
		newFault("wrong-account", "the DR site's URL leads to the primary's account, as a connection URL does", func(p *Pair, _ time.Time) {
			p.sites[1].serves = p.source()
		}, readiness.IdentityMismatch),
	}
}

// forgetAll ends all sessions of a user.
func (p *Pair) forgetAll(user string) {
	for _, s := range p.open {
		if s.user == user {
			p.forget(s)
		}
	}
}

func serverFaults() []fault {
	mode := func(m mode, accounts ...int) func(*Pair, time.Time) {
		return func(p *Pair, _ time.Time) {
			for _, n := range accounts {
				if m == stopped {
					p.org.accounts[n].freeze()
				}
				p.sites[n].set(m)
			}
		}
	}
	status := func(code int) func(*Pair, time.Time) {
		return func(p *Pair, _ time.Time) { p.sites[1].status = code }
	}
	return []fault{
		newFault("source-down", "the primary's account cannot be reached", mode(stopped, 0), readiness.VisPrimary),
		newFault("target-down", "the account at the DR site cannot be reached", mode(stopped, 1), readiness.VisDR),
		newFault("both-down", "neither account can be reached", mode(stopped, 0, 1), readiness.VisBoth),
		newFault("hang-source", "the primary's account accepts connections and does not answer", mode(hung, 0), readiness.VisPrimary),
		newFault("hang-target", "the account at the DR site accepts connections and does not answer", mode(hung, 1), readiness.VisDR),
		newFault("http-503", "the account at the DR site answers 503 Service Unavailable", status(http.StatusServiceUnavailable), readiness.VisDR),
		newFault("http-429", "the account at the DR site answers 429 Too Many Requests", status(http.StatusTooManyRequests), readiness.VisDR),
	}
}
