-- +goose Up
PRAGMA user_version = 2;

-- Where the session came from in which a conversation began, as a prefix; empty
-- where that is not known, as for all that began before this version.
ALTER TABLE conversation ADD COLUMN origin TEXT NOT NULL DEFAULT '';
