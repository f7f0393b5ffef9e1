package signer

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
)

const token = "s.canary-5f1e0c"

// transit is the part of Vault's HTTP API that is used, as its documentation of the
// transit engine describes it (read key, sign data), with any number of versions of
// one key called "bcctl" in the namespace "dr".
type transit struct {
	versions []ed25519.PrivateKey
	status   int    // instead of the answer, when not 0
	body     string // instead of the answer, when not empty
	kind     string
	seen     []string
}

func newTransit(t *testing.T, versions int) *transit {
	v := &transit{kind: "ed25519"}
	for range versions {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		v.versions = append(v.versions, key)
	}
	return v
}

func (v *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.seen = append(v.seen, r.Method+" "+r.URL.Path)
	fail := func(status int, text string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[%q]}`, text)
	}
	switch {
	case v.status != 0:
		w.Header().Set("Location", "https://example.invalid/")
		fail(v.status, "the token is "+r.Header.Get("X-Vault-Token"))
		return
	case v.body != "":
		fmt.Fprint(w, v.body)
		return
	case r.Header.Get("X-Vault-Token") != token || r.Header.Get("X-Vault-Request") != "true" || r.Header.Get("X-Vault-Namespace") != "dr":
		fail(http.StatusForbidden, "permission denied")
		return
	}
	var data map[string]any
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/transit/keys/bcctl":
		keys := map[string]any{}
		for i, k := range v.versions {
			keys[fmt.Sprint(i+1)] = map[string]any{"creation_time": "2026-03-01T12:00:00Z", "name": "ed25519", "public_key": base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))}
		}
		data = map[string]any{"name": "bcctl", "type": v.kind, "latest_version": len(v.versions), "keys": keys, "supports_signing": true}
	case "POST /v1/transit/sign/bcctl":
		var ask struct {
			Input   string `json:"input"`
			Version int    `json:"key_version"`
		}
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Version < 1 || ask.Version > len(v.versions) {
			fail(http.StatusBadRequest, "invalid request")
			return
		}
		message, err := base64.StdEncoding.DecodeString(ask.Input)
		if err != nil {
			fail(http.StatusBadRequest, "unable to decode input as base64")
			return
		}
		sig := ed25519.Sign(v.versions[ask.Version-1], message)
		data = map[string]any{"key_version": ask.Version, "signature": fmt.Sprintf("vault:v%d:%s", ask.Version, base64.StdEncoding.EncodeToString(sig))}
	default:
		fail(http.StatusNotFound, "no handler for route")
		return
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "lease_id": "", "renewable": false, "data": data}); err != nil {
		panic(err)
	}
}

func at(url string) Vault {
	return Vault{Address: url, Mount: "transit", Key: "bcctl", Namespace: "dr", Token: token}
}

// writes makes a log whose writer is the signer, and verifies an entry of it.
func writes(t *testing.T, s audit.Signer) {
	t.Helper()
	k := audittest.NewKeys(t, audit.BackendEd25519)
	public, err := audit.PublicKey(s)
	if err != nil {
		t.Fatal(err)
	}
	public.Roles = []audit.Role{audit.RoleWriter}
	k.Trust.Keys[0] = public
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	trust, err := audit.EncodeTrust(k.Trust)
	if err != nil {
		t.Fatal(err)
	}
	segment, err := audit.NewRun(audittest.Origin, now, "bcctl test").Genesis(now, audit.SHA256(trust), s.ID(), audittest.Verdict("payments"))
	if err != nil {
		t.Fatal(err)
	}
	side, err := s.Sign(t.Context(), audittest.Origin, segment)
	if err != nil {
		t.Fatal(err)
	}
	path := audit.SegmentPath(segment.ID)
	r, err := audit.Verify(t.Context(), audit.Memory{audit.TrustPath(1): trust, path: segment.Raw, path + side.Ext: side.Data}, audit.Options{Now: now})
	if err != nil || r.Result != audit.Verified || r.Entries != 2 {
		t.Fatalf("%v, %s, %+v", err, r.Result, r.Findings)
	}
}

func TestVaultSigns(t *testing.T) {
	t.Parallel()
	v := newTransit(t, 2)
	server := httptest.NewTLSServer(v)
	defer server.Close()
	is := at(server.URL + "/")
	is.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	newest, err := is.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if newest.ID().Backend != audit.BackendVault {
		t.Errorf("backend %q", newest.ID().Backend)
	}
	// A rotation in Vault does not change what this process signs with.
	v.versions = append(v.versions, newTransit(t, 1).versions...)
	writes(t, newest)
	is.Version = 1
	first, err := is.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	writes(t, first)
	if first.ID() == newest.ID() {
		t.Error("two versions are one key")
	}
	is.Version = 9
	if _, err := is.Signer(t.Context()); err == nil || !strings.Contains(err.Error(), "no version 9") {
		t.Errorf("a version that is not there: %v", err)
	}
}

func TestVaultRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server func(v *transit)
		client func(is *Vault)
		want   string
	}{
		"a token that is not allowed": {nil, func(is *Vault) { is.Token = "s.other-canary-5f1e0c" }, "the token does not allow it"},
		"another namespace":           {nil, func(is *Vault) { is.Namespace = "" }, "the token does not allow it"},
		"no such key":                 {nil, func(is *Vault) { is.Key = "other" }, "vault has no transit/keys/other"},
		"another type of key":         {func(v *transit) { v.kind = "rsa-2048" }, nil, `of type "rsa-2048"`},
		"sealed":                      {func(v *transit) { v.status = 503 }, nil, "sealed"},
		"a redirect":                  {func(v *transit) { v.status = 307 }, nil, "status 307"},
		"an error":                    {func(v *transit) { v.status = 500 }, nil, "status 500"},
		"no JSON":                     {func(v *transit) { v.body = "<html>" }, nil, "vault did not answer with JSON"},
		"no keys":                     {func(v *transit) { v.body = `{"data":{"type":"ed25519","latest_version":1}}` }, nil, "no version 1"},
		"clear text":                  {nil, func(is *Vault) { is.Address = "http://vault.example.net" }, "is not https"},
		"a password in the address":   {nil, func(is *Vault) { is.Address = "https://u:canary-5f1e0c@vault.example.net" }, "is no URL"},
		"a key that is a path":        {nil, func(is *Vault) { is.Key = "../sys/seal" }, "is no name of a key"},
		"a mount that leads out":      {nil, func(is *Vault) { is.Mount = "transit/../../sys?" }, "is no path of an engine"},
		"no token":                    {nil, func(is *Vault) { is.Token = "" }, "is empty"},
		"no certificates":             {nil, func(is *Vault) { is.CA = []byte("x") }, "no certificates"},
	} {
		v := newTransit(t, 1)
		server := httptest.NewServer(v)
		is := at(server.URL)
		if tt.server != nil {
			tt.server(v)
		}
		if tt.client != nil {
			tt.client(&is)
		}
		_, err := is.Signer(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %q and no secret", name, err, tt.want)
		}
		server.Close()
	}
	// A certificate nobody vouches for, and a server that is away.
	server := httptest.NewUnstartedServer(newTransit(t, 1))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = nil
	server.StartTLS()
	if _, err := at(server.URL).Signer(t.Context()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("an unknown certificate: %v", err)
	}
	server.Close()
	if _, err := at(server.URL).Signer(t.Context()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("away: %v", err)
	}
}

// A signature that does not fit is never written, whoever made it.
func TestF6SignatureThatDoesNotFit(t *testing.T) {
	t.Parallel()
	v := newTransit(t, 1)
	server := httptest.NewServer(v)
	defer server.Close()
	s, err := at(server.URL).Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	segment, err := audit.NewRun(audittest.Origin, now, "bcctl test").Genesis(now, audit.SHA256(nil), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	v.versions = newTransit(t, 1).versions // another key under the same name
	if _, err := s.Sign(t.Context(), audittest.Origin, segment); err == nil || !strings.Contains(err.Error(), "not one by the key") {
		t.Errorf("another key: %v", err)
	}
	v.body = `{"data":{"signature":"vault:v2:AAAA"}}`
	if _, err := s.Sign(t.Context(), audittest.Origin, segment); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("another version: %v", err)
	}
}

// A helper program, as a person would write one: openssl with a key in a file.
func TestExecSigns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := audittest.PrivateKey(t, audit.BackendEd25519)
	holder, err := audit.ParseSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := audit.PublicKey(holder)
	if err != nil {
		t.Fatal(err)
	}
	program := func(text string) Exec {
		name := filepath.Join(dir, fmt.Sprintf("%x", text[:min(20, len(text))]))
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return Exec{Program: name, Public: public}
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	good := program(fmt.Sprintf("cat > %[1]s/message && openssl pkeyutl -sign -rawin -inkey %[1]s/key.pem -in %[1]s/message", dir))
	s, err := good.Signer()
	if err != nil {
		t.Fatal(err)
	}
	if s.ID().Backend != audit.BackendExec {
		t.Errorf("backend %q", s.ID().Backend)
	}
	writes(t, s)

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	segment, err := audit.NewRun(audittest.Origin, now, "bcctl test").Genesis(now, audit.SHA256(nil), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"exit 3":                               "exit status 3",
		"cat":                                  "did not write a signature",
		"cat > /dev/null; printf short":        "did not write a signature",
		"cat >/dev/null; head -c 64 /dev/zero": "not one by the key",
	} {
		bad, err := program(text).Signer()
		if err != nil {
			t.Fatal(err)
		}
		_, err = bad.Sign(t.Context(), audittest.Origin, segment)
		if err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "writes too much") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := (Exec{Program: "sign", Public: public}).Signer(); err == nil {
		t.Error("a program that is looked up in PATH")
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	slow, err := program("exec sleep 60").Signer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Sign(canceled, audittest.Origin, segment); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
