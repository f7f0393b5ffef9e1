package postgres

import (
	"slices"
	"time"
)

// senderOf finds the row by which up streams to n. application_name is not unique
// and client_addr lies behind NAT, so a slot decides first, then a name where one
// row has it. Neither proves anything by itself, since a clone of the cluster has
// the same: where the standby tells what it follows, that must agree. One that
// follows nobody has at most a slot.
func (d *deriver) senderOf(up, n *node) *sender {
	follows := n.replay == nil || n.replay.Receiver.masked() || n.replay.Receiver.streaming()
	if slot := d.slotOf(n); slot != "" {
		if s := up.onlySender(func(s *sender) bool { return s.SlotName != nil && *s.SlotName == slot }); s != nil && d.agree(up, s, n) {
			return s
		}
		if n.facts == nil {
			return nil // nobody reads from its slot: whoever has its name is not it
		}
	}
	if !follows {
		return nil
	}
	for _, name := range d.applicationNames(n) {
		if s := up.onlySender(func(s *sender) bool { return s.ApplicationName != nil && *s.ApplicationName == name }); s != nil && d.agree(up, s, n) {
			return s
		}
	}
	return nil
}

// onlySender is the one row that passes, or nil.
func (n *node) onlySender(test func(*sender) bool) *sender {
	var found *sender
	for i := range n.senders {
		if s := &n.senders[i]; test(s) {
			if found != nil {
				return nil
			}
			found = s
		}
	}
	return found
}

// agree reports whether a sender row and a standby may be the two ends of one
// connection: the standby names the node as its upstream or, where it knows that
// by an address bcctl does not, both ends are of the same age.
func (d *deriver) agree(up *node, s *sender, n *node) bool {
	if n.replay == nil || !n.replay.Receiver.streaming() {
		return true // it says nothing against it
	}
	if named := d.upstreamOf(n); named != nil {
		return named == up
	}
	return sameAge(up, s, n)
}

// connectTime is how long after the start of its process a receiver may need to
// connect. The process serves one connection and ends with it. More would take
// servers that were restarted together for each other.
const connectTime = 500 * time.Millisecond

func sameAge(up *node, s *sender, n *node) bool {
	apart, known := agesApart(up, s, n)
	return known && apart <= connectTime+(up.took+n.took)/2
}

// agesApart is how far from each other the two ends began.
func agesApart(up *node, s *sender, n *node) (time.Duration, bool) {
	if s.Age == nil || n.replay == nil || n.replay.Receiver == nil || n.replay.Receiver.Age == nil {
		return 0, false
	}
	began := func(at time.Time, age float64) time.Time { return at.Add(-time.Duration(age * float64(time.Second))) }
	return began(n.at, *n.replay.Receiver.Age).Sub(began(up.at, *s.Age)).Abs(), true
}

// mayBeFed reports whether a row of up that has n's slot or name could be of a
// connection of n that was slow to come about.
func (d *deriver) mayBeFed(up, n *node) bool {
	slot, names := d.slotOf(n), d.applicationNames(n)
	for i := range up.senders {
		s := &up.senders[i]
		named := s.SlotName != nil && *s.SlotName == slot || s.ApplicationName != nil && slices.Contains(names, *s.ApplicationName)
		if apart, known := agesApart(up, s, n); named && s.sending() && known && apart <= time.Minute {
			return true
		}
	}
	return false
}

// feeder is the node a standby follows, as it says or as that one says; nil when
// neither does or it is not seen.
func (d *deriver) feeder(n *node) *node {
	if d.sentTo[n] != nil {
		return d.primary
	}
	if up := d.upstreamOf(n); up != nil {
		return up
	}
	for _, other := range d.nodes {
		if other != n && d.trusted(other) && d.senderOf(other, n) != nil {
			return other
		}
	}
	return nil
}

// streamsToStranger reports whether a node streams to somebody who could not be
// told to be one of the endpoints, and so perhaps is one.
func (d *deriver) streamsToStranger(up *node) bool {
	bound := map[*sender]bool{}
	for _, n := range d.nodes {
		if n != up {
			bound[d.senderOf(up, n)] = true
		}
	}
	for i := range up.senders {
		if s := &up.senders[i]; s.sending() && !bound[s] {
			return true
		}
	}
	return false
}

// slotOf is the slot a standby uses: as configured here, as it says, as it is
// configured there, or as it said.
func (d *deriver) slotOf(n *node) string {
	if slot := n.Options["slot"]; slot != "" {
		return slot
	}
	if n.replay != nil && n.replay.Receiver != nil && n.replay.Receiver.SlotName != nil && *n.replay.Receiver.SlotName != "" {
		return *n.replay.Receiver.SlotName
	}
	if slot := n.settings["primary_slot_name"]; slot != "" && n.isStandby() {
		return slot
	}
	if prev, ok := d.previous(n, slotNameID); ok && n.facts == nil {
		slot, _ := prev.Value.Text()
		return slot
	}
	return ""
}

// applicationNames are those a standby may use: the one configured here, its
// cluster_name, its name here, or without a cluster_name the default.
func (d *deriver) applicationNames(n *node) []string {
	if name := n.Options["applicationName"]; name != "" {
		return []string{name}
	}
	list := []string{n.Name}
	if n.facts != nil && n.facts.ClusterName != "" {
		list = []string{n.facts.ClusterName, n.Name}
	} else if n.facts != nil {
		list = append(list, "walreceiver")
	}
	return list
}
