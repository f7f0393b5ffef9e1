package config

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/schemas"
)

// tls checks how connections of a resource are secured, and reads the
// certificates it trusts.
func (c *checker) tls(r *Resource) {
	o, t := r.Origin, r.Spec.Connection.TLS
	if t.Mode == connectors.Disable {
		for _, e := range r.Spec.Endpoints {
			if e.Where() != "" && !local(e.Where()) {
				c.add(o, fmt.Sprintf("tls.mode disable would send the password of endpoint %q over the network", e.Name), "clear text is for loopback addresses only; remove mode: disable", "connection", "tls", "mode")
				break
			}
		}
	}
	if t.CA == "" {
		return
	}
	if _, read := c.repo.cas[t.CA]; read {
		return
	}
	data, what, instead := c.readCA(t.CA)
	if what != "" {
		c.add(o, what, instead, "connection", "tls", "ca")
		return
	}
	c.repo.cas[t.CA] = data
}

// local reports whether an address is on this machine.
func local(address string) bool {
	if strings.HasPrefix(address, "/") {
		return true
	}
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return schemas.Loopback(u.Hostname())
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && schemas.Loopback(host)
}

// readCA reads a PEM file of the repository; what is not empty when it is of no
// use.
func (c *checker) readCA(name string) (data []byte, what, instead string) {
	if !fs.ValidPath(name) || name == "." {
		return nil, fmt.Sprintf("tls.ca %q is not a path in this repository", name), "write it from the root of the repository, without leading / and without .., for example certs/ca.pem"
	}
	data, problem := readBounded(c.fsys, name)
	if problem != nil {
		return nil, fmt.Sprintf("tls.ca %q: %s", name, problem.What), "put the certificates there"
	}
	count := 0
	for rest := data; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, fmt.Sprintf("tls.ca %q holds a private key", name), "take the key out of use now; only certificates belong there"
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Sprintf("tls.ca %q: certificate %d is damaged", name, count+1), "replace the file"
		}
		count++
	}
	if count == 0 {
		return nil, fmt.Sprintf("tls.ca %q holds no certificate in PEM form", name), "it begins with -----BEGIN CERTIFICATE-----"
	}
	return data, "", ""
}
