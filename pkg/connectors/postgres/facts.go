package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/postgres/patroni"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// node is everything one probe learned about one endpoint. The derive functions
// read it and nothing else.
type node struct {
	connectors.Endpoint

	// at is the collector's clock at the middle of the first request, and took is
	// how long that lasted; both are zero when the node was not reached.
	at          time.Time
	took        time.Duration
	collectedAt time.Time

	// unreached is set when the node gave no facts; facts is nil then.
	unreached *unreached
	facts     *nodeFacts

	// manager is what the Patroni beside the server says; empty where it was not asked
	// or there is none.
	manager patroni.Look

	inHotStandby string // connection parameter of 14+, a second witness of the role
	position     *position
	closing      *position // the primary's position after every other node was read
	replay       *replay
	senders      []sender
	slots        []slot
	settings     settings
	readOnlyFor  []readOnlyDefault
	archiver     *archiver
	archiveReady *int64
	conflicts    *int64
	heartbeat    *heartbeat
	reign        *reign
	collations   []string
	syncWaiting  *int64
	system       *systemInfo       // from IDENTIFY_SYSTEM, only when lineage was in question
	history      []historyEntry    // of the node's timeline, likewise
	caughtUp     map[int]time.Time // primary: when each sender (by pid) was seen to confirm position.Flush
	resolved     []string          // addresses of a node that was not reached
	replayedAt   time.Time         // standby: when this position of replay was first seen, as far as this connector knows
	motionless   bool              // standby: watched for a moment it had WAL to apply and applied none

	// lineageFailure says why the replication connection gave no answer.
	lineageFailure *readiness.Finding

	// failed holds readings that failed on a node that was reached, by the
	// indicator they were for.
	failed map[readiness.ID]readiness.Finding
}

// unreached says why a node gave no facts.
type unreached struct {
	code    readiness.Code // VIS_AUTH, NODE_STARTING, ...; empty when it simply does not answer
	message string
	alive   bool // something on the host answered, so the host is up

	// refused: the host itself said that nobody listens. accepted: somebody took the
	// connection and then said nothing, as a hung server does.
	refused, accepted bool
}

func (n *node) isPrimary() bool { return n.facts != nil && !n.facts.InRecovery }
func (n *node) isStandby() bool { return n.facts != nil && n.facts.InRecovery }

// newest is the primary's latest known position.
func (n *node) newest() *position {
	if n.closing != nil {
		return n.closing
	}
	return n.position
}

// have is everything the standby holds. pg_last_wal_receive_lsn() restarts at the
// beginning of a segment when streaming restarts, so it can be behind replay.
func (n *node) have() (lsn, bool) {
	if n.replay == nil || n.replay.Replay == nil {
		return 0, false
	}
	have := *n.replay.Replay
	if n.replay.Receive != nil && *n.replay.Receive > have {
		have = *n.replay.Receive
	}
	return have, true
}

type nodeFacts struct {
	InRecovery       bool      `json:"inRecovery"`
	SystemIdentifier string    `json:"systemIdentifier"`
	Started          time.Time `json:"started"`
	Addr             *string   `json:"addr"`
	Port             *int      `json:"port"`
	ClusterName      string    `json:"clusterName"`
	Version          int       `json:"version"`
	Clock            time.Time `json:"clock"`
	Monitor          bool      `json:"monitor"`
	Heartbeat        bool      `json:"heartbeat"`
	Reign            bool      `json:"reign"`
}

type position struct {
	Flush    lsn `json:"flush"`
	Insert   lsn `json:"insert"`
	Timeline int `json:"timeline"`
	at       time.Time
}

type replay struct {
	Receive    *lsn       `json:"receive"`
	Replay     *lsn       `json:"replay"`
	Pause      *string    `json:"pause"`
	LastCommit *time.Time `json:"lastCommit"`
	Receiver   *receiver  `json:"receiver"`
}

// receiver is the row of pg_stat_wal_receiver. With too few privileges only pid
// is filled.
type receiver struct {
	PID        *int     `json:"pid"`
	Status     *string  `json:"status"`
	Timeline   *int     `json:"timeline"`
	Host       *string  `json:"host"`
	Port       *int     `json:"port"`
	SlotName   *string  `json:"slotName"`
	MessageAge *float64 `json:"messageAge"`
	Age        *float64 `json:"age"` // of its process, which serves one connection, in seconds

	resolved []string // addresses of Host, where it is a name
}

