package schemas

import (
	"encoding/base64"
	"encoding/binary"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Addresses and keys are never repeated in a message: people paste them together
// with passwords.

func checkAddress(text string) error {
	const example = "write host:port, for example db1.example.com:5432 or [2001:db8::1]:5432"
	switch {
	case text == "":
		return &Mistake{"address is empty", example}
	case strings.ContainsFunc(text, unicode.IsSpace):
		return &Mistake{"address has a blank in it", example}
	case strings.Contains(text, "@"):
		return &Mistake{"address has a user name in it", example + "; logins go under credentials"}
	case strings.HasPrefix(text, "/"):
		return nil // a socket in the file system
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.Contains(host, "/") {
		return &Mistake{"address is not host:port", example}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return &Mistake{"address has no port between 1 and 65535", example}
	}
	return nil
}

func checkURL(text string) error {
	const example = "write for example https://host.example.com/path"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || strings.ContainsFunc(text, unicode.IsSpace):
		return &Mistake{"not a URL", example} // the error of url.Parse repeats the text
	case u.User != nil:
		return &Mistake{"URL has a user name or password in it", example + "; logins go under credentials"}
	case u.Scheme == "https", u.Scheme == "http" && Loopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return &Mistake{"URL starts with http://, which anybody on the way can read", "write https://; http:// is for loopback only"}
	default:
		return &Mistake{"URL does not start with https://", example}
	}
}

// checkURLTemplate is checkURL for a URL with ${name} in it. What it becomes is
// checked once more when the names have values.
func checkURLTemplate(text string) error {
	return checkURL(urlPlaceholder.ReplaceAllString(text, "1"))
}

var urlPlaceholder = regexp.MustCompile(`\$\{[A-Za-z0-9._-]+\}`)

// Loopback reports whether host is this machine: localhost, 127.0.0.0/8 or ::1.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sshKeyTypes are the types of public keys that may sign.
var sshKeyTypes = map[string]bool{
	"ssh-ed25519":                        true,
	"ecdsa-sha2-nistp256":                true,
	"ecdsa-sha2-nistp384":                true,
	"ecdsa-sha2-nistp521":                true,
	"sk-ssh-ed25519@openssh.com":         true,
	"sk-ecdsa-sha2-nistp256@openssh.com": true,
	"ssh-rsa":                            true,
}

func checkSSHKey(text string) error {
	const example = "write it as in id_ed25519.pub: ssh-ed25519 AAAA... comment"
	if strings.Contains(text, "PRIVATE KEY") {
		return &Mistake{"private key in the repository: take it out of use now", example}
	}
	fields := strings.Fields(text)
	if len(fields) < 2 || !sshKeyTypes[fields[0]] {
		return &Mistake{"not an SSH public key", example}
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(blob) < 4 {
		return &Mistake{"SSH public key is damaged", example}
	}
	// The key itself begins with the length and name of its type.
	if n := binary.BigEndian.Uint32(blob); uint64(n)+4 > uint64(len(blob)) || string(blob[4:4+n]) != fields[0] {
		return &Mistake{"SSH public key is damaged: its content is not of the type it names", example}
	}
	return nil
}
