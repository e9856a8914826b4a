-- +goose Up
PRAGMA user_version = 3;

-- Bytes for which the sender's disk has no room taken.
ALTER TABLE transfer ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;

-- The most bytes a second, 0 without a limit.
ALTER TABLE transfer ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;

-- What is done where a name is taken in the save folder.
ALTER TABLE transfer ADD COLUMN conflict TEXT NOT NULL DEFAULT '';
ALTER TABLE transfer ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN asking INTEGER NOT NULL DEFAULT 0;

-- The files of a transfer, in fewer columns and one index less: there may be
-- millions. Those of before are fetched again by who receives them; who sends
-- them offers them anew.
DROP TABLE file;
UPDATE transfer SET listed = 0;
UPDATE transfer SET state = 'cancelled', reason = 'by me'
    WHERE direction = 'send' AND state NOT IN ('done', 'declined', 'cancelled', 'failed');

CREATE TABLE file (
    transfer    BLOB NOT NULL REFERENCES transfer (id) ON DELETE CASCADE,
    n           INTEGER NOT NULL, -- from 0, without a gap
    fold        TEXT NOT NULL,
    folder      INTEGER NOT NULL,
    facts       BLOB NOT NULL DEFAULT x'', -- see the program; an array in CBOR, like plan
    final       TEXT,
    placeholder INTEGER NOT NULL DEFAULT 0,
    plan        BLOB,
    PRIMARY KEY (transfer, n)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX file_fold ON file (transfer, fold);

-- The folders of a manifest that are still to be looked into.
CREATE INDEX file_folder ON file (transfer, n) WHERE folder;
