// Package config reads a configuration repository: a tree of YAML documents from
// a directory or a git commit.
//
// Load is strict. It reads every document, checks each against its JSON Schema
// and all of them against each other, and reports every problem of every file in
// one run, with its place and what to write instead. It knows the packages whose
// specs the documents carry; none of them knows it. It makes no connection,
// resolves no secret and reads no clock.
package config
