-- +goose Up

-- In the header of the file: whose database this is ("Ears") and which version
-- its schema has. Every migration sets user_version to its number.
PRAGMA application_id = 1164014195;
PRAGMA user_version = 1;

-- The numbers of logs use all 64 bits: they are stored as the signed integer of
-- the same bits. Clocks and numbers of entries are below 2^63.

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE device (
    key        BLOB PRIMARY KEY,
    name       TEXT NOT NULL DEFAULT '',
    first_seen INTEGER, -- seconds since 1970, like the next two
    last_seen  INTEGER,
    verified   INTEGER,
    contact    INTEGER NOT NULL DEFAULT 0,
    blocked    INTEGER NOT NULL DEFAULT 0,
    addresses  TEXT NOT NULL DEFAULT '' -- one a line
) STRICT;

CREATE TABLE conversation (
    id       BLOB PRIMARY KEY,
    preimage BLOB NOT NULL, -- what id is the SHA-256 of
    peer     BLOB NOT NULL,
    log      INTEGER NOT NULL -- written here since the one before forked, else 0
) STRICT;

CREATE INDEX conversation_peer ON conversation (peer);

CREATE TABLE entry (
    id           INTEGER PRIMARY KEY, -- in the order of arrival; what search finds
    conversation BLOB NOT NULL,
    author       BLOB NOT NULL,
    log          INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    uuid         BLOB NOT NULL,
    clock        INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    shown        INTEGER NOT NULL, -- has a line of its own: the first with its author and uuid
    header       BLOB NOT NULL,
    signature    BLOB NOT NULL,
    body         BLOB, -- NULL where it was deleted
    UNIQUE (conversation, author, log, number)
) STRICT;

CREATE INDEX entry_uuid ON entry (author, uuid);
CREATE INDEX entry_offer ON entry (id) WHERE kind = 2;
CREATE INDEX entry_position ON entry (conversation, clock, author, uuid);

CREATE TABLE log (
    conversation BLOB NOT NULL,
    author       BLOB NOT NULL,
    log          INTEGER NOT NULL,
    first        INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    hash         BLOB NOT NULL,
    clock        INTEGER NOT NULL,
    read         INTEGER NOT NULL,
    PRIMARY KEY (conversation, author, log)
) STRICT;

CREATE TABLE seen (
    conversation BLOB NOT NULL,
    peer         BLOB NOT NULL,
    author       BLOB NOT NULL,
    log          INTEGER NOT NULL,
    first        INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    read         INTEGER NOT NULL,
    PRIMARY KEY (conversation, peer, author, log)
) STRICT;

CREATE TABLE fork (
    conversation BLOB NOT NULL,
    author       BLOB NOT NULL,
    log          INTEGER NOT NULL,
    peer         BLOB NOT NULL,
    point        INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    hash         BLOB NOT NULL,
    PRIMARY KEY (conversation, author, log, peer)
) STRICT;

CREATE TABLE transfer (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    files      INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    manifest   BLOB NOT NULL,
    program    INTEGER NOT NULL,
    peer       BLOB NOT NULL,
    direction  TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    error      TEXT NOT NULL,
    offered    INTEGER, -- nanoseconds since 1970
    done       INTEGER NOT NULL,
    dir        TEXT NOT NULL,
    path       TEXT NOT NULL,
    renamed    TEXT NOT NULL,
    skipped    TEXT NOT NULL,
    entries    INTEGER NOT NULL,
    accepted   INTEGER NOT NULL,
    listed     INTEGER NOT NULL,
    paused_own INTEGER NOT NULL,
    paused_far INTEGER NOT NULL,
    parts      INTEGER NOT NULL,
    settled    INTEGER NOT NULL
) STRICT;

CREATE TABLE file (
    transfer    BLOB NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
    n           INTEGER NOT NULL, -- from 0, without a gap
    path        TEXT NOT NULL,
    fold        TEXT NOT NULL,
    wire        TEXT NOT NULL,
    size        INTEGER NOT NULL,
    time        INTEGER, -- nanoseconds since 1970
    mode        INTEGER NOT NULL,
    first       INTEGER NOT NULL,
    start       INTEGER NOT NULL,
    source      TEXT NOT NULL,
    changed     INTEGER NOT NULL,
    device      INTEGER NOT NULL, -- 64 bits, like inode
    inode       INTEGER NOT NULL,
    final       TEXT NOT NULL,
    placeholder INTEGER NOT NULL,
    PRIMARY KEY (transfer, n),
    UNIQUE (transfer, fold)
) STRICT;

-- Names an entry by its id. The column conversation holds the conversation's ID
-- as one word, so that a search in one of them needs no look at the others.
CREATE VIRTUAL TABLE search USING fts5 (
    text, conversation,
    content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);
