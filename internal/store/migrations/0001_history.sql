-- History and state. All times are UTC unix milliseconds. A status is stored by
-- its name. Everything belongs to one of two namespaces: real runs (replay = 0)
-- and replays of recorded observations (replay = 1); no query reads both.

CREATE TABLE meta (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- Ids of targets and series are never reused, because other processes remember
-- them between two of their runs.
CREATE TABLE target (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    replay INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    UNIQUE (replay, name)
);

CREATE TABLE series (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    target    INTEGER NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    endpoint  TEXT    NOT NULL,
    indicator TEXT    NOT NULL,
    unit      TEXT    NOT NULL,
    UNIQUE (target, endpoint, indicator)
);

-- results and samples count the rows this run wrote into verdict and sample.
-- first_at and last_at enclose everything the run recorded. rolled is 1 once the
-- run's rows were condensed into bucket and span.
CREATE TABLE run (
    id            INTEGER PRIMARY KEY,
    replay        INTEGER NOT NULL,
    run_id        TEXT    NOT NULL,
    bcctl         TEXT    NOT NULL,
    config_commit TEXT    NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER NOT NULL,
    recorded_at   INTEGER,
    verdict       TEXT    NOT NULL,
    red           INTEGER NOT NULL,
    unknown       INTEGER NOT NULL,
    yellow        INTEGER NOT NULL,
    green         INTEGER NOT NULL,
    results       INTEGER NOT NULL,
    samples       INTEGER NOT NULL,
    first_at      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    rolled        INTEGER NOT NULL DEFAULT 0,
    warnings      BLOB,
    UNIQUE (replay, run_id)
);
CREATE INDEX run_by_time ON run (replay, finished_at);
CREATE INDEX run_raw ON run (replay, last_at, first_at) WHERE rolled = 0;

-- sample and verdict are laid down in the order of time: a run appends one
-- contiguous stretch, whatever it is about. The primary key is the covering
-- index; a series is read with one seek per run. Keyed by series first, each of
-- a run's rows would land on a page of its own, which is several times slower.
-- after is milliseconds since the run's first_at. There are no foreign keys on
-- the tables a run fills in bulk: they are written by one statement of Save only,
-- and checking would cost more than writing.
CREATE TABLE sample (
    run    INTEGER NOT NULL,
    series INTEGER NOT NULL,
    after  INTEGER NOT NULL,
    value  REAL    NOT NULL,
    PRIMARY KEY (run, series)
) WITHOUT ROWID;

CREATE TABLE verdict (
    run         INTEGER NOT NULL,
    target      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    valid_until INTEGER,
    status      TEXT    NOT NULL,
    code        TEXT,
    PRIMARY KEY (run, target)
) WITHOUT ROWID;

-- One row stands for all samples of a series in five minutes; slot is time
-- divided by five minutes, after is milliseconds from the slot's start to the
-- last sample. low and high are NULL where both equal last.
CREATE TABLE bucket (
    replay INTEGER NOT NULL,
    slot   INTEGER NOT NULL,
    series INTEGER NOT NULL,
    after  INTEGER NOT NULL,
    last   REAL    NOT NULL,
    low    REAL,
    high   REAL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (replay, slot, series)
) WITHOUT ROWID;

-- One row stands for consecutive verdicts that said the same; covered is how
-- many milliseconds between at and valid_until one of them was valid.
CREATE TABLE span (
    target      INTEGER NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    valid_until INTEGER,
    covered     INTEGER NOT NULL,
    verdicts    INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    code        TEXT,
    PRIMARY KEY (target, at)
) WITHOUT ROWID;

CREATE INDEX span_by_end ON span (last_at);

CREATE TABLE transition (
    id          INTEGER PRIMARY KEY,
    target      INTEGER NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    from_status TEXT    NOT NULL,
    to_status   TEXT    NOT NULL,
    code        TEXT,
    message     TEXT,
    since       INTEGER
);
CREATE INDEX transition_by_target ON transition (target, at);
CREATE INDEX transition_by_time ON transition (at);

-- The newest verdict of each target, whole, as JSON.
CREATE TABLE latest (
    target      INTEGER PRIMARY KEY REFERENCES target (id) ON DELETE CASCADE,
    run         INTEGER NOT NULL REFERENCES run (id),
    finished_at INTEGER NOT NULL,
    result      BLOB    NOT NULL
);
CREATE INDEX latest_by_run ON latest (run);

-- What a target carries from run to run, as JSON. last_in says where the last
-- verdict is: 0 there is none, 1 in last, 2 it is latest.result. known_good_in
-- likewise: 0 there is none, 1 in known_good, 2 inside the last verdict, 3 it is
-- what the last verdict saw.
CREATE TABLE memory (
    target        INTEGER PRIMARY KEY REFERENCES target (id) ON DELETE CASCADE,
    finished_at   INTEGER NOT NULL,
    saved_at      INTEGER NOT NULL,
    episodes      BLOB,
    observations  BLOB,
    last_in       INTEGER NOT NULL,
    last          BLOB,
    known_good_in INTEGER NOT NULL,
    known_good    BLOB
);
