package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// protectedCodes tell of data loss, roles, identity or writers. Together with
// every code that means "not proved" they are what a policy cannot make milder.
var protectedCodes = []readiness.Code{
	readiness.TwoWriters,
	readiness.WriterUnproven,
	readiness.NoPrimary,
	readiness.PrimaryUnreachable,
	readiness.NoStandbyAtDR,
	readiness.StandbyAbsent,
	readiness.UpstreamUnexpected,
	readiness.Diverged,
	readiness.ReignMismatch,
	readiness.LagOverRPO,
	readiness.IdentityMismatch,
	readiness.MemberRed,

	readiness.QuorumLost,
	readiness.QuorumForced,
	readiness.WriteMajorityLost,
	readiness.NotElectable,
	readiness.NodeRollback,
	readiness.NotAMember,
	readiness.PartitionOneWay,
	readiness.DatabaseSuspended,
	readiness.NotSynchronizing,
	readiness.SynchronizationLost,
	readiness.DatabaseReverting,
	readiness.DatabaseUnprotected,
	readiness.SwitchIncomplete,
	readiness.NeverRefreshed,
	readiness.NotPromotable,
	readiness.TargetInconsistent,
	readiness.ConnectionSplit,
	readiness.GroupsSplit,
}

// Protected reports whether a policy may not make a code milder than it is by
// default: codes of data loss, roles, identity and writers, and every code that
// says that something is not known. Making one worse is always allowed.
func Protected(code readiness.Code) bool {
	info, known := code.Info()
	return known && (info.Default == readiness.Unknown || slices.Contains(protectedCodes, code))
}

// severities checks the reason codes of a StatusPolicy and what it makes of them.
func (c *checker) severities(o Origin, severities map[readiness.Code]readiness.Status) {
	for _, code := range slices.Sorted(maps.Keys(severities)) {
		if !c.code(o, code, true, "severities", string(code)) {
			continue
		}
		info, _ := code.Info()
		if status := severities[code]; Protected(code) && info.Default.Worse(status) {
			c.add(o, fmt.Sprintf("%s may not be softened from %s to %s", code, info.Default, status),
				"codes of data loss, roles, identity, writers and visibility stay as they are, or become worse", "severities", string(code))
		}
	}
}

// code checks that a reason code exists.
func (c *checker) code(o Origin, code readiness.Code, key bool, path ...any) bool {
	if _, known := code.Info(); known {
		return true
	}
	names := namesOf(readiness.Codes(), func(i readiness.CodeInfo) string { return string(i.Code) })
	report := c.add
	if key {
		report = c.addKey
	}
	report(o, fmt.Sprintf("unknown reason code %q", code), c.suggest(string(code), names, "see docs/reason-codes.md"), path...)
	return false
}
