package executetest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Scene is a stage with the servers that a run changes.
type Scene struct {
	*Stage
	Clients  lab.Clients
	Standing func() string // who writes, and all else that a run changes
}

// Subject is what is cut off from its servers.
type Subject struct {
	Begin func(t *testing.T) Scene // as a request finds them

	// Once are steps whose statement is never sent again by itself, with what is in it.
	Once map[string]string

	// Own are statements of bcctl's own tables, which come as often as somebody looks whether
	// one can write; Again are those that may come again and do no harm.
	Own, Again func(text string) bool
}

// moment is when the servers are out of reach: after the intent of a step, or from a
// statement on, which is lost, or done and its answer lost.
type moment struct {
	step         string
	server, text string
	nth          int
	done, long   bool
}

func (m moment) String() string {
	text := "after the intent of " + m.step
	if m.step == "" {
		text = fmt.Sprintf("%s: %s (%d) lost", m.server, m.text, m.nth)
		if m.done {
			text = strings.Replace(text, " lost", " done", 1)
		}
	}
	if m.long {
		return text + ", long"
	}
	return text + ", short"
}

// seen are the statements that came to the servers.
type seen struct {
	mu   sync.Mutex
	nth  map[moment]int
	came []moment
	done map[string]int
}

func (s *seen) watch(clients lab.Clients, told func(moment) bool) {
	clients.Watch(func(server, text string, done bool) bool {
		s.mu.Lock()
		m := moment{server: server, text: text}
		if !done {
			s.nth[m]++
			m.nth = s.nth[m]
			s.came = append(s.came, m)
		} else {
			m.nth, m.done = s.nth[m], true
			s.done[server+": "+text]++
		}
		s.mu.Unlock()
		return told(m)
	})
}

// carried is what was carried out, and how often.
func (s *seen) carried(o Subject) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := maps.Clone(s.done)
	for text := range got {
		if o.Own != nil && o.Own(text) {
			delete(got, text)
		} else if o.Again != nil && o.Again(text) {
			got[text] = 1
		}
	}
	return got
}

func count(carried map[string]int, text string) int {
	n := 0
	for what, times := range carried {
		if strings.Contains(what, text) {
			n += times
		}
	}
	return n
}

// Few is one of how many short cuts a run of all tests has; BCCTL_TEST_EXECUTE_FULL=1 has all
// cuts, and takes minutes.
const Few = 8

// patience bounds what a step or check waits for, so that a long cut outlasts it.
const patience = 45 * time.Second

// shortly is how long a short cut is: less than anything waits for.
const shortly = 500 * time.Millisecond

// CutOff carries the runbook out once for each moment and cuts the servers off there, for a
// short time or until the process ends. It comes to the end of an undisturbed run, by itself
// or when it is started again, with each effect once; or it is taken back, and all is as before.
func CutOff(t *testing.T, o Subject) {
	t.Helper()
	begin := func(t *testing.T) (Scene, *seen) {
		s := o.Begin(t)
		for i := range s.Plan.Waves[0].Members[0].Steps {
			s.Plan.Waves[0].Members[0].Steps[i].Timeout = shorter(s.Plan.Waves[0].Members[0].Steps[i].Timeout)
		}
		for _, checks := range [][]runbook.Check{s.Plan.Waves[0].Members[0].Prechecks, s.Plan.Waves[0].Members[0].Postchecks} {
			for i := range checks {
				checks[i].Timeout = shorter(checks[i].Timeout)
			}
		}
		return s, &seen{nth: map[moment]int{}, done: map[string]int{}}
	}
	whole, saw := begin(t)
	saw.watch(whole.Clients, func(moment) bool { return false })
	whole.Must(runbook.EndSucceeded)
	want, standing := saw.carried(o), whole.Standing()
	var all []moment
	for _, long := range []bool{false, true} {
		for _, step := range whole.Plan.Waves[0].Members[0].Steps {
			all = append(all, moment{step: step.ID, long: long})
		}
		for _, m := range saw.came {
			if o.Own != nil && o.Own(m.text) {
				continue
			}
			for _, done := range []bool{false, true} {
				all = append(all, moment{server: m.server, text: m.text, nth: m.nth, done: done, long: long})
			}
		}
	}
	for i, m := range all {
		if os.Getenv("BCCTL_TEST_EXECUTE_FULL") == "" && (i%Few != Few/2 || m.long) {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			s, saw := begin(t)
			before := s.Standing()
			starts := cutOff(s, saw, m, o)
			state := s.State()
			got := saw.carried(o)
			t.Logf("%s after %d starts", state.Finished, starts)
			for _, text := range o.Once {
				if n := count(got, text); n > 1 || state.Finished == runbook.Succeeded && n != count(want, text) {
					t.Errorf("%s was carried out %d times\n%s", text, n, s.Journal())
				}
			}
			after := standing
			if state.Finished != runbook.Succeeded {
				after = before
			} else if !maps.Equal(got, want) && !strings.Contains(s.Journal(), string(runbook.UndoStarted)) { // else it began anew
				t.Errorf("carried out: %v\nwant: %v\n%s", got, want, s.Journal())
			}
			if now := s.Standing(); now != after {
				t.Errorf("%s:\n%s\nwant:\n%s\n%s", state.Finished, now, after, s.Journal())
			}
		})
	}
}

