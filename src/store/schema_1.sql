-- Times are microseconds since 1970 in UTC. Nothing is deleted that a release, an operation
-- or the audit log still names; what is gone has a time in destroyed_at or pruned_at.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE apps (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    roots        TEXT    NOT NULL, -- JSON list of root commits; empty: unknown
    subdir       TEXT    NOT NULL, -- '' is the top of the repository
    created_at   INTEGER NOT NULL,
    destroyed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX apps_alive ON apps (name) WHERE destroyed_at IS NULL;

-- Every user id this home ever gave out; files of a dead deploy never get a new owner.
CREATE TABLE uids (
    uid   INTEGER PRIMARY KEY,
    owner TEXT    NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER uids_keep BEFORE DELETE ON uids
BEGIN SELECT RAISE(ABORT, 'a user id is never given out twice'); END;
CREATE TRIGGER uids_fixed BEFORE UPDATE ON uids
BEGIN SELECT RAISE(ABORT, 'a user id is never given out twice'); END;

CREATE TABLE deploys (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    app_id          INTEGER NOT NULL REFERENCES apps (id),
    name            TEXT    NOT NULL,
    uid             INTEGER NOT NULL UNIQUE REFERENCES uids (uid),
    created_at      INTEGER NOT NULL,
    current_release INTEGER,
    destroyed_at    INTEGER
) STRICT;
CREATE UNIQUE INDEX deploys_alive ON deploys (app_id, name) WHERE destroyed_at IS NULL;

CREATE TABLE formation (
    deploy_id    INTEGER NOT NULL REFERENCES deploys (id),
    process_type TEXT    NOT NULL,
    count        INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (deploy_id, process_type)
) STRICT, WITHOUT ROWID;

-- A scope is '' (all of the deploy), 'web' or 'web.1'.
CREATE TABLE stopped (
    deploy_id INTEGER NOT NULL REFERENCES deploys (id),
    scope     TEXT    NOT NULL,
    PRIMARY KEY (deploy_id, scope)
) STRICT, WITHOUT ROWID;

-- Instances in the scope whose keeper has a lower number are to be replaced.
CREATE TABLE restarts (
    deploy_id INTEGER NOT NULL REFERENCES deploys (id),
    scope     TEXT    NOT NULL,
    keeper    INTEGER NOT NULL,
    PRIMARY KEY (deploy_id, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE builds (
    digest     TEXT    PRIMARY KEY,
    app        TEXT    NOT NULL,
    plan       TEXT    NOT NULL,
    stack      TEXT    NOT NULL,
    commit_id  TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    pruned_at  INTEGER,
    pinned     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE build_keys (
    key    TEXT PRIMARY KEY,
    digest TEXT NOT NULL REFERENCES builds (digest)
) STRICT;

CREATE TABLE releases (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    deploy_id   INTEGER NOT NULL REFERENCES deploys (id),
    number      INTEGER NOT NULL CHECK (number > 0),
    build       TEXT,
    stack       TEXT    NOT NULL,
    commands    TEXT    NOT NULL,
    manifests   TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    attachments TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    key_id      TEXT    NOT NULL,
    previous    BLOB    NOT NULL,
    mac         BLOB    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('pending', 'active', 'failed')),
    failure     TEXT,
    status_at   INTEGER NOT NULL,
    status_mac  BLOB    NOT NULL,
    UNIQUE (deploy_id, number)
) STRICT;
CREATE INDEX releases_by_build ON releases (build);
CREATE TRIGGER releases_fixed BEFORE UPDATE OF
    id, deploy_id, number, build, stack, commands, manifests, source, attachments, reason, created_at,
    created_by, key_id, previous, mac ON releases
BEGIN SELECT RAISE(ABORT, 'a release is never edited'); END;
CREATE TRIGGER releases_keep BEFORE DELETE ON releases
BEGIN SELECT RAISE(ABORT, 'a release is never deleted'); END;
CREATE TRIGGER releases_once BEFORE INSERT ON releases
WHEN EXISTS (SELECT 1 FROM releases
             WHERE id = NEW.id OR (deploy_id = NEW.deploy_id AND number = NEW.number))
BEGIN SELECT RAISE(ABORT, 'a release is never replaced'); END;

CREATE TABLE release_config (
    release_id INTEGER NOT NULL REFERENCES releases (id),
    name       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    digest     BLOB    NOT NULL,
    PRIMARY KEY (release_id, name)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER release_config_fixed BEFORE UPDATE ON release_config
BEGIN SELECT RAISE(ABORT, 'a release is never edited'); END;
CREATE TRIGGER release_config_keep BEFORE DELETE ON release_config
BEGIN SELECT RAISE(ABORT, 'a release is never edited'); END;
CREATE TRIGGER release_config_once BEFORE INSERT ON release_config
WHEN EXISTS (SELECT 1 FROM release_config WHERE release_id = NEW.release_id AND name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a release is never edited'); END;

-- Authenticates the end of each chain and the current release, so that a release cut off at
-- the end is missed.
CREATE TABLE release_heads (
    deploy_id INTEGER PRIMARY KEY REFERENCES deploys (id),
    mac       BLOB    NOT NULL
) STRICT;

CREATE TABLE operations (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    deploy      TEXT,
    kind        TEXT    NOT NULL,
    started_by  TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    state       TEXT    NOT NULL
                CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
    failure     TEXT,
    receipt     TEXT,
    events      TEXT,
    CHECK ((state = 'running') = (finished_at IS NULL))
) STRICT;
CREATE INDEX operations_running ON operations (id) WHERE state = 'running';
CREATE INDEX operations_by_deploy ON operations (deploy, id);

CREATE TABLE one_offs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    deploy_id   INTEGER NOT NULL REFERENCES deploys (id),
    release     INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('run', 'release')),
    command     TEXT    NOT NULL,
    keeper      INTEGER NOT NULL UNIQUE,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    state       TEXT    NOT NULL CHECK (state IN ('running', 'exited', 'unknown')),
    exit        INTEGER,
    CHECK ((state = 'running') = (finished_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX one_release_phase ON one_offs (deploy_id)
    WHERE kind = 'release' AND state = 'running';
CREATE INDEX one_offs_by_deploy ON one_offs (deploy_id, id);

CREATE TABLE ports (
    port     INTEGER PRIMARY KEY,
    keeper   INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    freed_at INTEGER
) STRICT;

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    deploy TEXT
) STRICT;
CREATE INDEX audit_by_deploy ON audit (deploy, id);
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is never edited'); END;
CREATE TRIGGER audit_keep BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is never shortened'); END;
CREATE TRIGGER audit_once BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is never edited'); END;
