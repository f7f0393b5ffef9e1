package postgres

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Limits of silence, from the settings that make a link talk.

// messageLimit is how long a standby may hear nothing: an idle upstream sends a
// keepalive after half of its wal_sender_timeout, and the standby asks for one
// after half of its own wal_receiver_timeout. upstream is nil when it is not seen.
func messageLimit(standby, upstream settings) time.Duration {
	limit := time.Duration(0)
	for _, timeout := range []time.Duration{standby.timeout("wal_receiver_timeout"), upstream.timeout("wal_sender_timeout")} {
		if timeout > 0 && (limit == 0 || timeout/2 < limit) {
			limit = timeout / 2
		}
	}
	if limit == 0 {
		limit = 30 * time.Second // both are off or not known; silence stays suspicious, as by default
	}
	return limit + 5*time.Second
}

// replyLimit is how long a primary may hear nothing: a standby reports every
// wal_receiver_status_interval, or when that is off when the primary asks, after
// half of its wal_sender_timeout. standby is nil when it is not seen.
func replyLimit(standby, primary settings) time.Duration {
	interval, ok := standby.number("wal_receiver_status_interval")
	switch {
	case !ok:
		interval = 10 // the default
	case interval <= 0:
		return messageLimit(nil, primary)
	}
	return max(2*time.Duration(interval)*time.Second, 10*time.Second)
}

// timeout is a setting in milliseconds; 0 when it is off or not known.
func (s settings) timeout(name string) time.Duration {
	d, _ := s.milliseconds(name)
	return d
}

// age turns a measured number of seconds into an age. A little below zero is
// clock noise and counts as now; more is not an age.
func age(seconds *float64) (time.Duration, *readiness.Finding) {
	if seconds == nil {
		f := finding(readiness.ValueInvalid, "the server gave no time")
		return 0, &f
	}
	d := time.Duration(*seconds * float64(time.Second))
	if d < -readiness.SkewTolerance {
		f := finding(readiness.ValueInvalid, "the time lies %s in the future", -d.Round(time.Millisecond))
		return 0, &f
	}
	return max(d, 0), nil
}

// receiving reports whether a standby proves that its upstream was alive, with
// how long ago it heard from it.
func (d *deriver) receiving(n *node) (time.Duration, bool) {
	if n.replay == nil || !n.replay.Receiver.streaming() {
		return 0, false
	}
	silent, bad := age(n.replay.Receiver.MessageAge)
	return silent, bad == nil && silent <= d.messageLimit(n)
}

func (d *deriver) messageLimit(n *node) time.Duration {
	var upstream settings
	if up := d.feeder(n); up != nil {
		upstream = up.settings
	}
	return messageLimit(n.settings, upstream)
}

// answering reports whether a sender row proves that its standby was alive, with
// how long ago it replied.
func (d *deriver) answering(s *sender, standby *node) (time.Duration, bool) {
	if !s.sending() {
		return 0, false
	}
	silent, bad := age(s.ReplyAge)
	return silent, bad == nil && silent <= replyLimit(standby.settings, d.primary.settings)
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%.1f s", d.Seconds())
}
