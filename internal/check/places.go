package check

import (
	"sync"
	"time"
)

// heldFor is how long a target keeps its place. One that takes longer waits for a
// server that is slow or hangs, and costs next to no work: somebody else may begin.
const heldFor = time.Second

// crowd bounds how many targets are under way for each place, those that have given
// theirs up included: each has connections open.
const crowd = 4

// places are how many targets are worked on at once.
type places chan struct{}

func newPlaces(n int) places { return make(places, n) }

// take waits for a place, and returns what gives it back. It is given back by
// itself after heldFor.
func (p places) take() (giveBack func()) {
	p <- struct{}{}
	once := sync.OnceFunc(func() { <-p })
	timer := time.AfterFunc(heldFor, once)
	return func() {
		timer.Stop()
		once()
	}
}
