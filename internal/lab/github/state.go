package github

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// state is all that is remembered, except for what Git holds. It survives in one
// JSON file.
type state struct {
	NextID int64    `json:"nextId"`
	Users  []*user  `json:"users"`
	Teams  []*team  `json:"teams,omitempty"`
	Apps   []*app   `json:"apps,omitempty"`
	Tokens []*token `json:"tokens,omitempty"`
	Repos  []*repo  `json:"repos"`
}

type user struct {
	ID      int64            `json:"id"`
	Login   string           `json:"login"`
	Type    string           `json:"type"` // User, Bot, Organization, Mannequin
	Name    string           `json:"name,omitempty"`
	Emails  []string         `json:"emails,omitempty"`
	Deleted bool             `json:"deleted,omitempty"`
	Created time.Time        `json:"created"`
	Members map[int64]string `json:"members,omitempty"` // of an organization: role
}

type team struct {
	ID      int64            `json:"id"`
	Org     int64            `json:"org"`
	Slug    string           `json:"slug"`
	Members map[int64]string `json:"members"` // user id -> active or pending
	Created time.Time        `json:"created"`
}

type app struct {
	ID           int64             `json:"id"`
	Slug         string            `json:"slug"`
	Bot          int64             `json:"bot"`
	Owner        int64             `json:"owner"`
	Installation int64             `json:"installation"`
	Permissions  map[string]string `json:"permissions"`
	PublicKey    []byte            `json:"publicKey"` // PKIX
	Created      time.Time         `json:"created"`
}

// token says who somebody is and what may be done. Only its hash is kept.
type token struct {
	Hash        string            `json:"hash"`
	User        int64             `json:"user"`
	App         int64             `json:"app,omitempty"`
	Permissions map[string]string `json:"permissions,omitempty"` // nil: all the person may
	Repos       []int64           `json:"repos,omitempty"`       // nil: all
	Expires     time.Time         `json:"expires,omitzero"`
	Used        int               `json:"used,omitempty"` // requests since Reset less an hour
	Reset       time.Time         `json:"reset,omitzero"`
}

type repo struct {
	ID               int64                  `json:"id"`
	Owner            int64                  `json:"owner"`
	Name             string                 `json:"name"`
	Former           []string               `json:"former,omitempty"` // owner/name it had
	Fork             int64                  `json:"fork,omitempty"`   // id of the repository it was forked from
	DefaultBranch    string                 `json:"defaultBranch"`
	Private          bool                   `json:"private"`
	Created          time.Time              `json:"created"`
	Pushed           time.Time              `json:"pushed"`
	Roles            map[int64]string       `json:"roles"` // read triage write maintain admin
	Refs             map[string]string      `json:"refs"`  // as last seen
	LastNumber       int                    `json:"lastNumber"`
	Issues           []*issue               `json:"issues,omitempty"`
	Labels           []*label               `json:"labels,omitempty"`
	Activity         []*activity            `json:"activity,omitempty"` // oldest first
	Rulesets         []*Ruleset             `json:"rulesets,omitempty"`
	Suites           []*suite               `json:"suites,omitempty"`
	Protections      map[string]*Protection `json:"protections,omitempty"`
	Environments     []*Environment         `json:"environments,omitempty"`
	Runs             []*Run                 `json:"runs,omitempty"`
	Checks           []*check               `json:"checks,omitempty"`
	Statuses         []*status              `json:"statuses,omitempty"`
	Signed           map[string]time.Time   `json:"signed,omitempty"` // commits that GitHub itself signed
	WorkflowToken    string                 `json:"workflowToken"`    // read or write
	WorkflowApproves bool                   `json:"workflowApproves"`
}

