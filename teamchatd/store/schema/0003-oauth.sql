-- Signing in through others: OAuth 2 and OpenID Connect.

-- Sign-ins under way: somebody was sent to a provider and has not come back.  Coming back deletes
-- the row, so that a state is good once.
CREATE TABLE oauth_states (
    state_hash   TEXT PRIMARY KEY, -- the SHA-256 of what comes back through the provider
    browser_hash TEXT NOT NULL,    -- the SHA-256 of what the browser keeps in a cookie
    provider_id  TEXT NOT NULL,
    verifier     TEXT NOT NULL,    -- of PKCE: without it, a stolen code buys nothing
    nonce        TEXT NOT NULL,    -- has to be in the ID token that this sign-in brings
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_states_by_expiry ON oauth_states (expires_at);

-- Who is who: the accounts that providers have, and the users they belong to.  Removing a user
-- deletes their rows, or whoever gets the address next could be let in by the old account.
CREATE TABLE identities (
    issuer   TEXT NOT NULL,        -- who tells subjects apart: an issuer, or an address of OAuth
    subject  TEXT NOT NULL,        -- never changes and is never given to another, unlike an address
    user_id  TEXT NOT NULL REFERENCES users (id),
    bound_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identities_by_user ON identities (user_id, issuer);

-- 1: registered with an address that nobody has proved to be theirs yet.
ALTER TABLE users ADD COLUMN is_unproved INTEGER NOT NULL DEFAULT 0;
