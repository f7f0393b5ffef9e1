// Package blank makes configurations of PostgreSQL's driver that nothing but this
// program has written to.
package blank

import (
	"errors"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Config is a connection configuration that nothing of the environment has written
// to. The driver makes one only by reading PG* variables, a password file
// and a service file, so that each of them is overridden here, those included that
// would only make it fail. What is not given here, such as the host, is a
// placeholder for the caller to replace.
func Config() (*pgx.ConnConfig, error) {
	settings := []string{
		"host=bcctl.invalid", "port=5432", "dbname=postgres",
		"user=bcctl", "password=bcctl", // else it looks for the operating system's user and a password file
		"passfile=" + os.DevNull,
		"sslmode=disable", "sslrootcert=''", "sslcert=''", "sslkey=''", "sslpassword=''", "sslsni=1",
		"sslcertmode=allow", "sslnegotiation=postgres",
		"krbspn=''", "krbsrvname=''",
		"channel_binding=prefer", "require_auth=''",
		"min_protocol_version=3.0", "max_protocol_version=3.0",
		"connect_timeout=0",        // contexts bound it
		"target_session_attrs=any", // it must not pick nodes for us
	}
	if os.Getenv("PGSERVICE") != "" {
		// A service that is named must exist; one that is empty changes nothing.
		name, err := emptyService()
		if err != nil {
			return nil, errors.New("PGSERVICE is set and its effect cannot be undone here: unset it")
		}
		defer func() { _ = os.Remove(name) }() // an empty file left behind harms nobody
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name)
		settings = append(settings, "service=bcctl", "servicefile='"+quoted+"'")
	}
	config, err := pgx.ParseConfig(strings.Join(settings, " "))
	if err != nil {
		return nil, errors.New("a PG* variable of the environment makes the driver fail: unset it")
	}
	config.Fallbacks, config.ValidateConnect, config.RuntimeParams = nil, nil, nil
	return config, nil
}

// emptyService writes a service file with one service that sets nothing.
func emptyService() (string, error) {
	f, err := os.CreateTemp("", "bcctl-service-")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString("[bcctl]\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