// issue is an issue or, with Pull, a pull request: they share numbers.
type issue struct {
	ID        int64       `json:"id"`
	Number    int         `json:"number"`
	User      int64       `json:"user"`
	App       int64       `json:"app,omitempty"`
	Title     string      `json:"title"`
	Body      string      `json:"body,omitempty"`
	State     string      `json:"state"`
	Labels    []int64     `json:"labels,omitempty"`
	Assignees []int64     `json:"assignees,omitempty"`
	Created   time.Time   `json:"created"`
	Updated   time.Time   `json:"updated"`
	Closed    time.Time   `json:"closed,omitzero"`
	Comments  []*comment  `json:"comments,omitempty"`
	Events    []*event    `json:"events,omitempty"`
	Reactions []*reaction `json:"reactions,omitempty"`
	Pull      *pull       `json:"pull,omitempty"`
}

type pull struct {
	ID        int64     `json:"id"`
	HeadRepo  int64     `json:"headRepo"`
	HeadRef   string    `json:"headRef"`
	HeadSHA   string    `json:"headSha"`
	BaseRef   string    `json:"baseRef"`
	BaseSHA   string    `json:"baseSha"`
	Draft     bool      `json:"draft,omitempty"`
	MergeSHA  string    `json:"mergeSha,omitempty"`
	MergedAt  time.Time `json:"mergedAt,omitzero"`
	MergedBy  int64     `json:"mergedBy,omitempty"`
	Reviews   []*review `json:"reviews,omitempty"`
	Requested []int64   `json:"requested,omitempty"`
	LastPush  int64     `json:"lastPush,omitempty"` // who moved the head last
}

// States of a review, as the REST interface writes them.
const (
	pending          = "PENDING"
	commented        = "COMMENTED"
	approved         = "APPROVED"
	changesRequested = "CHANGES_REQUESTED"
	dismissed        = "DISMISSED"
)

type review struct {
	ID        int64     `json:"id"`
	User      int64     `json:"user"`
	State     string    `json:"state"`
	Body      string    `json:"body"`
	Commit    string    `json:"commit,omitempty"` // empty: null
	Created   time.Time `json:"created"`
	Submitted time.Time `json:"submitted,omitzero"`
	Edits     []edit    `json:"edits,omitempty"`
}

type edit struct {
	At   time.Time `json:"at"`
	By   int64     `json:"by"`
	Text string    `json:"text,omitempty"` // that it made; of comments only
}

type comment struct {
	ID        int64       `json:"id"`
	User      int64       `json:"user"`
	App       int64       `json:"app,omitempty"`
	Body      string      `json:"body"`
	Created   time.Time   `json:"created"`
	Updated   time.Time   `json:"updated"`
	First     string      `json:"first,omitempty"` // the text before the first edit
	Edits     []edit      `json:"edits,omitempty"`
	Reactions []*reaction `json:"reactions,omitempty"`
}

type reaction struct {
	ID      int64     `json:"id"`
	User    int64     `json:"user"`
	Content string    `json:"content"`
	Created time.Time `json:"created"`
}

type label struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Color string `json:"color"`
}

// event is a line of an issue's history that is neither comment, review nor commit.
type event struct {
	ID      int64          `json:"id"`
	Actor   int64          `json:"actor"`
	Kind    string         `json:"kind"`
	Commit  string         `json:"commit,omitempty"`
	Created time.Time      `json:"created"`
	More    map[string]any `json:"more,omitempty"` // fields of this kind alone
}

type activity struct {
	ID     int64     `json:"id"`
	Kind   string    `json:"kind"`
	Ref    string    `json:"ref"`
	Before string    `json:"before"`
	After  string    `json:"after"`
	Actor  int64     `json:"actor"` // 0: null
	At     time.Time `json:"at"`
}

// suite is one evaluation of rules.
type suite struct {
	ID     int64     `json:"id"`
	Ref    string    `json:"ref"`
	Before string    `json:"before"`
	After  string    `json:"after"`
	Actor  int64     `json:"actor"`
	At     time.Time `json:"at"`
	Result string    `json:"result"`           // pass fail bypass
	Failed []string  `json:"failed,omitempty"` // types of the rules that did not hold
}

