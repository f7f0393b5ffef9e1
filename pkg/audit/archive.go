package audit

import "context"

// Archive is where the files of a log are read from: a branch of a clone, a
// bundle, a directory. What it returns is not trusted.
type Archive interface {
	// Files lists every file, in the order of their paths.
	Files(ctx context.Context) ([]File, error)

	// Read returns the contents of a file that Files listed. It may be called by
	// several goroutines at once.
	Read(ctx context.Context, path string) ([]byte, error)
}

// Rereader is an archive that reads into memory that was used before.
type Rereader interface {
	// ReadInto is Read. The contents may be in the buffer, which grows as is needed.
	ReadInto(ctx context.Context, path string, buffer []byte) ([]byte, error)
}

// File is a file of an archive.
type File struct {
	Path string
	Size int64
	// Plain is false for everything that is not an ordinary file: a symbolic link, a
	// submodule, an executable.
	Plain bool
}

// Historian is an archive that knows in which order its files came.
type Historian interface {
	// History returns what happened to the files, oldest first.
	History(ctx context.Context) (History, error)
}

// History is how the files of a log came to be there.
type History struct {
	// Added lists the paths in the order in which they were added.
	Added []string
	// Odd are events that a log never has: a file changed or removed, a commit with
	// two parents.
	Odd []OddEvent
}

// OddEvent is something that happened to a log and never should.
type OddEvent struct {
	Path string // empty when it is about a commit as a whole
	What string // in words, with the commit
}

// maxFile bounds what is read of one file.
const maxFile = 64 << 20
