package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultLease is how long a lock says that its holder is at work. A lock whose
// lease is over stays locked; it may be resumed by the same request.
const DefaultLease = 5 * time.Minute

// Holder says for which run a lock is held, and by whom.
type Holder struct {
	Request string `json:"request"`      // id of the request
	Digest  string `json:"digest"`       // digest of the request
	Attempt int    `json:"attempt"`      // from 1
	Run     string `json:"run"`          // id of the run
	Person  string `json:"person"`       // who confirmed, by the id of the roster
	Host    string `json:"host"`         // where bcctl runs
	CI      string `json:"ci,omitempty"` // id of the CI run; empty on a host

	// Journals is the id of the folder on the host that the journal is in. Names of hosts
	// are not unique, and two people on one host have two folders.
	Journals string `json:"journals,omitempty"`
}

// Lock is the content of a lock, complete from the moment it exists (LOCK-02,
// LOCK-03).
type Lock struct {
	Version   int       `json:"v"`
	Key       string    `json:"key"`
	Keys      []string  `json:"keys"` // everything that was taken with it
	Holder    Holder    `json:"holder"`
	Fence     int64     `json:"fence"` // larger than that of every lock of this key before
	TakenAt   time.Time `json:"takenAt"`
	RenewedAt time.Time `json:"renewedAt"`
	Until     time.Time `json:"until"` // end of the lease
}

