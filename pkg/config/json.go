package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// appendJSON appends the JSON of a value as package yamldoc makes it. It does
// what json.Marshal does, but without looking at types and without sorting keys,
// which nobody reads; this is a tenth of the time of loading a large repository.
func appendJSON(b []byte, value any) ([]byte, error) {
	var err error
	switch x := value.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, x), nil
	case int64:
		return strconv.AppendInt(b, x, 10), nil
	case float64:
		data, err := json.Marshal(x)
		return append(b, data...), err
	case string:
		return appendText(b, x)
	case []any:
		b = append(b, '[')
		for i, item := range x {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, item); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		b = append(b, '{')
		first := true
		for key, item := range x {
			if !first {
				b = append(b, ',')
			}
			first = false
			if b, err = appendText(b, key); err != nil {
				return nil, err
			}
			b = append(b, ':')
			if b, err = appendJSON(b, item); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	default:
		return nil, fmt.Errorf("value of type %T has no JSON form", value)
	}
}

// appendText appends a text in quotes.
func appendText(b []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			data, err := json.Marshal(text)
			return append(b, data...), err
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"'), nil
}
