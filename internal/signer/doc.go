// Package signer signs entries of the audit log with keys that are not in this
// process: by a helper program, or by the transit engine of HashiCorp Vault.
//
// It knows nothing of logs, and reads no settings: which program is run and which
// server is asked is for the operator to say, never for a repository.
package signer
