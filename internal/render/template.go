package render

import (
	"bytes"
	"fmt"
)

// template fills in a template of the person's own. Its data is the report, with
// texts made harmless: the template decides about lines, a server does not.
func (v View) template(text string) ([]byte, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v.Shown()); err != nil {
		return nil, fmt.Errorf("fill in template: %w", err)
	}
	return b.Bytes(), nil
}
