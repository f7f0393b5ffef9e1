package sqlag

import (
	"crypto/rand"
	"encoding/hex"
)

// Logins of every instance.
const (
	UserMonitor   = "bcctl_monitor"   // VIEW SERVER STATE, VIEW ANY DEFINITION, and to read msdb and the heartbeat
	UserLimited   = "bcctl_limited"   // may connect and nothing else
	UserExecute   = "bcctl_execute"   // the monitor's permissions, ALTER ANY AVAILABILITY GROUP, and in databases ALTER and to write the heartbeat
	UserHeartbeat = "bcctl_heartbeat" // may read and write the heartbeat and nothing else
)

// Users lists the logins, whose names are also those of their passwords.
func Users() []string { return []string{UserMonitor, UserLimited, UserExecute, UserHeartbeat} }

// account is a login and what it is in the user databases.
type account struct {
	name      string
	user      bool // is a user of the databases
	reads     bool // may read the heartbeat
	heartbeat bool // may write it too
	alters    bool // has ALTER on the databases
}

func accounts() map[string]account {
	return map[string]account{
		UserMonitor:   {name: UserMonitor, user: true, reads: true},
		UserLimited:   {name: UserLimited},
		UserExecute:   {name: UserExecute, user: true, heartbeat: true, alters: true},
		UserHeartbeat: {name: UserHeartbeat, user: true, heartbeat: true},
	}
}

func grants() map[string][]string {
	monitor := []string{"VIEW SERVER STATE", "VIEW ANY DEFINITION", "VIEW ANY DATABASE", "SELECT IN MSDB"}
	return map[string][]string{
		UserMonitor:   monitor,
		UserLimited:   {"VIEW ANY DATABASE"}, // every login has it, through public
		UserExecute:   append([]string{"ALTER ANY AVAILABILITY GROUP"}, monitor...),
		UserHeartbeat: {"VIEW ANY DATABASE"},
	}
}

// newPassword makes one that the product's policy would accept.
func newPassword() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails; see crypto/rand
	return "Lab-" + hex.EncodeToString(b)
}
