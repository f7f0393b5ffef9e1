// Package mongodb reads MongoDB replica sets and sharded clusters.
//
// Every member is asked directly, over a connection that discovers nothing: a
// client of the set never shows hidden members, hides a second primary, and does
// nothing without one. What a member says of itself comes first; what others say
// of it is a view, with the age of the heartbeat it is from. The two are never
// merged silently.
//
// The package knows no rules, policies or history beyond Spec.Previous, and
// changes nothing but the heartbeat document, where a resource asks for it.
package mongodb
