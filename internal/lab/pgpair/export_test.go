package pgpair

// PIDs returns the processes of a node's server, for tests to follow up.
func (l *Lab) PIDs(node string) ([]int, error) {
	n, err := l.Node(node)
	if err != nil {
		return nil, err
	}
	found, err := serverProcesses(n.DataDir)
	var pids []int
	for _, p := range found {
		pids = append(pids, p.PID)
	}
	return pids, err
}

// Log returns the path of a node's log.
func (l *Lab) Log(node string) (string, error) {
	n, err := l.Node(node)
	return n.log(), err
}

// SocketLock returns the path of the lock file of a node's socket.
func (l *Lab) SocketLock(node string) (string, error) {
	n, err := l.Node(node)
	return l.socketLock(n), err
}
