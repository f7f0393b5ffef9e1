package pgpair

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// Node is one server of a laboratory.
type Node struct {
	Name     string `json:"name"`
	Site     string `json:"site"`
	Host     string `json:"host"` // always 127.0.0.1
	Port     int    `json:"port"`
	DataDir  string `json:"dataDir"`
	Upstream string `json:"upstream"` // the node it follows whenever it is a standby
}

// Address returns host:port.
func (n Node) Address() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// Slot returns the name of the physical replication slot the node uses on its
// upstream.
func (n Node) Slot() string { return strings.ReplaceAll(n.Name, "-", "_") }

// root is the folder of everything that belongs to the node. Its configuration
// lies beside the data directory, not in it, so that a copy or a rewind of the
// data takes over neither port nor name of another node.
func (n Node) root() string            { return filepath.Dir(n.DataDir) }
func (n Node) file(name string) string { return filepath.Join(n.root(), name) }
func (n Node) config() string          { return n.file("postgresql.conf") }
func (n Node) log() string             { return n.file("server.log") }
func (n Node) archive() string         { return n.file("archive") }
func (n Node) passfile() string        { return n.file("passfile") }

// archiveFault is a file whose presence makes archive_command fail.
func (n Node) archiveFault() string { return n.file("archive-fails") }

// Nodes returns the servers of the laboratory, the home primary first.
func (l *Lab) Nodes() []Node { return append([]Node(nil), l.state.Nodes...) }

// Node returns a server by its name.
func (l *Lab) Node(name string) (Node, error) {
	for _, n := range l.state.Nodes {
		if n.Name == name {
			return n, nil
		}
	}
	return Node{}, fmt.Errorf("this laboratory has no node %q", name)
}

// layout returns the nodes below dir, without ports.
func layout(dir string, cascade bool) []Node {
	node := func(name, site, upstream string) Node {
		return Node{
			Name: name, Site: site, Host: "127.0.0.1", Upstream: upstream,
			DataDir: filepath.Join(dir, "nodes", name, "data"),
		}
	}
	nodes := []Node{node(Primary, primarySite, Standby), node(Standby, standbySite, Primary)}
	if cascade {
		nodes = append(nodes, node(Cascade, standbySite, Standby))
	}
	return nodes
}