// cutOff runs to the end and returns in how many starts.
func cutOff(s Scene, saw *seen, m moment, o Subject) int {
	s.T.Helper()
	var mending sync.WaitGroup
	happened := false
	cut := func() {
		happened = true
		s.Clients.Unplug()
		if !m.long {
			mending.Add(1)
			time.AfterFunc(shortly, func() {
				defer mending.Done()
				if err := s.Clients.Plug(); err != nil {
					s.T.Error(err)
				}
			})
		}
	}
	s.At = func(e runbook.Event, written bool) bool {
		if written && !happened && e.Kind == runbook.StepIntent && e.Step == m.step {
			cut()
		}
		return false
	}
	sent := 0
	saw.watch(s.Clients, func(now moment) bool {
		now.long = m.long
		if now.text == m.text && now.server == m.server && !now.done {
			sent++
		}
		if happened || now != m {
			return false
		}
		cut()
		return true
	})
	for starts := 1; starts <= 6; starts++ {
		_, err := s.Start()
		mending.Wait()
		if err := s.Clients.Plug(); err != nil {
			s.T.Fatal(err)
		}
		state := s.State()
		switch {
		case !happened && err == nil && state.Finished == "":
			continue // servers that are slow on a busy machine held it up before
		case !happened:
			s.T.Fatalf("it never came to %s: %v\n%s", m, err, s.Journal())
		case starts == 1 && m.done && isOnce(o, m.text) && sent > 1:
			s.T.Errorf("%s was carried out and sent %d times\n%s", m.text, sent, s.Journal())
		case state.Finished != "" || errors.Is(err, runbook.ErrFinished):
			return starts
		case err != nil:
			s.T.Fatalf("%v\n%s", err, s.Journal())
		}
		if d := state.Doubt(); d != nil && starts > 1 {
			text, known := o.Once[d.Step]
			if !known {
				s.T.Fatalf("%s is in doubt\n%s", d.Step, s.Journal())
			}
			r := runbook.Resolution{Member: d.Member, Step: d.Step, Done: count(saw.carried(o), text) > 0, By: "olga", Reason: "looked at the servers"}
			if _, err := runbook.Resolve(s.T.Context(), s, r, time.Now); err != nil {
				s.T.Fatal(err)
			}
			s.T.Logf("a person said of %s: done is %v", d.Step, r.Done)
		}
	}
	s.T.Fatalf("it does not come to an end\n%s", s.Journal())
	return 0
}

func isOnce(o Subject, text string) bool {
	for _, once := range o.Once {
		if strings.Contains(text, once) {
			return true
		}
	}
	return false
}

func shorter(given *duration.Duration) *duration.Duration {
	if most := duration.Duration(patience); given == nil || *given > most {
		return &most
	}
	return given
}
