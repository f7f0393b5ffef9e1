package approval

import (
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
