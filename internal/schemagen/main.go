// Command schemagen writes the JSON Schemas in schemas/ from the Go types:
//
//	go run ../internal/schemagen ..
//
// Its argument is the way to the root of the module, as a relative path.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one argument, the root of the module; got %d", len(args))
	}
	files, err := generate(args[0])
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(args[0], "schemas", name), data, 0o644); err != nil {
			return fmt.Errorf("write schema: %w", err)
		}
	}
	return nil
}
