-- The letters that are still to be sent: who asked for what, never their text and never a token.
-- The row is written with the change that asks for it and deleted when the mail server has taken
-- the letter, so that a crash sends it twice rather than never.
CREATE TABLE letters (
    id         TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,    -- 'sign-in', 'invitation' or 'password-reset'
    email      TEXT NOT NULL,    -- as it was given: perhaps of nobody here
    email_key  TEXT NOT NULL,    -- casefolded in Python, as in users
    made_at    INTEGER NOT NULL,
    attempts   INTEGER NOT NULL, -- how many have failed
    next_at    INTEGER NOT NULL, -- when it is its turn; who takes it up sets this ahead
    expires_at INTEGER NOT NULL  -- after that it would come too late to be of use
) STRICT;
CREATE INDEX letters_by_turn ON letters (next_at);
CREATE UNIQUE INDEX letters_by_reason ON letters (email_key, purpose);
