package mongodb

import (
	"strings"
	"time"
)

func decodeHello(d document) *hello {
	h := &hello{
		SetName: d.text("setName"), Me: d.text("me"), Primary: d.text("primary"), Router: d.text("msg") == "isdbgrid",
		// Servers before 4.4.2 answer isMaster, which has the older name.
		Writable: d.flag("isWritablePrimary") || d.flag("ismaster"), Secondary: d.flag("secondary"), Arbiter: d.flag("arbiterOnly"),
		Clock: d.moment("localTime"), Process: d.objectID("topologyVersion", "processId"),
	}
	if wire := d.integer("maxWireVersion"); wire != nil {
		h.Wire = *wire
	}
	return h
}

func decodeStatus(d document) *status {
	s := &status{
		Set: d.text("set"), Date: d.moment("date"), State: d.integer("myState"), Term: d.integer("term"), Source: d.text("syncSourceHost"),
		MajorityVotes: d.integer("majorityVoteCount"), WriteMajority: d.integer("writeMajorityCount"),
		Applied: d.position("optimes", "appliedOpTime"), AppliedWall: d.moment("optimes", "lastAppliedWallTime"),
		Committed: d.position("optimes", "lastCommittedOpTime"), CommittedWall: d.moment("optimes", "lastCommittedWallTime"),
		TooStale: d.flag("tooStale"), Elected: d.text("electionCandidateMetrics", "lastElectionReason"),
	}
	if sync := d.document("initialSyncStatus"); sync != nil {
		s.InitialSync = "it is making its first copy"
		if left := sync.number("remainingInitialSyncEstimatedMillis"); left != nil && *left >= 0 {
			s.InitialSync += ", by its own estimate for another " + (time.Duration(*left) * time.Millisecond).Round(time.Second).String()
		}
	}
	for _, m := range d.documents("members") {
		s.Members = append(s.Members, decodeView(m))
	}
	return s
}

func decodeView(d document) view {
	return view{
		ID: d.integer("_id"), Name: d.text("name"), Self: d.flag("self"), Health: d.number("health"), State: d.integer("state"), Uptime: d.number("uptime"),
		Applied: d.position("optime"), AppliedWall: d.moment("lastAppliedWallTime"),
		Durable: d.position("optimeDurable"), DurableWall: d.moment("lastDurableWallTime"),
		Heard: d.moment("lastHeartbeat"), Hears: d.moment("lastHeartbeatRecv"), Message: d.text("lastHeartbeatMessage"),
		Source: d.text("syncSourceHost"), Info: d.text("infoMessage"),
		ConfigVersion: d.integer("configVersion"), ConfigTerm: d.integer("configTerm"),
	}
}

// Defaults of a configuration (Server Manual, replica set configuration).
const (
	defaultPatience = 10 * time.Second
	defaultInterval = 2 * time.Second
)

// decodeConfig returns nil where a member cannot be told from another, or its
// weight in elections is not said: nothing about majorities could be concluded.
func decodeConfig(d document) *config {
	committed := d.known("commitmentStatus")
	d = d.document("config")
	c := &config{
		Set: d.text("_id"), Version: d.integer("version"), Term: d.integer("term"), ID: d.objectID("settings", "replicaSetId"),
		Committed: committed, Patience: defaultPatience, Interval: defaultInterval, Journaled: d.known("writeConcernMajorityJournalDefault"),
	}
	if ms := d.number("settings", "electionTimeoutMillis"); ms != nil && *ms > 0 && *ms < 1e12 {
		c.Election = time.Duration(*ms * float64(time.Millisecond))
	}
	if s := d.number("settings", "heartbeatTimeoutSecs"); s != nil && *s > 0 && *s < 1e6 {
		c.Patience = time.Duration(*s * float64(time.Second))
	}
	if ms := d.number("settings", "heartbeatIntervalMillis"); ms != nil && *ms > 0 && *ms < 1e9 {
		c.Interval = time.Duration(*ms * float64(time.Millisecond))
	}
	for _, m := range d.documents("members") {
		id, votes, priority := m.integer("_id"), m.integer("votes"), m.number("priority")
		if id == nil || votes == nil || priority == nil || m.text("host") == "" {
			return nil
		}
		s := seat{ID: *id, Host: m.text("host"), Arbiter: m.flag("arbiterOnly"), Hidden: m.flag("hidden"), Votes: *votes, Priority: *priority}
		for _, name := range []string{"secondaryDelaySecs", "slaveDelay"} { // 5.0 renamed it
			if delay := m.number(name); delay != nil && *delay < 1e9 {
				s.Delay = time.Duration(*delay * float64(time.Second))
			}
		}
		c.Members = append(c.Members, s)
	}
	if !c.sound() {
		return nil
	}
	return c
}

// sound reports whether a configuration is one a server could have.
func (c *config) sound() bool {
	votes := int64(0)
	for _, m := range c.Members {
		if m.Votes < 0 || m.Votes > 1 || m.Priority < 0 || m.Priority > 1000 || m.Delay < 0 {
			return false
		}
		votes += m.Votes
	}
	return c.Version != nil && votes > 0
}

// firstBatch is the documents of a find.
func firstBatch(d document) []document { return d.documents("cursor", "firstBatch") }

func decodeShards(list []document) map[string]string {
	shards := map[string]string{}
	for _, d := range list {
		shards[d.text("_id")] = d.text("host")
	}
	return shards
}

func decodeDraining(list []document) []string {
	var names []string
	for _, d := range list {
		if d.flag("draining") {
			names = append(names, d.text("_id"))
		}
	}
	return names
}

// setOf is the name of the set in set/host,host.
func setOf(hosts string) string {
	set, _, found := strings.Cut(hosts, "/")
	if !found {
		return ""
	}
	return set
}

// hostsOf are the members in set/host,host.
func hostsOf(hosts string) []string {
	_, list, found := strings.Cut(hosts, "/")
	if !found {
		return nil
	}
	return strings.Split(list, ",")
}

func decodeBeat(d document) *beat {
	list := firstBatch(d)
	if len(list) == 0 {
		return nil
	}
	return &beat{Sequence: list[0].integer("seq"), At: list[0].moment("at")}
}
