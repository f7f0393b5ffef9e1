package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// perPage is the most GitHub gives at once (API-09).
const perPage = 100

// pages reads a list to its end: 100 at a time, following GitHub's next link as it
// is given. It reports whether the end was reached within max items; a next link that
// was followed before, or that leads elsewhere, is an error (API-09).
func pages[T any](ctx context.Context, c *Client, path string, max int) (items []T, complete bool, err error) {
	separator := "?"
	u, err := url.Parse(path)
	if err != nil {
		return nil, false, err
	}
	if u.RawQuery != "" {
		separator = "&"
	}
	next := path + separator + "per_page=" + strconv.Itoa(perPage)
	first, err := c.t.base.Parse(next)
	if err != nil {
		return nil, false, err
	}
	seen := map[string]bool{}
	for {
		if seen[next] {
			return nil, false, fmt.Errorf("%w: the pages of %s lead in a circle", ErrUnavailable, path)
		}
		if len(seen) > max/perPage+10 {
			return nil, false, fmt.Errorf("%w: the pages of %s do not end", ErrUnavailable, path)
		}
		seen[next] = true
		var page []json.RawMessage
		resp, err := c.get(ctx, next, &page)
		if err != nil {
			return nil, false, err
		}
		for _, raw := range page {
			var item T
			if err := json.Unmarshal(raw, &item); err != nil {
				return nil, false, fmt.Errorf("%w: an entry of %s is not of GitHub's form: %w", ErrUnavailable, path, err)
			}
			items = append(items, item)
		}
		if len(items) > max {
			return items[:max], false, nil
		}
		link := nextLink(resp.Header)
		if link == "" {
			return items, true, nil
		}
		to, err := c.t.base.Parse(link)
		if err != nil || to.Host != first.Host || to.Scheme != first.Scheme {
			return nil, false, fmt.Errorf("%w: the next page of %s is elsewhere", ErrUnavailable, path)
		}
		next = to.String()
	}
}

// nextLink is the address with rel="next" of a Link header.
func nextLink(h http.Header) string {
	for _, value := range h.Values("Link") {
		for _, link := range splitLinks(value) {
			if link.rel == "next" {
				return link.address
			}
		}
	}
	return ""
}
