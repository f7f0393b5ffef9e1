// Command bcctl watches the disaster-recovery readiness of databases and runs
// approval-gated failovers.
package main

import (
	"os"

	"github.com/bcctl/bcctl/internal/cli"
)

func main() { os.Exit(cli.Main()) }
