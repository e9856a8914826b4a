-- +goose Up
PRAGMA user_version = 3;

-- Bytes for which the sender's disk has no room taken.
ALTER TABLE transfer ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;

-- The most bytes a second, 0 without a limit.
ALTER TABLE transfer ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;

-- What is done where a name is taken in the save folder.
ALTER TABLE transfer ADD COLUMN conflict TEXT NOT NULL DEFAULT '';
ALTER TABLE transfer ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN asking INTEGER NOT NULL DEFAULT 0;

-- What is in the save folder already: see transfer.Plan.
ALTER TABLE file ADD COLUMN base TEXT NOT NULL DEFAULT '';
ALTER TABLE file ADD COLUMN base_time INTEGER; -- nanoseconds since 1970
ALTER TABLE file ADD COLUMN same INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN placed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN merge INTEGER NOT NULL DEFAULT 0;

-- The folders of a manifest that are still to be looked into.
CREATE INDEX file_folder ON file (transfer, n) WHERE mode = 2;
