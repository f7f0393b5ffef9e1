// Package github is a stand-in for GitHub on loopback, for tests and for the
// laboratory. It keeps the state of repositories, pull requests, reviews, comments,
// rules and runs, and answers the calls of GitHub's REST interface (and of a small
// part of its GraphQL interface) that bcctl makes. Behind it is a real bare Git
// repository, which can be fetched from and pushed to by file path and over HTTP.
//
// Every request and every answer is checked against GitHub's own OpenAPI
// description (package openapi); what breaks it is reported to Options.Violation.
// It knows nothing of approvals, requests or bcctl. docs/github.md lists what it
// assumes about github.com without having tried it.
package github
