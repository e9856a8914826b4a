-- +goose Up
PRAGMA user_version = 4;

-- The content hash of what was received, 32 zero bytes where it is not known, as
-- for all that was done before this version; and what became of the receipt.
ALTER TABLE transfer ADD COLUMN content BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
ALTER TABLE transfer ADD COLUMN confirmed TEXT NOT NULL DEFAULT '';

-- Up to so many bytes the offers of a device are accepted without asking.
ALTER TABLE device ADD COLUMN accept_up_to INTEGER NOT NULL DEFAULT 0;
