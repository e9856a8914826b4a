-- +goose Up
PRAGMA user_version = 6;

-- The newest ticket that a device showed, as it was signed.
CREATE TABLE ticket (
    device BLOB PRIMARY KEY,
    signed BLOB NOT NULL
) STRICT;

-- The newest revocation list of a realm, as it was signed.
CREATE TABLE revoked (
    realm  BLOB PRIMARY KEY,
    signed BLOB NOT NULL
) STRICT;
