package check

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes sure that no connector, however it behaved, left a goroutine
// behind once it was let go.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
