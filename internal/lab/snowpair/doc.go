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
// # What is known
//
// From the documentation: columns of groups, connections, history, progress and
// dangling references, and their order; phases, the twelve hours and fourteen days
// of the history; schedules above 11520 minutes, one refresh at a time, late
// minutes and skipped times; which privilege shows and permits what, and that SHOW
// is empty without one; that a promotion suspends every secondary's schedule and
// is refused while a refresh runs, with that message; that dangling references
// stop refreshes and promotions; what SUSPEND IMMEDIATE cancels; key pair tokens;
// the SQL API. From the drivers' sources: paths, envelopes, codes of sessions and
// of running statements, encodings of values, milliseconds in a Node.js token.
//
// # What is a guess
//
// Because neither says it, or nobody compared it with a real account:
//
//   - Numbers, SQLSTATEs and wording of refused statements about groups and
//     connections, but for the message above; the number of a wrong programmatic
//     token; HTTP 403 for a wrong account name; HTTP 404 for an unknown handle.
//   - That requests without a valid session get HTTP 200 with 390101 or 390111,
//     and the token before a renewal 390112.
//   - That a statement sent again with its request id is not run again, and gives
//     the first answer.
//   - That promoting a primary group is refused, and a primary connection is not.
//   - That a promotion ignores dangling references when the source cannot be asked.
//   - That an account which is cut off goes on calling itself primary, and learns
//     of a promotion as soon as it hears of the others.
//   - REFRESH by hand works while the schedule is suspended; the next scheduled one
//     counts from it. REFRESH while one runs is refused.
//   - A secondary shows its primary's schedule at once, not after a refresh.
//   - next_scheduled_refresh is a time; NULL while the schedule is suspended,
//     missing or never runs; in the past while a refresh is late or overdue.
//   - Rows about other accounts: those linked with own groups the role sees; owner
//     and next_scheduled_refresh NULL; as old as the last contact. Rows about
//     secondaries have no object types and no allowed accounts.
//   - Every role sees connections, and databases in a group it may monitor. By the
//     documentation SHOW lists connections on which the role has a privilege, and
//     databases on which it has MONITOR.
//   - A group that a role may not see is an error in table functions and in SHOW ..
//     IN FAILOVER GROUP, like one that does not exist.
//   - Table functions and tables need a warehouse, SELECT of functions about the
//     session does not; SNOWFLAKE.INFORMATION_SCHEMA serves every role.
//   - A mixed-case name stands in double quotes inside a table function's text.
//   - How long phases take, that the snapshot is taken when
//     PRIMARY_UPLOADING_METADATA begins, and what is in OBJECT_COUNT, TOTAL_BYTES,
//     PROGRESS and DETAILS.
//   - A failing REFRESH ends its statement with the refresh's own error and 55000.
//   - STATEMENT_TIMEOUT_IN_SECONDS, the abort of a statement and
//     SYSTEM$CANCEL_QUERY cancel the refresh that it started.
//   - Who may use SYSTEM$CANCEL_QUERY on a scheduled refresh: its owner role.
//   - OPERATE on a database, which the product does not have, stands for OPERATE on
//     each of its tasks and pipes. Without it SHOW TASKS and SHOW PIPES are empty.
//   - A copy takes over tasks and pipes, with their states, when a refresh begins;
//     pipes of a copy are READ_ONLY, and run after a promotion unless paused.
//   - QUERY_HISTORY_BY_USER shows a statement as soon as it was taken, by the tag it was
//     sent with. LAST_ALTERED is that of the newest write and of nothing else.
//   - Logging out cancels the session's running statements at once, where the driver's
//     documentation says a couple of minutes.
//   - The connection's URL leads to the new account at once: there is no DNS here.
//   - Columns of SHOW WAREHOUSES, DATABASES, SHARES, GRANTS and ROLES, which change
//     with releases.
//   - Of the hour that a zone has twice in autumn, cron takes the first; a time that
//     a zone skips in spring does not come.
//
// # What is not there
//
// Arrow results and chunks, several statements in a request, stages, OAuth and
// single sign-on, most of SQL, and what a refresh does to users, roles and
// warehouses. The SQL API takes statements here that it refuses there. A request
// waits 300 ms for a statement, not 45 s, before it is told to ask again.
package snowpair
