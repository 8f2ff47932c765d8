-- Threads, direct messages, images, webhooks.

-- Direct messages: one conversation for each pair of users.
CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,    -- 'dm:' and random text: nobody takes it for a channel
    first_id   TEXT NOT NULL REFERENCES users (id), -- the lesser of the two ids
    second_id  TEXT NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    position   INTEGER NOT NULL,    -- the journal's number of its creation
    CHECK (first_id < second_id),
    UNIQUE (first_id, second_id)    -- both may ask for it at once
) STRICT;
CREATE INDEX conversations_by_second ON conversations (second_id);

-- Programs that post into a channel.
CREATE TABLE webhooks (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE, -- the SHA-256 of what it says to prove that it is the one
    created_by TEXT NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    position   INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_by_channel ON webhooks (channel_id);

-- Messages anew: a reply goes with the message it answers, and a webhook is no user.  The rows of
-- reactions move too: dropping the old table would delete what refers to it.
CREATE TABLE said (
    id         TEXT PRIMARY KEY,
    position   INTEGER NOT NULL UNIQUE, -- the journal's number of its creation: the order of all
    place_id   TEXT NOT NULL,           -- a channel or a conversation
    thread_id  TEXT REFERENCES said (id) ON DELETE CASCADE, -- of a reply: what it answers
    author_id  TEXT REFERENCES users (id), -- NULL: a webhook said it
    webhook_id TEXT,                    -- stays when the webhook is deleted
    bot_name   TEXT,                    -- what the webhook is called, or was
    content    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER,
    client_id  TEXT,                    -- the sender's own name for it: a repeated send is found
    CHECK ((author_id IS NULL) = (webhook_id IS NOT NULL)),
    CHECK ((webhook_id IS NULL) = (bot_name IS NULL))
) STRICT;
INSERT INTO said (id, position, place_id, author_id, content, created_at, updated_at, client_id)
    SELECT id, position, place_id, author_id, content, created_at, updated_at, client_id
    FROM messages ORDER BY position;

CREATE TABLE chosen (
    message_id TEXT NOT NULL REFERENCES said (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id),
    reaction   TEXT NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (message_id, reaction, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO chosen SELECT message_id, user_id, reaction, position FROM reactions;

DROP TABLE reactions;
DROP TABLE messages;
ALTER TABLE said RENAME TO messages;
ALTER TABLE chosen RENAME TO reactions;

-- Without the replies: a page of a channel would have to count through a long thread.
CREATE INDEX messages_by_place ON messages (place_id, position) WHERE thread_id IS NULL;
-- The oldest of all, which may have grown too old, is not looked for behind its replies.
CREATE INDEX messages_by_age ON messages (position) WHERE thread_id IS NULL;
CREATE INDEX messages_by_thread ON messages (thread_id, position) WHERE thread_id IS NOT NULL;
-- Threads are counted whenever they are shown and whenever they change, which needs no row then.
CREATE INDEX messages_by_replier ON messages (thread_id, author_id, position)
    WHERE thread_id IS NOT NULL;
CREATE UNIQUE INDEX messages_by_client_id ON messages (author_id, client_id)
    WHERE client_id IS NOT NULL;

-- Channels that were deleted while there still are messages and images of theirs, which nobody
-- can reach: they go little by little.
CREATE TABLE deleted_channels (
    id TEXT PRIMARY KEY
) STRICT;

-- What was uploaded.  The bytes are files; who may see them follows from the place, never from
-- knowing the name.
CREATE TABLE images (
    name         TEXT PRIMARY KEY,  -- of the file, as clients know it
    place_id     TEXT NOT NULL,     -- a channel or a conversation
    thread_id    TEXT,              -- the message in whose thread it may be shown
    author_id    TEXT NOT NULL REFERENCES users (id),
    content_type TEXT NOT NULL,
    thumb_name   TEXT,              -- the file of its thumbnail; NULL: it is its own
    thumb_type   TEXT,
    unused_since INTEGER            -- no message shows it yet; NULL: one does
) STRICT;
CREATE INDEX images_by_place ON images (place_id);
CREATE INDEX images_by_thread ON images (thread_id) WHERE thread_id IS NOT NULL;
CREATE INDEX images_by_thumbnail ON images (thumb_name) WHERE thumb_name IS NOT NULL;
CREATE INDEX images_by_age ON images (unused_since) WHERE unused_since IS NOT NULL;

-- Which message shows which image, and as its which.
CREATE TABLE message_images (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    ordinal    INTEGER NOT NULL,
    image_name TEXT NOT NULL REFERENCES images (name) ON DELETE CASCADE,
    PRIMARY KEY (message_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_images_by_image ON message_images (image_name);

-- Files whose row is gone.  They go an hour later, so that a copy of the database that was made
-- before finds them.
CREATE TABLE leftovers (
    name TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT;
CREATE INDEX leftovers_by_age ON leftovers (since);
