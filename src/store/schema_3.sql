-- One-offs get a kind, which SQLite can only do by copying: app.json's postdeploy, once in the
-- life of a deploy.
CREATE TABLE one_offs_copy (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    deploy_id   INTEGER NOT NULL REFERENCES deploys (id),
    release     INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('run', 'release', 'postdeploy')),
    command     TEXT    NOT NULL,
    keeper      INTEGER NOT NULL UNIQUE,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    state       TEXT    NOT NULL CHECK (state IN ('running', 'exited', 'unknown')),
    exit        INTEGER,
    CHECK ((state = 'running') = (finished_at IS NULL))
) STRICT;
INSERT INTO one_offs_copy
    (id, deploy_id, release, kind, command, keeper, started_at, finished_at, state, exit)
    SELECT id, deploy_id, release, kind, command, keeper, started_at, finished_at, state, exit
    FROM one_offs;
DROP TABLE one_offs;
ALTER TABLE one_offs_copy RENAME TO one_offs;
CREATE UNIQUE INDEX one_release_phase ON one_offs (deploy_id)
    WHERE kind = 'release' AND state = 'running';
CREATE UNIQUE INDEX one_postdeploy ON one_offs (deploy_id) WHERE kind = 'postdeploy';
CREATE INDEX one_offs_by_deploy ON one_offs (deploy_id, id);
