package render

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// The form of JUnit XML that CI systems read. It has no schema of its own; these
// are the elements Jenkins, GitLab and GitHub actions agree on.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Class     string        `xml:"classname,attr"`
	File      string        `xml:"file,attr,omitempty"`
	Time      string        `xml:"time,attr"`
	Failure   *junitProblem `xml:"failure"`
	Error     *junitProblem `xml:"error"`
	SystemOut string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// junit has a suite for every target and a case for every rule: each reason, and
// each indicator that nothing is said about. Red fails, unknown is an error,
// yellow passes and tells why.
func (v View) junit() ([]byte, error) {
	r := v.Shown()
	all := junitSuites{Name: "bcctl", Time: seconds(r.FinishedAt.Sub(r.StartedAt))}
	for _, result := range r.Results {
		suite := newSuite(result)
		if r.Replay != nil {
			suite.Properties = append(suite.Properties, junitProperty{"replayOf", stamp(r.Replay.RecordedAt)}, junitProperty{"replay", replayNotice(r)})
		}
		all.Suites = append(all.Suites, suite)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Errors += suite.Errors
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return nil, fmt.Errorf("encode JUnit: %w", err)
	}
	b.WriteByte('\n')
	return text(b.String()), nil
}

func newSuite(r readiness.Result) junitSuite {
	s := junitSuite{Name: r.Name, Time: "0", Timestamp: stamp(r.EvaluatedAt)}
	for _, p := range []junitProperty{
		{"status", r.Status.String()}, {"validUntil", stamp(r.ValidUntil)}, {"observedAt", stamp(r.ObservedAt)},
		{"kind", string(r.Kind)}, {"platform", r.Platform}, {"tier", number(r.Tier)}, {"owner", r.Owner},
	} {
		if p.Value != "" {
			s.Properties = append(s.Properties, p)
		}
	}
	told := map[[2]string]bool{}
	worst := readiness.Green
	for _, reason := range r.Reasons {
		told[[2]string{string(reason.Indicator), reason.Endpoint}] = true
		worst = readiness.Worst(worst, reason.Status)
		s.add(caseOf(r, reason))
	}
	for _, i := range r.Indicators {
		if told[[2]string{string(i.Indicator), i.Endpoint}] {
			continue
		}
		worst = readiness.Worst(worst, i.Status)
		s.add(caseOf(r, reasonOf(i)))
	}
	// The verdict itself is never better in a list of cases than it is.
	if len(s.Cases) == 0 || r.Status.Worse(worst) {
		s.add(caseOf(r, readiness.Reason{Status: r.Status, Message: "the verdict is " + r.Status.String()}))
	}
	return s
}

// reasonOf says of a reading what a reason would.
func reasonOf(i readiness.IndicatorResult) readiness.Reason {
	r := readiness.Reason{Status: i.Status, Message: i.Value.Format(i.Unit), Endpoint: i.Endpoint, Indicator: i.Indicator, Value: i.Value, Unit: i.Unit}
	if i.Failure != nil {
		r.Code, r.Message = i.Failure.Code, i.Failure.Message
	}
	return r
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Error != nil {
		s.Errors++
	}
}

func caseOf(r readiness.Result, reason readiness.Reason) junitCase {
	c := junitCase{Name: caseName(reason), Class: r.Name, File: r.File, Time: "0"}
	problem := &junitProblem{Message: reason.Message, Type: string(reason.Code), Text: details(r, reason)}
	switch reason.Status {
	case readiness.Red:
		c.Failure = problem
	case readiness.Yellow:
		c.SystemOut = "YELLOW " + problem.Text
	case readiness.Green:
		if reason.Code != "" {
			c.SystemOut = problem.Text
		}
	default:
		c.Error = problem
	}
	return c
}

// caseName is the rule: the code, and what it is about.
func caseName(r readiness.Reason) string {
	name := string(r.Code)
	if r.Indicator != "" {
		if name != "" {
			name += " "
		}
		name += string(r.Indicator)
	}
	if name == "" {
		name = "verdict"
	}
	if r.Endpoint != "" {
		name += " at " + r.Endpoint
	}
	return name
}

// details is a reason in one line, with its numbers and its rule.
func details(r readiness.Result, reason readiness.Reason) string {
	text := headline(reason)
	if limit := against(reason); limit != "" {
		text += "; " + limit
	}
	if reason.Source != "" {
		text += "; rule at " + reason.Source
	}
	if until := stamp(r.ValidUntil); until != "" {
		text += "; valid until " + until
	}
	return text
}

// against is the value of a reason and the limit it crossed; empty if it is not
// about a limit.
func against(r readiness.Reason) string {
	if r.Threshold.IsAbsent() {
		return ""
	}
	return "value " + r.Value.Format(r.Unit) + ", limit " + r.Threshold.Format(r.Unit)
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(max(d.Seconds(), 0), 'f', 3, 64)
}
