package approval

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// SignSSH signs a document with a private key in a form ssh-keygen writes, without a
// passphrase. What it returns is what ssh-keygen -Y sign writes, and the fingerprint of
// the key. Keys with a passphrase, of an agent or of a token sign with ssh-keygen itself.
func SignSSH(document, private []byte, namespace string) (armored []byte, fp string, err error) {
	key, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return nil, "", fmt.Errorf("read the private key: %w", err)
	}
	sig, err := sshsig.Sign(bytes.NewReader(document), key, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, "", fmt.Errorf("sign: %w", err)
	}
	return sshsig.Armor(sig), ssh.FingerprintSHA256(key.PublicKey()), nil
}

// KeyFingerprint is the fingerprint of a key, as ssh-keygen -lf prints it. It takes a
// public key and a private one without a passphrase; private tells which it was.
func KeyFingerprint(key []byte) (fp string, private bool, err error) {
	if fp := fingerprint(strings.TrimSpace(string(key))); fp != "" {
		return fp, false, nil
	}
	k, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return "", false, fmt.Errorf("read the key: %w", err)
	}
	return ssh.FingerprintSHA256(k.PublicKey()), true, nil
}

// PersonOfKey finds whose key it is. A key on two persons is nobody's (ID-06).
func (r Roster) PersonOfKey(fp string) (Person, bool) {
	var found []Person
	for _, p := range r.People {
		if _, ok := p.keyOf(fp); ok {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return Person{}, false
	}
	return found[0], true
}
