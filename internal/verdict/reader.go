package verdict

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Reader reads everything about requests of one repository.
type Reader struct {
	Forge        *forge.Client
	RepositoryID int64          // github.repository-id
	Catalog      config.Catalog // of the platforms of this build
	Workflow     string         // path of the workflow that may execute
	Now          func() time.Time
	Sleep        func(context.Context, time.Duration) error

	// Builtin returns a file of bcctl itself by its pinned path (bcctl:...).
	Builtin func(path string) ([]byte, bool)

	// Ledger returns what is recorded about a request. Nil: there is no ledger, and
	// nothing is recorded.
	Ledger func(ctx context.Context, request string, keys []string) (approval.Ledger, error)

	mu     sync.Mutex
	loaded []loaded // the newest last
}

// loaded is the configuration as one commit has it, with one request laid over it. The
// same bytes load the same.
type loaded struct {
	commit, path, request string
	repo                  *config.Repo
	problems              []config.Problem
}

// maxLoaded is enough for main's tip and for what was there before the merge.
const maxLoaded = 4

// load loads the configuration of a commit, once.
func (r *Reader) load(commit, path string, request []byte, tree fs.FS) (*config.Repo, []config.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.loaded {
		if l.commit == commit && l.path == path && l.request == string(request) {
			return l.repo, slices.Clone(l.problems)
		}
	}
	l := loaded{commit: commit, path: path, request: string(request)}
	l.repo, l.problems = config.Load(tree, config.Options{Catalog: r.Catalog})
	if len(r.loaded) >= maxLoaded {
		r.loaded = r.loaded[1:]
	}
	r.loaded = append(r.loaded, l)
	return l.repo, slices.Clone(l.problems)
}

// Query says which request is meant, and for what.
type Query struct {
	Pull int    // number of the pull request
	Path string // of the request's file

	Mode         approval.Mode
	Confirmation int64 // id of the comment that confirms; 0: none
	Run          int64 // id of the workflow run bcctl is part of; 0: none
	Attempt      int
	Checkout     string // commit the configuration in use was loaded from
}

// Case is a case with what it was made of.
type Case struct {
	approval.Case
	Reading forge.Reading
	Repo    *config.Repo // main's tip with the request; nil when it has problems
	Tree    fs.FS        // the same as files
}

// Read reads once. The error says that something did not answer or that this program
// cannot go on; whatever is wrong with the request is for the verdict.
func (r *Reader) Read(ctx context.Context, q Query) (Case, error) {
	reading, err := r.Forge.Read(ctx, q.Pull, q.Path)
	if err != nil {
		return Case{}, err
	}
	c := Case{Case: approval.Case{
		Mode: q.Mode, RepositoryID: r.RepositoryID, Workflow: r.Workflow, Attempt: q.Attempt,
	}, Reading: reading}
	e := &c.Reading.Evidence
	e.Main.Checkout = q.Checkout
	if err := r.documents(ctx, &c); err != nil {
		return Case{}, err
	}
	// The ledger is another place than the forge, and is read meanwhile.
	recorded := make(chan error, 1)
	e.Ledger = NoLedger()
	var found approval.Ledger
	request, keys := c.Request.Name, keysOf(c)
	go func() {
		var err error
		if r.Ledger != nil {
			found, err = r.Ledger(ctx, request, keys)
		}
		recorded <- err
	}()
	defer func() {
		if recorded != nil {
			<-recorded //nolint:errcheck // another error came first
		}
	}()
	if err := r.pins(ctx, &c); err != nil {
		return Case{}, err
	}
	if err := r.Forge.Teams(ctx, &c.Reading, teamsOf(c.Policies)); err != nil {
		return Case{}, err
	}
	if err := r.Forge.ChangesSince(ctx, &c.Reading, decides(c)); err != nil {
		return Case{}, err
	}
	if q.Confirmation != 0 {
		m, err := r.Forge.Comment(ctx, q.Confirmation)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return Case{}, err
		}
		e.Confirmation = &m // a comment that is gone confirms nothing
	}
	if q.Run != 0 {
		run, err := r.Forge.Run(ctx, &c.Reading, q.Run)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return Case{}, err
		}
		e.Run = &run
	}
	err = <-recorded
	recorded = nil
	switch {
	case err != nil:
		return Case{}, fmt.Errorf("%w: read the ledger: %w", forge.ErrUnavailable, err)
	case r.Ledger != nil:
		e.Ledger = found
	}
	// The clock is read when all has been: what was read in between is older than that.
	e.ReadAt, e.ServerDate = r.Now().UTC(), r.Forge.ServerDate()
	c.Now = e.ReadAt
	c.Evidence = *e
	return c, nil
}

