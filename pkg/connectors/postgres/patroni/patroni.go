// Package patroni speaks with the REST API of one Patroni member: it reads what the
// member says of itself and of its cluster, and asks for a change of the leader.
//
// It decides nothing. What a member says is its word, which the PostgreSQL connector
// holds against what the servers say.
package patroni

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Member is what a member says of itself: GET /patroni.
type Member struct {
	State            string   `json:"state"`
	Role             string   `json:"role"` // primary (master before 4.0), replica, standby_leader
	Started          instant  `json:"postmaster_start_time"`
	Timeline         int      `json:"timeline"`
	SystemIdentifier string   `json:"database_system_identifier"`
	Paused           bool     `json:"pause"`
	SyncStandby      bool     `json:"sync_standby"`
	QuorumStandby    bool     `json:"quorum_standby"`
	WatchdogFailed   bool     `json:"watchdog_failed"`
	Tags             tags     `json:"tags"`
	Patroni          software `json:"patroni"`
}

type software struct {
	Version string `json:"version"`
	Scope   string `json:"scope"`
	Name    string `json:"name"` // not before 3.2
}

// Primary reports whether its PostgreSQL accepts writes, by its word.
func (m Member) Primary() bool { return m.Role == "primary" || m.Role == "master" }

// Writes reports whether a member claims to be the primary, and does not say that its
// server is down: Patroni names the last role also then.
func (m Member) Writes() bool { return m.Primary() && m.State != "stopped" && m.State != "crashed" }

// Cluster is what a member reads of its cluster in the store of its state: GET
// /cluster.
type Cluster struct {
	Members   []Row      `json:"members"`
	Paused    bool       `json:"pause"`
	Scheduled *Scheduled `json:"scheduled_switchover"`
}

// Row is one member in a Cluster.
type Row struct {
	Name     string `json:"name"`
	Role     string `json:"role"` // leader, standby_leader, replica, sync_standby, quorum_standby
	State    string `json:"state"`
	API      string `json:"api_url"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Timeline int    `json:"timeline"`
	Lag      lag    `json:"lag"`
	Tags     tags   `json:"tags"`
}

// Running reports whether its PostgreSQL is up, as a leader or as a replica.
func (r Row) Running() bool { return r.State == "running" || r.State == "streaming" }

// Synchronous reports whether commits wait for it.
func (r Row) Synchronous() bool { return r.Role == "sync_standby" || r.Role == "quorum_standby" }

// Scheduled is a switchover that will be made at a time.
type Scheduled struct {
	At   string `json:"at"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Leader is the name of the member that holds the leader's lock, "" when none does.
func (c Cluster) Leader() string {
	for _, m := range c.Members {
		if m.Role == "leader" || m.Role == "standby_leader" {
			return m.Name
		}
	}
	return ""
}

// Row is that of a member, if there is one.
func (c Cluster) Row(name string) (Row, bool) {
	for _, m := range c.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Row{}, false
}

// Config is the part of the dynamic configuration that matters here: GET /config.
type Config struct {
	TTL            *float64        `json:"ttl"`
	LoopWait       *float64        `json:"loop_wait"`
	MaximumLag     *float64        `json:"maximum_lag_on_failover"`
	Synchronous    json.RawMessage `json:"synchronous_mode"` // true, false, or quorum
	StandbyCluster json.RawMessage `json:"standby_cluster"`
}

// IsSynchronous reports whether only members for which commits wait may take over.
func (c Config) IsSynchronous() bool { return given(c.Synchronous) }

// IsStandby reports whether the whole cluster follows another one.
func (c Config) IsStandby() bool { return given(c.StandbyCluster) }

// given takes what is not certainly off for on.
func given(raw json.RawMessage) bool {
	switch strings.ToLower(strings.Trim(string(raw), `" `)) {
	case "", "null", "false", "off", "no", "0", "{}":
		return false
	}
	return true
}

// MaximumLagBytes is how far a replica may be behind and still take over.
func (c Config) MaximumLagBytes() int64 {
	if c.MaximumLag == nil || *c.MaximumLag < 0 {
		return 1 << 20 // Patroni's own default
	}
	return int64(min(*c.MaximumLag, 1e15))
}

// Turn is how long a leader's lock lasts at most without being renewed, and one turn
// of Patroni's loop on top. Within it every member that lives has read what was asked
// for and acted upon it, or dropped it.
func (c Config) Turn() time.Duration {
	seconds := func(value *float64, otherwise float64) time.Duration {
		if value == nil || *value < 0 || *value > 3600 {
			value = &otherwise
		}
		return time.Duration(*value * float64(time.Second))
	}
	return seconds(c.TTL, 30) + seconds(c.LoopWait, 10)
}

// lag is a number of bytes, or a word where it is not known.
type lag struct {
	Bytes int64
	Known bool
}

func (l *lag) UnmarshalJSON(raw []byte) error {
	var n float64
	if err := json.Unmarshal(raw, &n); err == nil && n >= 0 && n < 1e18 && string(raw) != "null" {
		*l = lag{Bytes: int64(n), Known: true}
	}
	return nil
}

// instant is a time as Patroni writes it, in one of several forms; zero when it is
// not there or in another form.
type instant struct{ time.Time }

func (i *instant) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil
	}
	for _, form := range []string{"2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999 MST", time.RFC3339Nano} {
		if at, err := time.Parse(form, text); err == nil {
			i.Time = at
			return nil
		}
	}
	return nil
}

// tags are those of a member's configuration, of any type.
type tags map[string]any

func (t *tags) UnmarshalJSON(raw []byte) error {
	var m map[string]any
	if json.Unmarshal(raw, &m) == nil {
		*t = m
	}
	return nil
}

// Has reports whether a tag is set to anything but a plain no.
func (t tags) Has(name string) bool {
	value, there := t[name]
	if !there || value == nil {
		return false
	}
	switch strings.ToLower(fmt.Sprint(value)) {
	case "false", "off", "no", "0", "":
		return false
	}
	return true
}
