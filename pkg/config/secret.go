package config

import "github.com/bcctl/bcctl/pkg/config/secretref"

// SecretRef is a reference to a secret, such as env:LEDGER_PASSWORD.
type SecretRef = secretref.Ref

// Login is a user name, or a reference to it.
type Login = secretref.Login

// ParseSecretRef checks the text of a reference. The error says what to write
// instead and never repeats the text, which may be somebody's password.
func ParseSecretRef(text string) (SecretRef, error) { return secretref.Parse(text) }
