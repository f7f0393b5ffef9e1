// Package connectortest is the contract that every connector keeps, as tests.
// Run puts a connector before its own servers and makes them, the network and
// whoever configured it misbehave.
//
// The package is test support: it may be imported by tests only. It knows no
// platform. What only the platform knows (how to break its servers, what precedes
// its TLS handshake) a Subject says.
package connectortest
