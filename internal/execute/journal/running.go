package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Running reports whether a process of this machine has the journal of a run open.
// known is false where the run never was on this machine: then it says nothing.
func Running(dir, run string) (running, known bool, err error) {
	lock, err := os.OpenFile(Path(dir, run)+".lock", os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look at the journal: %w", err)
	}
	err = exclusive(lock)
	if closed := release(lock); err == nil {
		err = closed
	}
	if errors.Is(err, ErrBusy) {
		return true, true, nil
	}
	return false, err == nil, err
}

// Folder is the id of a folder of journals, made when it is asked for first. Who holds a
// journal in the folder with this id holds it alone; a journal in another folder, of
// another person or machine, is another one.
func Folder(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of journals: %w", err)
	}
	name := filepath.Join(dir, "folder-id")
	for range 2 {
		id, err := os.ReadFile(name)
		switch {
		case err == nil && len(id) == folderID:
			return string(id), nil
		case err == nil:
			return "", fmt.Errorf("%s is not as bcctl wrote it", name)
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("read the id of the folder of journals: %w", err)
		}
		// Written whole under another name first: two may be here at once, and one wins.
		part, err := os.CreateTemp(dir, ".folder-id-*")
		if err != nil {
			return "", err
		}
		_, err = part.WriteString(rand.Text())
		if err == nil {
			err = part.Sync()
		}
		err = errors.Join(err, part.Close())
		if err == nil {
			if err = os.Link(part.Name(), name); errors.Is(err, fs.ErrExist) {
				err = nil
			}
		}
		if err := errors.Join(err, os.Remove(part.Name())); err != nil {
			return "", fmt.Errorf("write the id of the folder of journals: %w", err)
		}
	}
	return "", fmt.Errorf("%s does not stay where it is written", name)
}

// folderID is the length of rand.Text.
const folderID = 26
