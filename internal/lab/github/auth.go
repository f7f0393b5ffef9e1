package github

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func hashToken(t string) string {
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:])
}

// roles in rising order.
var roles = []string{"none", "read", "triage", "write", "maintain", "admin"}

// role is what a person may do in a repository.
func (st *state) role(r *repo, u *user) string {
	if u == nil {
		return "none"
	}
	if role, ok := r.Roles[u.ID]; ok {
		return role
	}
	if !r.Private {
		return "read"
	}
	return "none"
}

func atLeast(have, want string) bool { return slices.Index(roles, have) >= slices.Index(roles, want) }

// who finds out who asks from the Authorization header.
func (c *call) who() (*identity, reply) {
	if c.as != nil {
		return c.as, reply{}
	}
	text := c.r.Header.Get("Authorization")
	if user, password, ok := c.r.BasicAuth(); ok {
		text = "token " + password
		if password == "" {
			text = "token " + user
		}
	}
	scheme, secret, _ := strings.Cut(text, " ")
	bad := fail(http.StatusUnauthorized, "Bad credentials")
	switch {
	case text == "":
		return nil, fail(http.StatusUnauthorized, "Requires authentication")
	case !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token"):
		return nil, bad
	case strings.Count(secret, ".") == 2:
		a, err := c.jwt(secret)
		if err != nil {
			return nil, fail(http.StatusUnauthorized, err.Error())
		}
		return &identity{app: a, user: c.st.user(a.Bot), jwt: true}, reply{}
	}
	// Tokens are looked up in the state of today, even for an answer of yesterday.
	hash := hashToken(secret)
	for _, t := range c.s.st.Tokens {
		if t.Hash != hash {
			continue
		}
		u := c.st.user(t.User)
		if u == nil || u.Deleted || !t.Expires.IsZero() && !c.s.now().Before(t.Expires) {
			return nil, bad
		}
		return &identity{user: u, app: c.st.app(t.App), token: t}, reply{}
	}
	return nil, bad
}

// jwt checks what an App signs to say that it is one.
func (c *call) jwt(text string) (*app, error) {
	parts := strings.Split(text, ".")
	var head struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Iss any   `json:"iss"`
		Iat int64 `json:"iat"`
		Exp int64 `json:"exp"`
	}
	for i, into := range []any{&head, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(data, into) != nil {
			return nil, fmt.Errorf("A JSON web token could not be decoded")
		}
	}
	now := c.s.options.Now()
	switch {
	case head.Alg != "RS256":
		return nil, fmt.Errorf("A JSON web token could not be decoded")
	case claims.Exp <= now.Unix():
		return nil, fmt.Errorf("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case claims.Exp > now.Add(10*time.Minute).Unix():
		return nil, fmt.Errorf("'Expiration time' claim ('exp') is too far in the future")
	case claims.Iat > now.Add(time.Minute).Unix():
		return nil, fmt.Errorf("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	issuer := fmt.Sprint(claims.Iss)
	if f, ok := claims.Iss.(float64); ok {
		issuer = strconv.FormatInt(int64(f), 10)
	}
	for _, a := range c.s.st.Apps {
		if fmt.Sprint(a.ID) != issuer && clientID(a) != issuer {
			continue
		}
		key, err := x509.ParsePKIXPublicKey(a.PublicKey)
		if err != nil {
			return nil, err
		}
		sig, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		public, ok := key.(*rsa.PublicKey)
		if !ok || rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], sig) != nil {
			break
		}
		return a, nil
	}
	return nil, fmt.Errorf("A JSON web token could not be decoded")
}

func clientID(a *app) string { return fmt.Sprintf("Iv23lab%d", a.ID) }

