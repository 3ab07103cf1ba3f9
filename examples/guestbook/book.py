"""The guestbook's pages: a table in PostgreSQL, or nothing at all.

The database is an attached resource: its URL comes from the environment. Without one
nothing is kept, neither in a file nor in memory, because the next request may be answered
by another process on another machine.
"""

import os
from contextlib import contextmanager

URL = os.environ.get("DATABASE_URL", "")

# Loaded only where it is used: without a database the app starts faster and smaller.
if URL:
    import psycopg

    Unreachable = psycopg.Error
else:

    class Unreachable(Exception):
        pass


def attached():
    return bool(URL)


@contextmanager
def _connection():
    with psycopg.connect(URL, connect_timeout=3) as connection:
        yield connection


def migrate():
    with _connection() as connection:
        connection.execute(
            """
            create table if not exists entries (
                id bigint generated always as identity primary key,
                name text not null,
                message text not null,
                signed_at timestamptz not null default now()
            )
            """
        )


def sign(name, message):
    with _connection() as connection:
        connection.execute("insert into entries (name, message) values (%s, %s)", (name, message))


def latest(count=50):
    """The newest entries as (name, message, time)."""
    with _connection() as connection:
        query = "select name, message, signed_at from entries order by id desc limit %s"
        return connection.execute(query, (count,)).fetchall()


def count():
    with _connection() as connection:
        return connection.execute("select count(*) from entries").fetchone()[0]
