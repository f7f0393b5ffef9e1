package approval

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// ApprovalLine is the line a review must hold (APP-05).
func ApprovalLine(digest runbook.Digest, role SlotRole) string {
	return "bcctl-approve " + string(digest) + " as " + string(role)
}

// Verb is what a comment asks for.
type Verb string

// Verbs of comments.
const (
	VerbExecute  Verb = "execute"
	VerbResume   Verb = "resume"
	VerbWithdraw Verb = "withdraw"
)

// shortDigest is how much of a digest a confirmation repeats.
const shortDigest = 12

// ConfirmationLine is the one line of a confirmation, as it must be typed (CONF-02).
// It names the action in capitals and the site beside the target, so that the person
// writes down what is about to happen (SI-18):
//
//	/bcctl execute 2026-001-ledger SWITCHOVER pg/ledger@fra 0123456789ab attempt=1
//
// Verb is VerbExecute or VerbResume. It is empty when the digest is not one.
func ConfirmationLine(verb Verb, request string, r runbook.Request, digest runbook.Digest, attempt int) string {
	hex, ok := strings.CutPrefix(string(digest), "sha256:")
	if !ok || len(hex) != 64 {
		return ""
	}
	return "/bcctl " + string(verb) + " " + request + " " + strings.ToUpper(string(r.Type)) + " " + r.Target + "@" + r.TargetSite + " " +
		hex[:shortDigest] + " attempt=" + strconv.Itoa(attempt)
}

// WithdrawalLine is the line of a comment that withdraws a request.
func WithdrawalLine(request string) string { return "/bcctl " + string(VerbWithdraw) + " " + request }

// approvalWord begins every line that means to be an approval.
const approvalWord = "bcctl-approve"

// claim is what the lines of a review say.
type claim struct {
	roles []SlotRole // each at most once, sorted
	lines int        // that mean to be approvals
	bad   string     // what is wrong with one of them; empty when none is
}

// parseClaim reads the approval lines of a text. A line counts only if it is exact;
// one that means to be an approval and is not exact spoils the whole text, because its
// author may have meant something else than the rest says (APP-05).
func parseClaim(body string, digest runbook.Digest) claim {
	var c claim
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if !strings.HasPrefix(strings.TrimLeft(strings.ToLower(line), " \t"), approvalWord) {
			continue
		}
		c.lines++
		role := SlotRole("")
		for _, r := range []SlotRole{SlotIT, SlotBusiness} {
			if line == ApprovalLine(digest, r) {
				role = r
			}
		}
		switch {
		case role != "" && digest.Valid():
			if i, twice := slices.BinarySearch(c.roles, role); !twice {
				c.roles = slices.Insert(c.roles, i, role)
			}
		case strings.HasPrefix(line, approvalWord+" "+string(digest)+" "):
			c.bad = "its line with the digest does not end in a role, as it or as business"
		case strings.HasPrefix(line, approvalWord+" sha256:"):
			c.bad = "its line has another digest"
		default:
			c.bad = "its line with the digest is not written as it must be"
		}
	}
	return c
}

// oneLine returns the only line of a comment. One line ending at the end is allowed.
func oneLine(body string) (string, bool) {
	body = strings.TrimSuffix(strings.TrimSuffix(body, "\n"), "\r")
	return body, body != "" && !strings.ContainsAny(body, "\r\n")
}
