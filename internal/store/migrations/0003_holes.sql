-- +goose Up
PRAGMA user_version = 3;

-- Bytes for which the sender's disk has no room taken.
ALTER TABLE transfer ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;

-- The folders of a manifest that are still to be looked into.
CREATE INDEX file_folder ON file (transfer, n) WHERE mode = 2;
