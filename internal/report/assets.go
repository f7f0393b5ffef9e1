package report

import (
	"crypto/sha256"
	_ "embed" // the template, the style and the script stand beside this file
	"encoding/base64"
	"html/template"
	"slices"
	"strings"
)

var (
	//go:embed page.html.tmpl
	pageText string
	//go:embed style.css
	style string
	//go:embed script.js
	script string
)

var pageTemplate = template.Must(template.New("").Funcs(template.FuncMap{
	"join": strings.Join,
	"list": func(items ...any) []any { return items },
	"names": func(lights []light) []string {
		var names []string
		for _, l := range lights {
			names = append(names, l.Name)
		}
		slices.Sort(names)
		return names
	},
}).Parse(pageText))

// assets are the page's own style and script, and the policy that lets nothing
// else in: no address is ever asked for anything.
type assets struct {
	Style  template.CSS
	Script template.JS
	Policy string
}

func newAssets() assets {
	css, js := squeeze(style), squeeze(script)
	return assets{Style: template.CSS(css), Script: template.JS(js),
		Policy: "default-src 'none'; style-src " + hash(css) + "; script-src " + hash(js) + "; base-uri 'none'; form-action 'none'"}
}

// hash is a text as a content security policy names it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// squeeze leaves out indents, empty lines and lines that are comments.
func squeeze(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "/*") && strings.HasSuffix(line, "*/") {
			continue
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}
