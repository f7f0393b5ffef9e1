package sqlserver

// What lies outside the databases is not replicated, unless the group is a
// contained one. (Manage metadata when making a database available on another
// server; What is a contained availability group?)

// loginsSQL leaves out what every instance has of its own: logins of the engine
// itself and of Windows services. (sys.server_principals)
const loginsSQL = `SELECT name, type_desc, sid FROM sys.server_principals
WHERE type IN ('S', 'U', 'G', 'E', 'X') AND name NOT LIKE '##%' AND name NOT LIKE 'NT SERVICE\%' AND name NOT LIKE 'NT AUTHORITY\%'`

// jobsSQL needs SELECT on the table in msdb. It leaves out those of log shipping, of
// which each side has its own. (dbo.sysjobs; Configure log shipping)
const jobsSQL = `SELECT name, enabled FROM msdb.dbo.sysjobs
WHERE name NOT LIKE 'LSBackup[_]%' AND name NOT LIKE 'LSCopy[_]%' AND name NOT LIKE 'LSRestore[_]%' AND name NOT LIKE 'LSAlert[_]%'`

// linkedServersSQL leaves out the instance itself. (sys.servers)
const linkedServersSQL = `SELECT name, product, data_source FROM sys.servers WHERE is_linked = 1`

// credentialsSQL names credentials; their secrets cannot be read. (sys.credentials)
const credentialsSQL = `SELECT name FROM sys.credentials`

// certificatesSQL is what master could open an encrypted database with. One
// without its private key could not. (sys.certificates)
const certificatesSQL = `SELECT name, thumbprint, pvt_key_encryption_type_desc FROM sys.certificates`

// encryptionSQL is what each encrypted database was encrypted with.
// (sys.dm_database_encryption_keys)
const encryptionSQL = `SELECT DB_NAME(k.database_id) AS database_name, k.encryptor_type, k.encryptor_thumbprint AS thumbprint
FROM sys.dm_database_encryption_keys AS k WHERE k.encryption_state > 1`
