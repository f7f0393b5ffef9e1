package config

import (
	"fmt"
	"path"
	"reflect"
	"strings"

	"github.com/bcctl/bcctl/internal/yamldoc"
	"github.com/bcctl/bcctl/schemas"
)

// Format writes a file of documents in canonical form: keys in the order of the
// schemas, two spaces, quotes only where they are needed. Comments stay.
// Formatting twice gives the same bytes. The error is of type Problems; name is
// the file in it.
func Format(name string, data []byte) ([]byte, error) {
	formatted, problems, err := yamldoc.Format(data, keyOrder)
	var all Problems
	for _, p := range problems {
		all = append(all, Problem{name, p.Line, p.Col, p.What, p.Instead})
	}
	if err != nil {
		all = append(all, Problem{name, 1, 1, "cannot be formatted: " + err.Error(), ""})
	}
	if err := all.Sorted().Err(); err != nil {
		return nil, err
	}
	return formatted, nil
}

// Modeline is the first line that tells editors where the schema of a document
// is: in schemas/ of the repository, as seen from the document's file.
func Modeline(file string, kind Kind) string {
	up := strings.Repeat("../", strings.Count(path.Clean(file), "/"))
	return fmt.Sprintf("# yaml-language-server: $schema=%sschemas/%s", up, schemas.File(string(kind)))
}

// keyOrder is the order of the keys of a document, by its kind.
func keyOrder(doc *yamldoc.Document) *yamldoc.Order {
	o := orderOf(reflect.TypeFor[Document[struct{}]]())
	m, _ := doc.Value.(map[string]any)
	kind, _ := m["kind"].(string)
	if spec, ok := SpecType(Kind(kind)); ok {
		o.Fields["spec"] = orderOf(spec)
	}
	return o
}

// orderOf is the order of the fields of a type, and of everything below it.
func orderOf(t reflect.Type) *yamldoc.Order {
	switch t.Kind() {
	case reflect.Pointer:
		return orderOf(t.Elem())
	case reflect.Slice, reflect.Map:
		return &yamldoc.Order{Each: orderOf(t.Elem())}
	case reflect.Struct:
		o := &yamldoc.Order{Fields: make(map[string]*yamldoc.Order)}
		fields(t, o)
		return o
	default:
		return &yamldoc.Order{}
	}
}

func fields(t reflect.Type, o *yamldoc.Order) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields(f.Type, o) // an embedded struct's keys stand among the others
		case name != "" && name != "-":
			o.Keys = append(o.Keys, name)
			o.Fields[name] = orderOf(f.Type)
		}
	}
}
