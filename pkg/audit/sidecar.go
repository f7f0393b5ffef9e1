package audit

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hiddeco/sshsig"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/canonical"
)

const (
	// payloadType and statementType are those of in-toto attestations.
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"

	// predicateType says that a statement is about a segment of a log.
	predicateType = "https://github.com/bcctl/bcctl/audit/segment/v1"

	// maxSignatures bounds a sidecar. A new version of the keys carries as many as its
	// threshold asks for, every other segment one.
	maxSignatures = 16

	// sshNamespace keeps a signature made for something else from counting here.
	sshNamespace = "bcctl-audit"
)

// statement is what a DSSE sidecar signs: an in-toto Statement v1 with the digest
// of the segment's file.
type statement struct {
	StatementType string    `json:"_type"`
	Predicate     predicate `json:"predicate"`
	PredicateType string    `json:"predicateType"`
	Subject       []subject `json:"subject"`
}

type predicate struct {
	Entries int64  `json:"entries"`
	Log     string `json:"log"`
	Segment string `json:"segment"`
}

type subject struct {
	Digest map[string]string `json:"digest"`
	Name   string            `json:"name"`
}

// envelope is a DSSE envelope with its members in canonical order.
type envelope struct {
	Payload     string      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// statementOf is the statement about a segment whose file has this digest.
func statementOf(origin string, s Segment, sha256 string) statement {
	id := s.ID.String()
	return statement{statementType, predicate{int64(bytes.Count(s.Raw, []byte("\n"))), origin, id}, predicateType,
		[]subject{{map[string]string{"sha256": sha256}, id + ".jsonl"}}}
}

// Sign implements Signer.
func (s ed25519Signer) Sign(_ context.Context, origin string, segment Segment) (Sidecar, error) {
	return signDSSE(origin, segment, s.ID().KeyID, func(pae []byte) ([]byte, error) {
		return s.key.Sign(nil, pae, crypto.Hash(0))
	})
}

// signDSSE makes a DSSE sidecar with one signature, however it is made.
func signDSSE(origin string, segment Segment, keyID string, sign func(pae []byte) ([]byte, error)) (Sidecar, error) {
	payload, err := canonical.Encode(statementOf(origin, segment, segment.SHA256()))
	if err != nil {
		return Sidecar{}, fmt.Errorf("sign segment %s: %w", segment.ID, err)
	}
	sig, err := sign(dsse.PAE(payloadType, payload))
	if err != nil {
		return Sidecar{}, fmt.Errorf("sign segment %s: %w", segment.ID, err)
	}
	data, err := canonical.Encode(envelope{base64.StdEncoding.EncodeToString(payload), payloadType, []signature{{keyID, base64.StdEncoding.EncodeToString(sig)}}})
	return Sidecar{extDSSE, data}, err
}

// Sign implements Signer. The file can be checked with ssh-keygen -Y verify -n
// bcctl-audit.
func (s sshSigner) Sign(_ context.Context, _ string, segment Segment) (Sidecar, error) {
	sig, err := sshsig.Sign(bytes.NewReader(segment.Raw), s.key, sshsig.HashSHA512, sshNamespace)
	if err != nil {
		return Sidecar{}, fmt.Errorf("sign segment %s: %w", segment.ID, err)
	}
	return Sidecar{extSSH, sshsig.Armor(sig)}, nil
}

// Cosign adds a signature to a DSSE sidecar, for a new version of the keys that
// needs more than one.
func Cosign(ctx context.Context, origin string, segment Segment, have Sidecar, s Signer) (Sidecar, error) {
	var env envelope
	if have.Ext != extDSSE || decodeStrict(have.Data, &env) != nil {
		return Sidecar{}, errSidecarForm
	}
	more, err := s.Sign(ctx, origin, segment)
	if err != nil {
		return Sidecar{}, err
	}
	var added envelope
	if more.Ext != extDSSE || decodeStrict(more.Data, &added) != nil || added.Payload != env.Payload {
		return Sidecar{}, errSidecarForm
	}
	env.Signatures = append(env.Signatures, added.Signatures...)
	data, err := canonical.Encode(env)
	return Sidecar{extDSSE, data}, err
}

func authorizedKey(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// Errors of a sidecar, told apart because they mean different attacks.
var (
	errSidecarForm = errors.New("the signature file is not in the form this program writes")
	errSubject     = errors.New("the signature is for other bytes")
	errForeign     = errors.New("the signature is for another log or another purpose")
	errNoKey       = errors.New("no key that is trusted made the signature")
)

// opened is a signature whose form was accepted, and that is still to be checked
// against a key.
type opened struct {
	backend string
	keyID   string // a hint, no more
	verify  func(publicKey) bool
}

// publicKey is a key of a trust document, read once.
type publicKey struct {
	id, alg string
	ed25519 ed25519.PublicKey
	ssh     ssh.PublicKey
}

// public reads a key that may sign segments.
func (k Key) public() (publicKey, bool) {
	p := publicKey{id: k.ID, alg: k.Alg}
	var isPlain, isSSH bool
	p.ed25519, isPlain = k.ed25519()
	p.ssh, isSSH = k.ssh()
	return p, isPlain || isSSH
}

// openSidecar checks everything about a sidecar that needs no key. The segment's
// file has the digest given.
func openSidecar(origin string, s Segment, sha256 string, c Sidecar) ([]opened, error) {
	return new(opener).open(origin, s, sha256, c)
}

// opener opens one sidecar after the other. A signature is good until the next.
type opener struct {
	origin string // that was found to be one
	// Memory of the one before, to be used again.
	payload, envelope, sig []byte
}

func (o *opener) open(origin string, s Segment, sha256 string, c Sidecar) ([]opened, error) {
	if c.Ext == extSSH {
		return openSSH(s, c.Data)
	}
	if x, ok := o.shortDSSE(origin, s, sha256, c.Data); ok {
		return []opened{x.opened()}, nil
	}
	signatures, err := longDSSE(statementOf(origin, s, sha256), c.Data)
	if err != nil {
		return nil, err
	}
	all := make([]opened, len(signatures))
	for i, x := range signatures {
		all[i] = x.opened()
	}
	return all, nil
}

// dsseSignature is a signature of an envelope, with the bytes it is to be over.
type dsseSignature struct {
	keyID    string
	pae, sig []byte
}

func (x dsseSignature) opened() opened {
	return opened{BackendEd25519, x.keyID, func(k publicKey) bool {
		return k.ed25519 != nil && ed25519.Verify(k.ed25519, x.pae, x.sig)
	}}
}

// shortDSSE takes the envelope that signDSSE makes for a segment: everything but the
// key and the signature is known before, so it is written and compared. Whatever is
// different in any byte says nothing; longDSSE then decides and finds the words.
// TestSidecarReadersAgree holds the two together.
func (o *opener) shortDSSE(origin string, s Segment, sha256 string, data []byte) (x dsseSignature, ok bool) {
	if origin != o.origin || origin == "" {
		if CheckOrigin(origin) != nil { // it might have to be escaped
			return x, false
		}
		o.origin = origin
	}
	id := s.ID.String()
	payload := append(o.payload[:0], `{"_type":"`+statementType+`","predicate":{"entries":`...)
	payload = strconv.AppendInt(payload, int64(bytes.Count(s.Raw, []byte("\n"))), 10)
	for _, part := range []string{`,"log":"`, origin, `","segment":"`, id, `"},"predicateType":"` + predicateType + `","subject":[{"digest":{"sha256":"`, sha256, `"},"name":"`, id, `.jsonl"}]}`} {
		payload = append(payload, part...)
	}
	want := append(o.envelope[:0], `{"payload":"`...)
	want = base64.StdEncoding.AppendEncode(want, payload)
	want = append(want, `","payloadType":"`+payloadType+`","signatures":[{"keyid":`...)
	o.payload, o.envelope = payload, want
	rest, ok := bytes.CutPrefix(data, want)
	if !ok {
		return x, false
	}
	r := reader{rest: rest}
	keyID, ok := r.text()
	if !ok || !r.take(`,"sig":`) {
		return x, false
	}
	sig, ok := r.text()
	if !ok || string(r.rest) != "}]}" {
		return x, false
	}
	x.keyID = string(keyID)
	x.pae = appendPAE(want[:0], payload)
	x.sig, ok = appendBase64(o.sig[:0], sig)
	o.sig = x.sig
	return x, ok
}

// appendPAE is dsse.PAE of a statement.
func appendPAE(to, payload []byte) []byte {
	to = append(to, "DSSEv1 "...)
	to = strconv.AppendInt(to, int64(len(payloadType)), 10)
	to = append(to, " "+payloadType+" "...)
	to = strconv.AppendInt(to, int64(len(payload)), 10)
	return append(append(to, ' '), payload...)
}

// decodeBase64 reads the one way there is to write bytes. What the library calls
// strict still takes line ends anywhere.
func decodeBase64(text string) ([]byte, bool) { return appendBase64(nil, []byte(text)) }

func appendBase64(to, text []byte) ([]byte, bool) {
	data, err := oneBase64.AppendDecode(to, text)
	return data, err == nil && !bytes.ContainsAny(text, "\r\n")
}

var oneBase64 = base64.StdEncoding.Strict()

func longDSSE(want statement, data []byte) ([]dsseSignature, error) {
	var env envelope
	if err := decodeStrict(data, &env); err != nil || env.PayloadType != payloadType || len(env.Signatures) == 0 || len(env.Signatures) > maxSignatures {
		return nil, errSidecarForm
	}
	payload, ok := decodeBase64(env.Payload)
	if !ok {
		return nil, errSidecarForm
	}
	var is statement
	if err := decodeStrict(payload, &is); err != nil || is.StatementType != statementType || len(is.Subject) != 1 {
		return nil, errSidecarForm
	}
	switch {
	case is.PredicateType != want.PredicateType, is.Predicate.Log != want.Predicate.Log:
		return nil, errForeign
	case is.Subject[0].Digest["sha256"] != want.Subject[0].Digest["sha256"], len(is.Subject[0].Digest) != 1,
		is.Subject[0].Name != want.Subject[0].Name, is.Predicate != want.Predicate:
		return nil, errSubject
	}
	pae := dsse.PAE(payloadType, payload)
	var all []dsseSignature
	for _, x := range env.Signatures {
		sig, ok := decodeBase64(x.Sig)
		if !ok {
			return nil, errSidecarForm
		}
		all = append(all, dsseSignature{x.KeyID, pae, sig})
	}
	return all, nil
}

func openSSH(s Segment, data []byte) ([]opened, error) {
	sig, err := sshsig.Unarmor(data)
	if err != nil || !bytes.Equal(sshsig.Armor(sig), data) {
		return nil, errSidecarForm
	}
	if sig.Namespace != sshNamespace {
		return nil, errForeign
	}
	if sig.HashAlgorithm != sshsig.HashSHA512 {
		return nil, errSidecarForm
	}
	return []opened{{BackendSSH, ssh.FingerprintSHA256(sig.PublicKey), func(k publicKey) bool {
		return k.ssh != nil && sshsig.Verify(bytes.NewReader(s.Raw), sig, k.ssh, sshsig.HashSHA512, sshNamespace) == nil
	}}}, nil
}
