package forge

import "strings"

type link struct{ address, rel string }

// splitLinks reads a Link header: <address>; rel="next", <address>; rel="last".
// Addresses may hold commas.
func splitLinks(value string) []link {
	var links []link
	for {
		begin := strings.IndexByte(value, '<')
		if begin < 0 {
			return links
		}
		address, rest, found := strings.Cut(value[begin+1:], ">")
		if !found {
			return links
		}
		params := rest
		if end := strings.IndexByte(rest, '<'); end >= 0 {
			params, value = rest[:end], rest[end:]
		} else {
			value = ""
		}
		l := link{address: address}
		for param := range strings.SplitSeq(params, ";") {
			name, text, _ := strings.Cut(strings.Trim(param, " ,"), "=")
			if strings.EqualFold(strings.TrimSpace(name), "rel") {
				l.rel = strings.Trim(strings.TrimSpace(text), `"`)
			}
		}
		links = append(links, l)
	}
}
