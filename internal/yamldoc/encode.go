package yamldoc

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Marshal writes a value as one YAML document, by way of its JSON: the same
// fields, in the same order. Texts that any YAML reader could take for something
// else are quoted.
func Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode as JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := fromJSON(d)
	if err != nil {
		return nil, fmt.Errorf("read encoded JSON: %w", err)
	}
	return encodeNode(n)
}

func encodeNode(n *node) ([]byte, error) {
	var out bytes.Buffer
	e := newEncoder(&out)
	if err := e.Encode(n); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out.Bytes(), nil
}

// fromJSON reads one JSON value as a node. Unlike a map it keeps the order of the
// keys.
func fromJSON(d *json.Decoder) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := token.(type) {
	case json.Delim:
		n := &node{Kind: sequenceNode, Tag: "!!seq"}
		if x == '{' {
			n = &node{Kind: mappingNode, Tag: "!!map"}
		}
		for d.More() {
			item, err := fromJSON(d) // for a mapping, keys and values in turn
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		if _, err := d.Token(); err != nil { // the closing bracket
			return nil, err
		}
		if len(n.Content) == 0 {
			n.Style = flow // [] and {}
		}
		return n, nil
	case string:
		return textNode(x), nil
	case json.Number:
		return &node{Kind: scalarNode, Value: x.String()}, nil
	case bool:
		return &node{Kind: scalarNode, Tag: "!!bool", Value: fmt.Sprint(x)}, nil
	default:
		return &node{Kind: scalarNode, Tag: "!!null", Value: "null"}, nil
	}
}
