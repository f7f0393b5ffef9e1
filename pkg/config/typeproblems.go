package config

import (
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// typeNames are the JSON types in plain words.
var typeNames = map[string]string{
	"string":  "a text",
	"integer": "a whole number",
	"number":  "a number",
	"boolean": "true or false",
	"object":  "a mapping",
	"array":   "a list",
	"null":    "nothing",
}

// yaml11 are the words that YAML 1.1 read as booleans.
var yaml11 = map[string]string{
	"yes": "true", "y": "true", "on": "true",
	"no": "false", "n": "false", "off": "false",
}

func (t *translator) wrongType(location []string, k *kind.Type) {
	name := fieldName(location)
	var wanted []string
	for _, w := range k.Want {
		if w != "null" {
			wanted = append(wanted, typeNames[w])
		}
	}
	want := strings.Join(wanted, " or ")
	if k.Got == "null" {
		t.add(location, name+": no value is given, want "+want, "write one, or remove the field")
		return
	}
	text, quoted, scalar := t.origin.scalar(steps(location)...)
	if boolean, old := yaml11[strings.ToLower(text)]; old && !quoted && scalar && slices.Contains(k.Want, "boolean") {
		t.add(location, name+": got the text "+text+", want true or false", "write "+boolean)
		return
	}
	got := typeNames[k.Got]
	if k.Got == "number" && slices.Contains(k.Want, "integer") {
		got = "a number with a fraction"
	}
	t.add(location, name+": got "+got+", want "+want, t.remedy(location, k, text, quoted))
}

// remedy says how to turn what was written into what is wanted.
func (t *translator) remedy(location []string, k *kind.Type, text string, quoted bool) string {
	wants := func(name string) bool { return slices.Contains(k.Want, name) }
	switch {
	case wants("string") && (k.Got == "number" || k.Got == "boolean"):
		if s := schemaAt(t.schema, location); s == nil || secretPlace(location, s.Format != nil && s.Format.Name == "bcctl-secret") {
			return "put quotes around it" // what stands there may be a secret
		}
		return "put quotes around it: \"" + text + "\""
	case k.Got == "string" && quoted && (wants("integer") || wants("number") || wants("boolean")):
		return "remove the quotes"
	case k.Got == "string" && wants("array"):
		return "write each entry on a line of its own, after \"- \""
	case k.Got == "object" && wants("array"):
		return "write \"- \" before each entry"
	case k.Got == "array" && wants("object"):
		return "write keys in place of \"- \""
	case k.Got == "array" && wants("string"):
		return "write one value without \"- \""
	case k.Got == "object" && wants("string"):
		return "write one value on the same line"
	case wants("object"):
		return "write its fields on the lines below, indented by two spaces"
	default:
		return ""
	}
}

// secretPlace reports whether a value at a location may be a secret, so that no
// message repeats it.
func secretPlace(location []string, reference bool) bool {
	return reference || slices.Contains(location, "credentials") || secretKey(location[len(location)-1])
}

// secretKey reports whether a key names something that is usually secret.
func secretKey(key string) bool {
	key = strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(key))
	for _, part := range []string{"password", "passwd", "passphrase", "secret", "token", "apikey", "privatekey", "sslkey", "accesskey", "authorization", "pwd"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}