// NoLedger is a ledger that was read and in which nothing is.
func NoLedger() approval.Ledger {
	return approval.Ledger{
		Paths: approval.Complete[approval.SeenRequest](), Comments: approval.Complete[int64](), Attempts: approval.Complete[approval.Attempt](),
		Withdrawn: approval.No, OpenReviews: approval.Complete[approval.OpenReview](), Unreconciled: approval.Complete[string](),
	}
}

// documents decodes what decides, strictly, from the commits it must be of (POL-01).
// The request is laid over main's tip: before the merge it is not there, and after it
// the bytes that were reviewed are meant, whatever lies there now (BIND-01).
func (r *Reader) documents(ctx context.Context, c *Case) error {
	e, o := &c.Reading.Evidence, c.Reading.Objects
	tip, err := o.Tree(ctx, e.Main.Tip)
	if err != nil {
		return err
	}
	c.Tree = tip
	if len(e.Request) > 0 {
		c.Tree = with(tip, e.RequestPath, e.Request)
	}
	repo, problems := r.load(e.Main.Tip, e.RequestPath, e.Request, c.Tree)
	for _, p := range problems {
		rule := approval.RuleID("POL-04")
		if p.File == e.RequestPath {
			rule = "BIND-05"
		}
		c.Problems = append(c.Problems, approval.Finding{Rule: rule, Subject: fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col), Message: p.What})
	}
	if repo == nil {
		return nil
	}
	if len(problems) == 0 {
		c.Repo = repo
	}
	files, err := o.Files(ctx, e.Main.Tip, deciding(repo)...)
	if err != nil {
		return err
	}
	at := func(path string) approval.DocumentAt {
		return approval.DocumentAt{Path: path, Commit: e.Main.Tip, File: files[path].File}
	}
	e.Policies = approval.List[approval.DocumentAt]{Complete: approval.Yes}
	for _, p := range repo.ApprovalPolicies {
		path := p.Origin.File
		c.Policies = append(c.Policies, approval.Decoded[approval.Policy]{Name: p.Name(), Path: path, Commit: e.Main.Tip, SHA256: files[path].SHA256, Spec: p.Spec})
		if !slices.ContainsFunc(e.Policies.Items, func(d approval.DocumentAt) bool { return d.Path == path }) {
			e.Policies.Items = append(e.Policies.Items, at(path))
		}
	}
	if roster, ok := repo.Roster(); ok {
		path := roster.Origin.File
		e.Roster = at(path)
		c.Roster = approval.Decoded[approval.Roster]{Name: roster.Name(), Path: path, Commit: e.Main.Tip, SHA256: files[path].SHA256, Spec: roster.Spec}
	}
	c.request(repo)
	return r.rosterBefore(ctx, c)
}

// request takes the request, its targets and the owner of its schedule.
func (c *Case) request(repo *config.Repo) {
	e := &c.Reading.Evidence
	for _, q := range repo.Requests {
		if q.Origin.File != e.RequestPath {
			continue
		}
		c.Request = approval.Decoded[runbook.Request]{Name: q.Name(), Path: e.RequestPath, Commit: e.Pull.FetchedHead, SHA256: e.RequestAtHead.SHA256, Spec: q.Spec}
		if s, ok := repo.Schedule(q.Spec.Schedule); ok {
			c.ScheduleOwner = s.Spec.Owner
			c.Schedule = approval.Scheduled{Path: s.Origin.File, Type: s.Spec.Type, Targets: s.Spec.Targets, Site: s.Spec.TargetSite}
		}
		c.Targets = repo.Reached(q.Spec.Target)
	}
}

// keysOf are the keys of the ledger that a request touches.
func keysOf(c Case) []string {
	var keys []string
	for _, t := range c.Targets {
		keys = append(keys, "resource/"+t.Resource)
	}
	if c.Repo != nil {
		if _, ok := c.Repo.Group(c.Request.Spec.Target); ok {
			keys = append(keys, "group/"+c.Request.Spec.Target)
		}
	}
	return keys
}

