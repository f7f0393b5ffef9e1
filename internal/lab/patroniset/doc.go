// Package patroniset runs a real Patroni cluster on loopback: three members with
// PostgreSQL, and one etcd in which Patroni keeps its state. The servers belong to
// the user postgres where root starts them.
//
// Patroni moves the roles by itself; what a set can do is what happens to a cluster
// from outside: a member is killed, started, frozen, paused. It serves tests.
package patroniset
