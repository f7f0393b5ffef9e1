package model

import "time"

// Objects are what an instance holds outside of its databases, and a failover does
// not bring along.
type Objects struct {
	Logins       []Login
	Jobs         []Job
	Linked       []Linked
	Credentials  []string
	Certificates []Certificate
	Endpoint     string // name of the database mirroring endpoint
	Shipping     *Shipping
	Work         []Work   // what runs now
	Orphans      []string // users of databases whose login is not there
}

// Work is a request that runs, as sys.dm_exec_requests shows it.
type Work struct {
	Command, Database string
	Began             time.Time
}

// Login is a server principal.
type Login struct {
	Name     string
	SID      []byte
	Type     string // S, U, G, R, C
	Disabled bool
	Database string
}

// Job is a SQL Server Agent job.
type Job struct {
	Name    string
	Enabled bool
	Owner   string
	Changed time.Time
}

// Linked is a linked server.
type Linked struct {
	Name, Product, Provider, Source string
}

// Certificate is one in master.
type Certificate struct {
	Name       string
	Thumbprint []byte
	Expiry     time.Time
}

// Shipping is log shipping of one database, seen from both of its servers. Each job
// runs on its schedule until it is stopped.
type Shipping struct {
	Database           string
	Primary, Secondary *Instance
	Every              time.Duration
	BackupThreshold    time.Duration
	RestoreThreshold   time.Duration
	BackupStopped      time.Time // zero: runs
	CopyStopped        time.Time
	RestoreStopped     time.Time
}

// Backup returns when the newest log backup was made.
func (s *Shipping) Backup(now time.Time) time.Time { return last(now, s.BackupStopped, s.Every, 0) }

// Copied returns when the newest backup was made that was copied, and when that was.
func (s *Shipping) Copied(now time.Time) (backup, at time.Time) {
	at = last(now, s.CopyStopped, s.Every, time.Minute)
	return s.Backup(at), at
}

// Restored returns when the newest backup was made that was restored, and when that
// was.
func (s *Shipping) Restored(now time.Time) (backup, at time.Time) {
	at = last(now, s.RestoreStopped, s.Every, 2*time.Minute)
	backup, _ = s.Copied(at)
	return backup, at
}

// last is the last run of a job that runs every so often, a while after the full
// interval, and not after it was stopped.
func last(now, stopped time.Time, every, after time.Duration) time.Time {
	if !stopped.IsZero() && stopped.Before(now) {
		now = stopped
	}
	return now.Add(-after).Truncate(every).Add(after)
}
