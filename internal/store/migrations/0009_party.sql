-- +goose Up
PRAGMA user_version = 9;

-- Whose a log is: of this side, of this device or another one of its account.
ALTER TABLE log ADD COLUMN ours INTEGER NOT NULL DEFAULT 0;
UPDATE log SET ours = 1 WHERE author <> (SELECT peer FROM conversation WHERE id = log.conversation);

-- A conversation is with a party: a byte 1 and a device's key, or a byte 2, a realm's
-- key and an account's UUID. Which devices are contacts stands in the table device.
UPDATE conversation SET peer = CAST(x'01' || peer AS BLOB);
CREATE TABLE contact (party BLOB PRIMARY KEY) STRICT;

-- What any device of the other side has of a log.
CREATE INDEX seen_log ON seen (conversation, author, log);
