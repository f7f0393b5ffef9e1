// Package yamldoc reads YAML the way a reviewed configuration must be read:
// what stands in the file is what is meant, or it is an error with its place.
//
// Aliases, merge keys, tags, duplicate keys, control characters, YAML 1.1
// booleans and octal numbers are refused; sizes are bounded. The package knows
// nothing about what the documents say. Its messages never repeat a value, only
// keys: a value may be a password in the wrong place.
package yamldoc

import (
	"strconv"
	"sync"
)

// Limits of one file.
const (
	MaxBytes = 1 << 20 // size of a file
	MaxDepth = 64      // nesting of mappings and sequences
	MaxNodes = 100_000 // keys and values together
)

// Problem is one thing wrong with a file.
type Problem struct {
	Line, Col int    // from 1; columns count characters
	What      string // what is wrong
	Instead   string // what to write instead; may be empty
}

// Document is one YAML document with the places of everything in it. It may be
// used by several goroutines.
type Document struct {
	// Value is the content: map[string]any, []any, string, bool, int64, float64 or
	// nil. Dates stay texts.
	Value any
	start Pos
	tree  func() *node // the document node
	file  []byte
	index int // which document of the file it is
}

// Pos is a place in a file, counted from 1.
type Pos struct{ Line, Col int }

// Start returns where the content of the document begins.
func (d *Document) Start() Pos { return d.start }

// Release lets go of the content and of the parsed form, which is many times
// larger than the file. Places can still be asked for: the file is then parsed
// again, once.
func (d *Document) Release() {
	d.Value = nil
	file, index := d.file, d.index
	d.tree = sync.OnceValue(func() *node {
		roots, _ := nodes(file)
		return roots[index]
	})
}

func (d *Document) root() *node { return d.tree().Content[0] }

// At returns the place of the value at path, whose parts are keys (string) and
// positions (int). Where the path leads to nothing it is the place of the
// nearest thing around it.
func (d *Document) At(path ...any) Pos {
	_, value, _ := d.find(path)
	return place(value)
}

// KeyAt is like At, but returns the place of the key that names the value; for an
// element of a sequence it is the place of the element.
func (d *Document) KeyAt(path ...any) Pos {
	key, value, _ := d.find(path)
	if key != nil {
		return place(key)
	}
	return place(value)
}

// Scalar returns the text of the scalar at path as it stands in the file, without
// quotes, and whether it was quoted.
func (d *Document) Scalar(path ...any) (text string, quoted, ok bool) {
	_, n, found := d.find(path)
	if !found || n.Kind != scalarNode {
		return "", false, false
	}
	return n.Value, n.Style&(doubleQuoted|singleQuoted|literal|folded) != 0, true
}

func (d *Document) find(path []any) (key, value *node, found bool) {
	value = d.root()
	for _, part := range path {
		k, v := child(value, part)
		if v == nil {
			return key, value, false
		}
		key, value = k, v
	}
	return key, value, true
}

// child returns the value that part names below n, and its key if it has one.
func child(n *node, part any) (key, value *node) {
	switch n.Kind {
	case mappingNode:
		name, ok := part.(string)
		if !ok {
			return nil, nil
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i], n.Content[i+1]
			}
		}
	case sequenceNode:
		i, ok := part.(int)
		if s, isText := part.(string); isText {
			// Locations from a JSON Schema validator name positions by text.
			var err error
			i, err = strconv.Atoi(s)
			ok = err == nil
		}
		if ok && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i]
		}
	}
	return nil, nil
}

// place is where a node begins. Lines of nodes the parser made up, such as the
// value of "key:", may be 0.
func place(n *node) Pos { return Pos{max(n.Line, 1), max(n.Column, 1)} }
