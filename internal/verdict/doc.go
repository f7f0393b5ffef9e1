// Package verdict puts together what a decision about a request needs, and asks
// pkg/approval for it: evidence from GitHub (internal/forge), and documents from git
// objects, by the ids of commits. Every command that needs a decision goes through it
// (POL-06).
package verdict
