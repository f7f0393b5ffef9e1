// Logs in with npm's tedious, asks, and prints rows as JSON. Arguments: host, port,
// user, file of the CA certificate. The password is in LAB_PASSWORD.
'use strict';
const fs = require('fs');
const { Connection, Request, TYPES } = require('tedious');
const [host, port, userName, ca] = process.argv.slice(1);
const connection = new Connection({
  server: host,
  authentication: { type: 'default', options: { userName, password: process.env.LAB_PASSWORD } },
  options: {
    port: Number(port), database: 'master', encrypt: true, trustServerCertificate: false, serverName: 'localhost',
    cryptoCredentialsDetails: { ca: fs.readFileSync(ca) },
  },
});
const fail = (err) => { console.error(err.message); process.exit(1); };
connection.on('connect', (err) => {
  if (err) fail(err);
  const sql = 'SELECT ag.name, ar.replica_server_name, CONVERT(varchar(30), drs.end_of_log_lsn) AS lsn, drs.last_commit_time, @text + N\'!\' AS text, @number + 1 AS number ' +
    'FROM sys.availability_groups ag JOIN sys.availability_replicas ar ON ar.group_id = ag.group_id ' +
    'JOIN sys.dm_hadr_database_replica_states drs ON drs.replica_id = ar.replica_id ORDER BY 2';
  const request = new Request(sql, (err, count) => {
    if (err) fail(err);
    console.log(JSON.stringify({ count }));
    connection.close();
  });
  request.addParameter('text', TYPES.NVarChar, 'Größe');
  request.addParameter('number', TYPES.Int, 41);
  request.on('row', (columns) => console.log(JSON.stringify(columns.map((c) => c.value))));
  connection.execSql(request);
});
connection.connect();
