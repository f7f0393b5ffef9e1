package mongodb

import (
	"errors"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// reading is one command and where its answer goes.
type reading struct {
	indicator readiness.ID // what is not known when it fails
	command   command
	decode    func(document) error
	// otherwise is told of an error that means something by itself; it reports
	// whether it did.
	otherwise func(error) bool
}

// readings lists what to ask a node, by what hello said of it. What verdicts
// need most comes first: a server may hang at any of them.
func (c *Connector) readings(n *node) []reading {
	list := []reading{{indicator: versionID, command: buildInfoCommand(), decode: func(d document) error {
		n.version = d.text("version")
		return nil
	}}}
	if n.router() {
		return append(list, append(routerReadings(n), privilegesReading(n))...)
	}
	list = append(list, statusReading(n), configReading(n), privilegesReading(n), featureReading(n))
	list = append(list, oplogReadings(n)...)
	if n.writes() {
		list = append(list, flowReading(n))
		if !n.isShard() { // shards take theirs from the config servers, and refuse the question
			list = append(list, writeConcernReading(n))
		}
		if setKey(n.Endpoint) == roleConfig {
			list = append(list, configShardsReading(n))
		}
	}
	if c.spec.Heartbeat != nil {
		list = append(list, heartbeatReadings(c.spec, n)...)
	}
	return list
}

func statusReading(n *node) reading {
	return reading{stateID, statusCommand(), func(d document) error {
		n.status = decodeStatus(d)
		n.status.At = n.answeredAt
		return nil
	}, func(err error) bool {
		a, ok := asAnswered(err)
		if !ok {
			return false
		}
		var f readiness.Finding
		switch a.code {
		case codeNoReplication:
			f = readiness.Finding{Code: readiness.NotAMember, Message: n.Name + " runs without replication: it is a member of no set"}
		case codeNotInitialized:
			f = readiness.Finding{Code: readiness.NotAMember, Message: n.Name + " has no configuration: its set was never initiated, or it lost its data"}
		case codeInvalidConfig:
			f = readiness.Finding{Code: readiness.NodeRemoved, Message: n.Name + " was removed from the configuration of its set"}
		default:
			return false
		}
		n.refused = &f
		return true
	}}
}

func configReading(n *node) reading {
	return reading{indicator: identityID, command: configCommand(n.writes()), decode: func(d document) error {
		if n.config = decodeConfig(d); n.config == nil {
			return errors.New("the answer holds no configuration that can be read")
		}
		return nil
	}, otherwise: func(error) bool { return n.refused != nil }}
}

func featureReading(n *node) reading {
	return reading{indicator: featureID, command: featureCommand(), decode: func(d document) error {
		n.feature = d.text("featureCompatibilityVersion", "version")
		return nil
	}}
}

func oplogReadings(n *node) []reading {
	n.oplog = &oplogEnds{}
	end := func(order int, into **time.Time) reading {
		return reading{indicator: oplogWindowID, command: oplogCommand(order), decode: func(d document) error {
			list := firstBatch(d)
			if len(list) == 0 {
				return errors.New("the oplog is empty")
			}
			seconds, _, ok := list[0].lookup("ts").TimestampOK()
			if !ok || seconds == 0 {
				return errors.New("an entry of the oplog has no time")
			}
			at := position{Seconds: seconds}.at()
			*into = &at
			return nil
		}}
	}
	return []reading{
		end(1, &n.oplog.First),
		end(-1, &n.oplog.Last),
		{indicator: oplogWindowID, command: oplogSizeCommand(), decode: func(d document) error {
			n.oplog.Size, n.oplog.Limit = d.number("size"), d.number("maxSize")
			return nil
		}, otherwise: func(error) bool { return true }}, // only a refinement of the window
	}
}

func flowReading(n *node) reading {
	return reading{indicator: flowControlID, command: serverStatusCommand(), decode: func(d document) error {
		n.flow = &flowControl{Enabled: d.known("flowControl", "enabled"), Lagged: d.known("flowControl", "isLagged")}
		return nil
	}}
}

func writeConcernReading(n *node) reading {
	return reading{indicator: writeConcernID, command: writeConcernCommand(), decode: func(d document) error {
		n.writeConcern = &writeConcern{W: d.text("defaultWriteConcern", "w"), Source: d.text("defaultWriteConcernSource")}
		if w := d.integer("defaultWriteConcern", "w"); w != nil {
			n.writeConcern.W = fmt.Sprint(*w)
		}
		return nil
	}}
}

func configShardsReading(n *node) reading {
	return reading{indicator: shardsID, command: configShardsCommand(), decode: func(d document) error {
		n.cluster = &cluster{Shards: decodeShards(firstBatch(d)), Draining: decodeDraining(firstBatch(d))}
		return nil
	}}
}

func routerReadings(n *node) []reading {
	n.cluster = &cluster{}
	return []reading{
		{indicator: shardsID, command: shardsCommand(), decode: func(d document) error {
			n.cluster.Shards = decodeShards(d.documents("shards"))
			n.cluster.Draining = decodeDraining(d.documents("shards"))
			return nil
		}},
		{indicator: shardsID, command: shardMapCommand(), decode: func(d document) error {
			n.cluster.Config = d.text("map", "config")
			return nil
		}},
		{indicator: balancerID, command: balancerCommand(), decode: func(d document) error {
			n.cluster.Balancer, n.cluster.InRound = d.text("mode"), d.flag("inBalancerRound")
			return nil
		}},
	}
}

func heartbeatReadings(spec connectors.Spec, n *node) []reading {
	n.beat = &beats{Clock: n.hello.Clock}
	read := func(level string, into **beat) reading {
		return reading{indicator: heartbeatAgeID, command: heartbeatReadCommand(heartbeatDatabase(spec), spec.Target, level), decode: func(d document) error {
			*into = decodeBeat(d)
			return nil
		}}
	}
	return []reading{read("local", &n.beat.Local), read("majority", &n.beat.Majority)}
}