func (r *receiver) masked() bool    { return r != nil && r.Status == nil }
func (r *receiver) streaming() bool { return r != nil && r.Status != nil && *r.Status == "streaming" }

// sender is a row of pg_stat_replication with its slot.
type sender struct {
	PID             *int     `json:"pid"`
	ApplicationName *string  `json:"applicationName"`
	SlotName        *string  `json:"slotName"`
	Addr            *string  `json:"addr"`
	State           *string  `json:"state"`
	SyncState       *string  `json:"syncState"`
	Flush           *lsn     `json:"flush"`
	Replay          *lsn     `json:"replay"`
	ReplyAge        *float64 `json:"replyAge"`
	Age             *float64 `json:"age"` // of the connection, in seconds
	ServerFlush     *lsn     `json:"serverFlush"`
}

// sending reports whether WAL flows, be it old.
func (s *sender) sending() bool {
	return s != nil && s.State != nil && (*s.State == "streaming" || *s.State == "catchup")
}

type slot struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"` // physical or logical
	Active    bool    `json:"active"`
	Temporary bool    `json:"temporary"`
	Restart   *lsn    `json:"restart"`
	WALStatus *string `json:"walStatus"`
	SafeSize  *int64  `json:"safeSize"`
}

type archiver struct {
	Archived     int64      `json:"archived"`
	Failed       int64      `json:"failed"`
	LastArchived *time.Time `json:"lastArchived"`
	LastFailed   *time.Time `json:"lastFailed"`
	FailedFile   *string    `json:"failedFile"`
}

// failing compares the newest attempts; counters alone never tell.
func (a archiver) failing() bool {
	if a.LastFailed == nil {
		return false
	}
	return a.LastArchived == nil || a.LastFailed.After(*a.LastArchived)
}

// heartbeat is the marker row. The table is the operator's, so nothing in it is
// taken for granted: a NULL is no age of zero.
type heartbeat struct {
	Seq       *int64     `json:"seq"`
	WrittenAt *time.Time `json:"writtenAt"`
	Age       *float64   `json:"age"`
}

// problem says why a row is no heartbeat, if it is none.
func (h *heartbeat) problem() (readiness.Finding, bool) {
	if h.Seq == nil || h.WrittenAt == nil {
		return finding(readiness.ValueInvalid, "the heartbeat row has no number or no time"), true
	}
	if _, bad := age(h.Age); bad != nil {
		bad.Message = "the heartbeat row: " + bad.Message
		return *bad, true
	}
	return readiness.Finding{}, false
}

// reign is the table of reigns: the newest row, and all of them.
type reign struct {
	Newest *string  `json:"newest"`
	All    []string `json:"all"`
}

// name is the newest reign, for people.
func (r *reign) name() string {
	if r.Newest == nil {
		return "none"
	}
	return *r.Newest
}

// strangeTo returns a reign of r that other never had. Rows are only ever added,
// so a standby that follows has some or all of its primary's and no other,
// however far behind it is.
func (r *reign) strangeTo(other *reign) (string, bool) {
	if r == nil || other == nil || len(other.All) >= maxReigns {
		return "", false
	}
	for _, id := range r.All {
		if !slices.Contains(other.All, id) {
			return id, true
		}
	}
	return "", false
}

type systemInfo struct {
	systemIdentifier string
	timeline         int
	position         lsn
}

// readOnlyDefault is a role, a database or both whose transactions are read-only
// by default.
type readOnlyDefault struct {
	Where string `json:"where"`
	Own   bool   `json:"own"`  // the monitoring role itself
	Here  bool   `json:"here"` // the database of bcctl's sessions
}

// settings are texts of pg_settings.reset_val by name.
type settings map[string]string

func (s settings) number(name string) (int64, bool) {
	var n int64
	if _, err := fmt.Sscan(s[name], &n); err != nil {
		return 0, false
	}
	return n, true
}

func (s settings) on(name string) bool { return s[name] == "on" }

// milliseconds reads a setting whose base unit is ms.
func (s settings) milliseconds(name string) (time.Duration, bool) {
	n, ok := s.number(name)
	return time.Duration(n) * time.Millisecond, ok
}

func decodeJSON[T any](text string, into *T) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("decode the server's answer: %w", err)
	}
	return nil
}
