package render

import (
	"fmt"
	"io"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// ExplainCode writes what a reason code means and what to do first. A code that
// is not known is an error.
func ExplainCode(w io.Writer, c readiness.Code) error {
	info, known := c.Info()
	if !known {
		return fmt.Errorf("reason code %q is not known", term.Sanitize(string(c)))
	}
	_, err := fmt.Fprintf(w, "%s\n  means:   %s\n  default: %s, unless a policy says otherwise\n  first:   %s\n",
		info.Code, info.Meaning, term.Word(info.Default), info.FirstAction)
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
