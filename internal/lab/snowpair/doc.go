// Package snowpair is a laboratory: a pair of Snowflake accounts of one
// organization, on loopback, inside this process. It speaks the HTTPS protocol
// that the unmodified drivers speak, and the documented SQL API, and answers from
// a model of the organization's state: failover and replication groups with their
// schedules and refreshes, connections of client redirect, roles, warehouses.
//
// The model is pure state and a clock. Nothing runs while nobody asks: refreshes
// that were due are worked out when somebody looks, so an idle pair costs nothing
// but its memory.
//
// The package knows the product's documentation and the protocol, and nothing of
// how bcctl judges them: a Fault names reason codes only to say what a reader
// should expect to see. It was never compared with a real account.
//
// # What is a guess
//
// Documented, and followed: columns and their order, phases and retention, the
// default range of twelve hours, schedules above 11520 minutes, which privilege
// shows and permits what, suspended schedules after a promotion, refusal of a
// promotion while a refresh runs, what SUSPEND IMMEDIATE cancels. Seen in the
// drivers' sources, and followed: paths, envelopes, codes of sessions and running
// statements, encodings of values.
//
// Guessed, because neither says it:
//
//   - numbers and SQLSTATEs of refused statements about groups and connections
//     (promotion during a refresh, REFRESH during a refresh, a statement on the
//     wrong side), and the wording of all but the first;
//   - promoting a primary group is refused, promoting a primary connection does
//     nothing;
//   - REFRESH by hand works while the schedule is suspended, and does not move the
//     minutes' base for the next scheduled one apart from being the last start;
//   - next_scheduled_refresh is NULL while the schedule is suspended, missing or
//     never runs, and lies in the past while a refresh is late or overdue;
//   - a group that a role may not see is an error in table functions and in SHOW
//     .. IN FAILOVER GROUP, as is one that does not exist;
//   - which rows about other accounts a role sees: those linked with own groups it
//     sees;
//   - every role sees connections;
//   - rows about an account that cannot be reached stay as they were;
//   - table functions of INFORMATION_SCHEMA need a warehouse, SELECT of functions
//     about the session does not;
//   - OBJECT_COUNT, TOTAL_BYTES and DETAILS hold plausible figures; the snapshot is
//     taken when PRIMARY_UPLOADING_METADATA begins;
//   - STATEMENT_TIMEOUT_IN_SECONDS and the abort of a statement cancel the refresh
//     it started;
//   - a wrong account name is HTTP 403 at login; what an access from a session of
//     another account answers;
//   - statements the SQL API does not take are taken here;
//   - minutes of a schedule in cron form that a zone skips in spring do not come,
//     and of the doubled hour the first counts.
//
// Not there: Arrow results and chunks, multi-statement requests, stages, most of
// SQL, OAuth and single sign-on, effects of a refresh on users, roles and
// warehouses.
package snowpair
