package model

import (
	"math/big"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Copy is one instance's copy of a database. Positions are bytes of log.
type Copy struct {
	DB        *Database
	Group     *Group // nil outside of a group
	Instance  *Instance
	ID        int    // database_id
	Status    string // ONLINE, RESTORING, RECOVERING, RECOVERY_PENDING, SUSPECT
	Joined    bool
	Suspended bool
	Reason    string // of the suspension, as suspend_reason_desc has it
	Since     time.Time
	Phase     State // Reverting or Initializing; otherwise NotSynchronizing
	Encrypted []byte

	Family, Fork, FirstFork sqltype.GUID
	ForkPoint               int64
	Recovery                int64 // end of the log when it became primary

	At        time.Time // when the positions below were true
	End       int64     // end of the log: written, or hardened
	Redone    int64
	Rate      int64 // written per second while it is the writer
	SendLimit int64 // bytes per second it can receive; 0 is no limit
	RedoLimit int64 // bytes per second it can redo; 0 is no limit
	Source    *Copy // where its log came from; nil if it wrote it
	marks     []mark
	Heartbeat []Beat // newest last
	Backup    time.Time
	Pinned    string  // log_reuse_wait_desc, when it is not what follows from the state
	LogUsed   float64 // percent
	Seeding   []Seeding
}

// mark is a point of the line along which the log grew.
type mark struct {
	at   time.Time
	pos  int64
	rate int64 // at which the log grew up to here; 0 for a single write
}

// maxMarks bounds what is kept of the past.
const maxMarks = 64

// Beat is what the heartbeat table held from a position of the log on.
type Beat struct {
	Pos  int64
	Rows [][]any
}

// Seeding is one attempt to make a copy.
type Seeding struct {
	Started, Completed  time.Time
	State               string
	Failure             int
	FailureDescription  string
	Group, Remote       sqltype.GUID // the group, and the replica at the other end
	NumberOfAttempts    int
	IsSource, Performed bool
}

// Writer says whether the database can be written here and now.
func (c *Copy) Writer() bool {
	if !c.Instance.Up || c.Status != "ONLINE" {
		return false
	}
	if c.Group == nil {
		return true
	}
	r := c.Group.ReplicaOn(c.Instance)
	if r == nil || r.Role != Primary {
		return r == nil
	}
	if c.Group.Type == WSFC && !c.Instance.Quorum() {
		return false
	}
	_, above := c.Instance.World.Above(c.Group)
	return above == nil || above.Role == Primary
}

// upstream is the copy this one gets its log from; nil if it writes or is alone.
func (c *Copy) upstream() *Copy {
	if c.Group == nil {
		return nil
	}
	r := c.Group.ReplicaOn(c.Instance)
	if r == nil {
		return nil
	}
	from := c.Group.Upstream(r)
	if r.Role == Primary {
		if d, above := c.Instance.World.Above(c.Group); d != nil {
			from = d.Upstream(above)
		}
	}
	if from == nil {
		return nil
	}
	return from.Copy(c.DB.Name)
}

// Flowing says whether log arrives.
func (c *Copy) Flowing() bool {
	up := c.upstream()
	return up != nil && up.Status == "ONLINE" && c.Joined && !c.Suspended && c.Phase == NotSynchronizing &&
		(c.Status == "ONLINE" || c.Status == "RESTORING") && up.Fork == c.Fork
}

// advance moves the log to a moment. Depth bounds chains that a fault might close
// to a ring.
func (c *Copy) advance(now time.Time, depth int) {
	if now.Before(c.At) || depth > 8 {
		return
	}
	dt := now.Sub(c.At)
	up := c.upstream()
	if up != nil {
		up.advance(now, depth+1)
	}
	moved := func(rate int64) int64 {
		return new(big.Int).Quo(new(big.Int).Mul(big.NewInt(rate), big.NewInt(int64(dt))), big.NewInt(int64(time.Second))).Int64()
	}
	switch {
	case c.Writer():
		if c.Source != nil || len(c.marks) == 0 { // it has just begun to write
			c.Redone = c.End
			c.Rows() // keeps what it got of the heartbeat
			c.Source = nil
			c.mark(c.At, c.End, 0)
		}
		c.End += moved(c.Rate)
		c.Redone = c.End
		if c.Rate == 0 || dt == 0 {
			break
		}
		c.mark(now, c.End, c.Rate)
	case up != nil && c.Flowing():
		c.Source = up
		end := up.End
		if c.SendLimit > 0 {
			end = min(end, c.End+moved(c.SendLimit))
		}
		c.End = max(c.End, end)
		c.redo(moved(c.RedoLimit))
	case c.Instance.Up && !c.Suspended:
		c.redo(moved(c.RedoLimit))
	}
	c.At = now
}

func (c *Copy) redo(room int64) {
	if c.RedoLimit > 0 {
		c.Redone = min(c.End, c.Redone+room)
	} else {
		c.Redone = c.End
	}
}

func (c *Copy) mark(at time.Time, pos, rate int64) {
	if n := len(c.marks); n > 1 && rate > 0 && c.marks[n-1].rate == rate { // a straight line needs only its ends
		c.marks[n-1] = mark{at, pos, rate}
		return
	}
	c.marks = append(c.marks, mark{at, pos, rate})
	if len(c.marks) > maxMarks {
		c.marks = slices.Delete(c.marks, 0, len(c.marks)-maxMarks)
	}
}

// Grew says that the log had grown evenly to where it is, since a moment.
func (c *Copy) Grew(since time.Time, from int64) {
	c.marks = []mark{{since, from, 0}, {c.At, c.End, c.Rate}}
}

// Write adds log as a transaction would.
func (c *Copy) Write(bytes int64) {
	now := c.Instance.World.Now()
	c.advance(now, 0)
	c.End += bytes
	c.Redone = c.End
	c.mark(now, c.End, 0)
}

// CommitTime is when the transaction was committed that ends at or before a
// position; false if that is too long ago to know.
func (c *Copy) CommitTime(pos int64) (time.Time, bool) {
	from := c
	for n := 0; from.Source != nil && n < 8; n++ {
		from = from.Source
	}
	marks := from.marks
	if len(marks) == 0 {
		return time.Time{}, false
	}
	if pos <= marks[0].pos {
		return marks[0].at, true
	}
	for i := 1; i < len(marks); i++ {
		a, b := marks[i-1], marks[i]
		if pos > b.pos {
			continue
		}
		if b.pos == a.pos {
			return b.at, true
		}
		part := new(big.Int).Mul(big.NewInt(int64(b.at.Sub(a.at))), big.NewInt(pos-a.pos))
		return a.at.Add(time.Duration(part.Quo(part, big.NewInt(b.pos-a.pos)).Int64())), true
	}
	return marks[len(marks)-1].at, true
}

// Rows are the rows of the heartbeat table as they are here: those that were redone.
func (c *Copy) Rows() [][]any {
	newest := c.beat(c.Redone)
	if c.Source != nil && c.Source != c {
		if b := c.Source.beat(c.Redone); b.Pos > newest.Pos {
			newest = b
			c.keep(b)
		}
	}
	return newest.Rows
}

// beat is the newest content of the table at a position.
func (c *Copy) beat(pos int64) Beat {
	for i := len(c.Heartbeat) - 1; i >= 0; i-- {
		if c.Heartbeat[i].Pos <= pos {
			return c.Heartbeat[i]
		}
	}
	return Beat{Pos: -1}
}

func (c *Copy) keep(b Beat) {
	c.Heartbeat = append(c.Heartbeat, b)
	if len(c.Heartbeat) > maxMarks {
		c.Heartbeat = slices.Delete(c.Heartbeat, 0, len(c.Heartbeat)-maxMarks)
	}
}

// SetRows writes the heartbeat table.
func (c *Copy) SetRows(rows [][]any) {
	c.Write(1024)
	c.keep(Beat{c.End, rows})
}

// vlf is the size of a virtual log file.
const vlf = 64 << 20

// BlockLSN is a position as the identity of a log block, padded with zeros.
func BlockLSN(pos int64) sqltype.Decimal { return lsn(pos, 1) }

// RecordLSN is a position as the number of the log record that ends there.
func RecordLSN(pos int64) sqltype.Decimal { return lsn(max(0, pos-512), 3) }

func lsn(pos int64, slot int64) sqltype.Decimal {
	file, block := 33+pos/vlf, pos%vlf/512
	n := new(big.Int).Mul(big.NewInt(file), big.NewInt(1_000_000_000_000_000))
	n.Add(n, big.NewInt(block*100_000+slot))
	return sqltype.NewDecimal(n)
}
