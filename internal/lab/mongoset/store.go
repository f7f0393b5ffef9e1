package mongoset

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"
)

// store is a member's data, with as much of its past as reads need that want only
// what a majority has.
type store map[string]*collection

type collection struct {
	order []string // keys, in the order of insertion
	docs  map[string][]revision
}

// revision is a document as an operation left it; nil is a deletion.
type revision struct {
	at  opTime
	doc bson.D
}

// key is a document's _id in a form that can be compared.
func key(id any) string {
	b, err := bson.Marshal(bson.D{{Key: "_id", Value: id}})
	if err != nil {
		return "" // no client can send a value that does not encode
	}
	return string(b)
}

func (s store) apply(e *entry) {
	var id any
	doc := e.o
	switch e.op {
	case "i":
		id = lookup(e.o, "_id")
	case "u":
		id = lookup(e.o2, "_id")
	case "d":
		id, doc = lookup(e.o, "_id"), nil
	default:
		return
	}
	c := s[e.ns]
	if c == nil {
		c = &collection{docs: map[string][]revision{}}
		s[e.ns] = c
	}
	k := key(id)
	if _, known := c.docs[k]; !known {
		c.order = append(c.order, k)
	}
	c.docs[k] = append(c.docs[k], revision{at: e.at, doc: doc})
}

// list returns the documents of a namespace, as they were at a position when one
// is given.
func (s store) list(ns string, upTo *opTime) []bson.D {
	c := s[ns]
	if c == nil {
		return nil
	}
	var docs []bson.D
	for _, k := range c.order {
		for _, rev := range slices.Backward(c.docs[k]) {
			if upTo != nil && upTo.before(rev.at) {
				continue
			}
			if rev.doc != nil {
				docs = append(docs, rev.doc)
			}
			break
		}
	}
	return docs
}

// byID returns the newest form of a document.
func (s store) byID(ns string, id any) (bson.D, bool) {
	c := s[ns]
	if c == nil {
		return nil, false
	}
	revs := c.docs[key(id)]
	if len(revs) == 0 || revs[len(revs)-1].doc == nil {
		return nil, false
	}
	return revs[len(revs)-1].doc, true
}

// revert forgets everything behind a position.
func (s store) revert(at opTime) {
	for _, c := range s {
		for k, revs := range c.docs {
			c.docs[k] = slices.DeleteFunc(revs, func(rev revision) bool { return at.before(rev.at) })
		}
	}
}

// prune forgets what no read can ask for: everything older than the newest
// revision a majority has.
func (s store) prune(committed opTime) {
	for _, c := range s {
		for k, revs := range c.docs {
			for len(revs) > 1 && !committed.before(revs[1].at) {
				revs = revs[1:]
			}
			c.docs[k] = revs
		}
	}
}
