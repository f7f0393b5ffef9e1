// Package ledger keeps two things that several runners must agree on: who holds
// which resources and groups now (locks), and what has ever been done with a
// request (records). It knows neither GitHub nor databases.
//
// A lock is taken for all keys of a run or for none, by comparing and swapping
// cells of a Cells: branches of the configuration repository, or files of a
// directory when that is out of reach. Age never frees a lock (LOCK-05).
//
// Records are only ever added. A record that exists cannot be written again, which
// is what makes a claim, a confirmation and a withdrawal count once.
package ledger
