-- +goose Up
-- Times are milliseconds since 1970, identities 32 bytes, accounts 16.
CREATE TABLE realm (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    key    BYTEA NOT NULL,           -- public: whose database this is
    serial BIGINT NOT NULL DEFAULT 0, -- of the ticket that was made last
    epoch  BIGINT NOT NULL DEFAULT 0, -- of the revocation list
    code   BYTEA -- SHA-256 of the first administrator's code; NULL: used
);

CREATE TABLE account (
    id        BYTEA PRIMARY KEY,
    user_name TEXT NOT NULL UNIQUE, -- folded, see user.go
    name      TEXT NOT NULL,
    sought    TEXT NOT NULL,        -- the name, folded
    team      TEXT NOT NULL,
    status    TEXT NOT NULL DEFAULT '',
    password  TEXT NOT NULL,        -- Argon2id
    reset     BIGINT NOT NULL DEFAULT 0, -- 1: for one log-in, 2: that was made
    admin     BOOLEAN NOT NULL DEFAULT FALSE,
    disabled  BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE device (
    id      BYTEA PRIMARY KEY,
    account BYTEA NOT NULL REFERENCES account (id),
    serial  BIGINT NOT NULL, -- of its newest ticket
    ticket  BIGINT NOT NULL DEFAULT 0, -- when that one ends; 0: it needs another
    since   BIGINT NOT NULL,
    seen    BIGINT NOT NULL
);
CREATE INDEX device_account ON device (account);

-- A row says that account said yes to other. Two make friends, one a request.
CREATE TABLE friendship (
    account BYTEA NOT NULL REFERENCES account (id),
    other   BYTEA NOT NULL REFERENCES account (id),
    PRIMARY KEY (account, other)
);
CREATE INDEX friendship_other ON friendship (other);

CREATE TABLE block (
    account BYTEA NOT NULL REFERENCES account (id),
    other   BYTEA NOT NULL REFERENCES account (id),
    PRIMARY KEY (account, other)
);

CREATE TABLE invitation (
    code BYTEA PRIMARY KEY, -- SHA-256
    uses BIGINT NOT NULL,    -- left
    ends BIGINT NOT NULL
);

CREATE TABLE revoked (
    device BYTEA PRIMARY KEY,
    serial BIGINT NOT NULL -- the last void one
);

-- A server that renews its lease no more is dead, and what it said of presence too.
CREATE TABLE server (
    id      BYTEA PRIMARY KEY, -- drawn at each start
    address TEXT NOT NULL,    -- for clients, comma-separated
    lease   BIGINT NOT NULL
);

CREATE TABLE presence (
    device    BYTEA PRIMARY KEY,
    account   BYTEA NOT NULL,
    server    BYTEA NOT NULL,
    presence  TEXT NOT NULL,
    addresses TEXT NOT NULL, -- comma-separated
    address   TEXT NOT NULL, -- as the server sees it
    since     BIGINT NOT NULL
);
CREATE INDEX presence_account ON presence (account);
CREATE INDEX presence_server ON presence (server);