// Keys are the keys of the ledger that a target stands for.
func Keys(repo *config.Repo, target string) []string {
	c := Case{Repo: repo, Case: approval.Case{Targets: repo.Reached(target)}}
	c.Request.Spec.Target = target
	return keysOf(c)
}

// rosterBefore reads the roster as it was when the request was merged (ID-03).
func (r *Reader) rosterBefore(ctx context.Context, c *Case) error {
	e, o := &c.Reading.Evidence, c.Reading.Objects
	if e.Pull.FirstParent == "" {
		return nil
	}
	tree, err := o.Tree(ctx, e.Pull.FirstParent)
	if err != nil {
		return err
	}
	repo, problems := r.load(e.Pull.FirstParent, "", nil, tree)
	if repo == nil {
		return nil
	}
	roster, ok := repo.Roster()
	if !ok {
		return nil
	}
	path := roster.Origin.File
	for _, p := range problems {
		if p.File == path {
			c.Problems = append(c.Problems, approval.Finding{Rule: "POL-04", Subject: fmt.Sprintf("%s:%d:%d of commit %s", p.File, p.Line, p.Col, e.Pull.FirstParent), Message: p.What})
		}
	}
	file, err := o.File(ctx, e.Pull.FirstParent, path)
	if err != nil {
		return err
	}
	e.RosterBefore = approval.DocumentAt{Path: path, Commit: e.Pull.FirstParent, File: file.File}
	c.RosterBefore = approval.Decoded[approval.Roster]{Name: roster.Name(), Path: path, Commit: e.Pull.FirstParent, SHA256: file.SHA256, Spec: roster.Spec}
	return nil
}

// ownFiles begins the paths of files that are part of bcctl.
const ownFiles = "bcctl:"

// pins reads each pinned file at the merge and at main's tip (BIND-02). Before the
// merge there is only the tip, on which the merge would be made.
func (r *Reader) pins(ctx context.Context, c *Case) error {
	e, o := &c.Reading.Evidence, c.Reading.Objects
	var own, paths []string
	for path := range c.Request.Spec.Pins {
		if strings.HasPrefix(path, ownFiles) {
			own = append(own, path)
		} else {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	slices.Sort(own)
	tip, err := o.Files(ctx, e.Main.Tip, paths...)
	if err != nil {
		return err
	}
	merge := tip
	if e.Pull.MergeCommit != "" && e.Pull.OnMain == approval.Yes {
		if merge, err = o.Files(ctx, e.Pull.MergeCommit, paths...); err != nil {
			return err
		}
	}
	e.Pins = nil
	for _, path := range paths {
		e.Pins = append(e.Pins, approval.PinFact{Path: path, AtMerge: merge[path].File, AtTip: tip[path].File})
	}
	for _, path := range own {
		file := approval.File{State: approval.FileAbsent}
		if r.Builtin != nil {
			if data, ok := r.Builtin(path); ok {
				file = approval.FileOf("100644", data)
			}
		}
		e.Pins = append(e.Pins, approval.PinFact{Path: path, AtMerge: file, AtTip: file})
	}
	return nil
}

// deciding lists the files that hold the roster and the policies.
func deciding(repo *config.Repo) []string {
	var paths []string
	for _, p := range repo.ApprovalPolicies {
		paths = append(paths, p.Origin.File)
	}
	for _, p := range repo.Rosters {
		paths = append(paths, p.Origin.File)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// decides tells which files decide, for the list of recent changes (ADM-03).
func decides(c Case) func(string) bool {
	paths := map[string]bool{c.Roster.Path: true, config.SettingsFile: true}
	for _, p := range c.Policies {
		paths[p.Path] = true
	}
	return func(path string) bool { return paths[path] }
}

// teamsOf lists the teams that slots of the policies name.
func teamsOf(policies []approval.Decoded[approval.Policy]) []approval.Team {
	var teams []approval.Team
	add := func(slots []approval.Slot) {
		for _, s := range slots {
			if s.Team != nil && !slices.Contains(teams, *s.Team) {
				teams = append(teams, *s.Team)
			}
		}
	}
	for _, p := range policies {
		for _, e := range p.Spec.Entries {
			add(e.Slots)
		}
		for _, b := range p.Spec.BreakGlass {
			add(b.Slots)
		}
	}
	return teams
}
