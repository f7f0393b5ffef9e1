// Package readiness is the vocabulary of bcctl: what was observed, what it was
// judged to be, and why.
//
// It knows no database, no file format and no clock. Every other package speaks
// in its terms: connectors return Observations, rules turn them into Results,
// outputs render Results. The package uses the standard library only, so that
// anything may import it.
package readiness
