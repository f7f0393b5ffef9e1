package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bcctl/bcctl/internal/signer"
	"github.com/bcctl/bcctl/pkg/audit"
)

// auditSigner makes what signs entries: a key that is resolved here, a helper
// program, or Vault.
func (a *app) auditSigner(ctx context.Context, s AuditSettings) (audit.Signer, error) {
	switch s.Signer {
	case "key":
		return a.keySigner(ctx, s)
	case "exec":
		return a.execSigner(s)
	case "vault":
		return a.vaultSigner(ctx, s)
	default:
		return nil, fail(exitConfig, fmt.Errorf("audit.signer is %q; write key, exec or vault", s.Signer), "")
	}
}

func (a *app) keySigner(ctx context.Context, s AuditSettings) (audit.Signer, error) {
	if s.Key == "" {
		return nil, fail(exitConfig, errors.New("audit.key is not set"), "write a reference to bcctl.yaml, such as audit.key: env:DR_AUDIT_KEY")
	}
	text, err := a.secretValue(ctx, "audit.key", s.Key)
	if err != nil {
		return nil, err
	}
	made, err := audit.ParseSigner([]byte(text))
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("audit.key: %w", err), "bcctl audit keygen")
	}
	return made, nil
}

func (a *app) execSigner(s AuditSettings) (audit.Signer, error) {
	text, err := os.ReadFile(a.path(s.ExecPublicKey))
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("audit.exec-public-key: %w", err), settingVariable("audit.exec-public-key")+"=FILE, the public key in PEM form")
	}
	public, err := audit.ParsePublicKey(text)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("audit.exec-public-key: %s: %w", s.ExecPublicKey, err), "")
	}
	made, err := signer.Exec{Program: s.ExecProgram, Public: public, Stderr: a.Stderr}.Signer()
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("audit.exec-program: %w", err), settingVariable("audit.exec-program")+"=/usr/local/bin/sign-audit")
	}
	return made, nil
}

func (a *app) vaultSigner(ctx context.Context, s AuditSettings) (audit.Signer, error) {
	token := a.getenv("VAULT_TOKEN")
	var err error
	if s.VaultToken != "" {
		if token, err = a.secretValue(ctx, "audit.vault-token", s.VaultToken); err != nil {
			return nil, err
		}
	}
	if token == "" {
		return nil, fail(exitConfig, errors.New("there is no token for vault"), "set VAULT_TOKEN, or "+settingVariable("audit.vault-token")+"=file:/run/secrets/vault-token")
	}
	is := signer.Vault{Address: s.VaultAddress, Mount: s.VaultMount, Key: s.VaultKey, Version: s.VaultVersion, Namespace: s.VaultNamespace, Token: token}
	if s.VaultCA != "" {
		if is.CA, err = os.ReadFile(a.path(s.VaultCA)); err != nil {
			return nil, fail(exitConfig, fmt.Errorf("audit.vault-ca: %w", err), "")
		}
	}
	made, err := is.Signer(ctx)
	switch {
	case errors.Is(err, signer.ErrNoAnswer):
		return nil, fail(exitNoAnswer, fmt.Errorf("sign with vault: %w", err), "")
	case err != nil:
		return nil, fail(exitConfig, fmt.Errorf("sign with vault: %w", err), "bcctl help environment")
	}
	return made, nil
}
