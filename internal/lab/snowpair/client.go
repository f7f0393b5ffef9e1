package snowpair

import "github.com/bcctl/bcctl/internal/lab"

// Watch has somebody told of every statement that would change something; nil ends it.
func (p *Pair) Watch(w lab.Watch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = w
}

// watched tells of a statement. It reports whether the connection ends in place of an
// answer. Pair.mu is held, and let go meanwhile.
func (p *Pair) watched(a *account, req queryBody, done bool) bool {
	watch := p.watch
	if watch == nil || req.Describe || !changing(req.SQL) {
		return false
	}
	p.mu.Unlock() // what is told may take its time
	defer p.mu.Lock()
	return watch(a.Name, req.SQL, done)
}

// Unplug cuts all clients off: connections end, and new ones are refused. Among themselves
// the accounts go on.
func (p *Pair) Unplug() { p.plug(true) }

// Plug undoes Unplug.
func (p *Pair) Plug() error {
	p.plug(false)
	return nil
}

func (p *Pair) plug(away bool) {
	sites := p.sites
	if p.client != nil {
		sites = append(sites[:len(sites):len(sites)], p.client)
	}
	for _, s := range sites {
		s.connMu.Lock()
		s.away = away
		s.connMu.Unlock()
		if away {
			s.closeConns()
		}
	}
}
