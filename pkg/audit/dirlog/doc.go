// Package dirlog keeps an audit log in a directory: for hosts without a remote,
// and as the local half of a log whose other half is on a branch.
//
// What belongs together is added whole or not at all, whatever happens to the
// process or the machine in between: files are written and flushed in a folder of
// their own, renamed to a folder of things to add, which is the moment from which
// they count, and then linked to their places. What was begun is completed by
// whoever comes next. No file is ever written twice.
package dirlog
