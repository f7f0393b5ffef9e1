package config

import "path"

// ReadRequest decodes and checks one request file by itself, as strictly as Load
// does: what is read here is what a repository with the file in it would hold.
func ReadRequest(name string, raw []byte) (*Request, Problems) {
	f := decodeFile(path.Clean(name), raw, newValidator())
	problems := f.problems
	r := &Repo{}
	for _, e := range f.entries {
		if e.add != nil {
			e.add(r)
		}
	}
	if len(r.Requests) != 1 || len(f.entries) != 1 {
		return nil, append(problems, Problem{name, 1, 1, "is not one Request", "a request stands in a file of its own"}).Sorted()
	}
	problems = append(problems, crossCheck(nil, r, []file{f}, nil)...)
	return r.Requests[0], problems.Sorted()
}
