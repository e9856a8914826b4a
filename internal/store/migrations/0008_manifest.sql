-- +goose Up
PRAGMA user_version = 8;

-- The files of a transfer, some hundred in a row: a row for each took most of the
-- time of a transfer of small files. Those of before are fetched, and compared, again
-- by who receives them; who sends them offers them anew.
DROP TABLE file;
UPDATE transfer SET listed = 0, compared = 0;
UPDATE transfer SET state = 'cancelled', reason = 'by me'
    WHERE direction = 'send' AND state NOT IN ('done', 'declined', 'cancelled', 'failed');

CREATE TABLE manifest (
    transfer BLOB NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
    first    INTEGER NOT NULL, -- the number of its first file, from 0, without a gap
    count    INTEGER NOT NULL,
    folders  INTEGER NOT NULL, -- so many of them
    files    BLOB NOT NULL,    -- see the program; an array in CBOR
    PRIMARY KEY (transfer, first)
) STRICT;

-- What was found out about single files.
CREATE TABLE file (
    transfer    BLOB NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
    n           INTEGER NOT NULL,
    final       TEXT NOT NULL DEFAULT '',
    placeholder INTEGER NOT NULL DEFAULT 0,
    plan        BLOB, -- see the program; an array in CBOR
    PRIMARY KEY (transfer, n)
) STRICT;
