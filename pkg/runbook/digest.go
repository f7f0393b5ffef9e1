package runbook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// requestDomain sets what is hashed for a request apart from everything else that
// might have the same bytes.
const requestDomain = "bcctl-request-v1\n"

var digestForm = regexp.MustCompile(DigestPattern)

// RequestDigest is what an approval names: the SHA-256 of the raw bytes of a
// request file, together with the numeric id of its repository and its path, so
// that the same bytes elsewhere are another request (BIND-04). Nothing is decoded
// or written anew for it.
func RequestDigest(repoID int64, path string, raw []byte) Digest {
	h := sha256.New()
	h.Write([]byte(requestDomain + strconv.FormatInt(repoID, 10) + "\n" + path + "\n"))
	h.Write(raw)
	return digestOf(h.Sum(nil))
}

// FileDigest is the pin of a file: the SHA-256 of its bytes and of nothing else, as
// sha256sum prints it.
func FileDigest(raw []byte) Digest {
	sum := sha256.Sum256(raw)
	return digestOf(sum[:])
}

// Valid reports whether a digest is well formed. An empty one is not.
func (d Digest) Valid() bool { return digestForm.MatchString(string(d)) }

// Short is what a person types to say which digest is meant: the first twelve
// digits. It is empty for a digest that is not well formed.
func (d Digest) Short() string {
	if !d.Valid() {
		return ""
	}
	return string(d[len("sha256:") : len("sha256:")+12])
}

// Sum returns the digest of the fixed part of a plan: everything but the digest
// itself and what was measured (SI-14). It is the SHA-256 of that part as canonical
// JSON (RFC 8785), so equal plans have equal digests, whoever made them, and
// anybody can work one out from the plan's JSON without bcctl.
func (p Plan) Sum() (Digest, error) {
	text, err := json.Marshal(struct {
		Plan
		// Fields of the same name further out hide those of the plan.
		Digest *Digest `json:"digest,omitempty"`
		Live   *Live   `json:"live,omitempty"`
	}{Plan: p})
	if err != nil {
		return "", fmt.Errorf("digest of the plan: %w", err)
	}
	value := jsontext.Value(text)
	if err := value.Canonicalize(); err != nil {
		return "", fmt.Errorf("digest of the plan: %w", err)
	}
	return FileDigest(value), nil
}

func digestOf(sum []byte) Digest { return Digest("sha256:" + hex.EncodeToString(sum)) }