// Keys returns the keys of a run in order: all its groups and all its resources
// (LOCK-01). A resource stands for both of its sides.
func Keys(groups, resources []string) []string {
	var keys []string
	for _, g := range groups {
		keys = append(keys, "group/"+g)
	}
	for _, r := range resources {
		keys = append(keys, "resource/"+r)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Locks takes and gives up locks.
type Locks struct {
	Cells Cells
	Now   func() time.Time
	Lease time.Duration // DefaultLease when zero

	// Above are numbers that another ledger gave for keys; those given here are larger.
	Above map[string]int64

	// Ended tells whether the run that holds a lock has come to an end, as its CI
	// says. Nil, or an error, means that nobody can tell: the lock stays.
	Ended func(context.Context, Holder) (bool, error)

	// Gone tells that a holder certainly is no more, whatever its lease says: a process
	// of this very machine whose exclusive lock on the journal we have now. Nil: nobody
	// can tell.
	Gone func(Holder) bool

	foreseen *foreseen
}

// foreseen are cells that are read before the keys are taken.
type foreseen struct {
	names []string
	done  chan struct{}
	cells map[string]Cell
	err   error
}

// Foresee begins to read what Take looks at first. Take writes only where nothing has
// changed since, and whatever keeps it from taking the keys by what was foreseen is looked
// at anew. Leave returns when the reading has ended.
func (l *Locks) Foresee(ctx context.Context, keys []string) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	f := &foreseen{names: cellsOf(slices.Compact(slices.Sorted(slices.Values(keys)))), done: make(chan struct{})}
	l.foreseen = f
	go func() {
		defer close(f.done)
		f.cells, f.err = l.Cells.Read(ctx, f.names...)
	}()
	return func() {
		cancel()
		<-f.done
	}
}

// foresaw returns what was foreseen of cells, once.
func (l *Locks) foresaw(ctx context.Context, names []string) (map[string]Cell, bool) {
	f := l.foreseen
	l.foreseen = nil
	if f == nil || !slices.Equal(f.names, names) {
		return nil, false
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, false
	}
	return f.cells, f.err == nil
}

func cellsOf(keys []string) []string {
	names := make([]string, 0, 2*len(keys))
	for _, key := range keys {
		names = append(names, lockCell(key), fenceCell(key))
	}
	return names
}

// Held are locks that were taken together.
type Held struct {
	locks    map[string]Lock
	versions map[string]string // of the cells
}

// Keys returns what is held, in order.
func (h Held) Keys() []string {
	keys := make([]string, 0, len(h.locks))
	for key := range h.locks {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Fence returns the fencing number of a key, zero for one that is not held.
func (h Held) Fence(key string) int64 { return h.locks[key].Fence }

// Until is the end of the lease.
func (h Held) Until() time.Time {
	var first time.Time
	for _, l := range h.locks {
		if first.IsZero() || l.Until.Before(first) {
			first = l.Until
		}
	}
	return first
}

// Errors of locks.
var (
	// ErrBusy says that somebody holds a key.
	ErrBusy = errors.New("locked by another run")
	// ErrLost says that a lock is no longer what its holder wrote: stop.
	ErrLost = errors.New("the lock is not ours any more")
)

// Busy says who holds what was wanted. It is an ErrBusy.
type Busy struct {
	Key  string
	Lock *Lock  // nil when it cannot be read
	Why  string // why it was not taken over
}

func (b *Busy) Error() string {
	if b.Lock == nil {
		return fmt.Sprintf("%s: %v: %s", b.Key, ErrBusy, b.Why)
	}
	h := b.Lock.Holder
	where := h.Host
	if h.CI != "" {
		where = "CI run " + h.CI
	}
	return fmt.Sprintf("%s: %v: request %s, attempt %d, by %s on %s since %s, lease until %s: %s", b.Key, ErrBusy,
		h.Request, h.Attempt, h.Person, where, b.Lock.TakenAt.UTC().Format(time.RFC3339), b.Lock.Until.UTC().Format(time.RFC3339), b.Why)
}

// Unwrap lets errors.Is find ErrBusy.
func (b *Busy) Unwrap() error { return ErrBusy }

// Take takes all keys or none (LOCK-02). A key that is held is an error that
// wraps ErrBusy and names the holder. The one exception is the same request whose
// lease is over and whose run has ended, as Ended says: its locks pass to the new
// attempt, with a new fencing number (LOCK-05).
func (l *Locks) Take(ctx context.Context, keys []string, h Holder) (Held, error) {
	if len(keys) == 0 {
		return Held{}, errors.New("nothing to lock: a run without resources is a mistake")
	}
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	if cells, ok := l.foresaw(ctx, cellsOf(keys)); ok {
		held, err := l.take(ctx, keys, cells, h)
		if !errors.Is(err, ErrMoved) && !errors.Is(err, ErrBusy) {
			return held, err
		}
	}
	// A cell may change between reading and swapping without anybody holding the
	// key: given up just then. A second look tells.
	var err error
	for range 3 {
		cells, unread := l.Cells.Read(ctx, cellsOf(keys)...)
		if unread != nil {
			return Held{}, fmt.Errorf("read locks: %w", unread)
		}
		var held Held
		if held, err = l.take(ctx, keys, cells, h); !errors.Is(err, ErrMoved) {
			return held, err
		}
	}
	return Held{}, &Busy{Key: keys[0], Why: "others keep taking and giving it up; try again"}
}

// take takes keys whose cells were read.
func (l *Locks) take(ctx context.Context, keys []string, cells map[string]Cell, h Holder) (Held, error) {
	now := l.Now().UTC()
	held := Held{locks: map[string]Lock{}, versions: map[string]string{}}
	var changes []Change
	for _, key := range keys {
		from := ""
		if cell, ok := cells[lockCell(key)]; ok {
			if err := l.mayTakeOver(ctx, key, cell, h, now); err != nil {
				return Held{}, err
			}
			from = cell.Version
		}
		fence, fenceVersion, err := nextFence(key, cells)
		if err != nil {
			return Held{}, err
		}
		fence = max(fence, l.Above[key]+1)
		lock := Lock{Version: 1, Key: key, Keys: keys, Holder: h, Fence: fence, TakenAt: now, RenewedAt: now, Until: now.Add(l.lease())}
		held.locks[key] = lock
		changes = append(changes,
			Change{lockCell(key), from, encode(lock)},
			Change{fenceCell(key), fenceVersion, encode(fenceRecord{1, key, fence})})
	}
	versions, err := l.Cells.Swap(ctx, changes...)
	if err != nil && !errors.Is(err, ErrMoved) {
		// The answer may have been lost after the locks were written.
		versions, err = l.written(ctx, held, err)
	}
	if err != nil {
		return Held{}, err
	}
	for _, key := range keys {
		held.versions[key] = versions[lockCell(key)]
	}
	return held, nil
}

// written finds out whether a swap whose answer was lost has taken place: the
// cells then hold exactly what was to be written.
func (l *Locks) written(ctx context.Context, held Held, lost error) (map[string]string, error) {
	var names []string
	for key := range held.locks {
		names = append(names, lockCell(key))
	}
	cells, err := l.Cells.Read(ctx, names...)
	if err != nil {
		return nil, errors.Join(lost, err)
	}
	versions := map[string]string{}
	for key, lock := range held.locks {
		cell, ok := cells[lockCell(key)]
		if !ok || string(cell.Data) != string(encode(lock)) {
			return nil, fmt.Errorf("take locks: %w", lost)
		}
		versions[lockCell(key)] = cell.Version
	}
	return versions, nil
}

func (l *Locks) mayTakeOver(ctx context.Context, key string, cell Cell, h Holder, now time.Time) error {
	lock, err := decodeLock(key, cell.Data)
	if err != nil {
		// LOCK-06: what cannot be read blocks.
		return &Busy{Key: key, Why: err.Error()}
	}
	busy := func(why string) error { return &Busy{Key: key, Lock: &lock, Why: why} }
	switch {
	case lock.Holder.Request != h.Request || lock.Holder.Digest != h.Digest:
		return busy("it ends with that run, or with bcctl unlock")
	case l.Gone != nil && l.Gone(lock.Holder):
		return nil
	case now.Before(lock.Until):
		return busy("its run is at work, or was a moment ago")
	case l.Ended == nil:
		return busy("its lease is over, but nobody can tell whether its run has ended; bcctl unlock needs two persons")
	}
	switch ended, err := l.Ended(ctx, lock.Holder); {
	case err != nil:
		return busy("whether its run has ended could not be found out: " + err.Error())
	case !ended:
		return busy("its run has not ended, though its lease is over")
	}
	return nil
}

// Renew says that the holder is at work, and begins the lease anew. ErrLost when
// any lock is not the one that was taken: nothing more may be changed (LOCK-04).
func (l *Locks) Renew(ctx context.Context, held Held) (Held, error) {
	now := l.Now().UTC()
	next := Held{locks: map[string]Lock{}, versions: map[string]string{}}
	var changes []Change
	for _, key := range held.Keys() {
		lock := held.locks[key]
		lock.RenewedAt, lock.Until = now, now.Add(l.lease())
		next.locks[key] = lock
		changes = append(changes, Change{lockCell(key), held.versions[key], encode(lock)})
	}
	versions, err := l.Cells.Swap(ctx, changes...)
	switch {
	case errors.Is(err, ErrMoved):
		return held, fmt.Errorf("%w: %s", ErrLost, strings.Join(held.Keys(), ", "))
	case err != nil:
		if versions, err = l.written(ctx, next, err); err != nil {
			return held, fmt.Errorf("renew locks: %w", err)
		}
	}
	for _, key := range held.Keys() {
		next.versions[key] = versions[lockCell(key)]
	}
	return next, nil
}

// Verify reports whether the locks are still exactly the ones that were taken: the
// check before each change (SI-32). ErrLost when they are not.
func (l *Locks) Verify(ctx context.Context, held Held) error {
	var names []string
	for _, key := range held.Keys() {
		names = append(names, lockCell(key))
	}
	versions, err := l.versions(ctx, names)
	if err != nil {
		return fmt.Errorf("read locks: %w", err)
	}
	for _, key := range held.Keys() {
		if version, ok := versions[lockCell(key)]; !ok || version != held.versions[key] {
			return fmt.Errorf("%w: %s", ErrLost, key)
		}
	}
	return nil
}

func (l *Locks) versions(ctx context.Context, names []string) (map[string]string, error) {
	if v, ok := l.Cells.(Versioner); ok {
		return v.Versions(ctx, names...)
	}
	cells, err := l.Cells.Read(ctx, names...)
	versions := map[string]string{}
	for name, cell := range cells {
		versions[name] = cell.Version
	}
	return versions, err
}

// giving are the changes that give locks up.
func (l *Locks) giving(held Held) []Change {
	var changes []Change
	for _, key := range held.Keys() {
		changes = append(changes, Change{lockCell(key), held.versions[key], nil})
	}
	return changes
}

// ReleaseWith adds records and gives all locks up in one step. ErrMoved and ErrExists say
// that nothing was done; any other error leaves it open.
func (l *Locks) ReleaseWith(ctx context.Context, j Joiner, held Held, records ...Record) error {
	return j.AddAndSwap(ctx, l.giving(held), records...)
}

// Release gives all locks up. ErrLost when one is not ours any more; the others
// stay then, for whoever looks into it.
func (l *Locks) Release(ctx context.Context, held Held) error {
	changes := l.giving(held)
	_, err := l.Cells.Swap(ctx, changes...)
	switch {
	case errors.Is(err, ErrMoved):
		return fmt.Errorf("%w: %s", ErrLost, strings.Join(held.Keys(), ", "))
	case err == nil:
		return nil
	}
	// The answer may have been lost after the locks were gone.
	var names []string
	for _, c := range changes {
		names = append(names, c.Name)
	}
	if cells, readErr := l.Cells.Read(ctx, names...); readErr == nil && len(cells) == 0 {
		return nil
	}
	return fmt.Errorf("give locks up: %w", err)
}

// Look returns the locks of those keys that are held. A lock that cannot be read
// is an error that wraps ErrBusy, and a *Busy that names its key.
func (l *Locks) Look(ctx context.Context, keys ...string) ([]Lock, error) {
	var names []string
	for _, key := range keys {
		names = append(names, lockCell(key))
	}
	cells, err := l.Cells.Read(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	var locks []Lock
	for _, key := range keys {
		cell, ok := cells[lockCell(key)]
		if !ok {
			continue
		}
		lock, err := decodeLock(key, cell.Data)
		if err != nil {
			return nil, &Busy{Key: key, Why: err.Error()}
		}
		locks = append(locks, lock)
	}
	return locks, nil
}

// Fences returns the numbers that were given last for keys.
func (l *Locks) Fences(ctx context.Context, keys ...string) (map[string]int64, error) {
	var names []string
	for _, key := range keys {
		names = append(names, fenceCell(key))
	}
	cells, err := l.Cells.Read(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	last := map[string]int64{}
	for _, key := range keys {
		next, _, err := nextFence(key, cells)
		if err != nil {
			return nil, err
		}
		last[key] = next - 1
	}
	return last, nil
}

// Unlock says who breaks a lock, and why.
type Unlock struct {
	Persons []string // ids of the roster, proved by the caller
	Reason  string
	Fence   int64 // of the lock that is meant; 0 for one that cannot be read
}

// Break removes a lock whose run cannot come back, with everything that was taken
// with it. It needs two persons, of whom one is not the holder, and a reason
// (LOCK-05). A lock that cannot be read is removed alone. It returns what was
// removed.
func (l *Locks) Break(ctx context.Context, key string, u Unlock) ([]Lock, error) {
	persons := slices.Compact(slices.Sorted(slices.Values(u.Persons)))
	switch {
	case len(persons) < 2:
		return nil, errors.New("a lock is broken by two persons (LOCK-05)")
	case strings.TrimSpace(u.Reason) == "":
		return nil, errors.New("a lock is broken for a reason that is recorded (LOCK-05)")
	}
	cells, err := l.Cells.Read(ctx, lockCell(key))
	if err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	cell, ok := cells[lockCell(key)]
	if !ok {
		return nil, fmt.Errorf("%s is not locked", key)
	}
	lock, err := decodeLock(key, cell.Data)
	if err != nil {
		if u.Fence != 0 {
			return nil, fmt.Errorf("the lock of %s is not the one that was meant any more", key)
		}
		if _, err := l.Cells.Swap(ctx, Change{lockCell(key), cell.Version, nil}); err != nil {
			return nil, fmt.Errorf("break the lock: %w", err)
		}
		return []Lock{{Key: key}}, nil
	}
	if u.Fence != lock.Fence {
		return nil, fmt.Errorf("the lock of %s is not the one that was meant any more: its number is %d, not %d", key, lock.Fence, u.Fence)
	}
	if !slices.ContainsFunc(persons, func(p string) bool { return p != lock.Holder.Person }) {
		return nil, errors.New("one of the two persons must not be the holder (LOCK-05)")
	}
	return l.breakAll(ctx, lock)
}

func (l *Locks) breakAll(ctx context.Context, lock Lock) ([]Lock, error) {
	var names []string
	for _, key := range lock.Keys {
		names = append(names, lockCell(key))
	}
	cells, err := l.Cells.Read(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	var changes []Change
	var removed []Lock
	for _, key := range lock.Keys {
		cell, ok := cells[lockCell(key)]
		if !ok {
			continue
		}
		other, err := decodeLock(key, cell.Data)
		if err != nil || other.Holder != lock.Holder {
			continue // somebody else's by now
		}
		changes, removed = append(changes, Change{lockCell(key), cell.Version, nil}), append(removed, other)
	}
	if _, err := l.Cells.Swap(ctx, changes...); err != nil {
		return nil, fmt.Errorf("break the locks: %w", err)
	}
	return removed, nil
}

func (l *Locks) lease() time.Duration {
	if l.Lease > 0 {
		return l.Lease
	}
	return DefaultLease
}

// fenceRecord outlives the locks of its key, so that numbers never come back.
type fenceRecord struct {
	Version int    `json:"v"`
	Key     string `json:"key"`
	Fence   int64  `json:"fence"`
}

func nextFence(key string, cells map[string]Cell) (number int64, version string, err error) {
	cell, ok := cells[fenceCell(key)]
	if !ok {
		return 1, "", nil
	}
	var last fenceRecord
	if err := decode(cell.Data, &last); err != nil || last.Version != 1 || last.Key != key || last.Fence < 1 {
		return 0, "", &Busy{Key: key, Why: "its fencing number cannot be read"}
	}
	return last.Fence + 1, cell.Version, nil
}

// Names of cells are flat and hashed, so that no key can be a folder of another
// one and every key is possible.
func lockCell(key string) string  { return "lock-" + hashed(key) }
func fenceCell(key string) string { return "fence-" + hashed(key) }

func hashed(key string) string {
	sum := sha256.Sum256([]byte("bcctl-lock-v1\n" + key))
	return hex.EncodeToString(sum[:16])
}

func decodeLock(key string, data []byte) (Lock, error) {
	var lock Lock
	if err := decode(data, &lock); err != nil {
		return Lock{}, fmt.Errorf("the lock cannot be read: %w", err)
	}
	if lock.Version != 1 || lock.Key != key || lock.Holder.Request == "" || lock.Fence < 1 || lock.Until.IsZero() || !slices.Contains(lock.Keys, key) {
		return Lock{}, errors.New("the lock is not one that bcctl wrote")
	}
	return lock, nil
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // types of this package, without anything that cannot be written
	}
	return append(data, '\n')
}

func decode(data []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is more than one value")
	}
	return nil
}
