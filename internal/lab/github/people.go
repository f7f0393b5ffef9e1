package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"time"
)

// User is an account.
type User struct {
	ID    int64
	Login string
	Email string // the address that makes commits theirs and stays with the number
}

// Permissions are what a token or an App may: contents, pull_requests, issues,
// administration, members, actions, checks, statuses; each read or write.
type Permissions map[string]string

// first is the repository the server was started with.
func (s *Server) first() *repo { return s.st.Repos[0] }

// AddUser adds a person who may write to the repository and belongs to its
// organization. A login may be one that somebody else had before.
func (s *Server) AddUser(login string) User {
	u := s.AddAccount(login, "User")
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first()
	r.Roles[u.ID] = "write"
	owner := s.st.user(r.Owner)
	if owner.Members == nil {
		owner.Members = map[int64]string{}
	}
	owner.Members[u.ID] = "member"
	s.keep()
	return u
}

// Person is somebody to add whose number and addresses are known.
type Person struct {
	Login  string   `json:"login"`
	ID     int64    `json:"id,omitempty"`   // 0: the next free one
	Role   string   `json:"role,omitempty"` // empty: write
	Emails []string `json:"emails,omitempty"`
}

// AddPerson is AddUser for somebody who exists elsewhere too, such as in a roster.
// The number must be free.
func (s *Server) AddPerson(p Person) User {
	u := s.AddUser(p.Login)
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.st.user(u.ID)
	r := s.first()
	owner := s.st.user(r.Owner)
	if p.ID != 0 && s.st.user(p.ID) == nil {
		r.Roles[p.ID], owner.Members[p.ID] = r.Roles[u.ID], owner.Members[u.ID]
		delete(r.Roles, u.ID)
		delete(owner.Members, u.ID)
		kept.ID = p.ID
		kept.Emails[0] = noreply(kept)
	}
	if p.Role != "" {
		r.Roles[kept.ID] = p.Role
	}
	kept.Emails = append(kept.Emails, p.Emails...)
	s.keep()
	return User{kept.ID, kept.Login, noreply(kept)}
}

// AddAccount adds an account that is not a person, or has no access: User, Bot,
// Organization, Mannequin.
func (s *Server) AddAccount(login, kind string) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.st.addUser(login, kind, s.now())
	s.keep()
	return User{u.ID, u.Login, noreply(u)}
}

// keep saves what a call of the Go interface has changed.
func (s *Server) keep() {
	if err := s.save(); err != nil {
		s.options.Violation("keep the state: " + err.Error())
	}
}

// User finds who has a login now.
func (s *Server) User(login string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.st.login(login)
	if u == nil {
		return User{}, false
	}
	return User{u.ID, u.Login, noreply(u)}, true
}

// must finds an account that a caller names.
func (s *Server) must(login string) *user {
	u := s.st.login(login)
	if u == nil {
		panic(fmt.Sprintf("the laboratory's GitHub has nobody called %q", login))
	}
	return u
}

// SetRole says what somebody may do in the repository: none, read, triage, write,
// maintain, admin.
func (s *Server) SetRole(login, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first().Roles[s.must(login).ID] = role
	s.keep()
}

// Rename gives an account another login. The old one is free for anybody.
func (s *Server) Rename(login, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(login).Login = to
	s.keep()
}

// DeleteUser deletes an account. What it wrote stays, by null.
func (s *Server) DeleteUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(login).Deleted = true
	s.keep()
}

// AddTeam adds a team of the repository's organization.
func (s *Server) AddTeam(slug string, logins ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &team{ID: s.st.id(), Org: s.first().Owner, Slug: slug, Members: map[int64]string{}, Created: s.now()}
	for _, login := range logins {
		t.Members[s.must(login).ID] = "active"
	}
	s.st.Teams = append(s.st.Teams, t)
	s.keep()
}

// SetTeamMember changes a membership: active, pending, or empty for none.
func (s *Server) SetTeamMember(slug, login, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.st.team(s.first().Owner, slug)
	if state == "" {
		delete(t.Members, s.must(login).ID)
	} else {
		t.Members[s.must(login).ID] = state
	}
	s.keep()
}

// Token makes a token with which somebody may do all they may.
func (s *Server) Token(login string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.newToken("ghp_", &token{User: s.must(login).ID})
	s.keep()
	return t
}

// TokenWith makes a token with some permissions.
func (s *Server) TokenWith(login string, p Permissions) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	granted := map[string]string{}
	maps.Copy(granted, p)
	t := s.newToken("github_pat_", &token{User: s.must(login).ID, Permissions: granted})
	s.keep()
	return t
}

// App is a GitHub App, installed on the repository's organization.
type App struct {
	ID           int64
	Slug         string
	Login        string // of its bot
	Installation int64
	Key          []byte // PEM; its only copy
}

