package schemas

import (
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/config/secretref"
)

// NamePattern is the pattern of a name; a name has at most NameMax characters.
const (
	NamePattern = `^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$`
	NameMax     = 63
)

// Format is a string format that the schemas use beyond those of JSON Schema.
type Format struct {
	Name string
	// Pattern is what editors can check. It may be weaker than Check.
	Pattern string
	// MaxLength is the greatest number of characters; 0 is no limit.
	MaxLength int
	// Check says what is wrong with a text. Its error repeats the text only where
	// the text cannot be a secret.
	Check func(text string) error
}

// Mistake is what a Check returns: what is wrong and what to write instead.
type Mistake struct{ What, Instead string }

// Error returns both parts.
func (m *Mistake) Error() string {
	if m.Instead == "" {
		return m.What
	}
	return m.What + "; " + m.Instead
}

// Formats returns every format, by name.
func Formats() map[string]Format {
	formats := make(map[string]Format)
	for _, f := range []Format{
		{Name: "bcctl-name", Pattern: NamePattern, MaxLength: NameMax, Check: checkName},
		{Name: "bcctl-key", Pattern: `^[A-Za-z][A-Za-z0-9_]*$`,
			Check: matches(`^[A-Za-z][A-Za-z0-9_]*$`, "is not a parameter name", "start with a letter; letters, digits and _ may follow")},
		{Name: "bcctl-action", Pattern: actionPattern,
			Check: matches(actionPattern, "is not an action", "write procedure/action, for example pg.native/promote")},
		{Name: "bcctl-duration", Pattern: duration.Pattern, Check: checkDuration},
		{Name: "bcctl-time", Pattern: timePattern, Check: checkTime},
		{Name: "bcctl-date", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, Check: checkDate},
		{Name: "bcctl-timezone", Check: checkTimeZone},
		{Name: "bcctl-recurrence", Pattern: recurrencePattern, Check: checkRecurrence},
		{Name: "bcctl-secret", Pattern: secretref.Pattern, Check: checkSecret},
		{Name: "bcctl-login", Check: checkLogin},
		{Name: "bcctl-address", Pattern: `^(/[^\s]+|(\[[0-9A-Fa-f:.%]+\]|[^\s:/@\[\]]+):[0-9]{1,5})$`, Check: checkAddress},
		{Name: "bcctl-url", Pattern: `^https?://[^\s@]+$`, Check: checkURL},
		{Name: "bcctl-url-template", Pattern: `^https?://[^\s@]+$`, Check: checkURLTemplate},
		{Name: "bcctl-email", Pattern: `^[^\s@]+@[^\s@]+$`,
			Check: matches(`^[^\s@]+@[^\s@]+$`, "is not an e-mail address", "write for example dba@example.com")},
		{Name: "bcctl-digest", Pattern: digestPattern,
			Check: matches(digestPattern, "is not a digest", "write sha256: and 64 hexadecimal digits in lower case")},
		{Name: "bcctl-commit", Pattern: commitPattern,
			Check: matches(commitPattern, "is not a full commit id", "write all 40 (or 64) hexadecimal digits in lower case")},
		{Name: "bcctl-regexp", Check: checkRegexp},
		{Name: "bcctl-ssh-key", Pattern: `^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com|ssh-rsa) [A-Za-z0-9+/=]+( .*)?$`, Check: checkSSHKey},
	} {
		formats[f.Name] = f
	}
	return formats
}

const (
	actionPattern = `^[a-z0-9]+([._-][a-z0-9]+)*/[a-z0-9]+([._-][a-z0-9]+)*$`
	digestPattern = `^sha256:[0-9a-f]{64}$`
	commitPattern = `^([0-9a-f]{40}|[0-9a-f]{64})$`
)

// matches makes a Check of an expression.
func matches(pattern, isNot, instead string) func(string) error {
	expression := regexp.MustCompile(pattern)
	return func(text string) error {
		if expression.MatchString(text) {
			return nil
		}
		return &Mistake{fmt.Sprintf("%q %s", text, isNot), instead}
	}
}

var nameExpression = regexp.MustCompile(NamePattern)

func checkName(text string) error {
	switch {
	case text == "":
		return &Mistake{"name is empty", "write one in lower case letters and digits"}
	case utf8.RuneCountInString(text) > NameMax:
		return &Mistake{fmt.Sprintf("name has %d characters, more than %d", utf8.RuneCountInString(text), NameMax), "write a shorter one"}
	case !nameExpression.MatchString(text):
		return &Mistake{fmt.Sprintf("%q is not a name", text), "write lower case letters and digits, with single . _ - or / between them"}
	default:
		return nil
	}
}

func checkDuration(text string) error {
	d, err := duration.Parse(text)
	if err != nil {
		return &Mistake{fmt.Sprintf("%q is not a duration", text), "write for example 30s, 15m, 4h, 90d or 1d12h"}
	}
	if d < 0 {
		return &Mistake{fmt.Sprintf("duration %q is negative", text), "write for example 30s"}
	}
	return nil
}

func checkSecret(text string) error {
	if _, err := secretref.Parse(text); err != nil {
		return &Mistake{What: err.Error()}
	}
	return nil
}

func checkLogin(text string) error {
	if text == "" {
		return &Mistake{"user name is empty", "write the name, or a reference such as env:NAME"}
	}
	if _, _, err := secretref.Login(text).Ref(); err != nil {
		return &Mistake{What: err.Error()}
	}
	return nil
}

func checkRegexp(text string) error {
	if _, err := regexp.Compile(text); err != nil {
		why := err.Error()
		if syntax := errors.Unwrap(err); syntax != nil {
			why = syntax.Error()
		}
		return &Mistake{fmt.Sprintf("%q is not a regular expression: %s", text, why), "see https://pkg.go.dev/regexp/syntax"}
	}
	return nil
}
