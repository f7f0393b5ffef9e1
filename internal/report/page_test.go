package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/internal/report/reporttest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var update = flag.Bool("update", false, "write golden files")

func page(t *testing.T, in report.Input) string {
	t.Helper()
	out, err := report.Page(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var own = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|content="default-src[^"]*"`)

// The golden page is without style and script, which have tests of their own.
func TestGoldenPage(t *testing.T) {
	t.Parallel()
	got := own.ReplaceAllString(page(t, reporttest.Pair()), "")
	file := filepath.Join("testdata", "pair.golden.html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page differs from %s; look at it and run go test -update", file)
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	t.Parallel()
	for range 3 {
		one, two := page(t, reporttest.Large(40)), page(t, reporttest.Large(40))
		if one != two {
			t.Fatal("two pages of one input differ")
		}
	}
}

var greenChip = regexp.MustCompile(`<b [^>]*class="s g">`)

// SI-7: a reader who has no script, no style and no colour is told beside every
// green until when it holds, with the day.
func TestSI7GreenStandsBesideItsExpiry(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]report.Input{"fleet": reporttest.Fleet(), "green": reporttest.Green(), "large": reporttest.Large(120)} {
		p := page(t, in)
		chips := greenChip.FindAllStringIndex(p, -1)
		if len(chips) < 4 {
			t.Fatalf("%s: only %d greens", name, len(chips))
		}
		expiry := regexp.MustCompile(`until (2026-11-26 )?12:10:40Z, then UNKNOWN<`)
		for i, at := range chips {
			end := len(p)
			if i+1 < len(chips) {
				end = chips[i+1][0]
			}
			beside := p[at[1]:end]
			if next := strings.Index(beside, `class="s `); next >= 0 {
				beside = beside[:next]
			}
			if !expiry.MatchString(beside) || !strings.Contains(beside, "2026-11-26") {
				t.Errorf("%s: a green without its expiry: %.300s", name, beside)
			}
		}
	}
}

// SI-7: what was not proved by fresh evidence when the page was written is not
// green on it, whatever the report calls it.
func TestSI7NothingIsWrittenGreenWithoutFreshProof(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *readiness.Result){
		"never valid":       func(r *readiness.Result) { r.ValidUntil = time.Time{} },
		"expired":           func(r *readiness.Result) { r.ValidUntil = reporttest.Noon.Add(-time.Second) },
		"expires this very": func(r *readiness.Result) { r.ValidUntil = reporttest.Noon },
		"from the future":   func(r *readiness.Result) { r.EvaluatedAt = reporttest.Noon.Add(time.Minute) },
		"unknown":           func(r *readiness.Result) { r.Status = readiness.Unknown },
		"a later status":    func(r *readiness.Result) { r.Status = readiness.Status(77) },
	} {
		in := reporttest.Green()
		for i := range in.Report.Results {
			r := &in.Report.Results[i]
			spoil(r)
			for k := range r.Children {
				spoil(&r.Children[k])
			}
		}
		p := page(t, in)
		if greenChip.MatchString(p) {
			t.Errorf("%s: there is a green status", name)
		}
		if !strings.Contains(p, `<b id="worst" class="s u">? UNKNOWN</b>`) {
			t.Errorf("%s: the page as a whole is not unknown", name)
		}
	}
	if p := page(t, report.Input{Now: reporttest.Noon}); greenChip.MatchString(p) || !strings.Contains(p, "? UNKNOWN") {
		t.Error("an empty page is not unknown")
	}
}

// A group is never better than what is in it, and not better than it was judged.
func TestGroupIsNotBetterThanItsMembers(t *testing.T) {
	t.Parallel()
	light := regexp.MustCompile(`(?s)<ul class="lights" id="groups">.*?class="s (\w)"`)
	for _, s := range []readiness.Status{readiness.Yellow, readiness.Unknown, readiness.Red} {
		in := reporttest.Green()
		for i := range in.Report.Results {
			if in.Report.Results[i].Kind == readiness.KindResource {
				in.Report.Results[i].Status = s
			}
		}
		if got := light.FindStringSubmatch(page(t, in))[1]; got == "g" {
			t.Errorf("a green group with a member that is %s", s)
		}
	}
}

// SI-8: what was good once has no status and no colour.
func TestSI8LastKnownGoodHasNoColour(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile(`(?s)<div class=old>.*?</div>`).FindAllString(page(t, reporttest.Fleet()), -1)
	if len(blocks) != 5 {
		t.Fatalf("%d resources show a last known good, want 5", len(blocks))
	}
	for _, b := range blocks {
		if strings.Contains(b, `class="s`) || strings.Contains(b, "GREEN") || !strings.Contains(b, "not evidence of now") {
			t.Errorf("%s", b)
		}
	}
}

func TestReplayClaimsNothingAboutNow(t *testing.T) {
	t.Parallel()
	in := reporttest.Fleet()
	in.Report.Replay = &check.Replay{RecordedAt: reporttest.Noon}
	in.Now = reporttest.Noon.Add(30 * 24 * time.Hour)
	p := page(t, in)
	for _, want := range []string{`data-replay="1"`, "<b>REPLAY</b> of observations recorded at 2026-11-26 12:00:00Z", "✓ GREEN then", "recorded, proves nothing about now"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %q", want)
		}
	}
	if chip := regexp.MustCompile(`class="s \w">[^<]*`); strings.Contains(strings.Join(chip.FindAllString(p, -1), "\n")+"\n", "GREEN\n") {
		t.Error("a status without its \"then\"")
	}
}

