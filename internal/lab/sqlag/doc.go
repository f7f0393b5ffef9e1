// Package sqlag is a laboratory: SQL Server instances with an availability group, a
// distributed one, one without a cluster, or log shipping. They speak TDS 7.4 (and
// 8.0) over TCP to unmodified clients, from inside this process.
//
// No answer is canned. A state model (package model) moves with the clock; system
// views are computed from it; a small T-SQL evaluator (packages sqltext and engine)
// answers whatever query comes over them; package tds talks to clients. Statements
// of an operator change the model, with the product's refusals.
//
// It was written from Microsoft's documentation of the protocol (MS-TDS), of the
// views and of the statements. No real server was compared. What the documentation
// leaves open, and this package had to decide:
//
//   - time-outs count as passed at once: a cut link is DISCONNECTED without waiting for
//     session_timeout, and a lost primary has been noticed by the cluster;
//   - log_send_queue_size and the lag's value of a database that does not move: NULL and
//     0 here, by reports of measurements; lag can also climb or latch (Group.SetLag);
//   - secondary_lag_seconds is NULL on a secondary's own row, and queues to it too;
//   - recovery_lsn of a secondary that has nothing to undo is 4294967295429496729500001;
//   - a distributed group is seen on the primary of each member only, in catalog views
//     too; its databases have the same group_database_id on both sides; the forwarder
//     shows a local row of it and the global primary only the other side's;
//   - fn_hadr_is_primary_replica gives 1 on a forwarder;
//   - after the loss of the primary a secondary on a cluster is RESOLVING and OFFLINE, not
//     SECONDARY and DISCONNECTED; databases of a RESOLVING replica stay ONLINE in
//     sys.databases;
//   - dm_hadr_cluster has no row without a Windows cluster;
//   - dm_hadr_database_replica_cluster_states shows all replicas on a secondary with
//     quorum, and only its own without a cluster;
//   - each forced failover makes a new recovery fork, also the last step of a planned
//     switch of a distributed group; there the side that gave up its role before follows
//     by itself, and nothing is suspended;
//   - recovery after a failover takes no time;
//   - error numbers: 35205, 47104, 47105, 47106, 47110, 41121, 41131, 41145 and 41190 may be others; texts
//     of errors are shortened;
//   - an instance in clear text is refused by ENCRYPT_REQ; within TDS 8.0 the pre-login says
//     that there is nothing left to encrypt; a login to a database that cannot be opened gets
//     its own error (976, 978, 983), then 4060, then 18456;
//   - a replica that others see as primary too is shown by a primary as SECONDARY;
//   - which errors end a batch: all but those about permission;
//   - numbers in columns nobody here judges, such as cpu_count or metadata ids;
//   - a login without SELECT on msdb gets error 229; with VIEW SERVER STATE missing,
//     errors 300 and 297, in one statement; in a database-scoped view 262 and 297;
//   - rates and log flushed per second follow a steady synthetic workload;
//   - backup history on a secondary is empty: backups are made where the log is written;
//   - log shipping jobs run on the full five minutes, copies one and restores two minutes
//     later.
//
// Not there at all: Windows and Entra logins, MARS, cursors and prepared handles, bulk
// load, transactions that roll back, the browser service, read-only routing, database
// snapshots, failover cluster instances, Azure.
package sqlag
