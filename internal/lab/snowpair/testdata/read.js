// Logs in with snowflake-sdk, Snowflake's own driver for Node.js, reads as a
// monitor does, and prints what it saw as JSON. Settings come as one JSON argument.
'use strict';
const snowflake = require('snowflake-sdk');
const o = JSON.parse(process.argv[2]);
snowflake.configure({ logLevel: 'OFF', disableOCSPChecks: true });

const connection = snowflake.createConnection({
  account: o.account, username: o.user, authenticator: 'SNOWFLAKE_JWT', privateKey: o.key,
  accessUrl: o.url, warehouse: 'BCCTL_WH', application: 'laboratory', timeout: 15000,
});
const run = (sqlText, binds) => new Promise((resolve, reject) =>
  connection.execute({ sqlText, binds, complete: (err, _, rows) => (err ? reject(err) : resolve(rows)) }));
const refused = async (sql) => { try { await run(sql); return null; } catch (e) { return { code: e.code, sqlState: e.sqlState }; } };

(async () => {
  await new Promise((resolve, reject) => connection.connect((err) => (err ? reject(err) : resolve())));
  const f = "TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG'))";
  const out = {
    account: (await run('SELECT CURRENT_ACCOUNT_NAME() AS A'))[0].A,
    groups: (await run('SHOW FAILOVER GROUPS')).map((r) => [r.account_name, r.is_primary, r.secondary_state]),
    count: (await run(`SELECT COUNT(*) AS N FROM ${f} WHERE PHASE_NAME = ?`, ['COMPLETED']))[0].N,
    snapshot: (await run(`SELECT MAX(PRIMARY_SNAPSHOT_TIMESTAMP) AS S FROM ${f}`))[0].S.getTime(),
    uploaded: (await run(`SELECT TOTAL_BYTES FROM ${f} LIMIT 1`))[0].TOTAL_BYTES.bytesUploaded,
    nonsense: await refused('SELEKT 1'),
    promotion: await refused('ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY'),
  };
  await new Promise((resolve) => connection.destroy(resolve));
  console.log(JSON.stringify(out));
  process.exit(0);
})().catch((e) => { console.error(e); process.exit(1); });
