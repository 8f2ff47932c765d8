"""
C{teamchat}: what the operator asks of this server from a terminal.

The daemon itself is C{twistd teamchat}.  C{teamchat} reads the same configuration, and
works while the daemon runs: on the same record and by the same rules of the store, and the
daemon notices within a second what was written here.

L{teamchatd.console.command} reads the command line; each other module is one noun of it.
All of them block: nobody else waits.
"""

from teamchatd.console.command import main

__all__ = ["main"]
