// Package quiet keeps the Snowflake driver from touching anything while it is
// merely linked. Importing gosnowflake makes a directory in the home directory
// of every process, starts to load a native library where it was built with one,
// and later reads a configuration file for logging and asks the metadata
// services of three clouds where it runs. All of that is decided by variables of
// the environment, most of it before main begins.
//
// This package is the one exception to the rule that nothing here has an init
// function (docs/adr/0014): Go initializes packages in the order of their import
// paths once what they import is ready, so this one, which imports only os, is
// always initialized before github.com/snowflakedb. It takes out of the
// environment what would lead the driver to files, and Restore puts it back
// before anything else of the program runs. A test looks at the order.
package quiet

import "os"

// variables that lead the driver to files, or to a place to put them. HOME and
// USERPROFILE are among them: there it looks last.
var variables = [...]string{
	"SF_TEMPORARY_CREDENTIAL_CACHE_DIR", "XDG_CACHE_DIR", "HOME", "USERPROFILE", // a cache of credentials
	"SF_CLIENT_CONFIG_FILE", // logging
}

// Settings that stay: they name nothing but the driver, and it reads them when it
// connects for the first time.
var settings = [...][2]string{
	{"SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true"}, // no question to 169.254.169.254
	{"SF_DISABLE_MINICORE", "true"},                  // no native library, also in builds without the tag
}

// hidden are the variables that were taken out. It is written once, by init.
var hidden = map[string]string{}

func init() {
	for _, name := range variables {
		if value, ok := os.LookupEnv(name); ok {
			hidden[name] = value
			_ = os.Unsetenv(name) // fails for names that are none
		}
	}
	for _, s := range settings {
		_ = os.Setenv(s[0], s[1]) // likewise
	}
}

// Restore puts back what was taken out. It is called by the package that imports
// the driver, when the driver is initialized.
func Restore() {
	for name, value := range hidden {
		_ = os.Setenv(name, value) // it was there before, under this name
	}
}
