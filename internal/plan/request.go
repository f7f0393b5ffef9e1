package plan

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/yamldoc"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// idAlphabet has no letter that is taken for a digit or for another one.
const idAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// NewID makes the id of a request: the day, so that ids sort by time, what it is
// about, for people, and four letters by chance, so that it is never given twice
// (PR-07).
func NewID(now time.Time, target string, t runbook.Type) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	for i := range b {
		b[i] = idAlphabet[int(b[i])%len(idAlphabet)]
	}
	day, end := now.UTC().Format("20060102"), "-"+string(t)+"-"+string(b[:])
	name := strings.Trim(strings.NewReplacer("/", "-", ".", "-", "_", "-").Replace(target), "-")
	const most = 63
	if room := most - len(day) - 1 - len(end); len(name) > room {
		name = strings.TrimRight(name[:room], "-")
	}
	return day + "-" + name + end
}

// RequestPath is where the request with an id stands, from the root of the
// configuration.
func RequestPath(id string) string { return "requests/" + id[:4] + "/" + id + ".yaml" }

// Ask is what a person adds to a plan to make a request of it.
type Ask struct {
	Reason, Requester, Ticket string
	NotBefore, ExpiresAt      time.Time
	BreakGlass                *runbook.BreakGlass
}

// Request is the request for a plan.
func Request(p runbook.Plan, w runbook.Wish, a Ask) runbook.Request {
	r := runbook.Request{
		Type: p.Type, Target: p.Target, TargetSite: p.To, Reason: a.Reason, Requester: a.Requester, Ticket: a.Ticket,
		NotBefore: a.NotBefore.UTC(), ExpiresAt: a.ExpiresAt.UTC(), Runbook: w.Runbook, Parameters: w.Parameters,
		AcceptUnprovenWriter: w.AcceptUnprovenWriter, Accept: w.Accept, ProductionDrill: w.ProductionDrill, Schedule: w.Schedule,
		BreakGlass: a.BreakGlass, Pins: p.Pins, Topology: p.Topology(), Plan: p.Digest, Commit: p.Commit, Bcctl: p.Bcctl,
	}
	if w.MaxLoss != nil {
		d := duration.Duration(*w.MaxLoss)
		r.MaxLoss = &d
	}
	return r
}

// comments stand above the keys of a request, for the person who reviews it.
var comments = map[string]string{
	"type":                 "What is to be done, to what, and which site shall write afterwards.",
	"reason":               "Why, and who asks.",
	"notBefore":            "When it may start. Approvals do not make it run earlier or later.",
	"parameters":           "Values that differ from those of the resource.",
	"maxLoss":              "The most that may be lost, as time. Above it the run refuses.",
	"acceptUnprovenWriter": "The old primary need not be proved fenced. Read the plan before you approve this.",
	"accept":               "Warnings that are accepted by name.",
	"productionDrill":      "The drill may reach production.",
	"breakGlass":           "An emergency: fewer people, less waiting, and a review afterwards.",
	"schedule":             "The schedule that asks. Its owner answers for it, and approves none of its requests.",
	"pins":                 "Every file the plan was made from. Any change to one of them makes this request worthless.",
	"topology":             "Who was what when the plan was made.",
	"plan":                 "The plan that was shown, the configuration and the program it was made with.",
}

// Marshal writes a request file. What it returns was read back and is valid, as far
// as a file can be by itself.
func Marshal(id string, r runbook.Request) ([]byte, error) {
	body, err := yamldoc.Marshal(struct {
		APIVersion string          `json:"apiVersion"`
		Kind       config.Kind     `json:"kind"`
		Metadata   config.Metadata `json:"metadata"`
		Spec       runbook.Request `json:"spec"`
	}{config.APIVersion, config.KindRequest, config.Metadata{Name: id}, r})
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	var out bytes.Buffer
	out.WriteString("# A request to run something on databases. It is approved by reviews of the pull\n" +
		"# request that adds this file, and its bytes never change afterwards: make another\n" +
		"# request instead of editing this one.\n")
	for line := range bytes.Lines(body) {
		text := string(line)
		if key, _, ok := strings.Cut(strings.TrimPrefix(text, "  "), ":"); ok && strings.HasPrefix(text, "  ") && !strings.HasPrefix(text, "   ") && comments[key] != "" {
			out.WriteString("  # " + comments[key] + "\n")
		}
		out.Write(line)
	}
	if _, problems := config.ReadRequest(RequestPath(id), out.Bytes()); len(problems) > 0 {
		return nil, fmt.Errorf("the request would not be valid: %w", problems.Err())
	}
	return out.Bytes(), nil
}
