"""
C{teamchat.toml}, the environment and the command line: read once, checked once, and never
looked at again.

L{teamchatd.config.sections} is the list of what can be configured: a class is a section, an
attribute is a key, with its default and the L{check<teamchatd.config.checks>} that a value has to
pass.  All else follows: C{Auth.jwt_secret} is C{jwtSecret} (or C{jwtSecretFile}) of C{[auth]} in
the file, and C{TEAMCHAT_AUTH_JWT_SECRET} in the environment.  A tuple of such classes is a section
that may stand in the file several times, C{[[oauth.custom]]}; the environment has no name for
those.  L{teamchatd.config.sources} reads them, and L{teamchatd.config.contradictions} knows what
does not go together.
"""

from teamchatd.config.checks import BadConfig
from teamchatd.config.sections import (
    Auth,
    Chat,
    Config,
    CustomProvider,
    Email,
    InitialUser,
    OAuth,
    Presets,
    Registration,
    Server,
    Storage,
)
from teamchatd.config.sources import read

__all__ = [
    "Auth",
    "BadConfig",
    "Chat",
    "Config",
    "CustomProvider",
    "Email",
    "InitialUser",
    "OAuth",
    "Presets",
    "Registration",
    "Server",
    "Storage",
    "read",
]
