-- `config set --no-restart`: while `release` is the current one, `running` is what runs.
CREATE TABLE kept (
    deploy_id INTEGER NOT NULL REFERENCES deploys (id),
    release   INTEGER NOT NULL,
    running   INTEGER NOT NULL,
    PRIMARY KEY (deploy_id, release)
) STRICT, WITHOUT ROWID;
