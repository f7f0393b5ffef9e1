package config

import (
	"cmp"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Options change what Load checks.
type Options struct {
	// Catalog knows what each platform can measure; connectors.Registry does. Nil
	// leaves out the checks of indicator names and units.
	Catalog Catalog
}

// Catalog lists platforms and what may be given thresholds on each.
type Catalog interface {
	Platforms() []string
	Indicators(platform string) []readiness.Indicator
}

// Load reads a repository: every document of fsys, checked one by one and against
// each other. It returns what could be read, and every problem there is; a
// repository with problems must not be acted upon.
//
// fsys is the root of the repository: os.Root.FS, os.DirFS or the tree of a
// commit.
func Load(fsys fs.FS, opts Options) (*Repo, Problems) {
	sources, problems := documentFiles(fsys)
	files := decodeFiles(fsys, sources)
	r := &Repo{cas: make(map[string][]byte)}
	for _, f := range files {
		problems = append(problems, f.problems...)
		for _, e := range f.entries {
			if e.add != nil {
				e.add(r)
			}
		}
	}
	r.sort()
	problems = append(problems, crossCheck(fsys, r, files, opts.Catalog)...)
	return r, problems.Sorted()
}

// decodeFiles reads and decodes files, several at a time. The result is in the
// order of sources.
func decodeFiles(fsys fs.FS, sources []source) []file {
	files := make([]file, len(sources))
	v := newValidator()
	var next atomic.Int64 // a channel would cost a switch of threads for each small file
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(sources)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(sources)); i = next.Add(1) - 1 {
				name := sources[i].name
				data, problem := sources[i].read(fsys)
				if problem != nil {
					files[i] = file{name: name, problems: Problems{*problem}}
					continue
				}
				files[i] = decodeFile(name, data, v)
			}
		})
	}
	workers.Wait()
	return files
}

func (r *Repo) sort() {
	sortByName(r.Resources)
	sortByName(r.Groups)
	sortByName(r.SiteLists)
	sortByName(r.Rosters)
	sortByName(r.ApprovalPolicies)
	sortByName(r.StatusPolicies)
	sortByName(r.AlertPolicies)
	sortByName(r.Calendars)
	sortByName(r.Runbooks)
	sortByName(r.Schedules)
	sortByName(r.Requests)
	sortByName(r.StatusTests)
}

func sortByName[S any](list []*Document[S]) {
	slices.SortFunc(list, func(a, b *Document[S]) int {
		return cmp.Or(
			cmp.Compare(a.Metadata.Name, b.Metadata.Name),
			cmp.Compare(a.Origin.File, b.Origin.File),
			cmp.Compare(a.Origin.Line, b.Origin.Line),
		)
	})
}
