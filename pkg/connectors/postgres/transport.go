package postgres

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Limits of silence, from the settings that make a link talk.

// messageLimit is how long a standby may hear nothing: an idle primary sends a
// keepalive after half of wal_sender_timeout.
func messageLimit(s settings) time.Duration {
	timeout, ok := s.milliseconds("wal_sender_timeout")
	if !ok || timeout <= 0 {
		timeout = time.Minute // the default; 0 switches keepalives off, so silence stays suspicious
	}
	return timeout/2 + 5*time.Second
}

// replyLimit is how long a primary may hear nothing: a standby reports every
// wal_receiver_status_interval.
func replyLimit(s settings) time.Duration {
	n, ok := s.number("wal_receiver_status_interval")
	if !ok || n <= 0 {
		n = 10
	}
	return 2 * time.Duration(n) * time.Second
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

// receiving reports whether a standby proves that its upstream is alive, with
// how long ago it heard from it.
func receiving(n *node) (time.Duration, bool) {
	if n.replay == nil || !n.replay.Receiver.streaming() {
		return 0, false
	}
	silent, bad := age(n.replay.Receiver.MessageAge)
	return silent, bad == nil && silent <= messageLimit(n.settings)
}

// answering reports whether a sender row proves that its standby is alive.
func (d *deriver) answering(s *sender, standby *node) (time.Duration, bool) {
	if s == nil || s.State == nil || *s.State != "streaming" {
		return 0, false
	}
	silent, bad := age(s.ReplyAge)
	return silent, bad == nil && silent <= replyLimit(standby.settings)
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%.1f s", d.Seconds())
}
