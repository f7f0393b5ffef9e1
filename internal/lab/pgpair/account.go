package pgpair

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is the operating system user that runs the servers. PostgreSQL
// refuses to run as root, so root runs them as somebody else.
type account struct {
	Name     string
	UID, GID int
	switched bool // not the user of this process
}

// serverAccount returns the account for this process to run servers with:
// itself, or for root the user postgres, or nobody where there is none.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return account{}, fmt.Errorf("look up the current user: %w", err)
		}
		return newAccount(u, false)
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return newAccount(u, true)
		}
	}
	return account{}, fmt.Errorf("PostgreSQL refuses to run as root, and there is neither a user %q nor %q: run as another user", "postgres", "nobody")
}

// accountNamed returns the account a laboratory was made with.
func accountNamed(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, fmt.Errorf("look up the user that runs the servers: %w", err)
	}
	a, err := newAccount(u, false)
	if err != nil {
		return account{}, err
	}
	if a.UID == os.Geteuid() {
		return a, nil
	}
	if os.Geteuid() != 0 {
		return account{}, fmt.Errorf("the servers of this laboratory belong to user %q: run as that user or as root", name)
	}
	a.switched = true
	return a, nil
}

func newAccount(u *user.User, switched bool) (account, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, fmt.Errorf("read id of user %q: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, fmt.Errorf("read group of user %q: %w", u.Username, err)
	}
	return account{Name: u.Username, UID: uid, GID: gid, switched: switched}, nil
}

// own gives a file or directory to the account.
func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Chown(path, a.UID, a.GID)
}

// mkdir makes a directory that only the account may enter.
func (a account) mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	return a.own(path)
}

// writeFile writes a file that only the account may read.
func (a account) writeFile(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return a.own(path)
}

// canReach says whether the account can enter dir, as it must to run servers
// below it.
func (a account) canReach(dir string) error {
	if !a.switched {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return fmt.Errorf("look at %s: %w", d, err)
		}
		if !mayEnter(a, info) {
			return fmt.Errorf("user %q, who runs the servers because root may not, cannot enter %s: choose a directory below %s", a.Name, d, os.TempDir())
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

// ServerAccount returns the operating system user for this process to run servers
// with; switched says that it is not the user of this process.
func ServerAccount() (uid, gid int, switched bool, err error) {
	a, err := serverAccount()
	return a.UID, a.GID, a.switched, err
}
