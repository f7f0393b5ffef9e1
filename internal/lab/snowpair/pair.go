package snowpair

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// Pair is a running organization: its state, and a server for each account.
type Pair struct {
	options Options
	ca      []byte
	keys    Keys
	sites   []*site
	client  *site // the connection's URL; nil: none

	mu       sync.Mutex // guards everything below
	org      *organization
	started  time.Time
	queries  map[string]*query
	recent   []string // ids of queries, oldest first
	sessions map[string]*session
	open     []*session // oldest first
	broken   []string   // faults that are in, in their order
	cuts     []*cut     // connections that are to be cut
	watch    lab.Watch
	changed  map[string]int
	counts   Counts
	ended    bool
	handlers sync.WaitGroup // grows only while not ended
	closed   chan struct{}
}

var _ lab.System = (*Pair)(nil)

// GenerateKeys makes the keys of all users.
func GenerateKeys() (Keys, error) {
	keys := Keys{}
	return keys, keys.complete()
}

func (k Keys) complete() error {
	for _, name := range userNames() {
		if k[name] != nil {
			continue
		}
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return fmt.Errorf("make the key of %s: %w", name, err)
		}
		k[name] = key
	}
	return nil
}

// Start starts a pair. Close ends it.
func Start(o Options) (*Pair, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("start %q: %w", o.Name, err)
	}
	p := &Pair{
		options: o, keys: Keys{}, started: o.Now().Truncate(time.Millisecond),
		changed: map[string]int{}, queries: map[string]*query{}, sessions: map[string]*session{}, closed: make(chan struct{}),
	}
	for name, key := range o.Keys {
		p.keys[name] = key
	}
	if err := p.keys.complete(); err != nil {
		return nil, fmt.Errorf("start %q: %w", o.Name, err)
	}
	if p.org, err = newOrganization(o, p.keys, p.started); err != nil {
		return nil, fmt.Errorf("start %q: %w", o.Name, err)
	}
	authority := o.Authority
	if authority == (pki.Authority{}) {
		if authority, err = pki.New(time.Now()); err != nil {
			return nil, fmt.Errorf("start %q: %w", o.Name, err)
		}
	}
	p.ca = authority.CertPEM()
	for _, a := range p.org.accounts {
		s, err := p.listen(a, authority)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start %q: %w", o.Name, err), p.Close())
		}
		p.sites = append(p.sites, s)
	}
	if o.Connection != none {
		s, err := p.serve(&site{leads: o.Connection, serves: p.org.accounts[0]}, "connection", authority)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start %q: %w", o.Name, err), p.Close())
		}
		p.client = s
	}
	return p, nil
}

// Name is the name of the system, and of its resource.
func (p *Pair) Name() string { return p.options.Name }

// Platform is what Resource.spec.platform says.
func (p *Pair) Platform() string { return "snowflake" }

// CA is the certificate, in PEM form, that signed those of the servers.
func (p *Pair) CA() []byte { return slices.Clone(p.ca) }

// Organization is the name of the organization.
func (p *Pair) Organization() string { return p.org.name }

// Account is an account's identifier as clients give it: ORG-ACCOUNT.
func (p *Pair) Account(name string) string { return p.org.name + "-" + name }

// URL is where an account is served; empty for an unknown one.
func (p *Pair) URL(account string) string {
	if s := p.site(account); s != nil {
		return s.url()
	}
	return ""
}

// ClientURL is where clients are led by the connection; empty when there is none. It
// answers as the account where the connection is primary.
func (p *Pair) ClientURL() string {
	if p.client == nil {
		return ""
	}
	return p.client.url()
}

// Host is the host and port of an account.
func (p *Pair) Host(account string) string {
	u, err := url.Parse(p.URL(account))
	if err != nil {
		return ""
	}
	return u.Host
}

// Key is a user's private key.
func (p *Pair) Key(user string) *rsa.PrivateKey { return p.keys[user] }

func (p *Pair) site(account string) *site {
	i := slices.IndexFunc(p.sites, func(s *site) bool { return s.home.Name == account })
	if i < 0 {
		return nil
	}
	return p.sites[i]
}

// names of the two accounts that faults are about.
func (p *Pair) source() *account { return p.org.accounts[0] }
func (p *Pair) target() *account { return p.org.accounts[1] }

// Nodes lists the accounts as they are now.
func (p *Pair) Nodes() []lab.Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	var out []lab.Node
	for _, s := range p.sites {
		n := lab.Node{Name: p.endpoint(s.home), Site: s.home.Site, Address: s.url(), State: s.mode.String()}
		if g := s.home.group(p.groupIn(s.home)); g != nil {
			n.Role = "SECONDARY"
			if g.primary {
				n.Role = "PRIMARY"
				n.Detail = "no schedule"
				if g.schedule != "" {
					n.Detail = "schedule " + g.schedule
				}
			} else if at := g.consistent(now); at.IsZero() {
				n.Detail = strings.ToLower(g.state) + ", never refreshed"
			} else {
				n.Detail = fmt.Sprintf("%s, snapshot %s ago", strings.ToLower(g.state), now.Sub(at).Round(time.Second))
			}
		}
		out = append(out, n)
	}
	return out
}

// groupIn is the name of the first group in an account.
func (p *Pair) groupIn(a *account) string {
	if a == p.source() {
		return p.options.Groups[0].Name
	}
	return p.options.Groups[0].Secondary
}

// endpoint is the name of an account's endpoint in the resource.
func (p *Pair) endpoint(a *account) string {
	return strings.ToLower(strings.ReplaceAll(a.Name, "_", "-"))
}

// Secrets returns the private keys by user, in PEM form, one password and one
// programmatic access token.
func (p *Pair) Secrets() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]string{}
	for name, key := range p.keys {
		out[SecretKey(name)] = privatePEM(key)
	}
	a := p.source()
	out[SecretPassword] = a.users[UserLimited].password
	out[SecretToken] = a.users[UserMonitor].token
	return out
}

// Names of secrets beside keys.
const (
	SecretPassword = "bcctl_limited.password" // of UserLimited
	SecretToken    = "bcctl_monitor.token"    // programmatic access token of UserMonitor
)

// SecretKey is the name of the secret that holds a user's private key.
func SecretKey(user string) string { return strings.ToLower(user) + ".p8" }

func privatePEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil { // cannot happen: the key was made here
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Close ends the servers.
func (p *Pair) Close() error {
	p.mu.Lock()
	first := !p.ended
	p.ended = true
	p.mu.Unlock()
	var errs []error
	if first {
		close(p.closed)
		for _, s := range p.sites {
			errs = append(errs, s.close())
		}
		if p.client != nil {
			errs = append(errs, p.client.close())
		}
	}
	p.handlers.Wait()
	return errors.Join(errs...)
}
