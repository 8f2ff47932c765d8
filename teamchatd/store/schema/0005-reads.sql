-- What each user has read, so that the rest can be counted, the same on all their devices.

CREATE TABLE reads (
    user_id  TEXT NOT NULL REFERENCES users (id),
    place_id TEXT NOT NULL,    -- a channel or a conversation
    position INTEGER NOT NULL, -- of the last message read; it stays when that is deleted
    PRIMARY KEY (user_id, place_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reads_by_place ON reads (place_id);

-- Where somebody has set no pointer, what was said before they came counts as read: what is before
-- the journal's number of their creation.  Of those who are here already, only the time tells that.
-- 0, where code that knows nothing of this has made them: nothing counts as read.  Not called
-- position, as everywhere else: where that code joins messages, it would be one of two.
ALTER TABLE users ADD COLUMN reads_from INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_by_time ON messages (created_at, position);
UPDATE users SET reads_from = coalesce(
    (SELECT messages.position FROM messages WHERE messages.created_at < users.created_at
     ORDER BY messages.created_at DESC, messages.position DESC LIMIT 1), 0);
DROP INDEX messages_by_time;

-- Nobody's own messages are unread to them.  With the author in it, counting needs no row.
DROP INDEX messages_by_place;
CREATE INDEX messages_by_place ON messages (place_id, position, author_id) WHERE thread_id IS NULL;