// AddApp adds an App.
func (s *Server) AddApp(slug string, p Permissions) App {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the system has no randomness
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // of a key that was just made
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bot := s.st.addUser(slug+"[bot]", "Bot", s.now())
	bot.Emails = []string{noreply(bot)}
	granted := map[string]string{"metadata": "read"}
	maps.Copy(granted, p)
	a := &app{ID: s.st.id(), Slug: slug, Bot: bot.ID, Owner: s.first().Owner, Installation: s.st.id(), Permissions: granted, PublicKey: public, Created: s.now()}
	s.st.Apps = append(s.st.Apps, a)
	s.keep()
	return App{a.ID, slug, bot.Login, a.Installation, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})}
}

// AppToken makes an installation token. It expires in an hour.
func (s *Server) AppToken(a App) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.st.app(a.ID)
	t := s.newToken("ghs_", &token{User: kept.Bot, App: a.ID, Permissions: kept.Permissions, Expires: s.now().Add(hour)})
	s.keep()
	return t
}

// Name is owner/name of the repository now.
func (s *Server) Name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.fullName(s.first())
}

// RepoID is the repository's number.
func (s *Server) RepoID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first().ID
}

// GitDir is the bare repository on disk.
func (s *Server) GitDir() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bare(s.first()).dir
}

// GitURL is the repository's address for git. A token is the password, with any
// name.
func (s *Server) GitURL() string { return s.URL() + "/" + s.Name() + ".git" }

// Head is the commit of a branch; empty when there is no such branch.
func (s *Server) Head(branch string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sync(s.first(), nil); err != nil {
		s.options.Violation(err.Error())
	}
	return s.first().Refs["refs/heads/"+branch]
}

// RenameRepository gives the repository another name. Its old address redirects.
func (s *Server) RenameRepository(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first()
	r.Former, r.Name = append(r.Former, s.st.fullName(r)), name
	s.keep()
}

// TransferRepository gives the repository to another organization, which is made if
// there is none.
func (s *Server) TransferRepository(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first()
	to := s.st.login(owner)
	if to == nil {
		to = s.st.addUser(owner, "Organization", s.now())
	}
	r.Former, r.Owner = append(r.Former, s.st.fullName(r)), to.ID
	s.keep()
}

// ReplaceRepository puts a new, empty repository at an address that the first one
// had before: what happens when an old name is taken again.
func (s *Server) ReplaceRepository(fullName string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRepo(fullName, 0)
}

// AddFork makes a fork of the repository that belongs to somebody.
func (s *Server) AddFork(login string) (fullName string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(login)
	name := login + "/" + s.first().Name
	if _, err := s.addRepo(name, s.first().ID); err != nil {
		return "", err
	}
	return name, nil
}

func (s *Server) addRepo(fullName string, fork int64) (int64, error) {
	owner, name, _ := cutName(fullName)
	from := s.first()
	u := s.st.login(owner)
	if u == nil {
		u = s.st.addUser(owner, "Organization", s.now())
	}
	r, err := s.newRepo(u, name)
	if err != nil {
		return 0, err
	}
	r.Fork = fork
	for id, role := range from.Roles {
		if r.Roles[id] == "" {
			r.Roles[id] = role
		}
	}
	if _, err := s.bare(r).git(nil, "fetch", "-q", "--no-tags", s.bare(from).dir, "refs/heads/*:refs/heads/*"); err != nil {
		return 0, err
	}
	if r.Refs, err = s.bare(r).refs(); err != nil {
		return 0, err
	}
	s.keep()
	return r.ID, nil
}

// SetOwnerRole makes somebody admin or member of the organization.
func (s *Server) SetOwnerRole(login, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.user(s.first().Owner).Members[s.must(login).ID] = role
	s.keep()
}

// Repoint makes a review name another commit, as GitHub does by itself after some
// force pushes. An empty one is null.
func (s *Server) Repoint(reviewID int64, sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.st.Repos {
		for _, i := range r.Issues {
			if i.Pull == nil {
				continue
			}
			if v := i.Pull.review(reviewID); v != nil {
				v.Commit = sha
			}
		}
	}
	s.keep()
}

// ForgetActivity takes away what a repository's activity knew of a branch before a
// moment: not every movement is always found.
func (s *Server) ForgetActivity(branch string, before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first()
	r.Activity = slices.DeleteFunc(r.Activity, func(a *activity) bool { return a.Ref == "refs/heads/"+branch && a.At.Before(before) })
	s.keep()
}

// Logins lists people and bots, in the order they came.
func (s *Server) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, u := range s.st.Users {
		if !u.Deleted && !slices.Contains([]int64{ghostID, webFlowID, queueID}, u.ID) {
			all = append(all, u.Login)
		}
	}
	return all
}
