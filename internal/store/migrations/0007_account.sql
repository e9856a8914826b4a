-- +goose Up
PRAGMA user_version = 7;

-- The server that a person chose, and the account there: one row at most.
CREATE TABLE account (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    realm    BLOB NOT NULL, -- the key that is pinned
    servers  TEXT NOT NULL, -- host:port, one a line
    id       BLOB NOT NULL, -- 16 zeros: signed out
    user     TEXT NOT NULL,
    name     TEXT NOT NULL,
    team     TEXT NOT NULL,
    status   TEXT NOT NULL,
    admin    INTEGER NOT NULL,
    presence TEXT NOT NULL,
    ticket   BLOB NOT NULL
) STRICT;

-- The friend list as the server told it last.
CREATE TABLE friend (
    id      BLOB PRIMARY KEY,
    user    TEXT NOT NULL,
    name    TEXT NOT NULL,
    team    TEXT NOT NULL,
    state   TEXT NOT NULL,
    status  TEXT NOT NULL,
    devices TEXT NOT NULL -- one a line: ID, then addresses
) STRICT;
