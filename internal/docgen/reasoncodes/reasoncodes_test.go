package reasoncodes

import (
	"bytes"
	"os"
	"testing"
)

func TestDocumentIsUpToDate(t *testing.T) {
	committed, err := os.ReadFile("../../../docs/reason-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, Markdown()) {
		t.Error("docs/reason-codes.md differs from the constants; run make generate")
	}
}
