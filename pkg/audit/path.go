package audit

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// root is the folder everything of a log is in.
const root = "audit"

// Sidecar file endings, by the way of signing.
const (
	extDSSE = ".dsse.json"
	extSSH  = ".sig"
)

// fileKind says what a file of a log is.
type fileKind uint8

const (
	notOurs fileKind = iota
	segmentFile
	sidecarFile
	sealFile
	noteFile
	cosignatureFile
	trustFile
)

// place is a path of a log, taken apart.
type place struct {
	kind    fileKind
	segment SegmentID // segmentFile, sidecarFile
	ext     string    // sidecarFile
	size    int64     // sealFile, noteFile, cosignatureFile: leaves; trustFile: version
}

// SegmentPath is where a segment is kept: in the folder of the day its run began.
func SegmentPath(id SegmentID) string {
	return path.Join(root, "log", id.Start.UTC().Format("2006/01/02"), id.String()+".jsonl")
}

// SealPath is where the seal of a tree of that size is kept, and NotePath its
// checkpoint.
func SealPath(size int64) string { return fmt.Sprintf("%s/seals/%012d.json", root, size) }

// NotePath is where the checkpoint of a tree of that size is kept.
func NotePath(size int64) string { return fmt.Sprintf("%s/seals/%012d.note", root, size) }

// TrustPath is where a version of the keys is kept.
func TrustPath(version int64) string { return fmt.Sprintf("%s/trust/%06d.json", root, version) }

var (
	sealForm  = regexp.MustCompile(`^audit/seals/([0-9]{12})\.(json|note)$`)
	cosigForm = regexp.MustCompile(`^audit/seals/([0-9]{12})\.cosig/[A-Za-z0-9._-]{1,100}$`)
	trustForm = regexp.MustCompile(`^audit/trust/([0-9]{6})\.json$`)
)

// placeOf takes a path apart. Kind notOurs is a path that no log has.
func placeOf(name string) place {
	if strings.HasPrefix(name, root+"/log/") {
		return logPlace(name)
	}
	for _, form := range []struct {
		form *regexp.Regexp
		kind fileKind
	}{{sealForm, sealFile}, {cosigForm, cosignatureFile}, {trustForm, trustFile}} {
		m := form.form.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		size, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return place{}
		}
		kind := form.kind
		if kind == sealFile && m[2] == "note" {
			kind = noteFile
		}
		return place{kind: kind, size: size}
	}
	return place{}
}

// cutSidecar takes the path of a sidecar apart: its segment's path, and the rest.
func cutSidecar(name string) (segment, ext string) {
	end := strings.LastIndex(name, ".jsonl") + len(".jsonl")
	return name[:end], name[end:]
}

// logPlace takes the path of a segment or of its sidecar apart.
func logPlace(name string) place {
	slash := strings.LastIndexByte(name, '/')
	folder, base := name[:slash], name[slash+1:]
	stem, ext, found := strings.Cut(base, ".jsonl")
	if !found {
		return place{}
	}
	id, err := ParseSegmentID(stem)
	if err != nil {
		return place{}
	}
	// The folder is the day the id begins with: yyyymmdd.
	if folder != root+"/log/"+stem[:4]+"/"+stem[4:6]+"/"+stem[6:8] {
		return place{}
	}
	switch ext {
	case "":
		return place{kind: segmentFile, segment: id}
	case extDSSE, extSSH:
		return place{kind: sidecarFile, segment: id, ext: ext}
	default:
		return place{}
	}
}
