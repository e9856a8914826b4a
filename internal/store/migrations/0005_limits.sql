-- +goose Up
PRAGMA user_version = 5;

-- What is over and is not to be shown any more.
ALTER TABLE transfer ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0;

-- Bytes a second that go to a device and come from it, 0: no limit.
ALTER TABLE device ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;
