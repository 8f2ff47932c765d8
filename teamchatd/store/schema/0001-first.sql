-- The first schema.  Times are milliseconds since the Unix epoch; ids are random text.

-- The journal's counter, and the era that event ids begin with.  One row.  It is no rowid and no
-- sequence: those start again, or leave gaps, and a client would miss events.
CREATE TABLE head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number   INTEGER NOT NULL,
    era      TEXT NOT NULL
) STRICT;
INSERT INTO head (only_row, number, era) VALUES (1, 0, lower(hex(randomblob(4))));

-- What happened, in the order of the commits, written in the transaction of the change itself.
CREATE TABLE journal (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    audience TEXT NOT NULL,    -- '*', 'channel:<id>', 'users:<id>,<id>' or 'daemons'
    subject  TEXT,             -- a path: '<channel>', '<channel>/<message>', 'user:<id>'
    erases   INTEGER NOT NULL, -- 1: earlier entries about this subject have lost their text
    text     TEXT              -- {"type": …, "payload": …}; NULL once its subject was deleted
) STRICT;
CREATE INDEX journal_by_subject ON journal (subject);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- The row of a removed user stays, so that their messages keep an author; address and password go.
CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    user_name     TEXT NOT NULL,
    name_key      TEXT NOT NULL,    -- casefolded in Python: lower() differs between databases
    email         TEXT,
    email_key     TEXT,
    password_hash TEXT,
    is_admin      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    removed_at    INTEGER
) STRICT;
CREATE UNIQUE INDEX users_by_name ON users (name_key) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX users_by_email ON users (email_key) WHERE removed_at IS NULL;

-- One sign-in each.  Ending a session deletes its row.
CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ip           TEXT NOT NULL,
    user_agent   TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The tokens of a session, in pairs: an access token and the refresh token that came with it.
CREATE TABLE pairs (
    id          TEXT PRIMARY KEY, -- the "jti" of both tokens
    session_id  TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    bought_with TEXT,             -- the pair whose refresh token was spent for this one
    used        INTEGER NOT NULL, -- 1: one of its two tokens has come back
    spent       INTEGER NOT NULL, -- 1: its refresh token bought another pair
    void        INTEGER NOT NULL, -- 1: its answer was lost, another pair was given instead
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX pairs_by_session ON pairs (session_id);
CREATE INDEX pairs_by_price ON pairs (bought_with);

-- One-time links, by the SHA-256 of their token.
CREATE TABLE links (
    hash       TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,     -- 'first-start', 'sign-in', 'invitation', 'password-reset'
    email_key  TEXT,              -- whom it was sent to; NULL on a first start, for whoever comes
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX links_by_email ON links (email_key);
CREATE INDEX links_by_expiry ON links (expires_at);

CREATE TABLE channels (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    visibility TEXT NOT NULL,      -- 'open'
    is_general INTEGER NOT NULL,   -- 1: the one that is always there
    created_by TEXT REFERENCES users (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER,
    position   INTEGER NOT NULL    -- the journal's number of its creation
) STRICT;

-- Everything that is said.  A place is a channel, later also a conversation; a reply names the
-- message whose thread it belongs to.
CREATE TABLE messages (
    id         TEXT PRIMARY KEY,
    position   INTEGER NOT NULL UNIQUE, -- the journal's number of its creation: the order of all
    place_id   TEXT NOT NULL,
    thread_id  TEXT,
    author_id  TEXT NOT NULL REFERENCES users (id),
    content    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER,
    client_id  TEXT                     -- the sender's own name for it: a repeated send is found
) STRICT;
CREATE INDEX messages_by_place ON messages (place_id, position);
CREATE UNIQUE INDEX messages_by_client_id ON messages (author_id, client_id)
    WHERE client_id IS NOT NULL;

CREATE TABLE reactions (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id),
    reaction   TEXT NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (message_id, reaction, user_id)
) STRICT, WITHOUT ROWID;
