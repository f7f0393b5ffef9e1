package yamldoc

// The only import of a YAML library in bcctl. gopkg.in/yaml.v3 is archived; the
// day it needs a fix, the maintained drop-in go.yaml.in/yaml/v3 goes here.
import (
	"io"

	"gopkg.in/yaml.v3"
)

type node = yaml.Node

const (
	documentNode = yaml.DocumentNode
	sequenceNode = yaml.SequenceNode
	mappingNode  = yaml.MappingNode
	scalarNode   = yaml.ScalarNode
	aliasNode    = yaml.AliasNode

	taggedStyle  = yaml.TaggedStyle
	doubleQuoted = yaml.DoubleQuotedStyle
	singleQuoted = yaml.SingleQuotedStyle
	literal      = yaml.LiteralStyle
	folded       = yaml.FoldedStyle
	flow         = yaml.FlowStyle
)

func newDecoder(r io.Reader) *yaml.Decoder { return yaml.NewDecoder(r) }

func newEncoder(w io.Writer) *yaml.Encoder {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	return e
}

type quoteStyle = yaml.Style