// The policy lets in the page's own style and script, by their hash, and nothing
// else; and there is nothing else.
func TestPageAsksNobody(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]report.Input{"fleet": reporttest.Fleet(), "hostile": reporttest.Hostile()} {
		p := page(t, in)
		policy := html.UnescapeString(regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(p)[1])
		if !strings.HasPrefix(policy, "default-src 'none'; ") {
			t.Errorf("%s: policy %s", name, policy)
		}
		for _, tag := range []string{"style", "script"} {
			body := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(p, -1)
			if len(body) != 1 {
				t.Fatalf("%s: %d times <%s>", name, len(body), tag)
			}
			sum := sha256.Sum256([]byte(body[0][1]))
			if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
				t.Errorf("%s: the policy does not allow the page's own %s", name, tag)
			}
		}
		rest := own.ReplaceAllString(p, "")
		for _, foreign := range []string{`<img`, `<link`, `<iframe`, `<base`, ` style=`, ` src=`, `http://`, `https://`} {
			if strings.Contains(rest, foreign) && (name != "hostile" || foreign[0] == '<') {
				t.Errorf("%s: %s", name, foreign)
			}
		}
		if on := regexp.MustCompile(`<[a-z][^>"]* on\w+=`).FindString(rest); on != "" {
			t.Errorf("%s: a handler in the text: %s", name, on)
		}
	}
}

// Nothing that a server or a document says gets out of its place, changes the
// direction of text, or makes the page too big.
func TestForeignTextsAreOnlyTexts(t *testing.T) {
	t.Parallel()
	in := reporttest.Hostile()
	before, err := report.Page(in)
	if err != nil {
		t.Fatal(err)
	}
	p := string(before)
	for _, r := range p {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' {
			t.Fatalf("the page has the character %U", r)
		}
	}
	if strings.Contains(own.ReplaceAllString(p, ""), "</script") {
		t.Error("a closing tag of a script")
	}
	if len(p) > 150_000 {
		t.Errorf("texts without measure make a page of %d bytes", len(p))
	}
	after, err := report.Page(in)
	if err != nil || !bytes.Equal(before, after) {
		t.Error("making the page changed its input")
	}
}

// 500 resources stay below 1.5 MB, also when nothing works, and the script below
// 15 KB.
func TestSizes(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]report.Input{"large": reporttest.Large(500), "broken": reporttest.Broken(500)} {
		size := len(page(t, in))
		t.Logf("%s: %d bytes", name, size)
		if size > 1_500_000 {
			t.Errorf("%s: %d bytes", name, size)
		}
	}
	script, err := os.ReadFile("script.js")
	if err != nil {
		t.Fatal(err)
	}
	if len(script) > 15*1024 {
		t.Errorf("the script has %d bytes", len(script))
	}
	if bytes.Contains(script, []byte("innerHTML")) || bytes.Contains(script, []byte("eval(")) {
		t.Error("the script makes HTML or code of texts")
	}
}

// A page of a part says so, and one of many lists what matters.
func TestPartsSaySo(t *testing.T) {
	t.Parallel()
	in := reporttest.Fleet()
	in.Total = 9
	if !strings.Contains(page(t, in), "This page shows 8 of the 9 resources") {
		t.Error("a part looks like the whole")
	}
	if p := page(t, reporttest.Large(500)); strings.Contains(p, "settings.values") || !strings.Contains(p, "good readings are not listed") {
		t.Error("a large page lists good readings that are not required, or does not count them")
	}
	if p := page(t, reporttest.Fleet()); !strings.Contains(p, "settings.values") {
		t.Error("a small page does not list every reading")
	}
}

// Five readings of one suspended database are one reason with five numbers.
func TestReasonsThatSayTheSameAreOne(t *testing.T) {
	t.Parallel()
	in := reporttest.Pair()
	r := &in.Report.Results[0]
	r.Reasons = nil
	for _, id := range []readiness.ID{"a.bytes", "b.bytes", "c.bytes"} {
		r.Reasons = append(r.Reasons, readiness.Reason{Code: readiness.ReplayPaused, Status: readiness.Red, Endpoint: "orders-b", Indicator: id, Message: "replay is paused"})
	}
	r.Reasons = append(r.Reasons, readiness.Reason{Code: readiness.ReplayPaused, Status: readiness.Red, Endpoint: "orders-c", Message: "replay is paused"},
		readiness.Reason{Code: readiness.ReplayPaused, Status: readiness.Yellow, Endpoint: "orders-b", Message: "replay is paused"})
	p := page(t, in)
	for _, want := range []string{"at <bdi>orders-b, orders-c</bdi>", "<small>a.bytes; b.bytes; c.bytes</small>", "and 1 more</small>"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %q", want)
		}
	}
	if n := strings.Count(p, "<small>Means: "); n != 1 {
		t.Errorf("what the code means is said %d times in the row", n)
	}
}
