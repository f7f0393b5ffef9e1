package github

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

type obj = map[string]any

// readAll reads at most so much.
func readAll(r io.Reader, max int64) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("more than %d bytes", max)
	}
	return data, err
}

// number is a parameter that is one; 0 when it is not.
func (c *call) number(name string) int64 {
	n, err := strconv.ParseInt(c.values[name], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// decode reads the request's body. What does not fit is left at zero: the check
// against the description has already spoken.
func (c *call) decode(into any) {
	if len(c.body) > 0 {
		_ = json.Unmarshal(c.body, into)
	}
}

// has reports whether the body names a field.
func (c *call) has(field string) bool {
	var m map[string]json.RawMessage
	c.decode(&m)
	_, ok := m[field]
	return ok
}

// bounds reads page and per_page as GitHub does: nonsense is the default, more than
// 100 is 100.
func (c *call) bounds() (page, size int) {
	size, _ = strconv.Atoi(c.query("per_page"))
	if size < 1 {
		size = 30
	}
	size = min(size, 100)
	page, _ = strconv.Atoi(c.query("page"))
	return max(page, 1), size
}

// page cuts a list and writes the links to its other pages.
func page[T any](c *call, list []T) []T {
	number, size := c.bounds()
	last := max((len(list)+size-1)/size, 1)
	var links []string
	link := func(n int, rel string) {
		links = append(links, c.link(rel, "page", strconv.Itoa(n)))
	}
	switch {
	case c.fault != nil && c.fault.EndlessNext:
		link(number+1, "next") // and the list starts again
		number = (number-1)%last + 1
	case number < last:
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
		link(number-1, "prev")
	}
	c.links = strings.Join(links, ", ")
	from := min((number-1)*size, len(list))
	return list[from:min(from+size, len(list))]
}

func (c *call) link(rel, parameter, value string) string {
	q := c.r.URL.Query()
	q.Set(parameter, value)
	return fmt.Sprintf("<%s%s?%s>; rel=%q", c.s.URL(), c.r.URL.EscapedPath(), q.Encode(), rel)
}

// each renders a list; it is never null.
func each[T any](list []T, show func(T) any) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, show(v))
	}
	return out
}

func paged[T any](c *call, list []T, show func(T) any) reply { return ok(each(page(c, list), show)) }

// wants reports whether the client asks for a file's bytes.
func (c *call) wantsRaw() bool {
	a := c.r.Header.Get("Accept")
	return strings.Contains(a, "github.raw") || strings.Contains(a, "github.v3.raw")
}

var noBody = reply{status: http.StatusNoContent}
