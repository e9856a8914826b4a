-- +goose Up
PRAGMA user_version = 3;

-- Bytes for which the sender's disk has no room taken.
ALTER TABLE transfer ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;
