CREATE SCHEMA bcctl_ledger;
CREATE TABLE bcctl_ledger.cells(
  repository text NOT NULL, name text COLLATE "C" NOT NULL,
  version bigint NOT NULL, data bytea NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (repository, name));
CREATE TABLE bcctl_ledger.records(
  repository text NOT NULL, name text COLLATE "C" NOT NULL, data bytea NOT NULL,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (repository, name));
CREATE ROLE bcctl_ledger LOGIN;
GRANT USAGE ON SCHEMA bcctl_ledger TO bcctl_ledger;
GRANT SELECT, INSERT, UPDATE, DELETE ON bcctl_ledger.cells TO bcctl_ledger;
GRANT SELECT, INSERT ON bcctl_ledger.records TO bcctl_ledger;
