package config

import (
	"cmp"
	"io/fs"
	"runtime"
	"slices"
	"sync"

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
	names, problems := documentFiles(fsys)
	files := decodeFiles(fsys, names)
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
	return r, problems.sorted()
}

// decodeFiles reads and decodes files, several at a time. The result is in the
// order of names.
func decodeFiles(fsys fs.FS, names []string) []file {
	files := make([]file, len(names))
	v := newValidator()
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for i := range next {
				data, problem := readBounded(fsys, names[i])
				if problem != nil {
					files[i] = file{name: names[i], problems: Problems{*problem}}
					continue
				}
				files[i] = decodeFile(names[i], data, v)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
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
