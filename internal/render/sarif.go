package render

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// sarifLimits is what GitHub takes of one upload. A larger one is refused whole.
type sarifLimits struct {
	results int // results of a run
	gzipped int // bytes of the file after gzip
}

var defaultSARIFLimits = sarifLimits{results: 25_000, gzipped: 10 << 20}

// repositoryFile stands in for the place of a result that has none, because
// GitHub refuses results without a place: the file every repository has.
const repositoryFile = "bcctl.yaml"

// sarif has a result for every target and reason code, worst first, at the line
// where the target is declared. Of a report that is over the limits the worst is
// kept, and a notification says how much is missing.
func (v View) sarif(limits sarifLimits) ([]byte, error) {
	r := v.Seen()
	findings := findings(r)
	all := len(findings)
	if len(findings) > limits.results {
		findings = findings[:limits.results]
	}
	for {
		data, err := marshal(v.sarifLog(r, findings, all-len(findings)), "  ")
		if err != nil {
			return nil, err
		}
		size, err := gzippedSize(data)
		if err != nil {
			return nil, err
		}
		if size <= limits.gzipped || len(findings) == 0 {
			return data, nil
		}
		// As much less as it is too large, and a little more.
		findings = findings[:int(float64(len(findings))*float64(limits.gzipped)/float64(size)*0.9)]
	}
}

func gzippedSize(data []byte) (int, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return 0, fmt.Errorf("measure SARIF: %w", err)
	}
	if err := z.Close(); err != nil {
		return 0, fmt.Errorf("measure SARIF: %w", err)
	}
	return b.Len(), nil
}

// finding is all reasons of one target with one code: GitHub knows a result again
// by target and code, and could not tell two of them apart.
type finding struct {
	result  readiness.Result
	reasons []readiness.Reason
}

func findings(r check.Report) []finding {
	var out []finding
	for _, result := range r.Results {
		index := map[readiness.Code]int{}
		for _, reason := range result.Reasons {
			n, ok := index[reason.Code]
			if !ok {
				n = len(out)
				index[reason.Code] = n
				out = append(out, finding{result: result})
			}
			out[n].reasons = append(out[n].reasons, reason)
		}
	}
	return sortFindings(out)
}

func (f finding) text() string {
	var messages []string
	for _, r := range f.reasons {
		message := term.Sanitize(r.Message)
		if message == "" {
			message = string(r.Code)
		}
		if limit := against(r); limit != "" {
			message += " (" + term.Sanitize(limit) + ")"
		}
		messages = append(messages, message)
	}
	return term.Sanitize(f.result.Name) + ": " + strings.Join(messages, "; ")
}

func (v View) sarifLog(r check.Report, findings []finding, left int) sarifLog {
	run := sarifRun{
		Tool:       sarifTool{Driver: sarifDriver{Name: "bcctl", Version: r.Bcctl, Rules: []sarifRule{}}},
		Results:    []sarifResult{},
		Automation: sarifAutomation{ID: "bcctl/check/"},
		Properties: map[string]string{"verdict": r.Verdict.String(), "commit": r.Commit, "runId": r.RunID},
	}
	invocation := sarifInvocation{Successful: true, StartTime: stamp(r.StartedAt), EndTime: stamp(r.FinishedAt)}
	if notice := replayNotice(r); notice != "" {
		run.Properties["replayOf"] = stamp(r.Replay.RecordedAt)
		invocation.Notifications = append(invocation.Notifications, sarifNotification{Level: "warning", Message: sarifMessage{notice}})
	}
	if left > 0 {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{Level: "warning", Message: sarifMessage{
			fmt.Sprintf("%s results are left out, the least urgent ones: GitHub takes no more", term.Count(left))}})
	}
	run.Invocations = []sarifInvocation{invocation}
	index := map[readiness.Code]int{}
	for _, f := range findings {
		code := f.reasons[0].Code
		n, ok := index[code]
		if !ok {
			n = len(run.Tool.Driver.Rules)
			index[code] = n
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, v.sarifRule(code))
		}
		run.Results = append(run.Results, f.sarif(n))
	}
	return sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}
}

func (v View) sarifRule(c readiness.Code) sarifRule {
	info, known := c.Info()
	rule := sarifRule{ID: string(c), Short: sarifMessage{info.Meaning}, Help: sarifMessage{info.FirstAction},
		Configuration: sarifConfiguration{Level: sarifLevel(info.Default)}}
	if !known {
		rule.Short.Text, rule.Help.Text = "a reason code this bcctl does not know", "use the bcctl that wrote the report"
	} else if v.Docs != "" {
		rule.HelpURI = v.codeAddress(c)
	}
	return rule
}

func (f finding) sarif(rule int) sarifResult {
	worst := f.reasons[0]
	hash := sha256.Sum256([]byte(f.result.Name + "\x00" + string(worst.Code)))
	fingerprint := hex.EncodeToString(hash[:16])
	place := sarifPhysical{Artifact: sarifArtifact{URI: repositoryFile}, Region: sarifRegion{StartLine: 1}}
	if f.result.File != "" {
		place.Artifact.URI = artifactURI(f.result.File)
		place.Region.StartLine = max(f.result.Line, 1)
	}
	properties := map[string]any{"status": worst.Status, "target": f.result.Name}
	for name, value := range map[string]string{"validUntil": stamp(f.result.ValidUntil), "observedAt": stamp(f.result.ObservedAt),
		"endpoint": worst.Endpoint, "indicator": string(worst.Indicator), "unit": string(worst.Unit), "rule": worst.Source} {
		if value != "" {
			properties[name] = value
		}
	}
	if !worst.Value.IsAbsent() {
		properties["value"] = worst.Value
	}
	if !worst.Threshold.IsAbsent() {
		properties["threshold"] = worst.Threshold
	}
	return sarifResult{
		RuleID: string(worst.Code), RuleIndex: rule, Level: sarifLevel(worst.Status), Message: sarifMessage{f.text()},
		Locations: []sarifLocation{{Physical: place, Logical: []sarifLogical{{Name: f.result.Name, Kind: "resource"}}}},
		// GitHub reads the first; the second says what it is made of.
		Fingerprints: map[string]string{"primaryLocationLineHash": fingerprint + ":1", "bcctlTargetAndCode/v1": fingerprint},
		Properties:   properties,
	}
}

// artifactURI is a path of the repository as a relative URI reference.
func artifactURI(file string) string {
	u := url.URL{Path: path.Clean(strings.ReplaceAll(file, `\`, "/"))}
	return u.String() // begins with "./" where a colon would look like a scheme
}

// sarifLevel maps unknown to error: what is not proved is no better than red.
func sarifLevel(s readiness.Status) string {
	switch s {
	case readiness.Green:
		return "note"
	case readiness.Yellow:
		return "warning"
	default:
		return "error"
	}
}
