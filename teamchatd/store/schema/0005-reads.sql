-- What each user has read, so that the rest can be counted, the same on all their devices.

CREATE TABLE reads (
    user_id  TEXT NOT NULL REFERENCES users (id),
    place_id TEXT NOT NULL,    -- a channel or a conversation
    position INTEGER NOT NULL, -- of the last message read; it stays when that is deleted
    PRIMARY KEY (user_id, place_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reads_by_place ON reads (place_id);

-- Where somebody has set no pointer, what was said before they came counts as read: what is before
-- the journal's number of their creation.  Those who are here already begin at zero today: nobody
-- knows what they have read, and a hundred unread everywhere would be a poor greeting.
-- 0, where code that knows nothing of this has made them: nothing counts as read.  Not called
-- position, as everywhere else: where that code joins messages, it would be one of two.
ALTER TABLE users ADD COLUMN reads_from INTEGER NOT NULL DEFAULT 0;
UPDATE users SET reads_from = (SELECT number FROM head);

-- Nobody's own messages are unread to them.  With the author in it, counting needs no row.
DROP INDEX messages_by_place;
CREATE INDEX messages_by_place ON messages (place_id, position, author_id) WHERE thread_id IS NULL;