// authorize checks who asks and what the token may. It sets the repository, if the
// operation has one. A reply with a status is a refusal.
func (c *call) authorize(needs string) reply {
	if needs == "open" {
		return reply{}
	}
	id, refused := c.who()
	if refused.status != 0 {
		return refused
	}
	c.as = id
	if over := c.count(); over.status != 0 {
		return over
	}
	if (needs == "jwt") != id.jwt {
		return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	if needs == "jwt" || needs == "" {
		return reply{}
	}
	inRepo := strings.HasPrefix(c.op, "GET /repos/") || strings.Contains(c.op, " /repos/")
	role := "admin"
	if inRepo {
		found, moved := c.st.named(c.values["owner"] + "/" + c.values["repo"])
		if found == nil || !c.reaches(found) {
			return notFound()
		}
		if moved {
			return c.movedTo(found)
		}
		c.repo = found
		role = c.roleHere()
	}
	c.header.Set("X-Accepted-Github-Permissions", strings.NewReplacer(":", "=", "|", "; ").Replace(needs))
	for need := range strings.SplitSeq(needs, "|") {
		if permits(id, need) && atLeast(role, roleFor(need)) {
			return reply{}
		}
	}
	return c.refusal(needs)
}

// refusal is GitHub's way of saying that a permission is missing.
func (c *call) refusal(needs string) reply {
	permission, level, _ := strings.Cut(needs, ":")
	switch {
	case permission == "members" && c.as.app == nil:
		return notFound() // an organization hides what a token may not see
	case c.as.app != nil:
		return fail(http.StatusForbidden, "Resource not accessible by integration")
	case c.as.token != nil && c.as.token.Permissions != nil && !permits(c.as, needs):
		return fail(http.StatusForbidden, "Resource not accessible by personal access token")
	case permission == "administration":
		return fail(http.StatusForbidden, "Must have admin rights to Repository.")
	case level == "write":
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	return notFound()
}

// permits reports whether a token has a permission. A person's token without a list
// has all of them.
func permits(id *identity, need string) bool {
	permission, level, _ := strings.Cut(need, ":")
	granted := map[string]string(nil)
	switch {
	case id.token != nil:
		granted = id.token.Permissions
	case id.app != nil:
		granted = id.app.Permissions
	}
	if granted == nil || permission == "metadata" && level == "read" {
		return true
	}
	have := granted[permission]
	return have != "" && (level == "read" || have == "write" || have == "admin")
}

// roleFor is the role a person needs for what a permission allows.
func roleFor(need string) string {
	switch need {
	case "contents:write", "statuses:write", "checks:write", "actions:write":
		return "write"
	case "administration:read", "administration:write":
		return "admin"
	}
	return "read" // issues and pull requests are open to every reader; their handlers ask for more
}

// reaches reports whether the one who asks can see a repository at all.
func (c *call) reaches(r *repo) bool {
	t := c.as.token
	if t != nil && t.Repos != nil && !slices.Contains(t.Repos, r.ID) {
		return false
	}
	if c.as.app != nil {
		return c.as.app.Owner == r.Owner || !r.Private
	}
	return atLeast(c.st.role(r, c.as.user), "read")
}

// roleHere is the role of who asks. An App has what its permissions say.
func (c *call) roleHere() string {
	if c.as.app != nil {
		return "admin"
	}
	return c.st.role(c.repo, c.as.user)
}

// movedTo sends a client to a repository's number.
func (c *call) movedTo(r *repo) reply {
	rest := strings.SplitN(strings.TrimPrefix(c.r.URL.EscapedPath(), "/"), "/", 4)
	to := fmt.Sprintf("%s/repositories/%d", c.s.URL(), r.ID)
	if len(rest) == 4 {
		to += "/" + rest[3]
	}
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	status := http.StatusMovedPermanently
	if c.r.Method != http.MethodGet {
		status = http.StatusTemporaryRedirect
	}
	return reply{status: status, header: http.Header{"Location": {to}}, body: obj{"message": "Moved Permanently", "url": to, "documentation_url": docs}}
}

// hourly is how many requests a token has in an hour.
const hourly = 5000

// count takes a request off the token's hour.
func (c *call) count() reply {
	t := c.as.token
	if t == nil {
		return reply{}
	}
	now := c.s.now()
	if !now.Before(t.Reset) {
		t.Used, t.Reset = 0, now.Add(time.Hour)
	}
	if t.Used >= hourly {
		return rateLimited(t.Reset)
	}
	t.Used++
	return reply{}
}

func rateLimited(reset time.Time) reply {
	r := fail(http.StatusForbidden, "API rate limit exceeded for user. If you reach out to GitHub Support for help, please include the request ID.")
	r.header = http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}}
	return r
}

// limits writes the token's hour into an answer, unless something else is there.
func (c *call) limits(h http.Header) {
	used, reset := 0, c.s.now().Add(time.Hour)
	if c.as != nil && c.as.token != nil {
		used, reset = c.as.token.Used, c.as.token.Reset
	}
	for name, value := range map[string]string{
		"X-Ratelimit-Limit": strconv.Itoa(hourly), "X-Ratelimit-Remaining": strconv.Itoa(hourly - used), "X-Ratelimit-Used": strconv.Itoa(used),
		"X-Ratelimit-Reset": strconv.FormatInt(reset.Unix(), 10), "X-Ratelimit-Resource": "core",
	} {
		if h.Get(name) == "" {
			h.Set(name, value)
		}
	}
}