type check struct {
	ID         int64     `json:"id"`
	App        int64     `json:"app"`
	Name       string    `json:"name"`
	SHA        string    `json:"sha"`
	External   string    `json:"external,omitempty"`
	Details    string    `json:"details,omitempty"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion,omitempty"`
	Started    time.Time `json:"started"`
	Completed  time.Time `json:"completed,omitzero"`
	Title      string    `json:"title,omitempty"`
	Summary    string    `json:"summary,omitempty"`
	Text       string    `json:"text,omitempty"`
}

type status struct {
	ID          int64     `json:"id"`
	SHA         string    `json:"sha"`
	State       string    `json:"state"`
	Context     string    `json:"context"`
	Description string    `json:"description,omitempty"`
	Target      string    `json:"target,omitempty"`
	Creator     int64     `json:"creator"`
	Created     time.Time `json:"created"`
}

// Accounts that exist on github.com under these numbers.
const (
	ghostID   = 10137
	webFlowID = 19864447
	queueID   = 118344674
)

func (st *state) id() int64 {
	for st.NextID++; st.user(st.NextID) != nil; st.NextID++ {
		continue // somebody was added under that number
	}
	return st.NextID
}

func (st *state) user(id int64) *user {
	for _, u := range st.Users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

// login finds the account that has a login now.
func (st *state) login(login string) *user {
	for _, u := range st.Users {
		if !u.Deleted && strings.EqualFold(u.Login, login) {
			return u
		}
	}
	return nil
}

// byEmail finds whose commit one is.
func (st *state) byEmail(email string) *user {
	for _, u := range st.Users {
		if !u.Deleted && slices.ContainsFunc(u.Emails, func(e string) bool { return strings.EqualFold(e, email) }) {
			return u
		}
	}
	return nil
}

func (st *state) app(id int64) *app {
	for _, a := range st.Apps {
		if a.ID == id {
			return a
		}
	}
	return nil
}

func (st *state) repo(id int64) *repo {
	for _, r := range st.Repos {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (st *state) fullName(r *repo) string { return st.user(r.Owner).Login + "/" + r.Name }

// named finds a repository by owner/name; moved says that this is a name it had.
func (st *state) named(name string) (found *repo, moved bool) {
	for _, r := range st.Repos {
		if strings.EqualFold(st.fullName(r), name) {
			return r, false
		}
	}
	for _, r := range st.Repos {
		if slices.ContainsFunc(r.Former, func(f string) bool { return strings.EqualFold(f, name) }) {
			return r, true
		}
	}
	return nil, false
}

func (st *state) team(org int64, slug string) *team {
	for _, t := range st.Teams {
		if t.Org == org && t.Slug == slug {
			return t
		}
	}
	return nil
}

func (r *repo) issue(number int) *issue {
	for _, i := range r.Issues {
		if i.Number == number {
			return i
		}
	}
	return nil
}

func (p *pull) review(id int64) *review {
	for _, v := range p.Reviews {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func (r *repo) comment(id int64) (*issue, *comment) {
	for _, i := range r.Issues {
		for _, c := range i.Comments {
			if c.ID == id {
				return i, c
			}
		}
	}
	return nil, nil
}

func (r *repo) label(name string) *label {
	for _, l := range r.Labels {
		if strings.EqualFold(l.Name, name) {
			return l
		}
	}
	return nil
}

// nodeID is GitHub's other name of a thing. Clients must not look into it.
func nodeID(kind string, id int64) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString(fmt.Append(nil, id))
}

func (st *state) addUser(login, kind string, now time.Time) *user {
	u := &user{ID: st.id(), Login: login, Type: kind, Name: login, Created: now}
	u.Emails = []string{noreply(u), login + "@example.com"}
	st.Users = append(st.Users, u)
	return u
}

// noreply is the address GitHub gives an account. The number in it keeps it with
// the account when the login goes to another.
func noreply(u *user) string {
	return fmt.Sprintf("%d+%s@users.noreply.github.com", u.ID, u.Login)
}

const zeroSHA = "0000000000000000000000000000000000000000"

const hour = time.Hour

func cutName(full string) (owner, name string, ok bool) { return strings.Cut(full, "/") }
