// Package fleet is a laboratory of several systems on all platforms: a real
// PostgreSQL pair, and beside it systems that speak the protocols of MongoDB, SQL
// Server and Snowflake, in one process of their own (the host).
//
// Up makes the directory, starts the PostgreSQL pair and the host, and writes a
// configuration repository for all of them. The host outlives the process that
// started it; Open finds it again by the directory, and talks to it over a socket
// in it. Everything a fleet has is below its directory.
//
// The package knows the systems and nothing of how bcctl judges them.
package fleet
