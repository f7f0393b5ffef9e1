package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Parse reads every document of a file. Documents that are null, such as the one
// after a closing ---, are left out. Documents are returned as far as they could
// be read, also when there are problems.
func Parse(data []byte) ([]*Document, []Problem) {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if p := scan(data); p != nil {
		return nil, []Problem{*p}
	}
	roots, problem := nodes(data)
	var docs []*Document
	var problems []Problem
	w := walker{}
	for i, root := range roots {
		if len(root.Content) != 1 {
			continue
		}
		content := root.Content[0]
		before := len(w.problems)
		value := w.walk(content, 1)
		if value == nil && content.Kind == scalarNode && len(w.problems) == before {
			continue
		}
		docs = append(docs, &Document{Value: value, start: place(content), tree: func() *node { return root }, file: data, index: i})
		if w.stopped {
			break
		}
	}
	problems = append(problems, w.problems...)
	if problem != nil {
		problems = append(problems, *problem)
	}
	return docs, problems
}

// nodes parses the documents of a file up to the first syntax error.
func nodes(data []byte) (roots []*node, problem *Problem) {
	err := eachNode(data, func(n *node) { roots = append(roots, n) })
	if err != nil {
		p := diagnose(data, err)
		return roots, &p
	}
	return roots, nil
}

func eachNode(data []byte, yield func(*node)) (err error) {
	// The library is archived, so a panic in it will not be fixed there; a bad file
	// must not take down the check of all the others.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: parser failed: %v", r)
		}
	}()
	d := newDecoder(bytes.NewReader(data))
	for {
		n := new(node)
		switch err := d.Decode(n); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		yield(n)
	}
}
