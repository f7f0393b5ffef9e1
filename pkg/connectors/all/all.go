// Package all lists the connectors a binary has. It is the only package that
// imports every driver.
package all

import (
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/mongodb"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake"
	"github.com/bcctl/bcctl/pkg/connectors/sqlserver"
)

// Registry returns every connector of this build.
func Registry() connectors.Registry {
	return connectors.NewRegistry(postgres.Factory{}, mongodb.Factory{}, snowflake.Factory{}, sqlserver.Factory{})
}
