// Package examples holds complete configuration repositories. `bcctl init`
// writes them, tests load and check every one of them.
package examples

import "embed"

// FS has one directory per example.
//
//go:embed all:starter all:demo all:fleet
var FS embed.FS
