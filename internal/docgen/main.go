// Command docgen writes the documentation that is generated from constants.
package main

import (
	"fmt"
	"os"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/docgen/reasoncodes"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 || args[0] != "reason-codes" {
		return fmt.Errorf("usage: docgen reason-codes FILE")
	}
	return atomicfile.Write(args[1], reasoncodes.Markdown())
}
