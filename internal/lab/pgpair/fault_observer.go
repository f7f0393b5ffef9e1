package pgpair

import (
	"context"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// skewSeconds is how far fault clock-skew sets the observer's clock ahead.
const skewSeconds = 90

// observerFaults change nothing on the servers, but what somebody who looks at
// them should make of it.
func observerFaults() []fault {
	return []fault{
		{
			Fault: Fault{Name: "clock-skew", Help: "let the observer's clock be 90 s ahead of the servers' (simulated at the observer)",
				Shows: []readiness.Code{readiness.ClockSkew}},
			inject: func(l *Lab, _ context.Context) error { return l.setSkew(skewSeconds) },
			repair: func(l *Lab, _ context.Context) error { return l.setSkew(0) },
		},
		{
			// Nothing is wrong with a database nobody writes to, though the age of its
			// last transaction grows and grows.
			Fault:  Fault{Name: "idle", Help: "leave the pair idle: the trap of lag computed from the last transaction's age"},
			inject: func(*Lab, context.Context) error { return nil },
			repair: func(*Lab, context.Context) error { return nil },
		},
	}
}

func (l *Lab) setSkew(seconds int) error {
	record, err := l.readFaults()
	if err != nil {
		return err
	}
	record.ClockSkewSeconds = seconds
	return l.writeFaults(record)
}
