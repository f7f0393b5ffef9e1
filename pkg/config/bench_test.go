package config

import (
	"testing"

	"github.com/bcctl/bcctl/schemas"
)

func BenchmarkCompile(b *testing.B) {
	for _, kind := range Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				if _, err := compile(kind, schemas.Formats()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
