package report

import (
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// verdict is a status with everything a reader needs to take it back: the words
// for people, and the times for the script, in whole seconds since 1970. Zero is
// no time.
type verdict struct {
	Status   readiness.Status
	Observed stamp // the oldest evidence
	Until    stamp // when it stops being a verdict
	Reached  int64
	// Soft is when the first good reading expires: from then on green is yellow.
	Soft  int64
	Stale bool // expired already when the page was made
	Then  bool // of a replay: it was so then, and proves nothing about now
}

// verdictOf is the verdict on a result that was Seen.
func (b *builder) verdictOf(r readiness.Result) verdict {
	v := verdict{Status: statusOf(r.Status), Observed: stampOf(r.ObservedAt), Until: stampOf(r.ValidUntil), Reached: seconds(r.EvaluatedAt),
		Then: b.report.Replay != nil}
	v.Stale = !v.Then && !r.ValidUntil.After(b.at)
	for _, i := range r.Indicators {
		if t := seconds(i.ValidUntil); i.Status == readiness.Green && (v.Soft == 0 || t < v.Soft) {
			v.Soft = t
		}
	}
	return v
}

// statusOf takes a status that this version does not know for what it is: unknown.
func statusOf(s readiness.Status) readiness.Status {
	switch s {
	case readiness.Green, readiness.Yellow, readiness.Red:
		return s
	default:
		return readiness.Unknown
	}
}

// Letter is the class of the status in the style sheet and its name in the script.
func (v verdict) Letter() string { return v.Status.String()[:1] }

// Sign goes before the word, for those who do not see the colour.
func (v verdict) Sign() string { return signOf(v.Status) }

// Word is the status as people read it.
func (v verdict) Word() string {
	word := term.Word(v.Status)
	switch {
	case v.Then:
		return word + " then"
	case v.Stale && v.Status == readiness.Red:
		return word + ", stale"
	}
	return word
}

// Expiry says until when the word holds and what is so afterwards. It is never
// empty, and the script adds to it but takes nothing away: with the script off,
// on paper and in a copy of the page it is what a reader has.
func (v verdict) Expiry() string {
	switch {
	case v.Then:
		return "recorded, proves nothing about now"
	case v.Until.zero():
		return "was never valid"
	case v.Stale && v.Status == readiness.Red:
		return "seen until " + v.Until.Text + ", not since"
	case v.Stale:
		return "expired " + v.Until.Text
	case v.Status == readiness.Red:
		return "until " + v.Until.Text + ", then stale"
	case v.Status == readiness.Unknown:
		return "looked at until " + v.Until.Text
	default:
		return "until " + v.Until.Text + ", then UNKNOWN"
	}
}

// Evidence says when the evidence was read and until when the word holds, with the
// day once where it is the same.
func (v verdict) Evidence() [2]string {
	observed, expiry := "observed "+v.Observed.Text, v.Expiry()
	if len(v.Observed.Text) > len(day) && strings.HasPrefix(v.Until.Text, v.Observed.Text[:len(day)]) {
		expiry = strings.Replace(expiry, v.Until.Text, v.Until.Text[len(day):], 1)
	}
	return [2]string{observed, expiry}
}

// day is how stamps begin.
const day = "2006-01-02 "

func signOf(s readiness.Status) string {
	switch s {
	case readiness.Red:
		return "✗"
	case readiness.Yellow:
		return "!"
	case readiness.Green:
		return "✓"
	default:
		return "?"
	}
}

// stamp is a moment, for people and for the script.
type stamp struct {
	Text string // "2026-11-26 12:03:10Z"
	ISO  string
	Sec  int64
}

func (s stamp) zero() bool { return s.Sec == 0 }

// stampOf always names the day: the page may be read on another one.
func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return stamp{Text: "never"}
	}
	t = t.UTC()
	return stamp{Text: t.Format(day + "15:04:05Z"), ISO: t.Format(time.RFC3339), Sec: seconds(t)}
}

// seconds rounds down: what expires within a second expires now.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
