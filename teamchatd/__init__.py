"""
teamchat: team chat on your own server, as a Twisted daemon.

How the house is built; a module imports only from the floors above its own:

- L{teamchatd.model}, L{teamchatd.errors}, L{teamchatd.config}: the words, the
  refusals, the settings.
- L{teamchatd.shapes}: how a record looks as JSON.
- L{teamchatd.workers}, L{teamchatd.recurring}: what is done in other threads, and
  what again and again.
- L{teamchatd.store}: the record.  Only here is SQL.
- L{teamchatd.live}: who is listening now, and what they are told.
- L{teamchatd.mail}: what we write, and how it gets to a mail server.
- L{teamchatd.files}: pictures, and the shelf they lie on.
- L{teamchatd.auth}: who is asking.
- L{teamchatd.chat}: the rules: who may do what, and what follows from it.
- L{teamchatd.http}: the door.  HTTP in, JSON out, no rules and no SQL.
- L{teamchatd.house}: where the parts meet.
- L{teamchatd.systemd}, L{teamchatd.reloading}: what the service manager is told while it
  runs, and what changes then.
- L{teamchatd.tap}: how it starts and stops; C{twistd teamchat} begins there.
- L{teamchatd.console}: the command C{teamchat}, for the operator.

What runs in the browser lies in C{client/}, plain modules that are served as they are
(L{teamchatd.http.client}); what others wrote of it is in C{client/vendor/}.

A change goes down through C{http}, C{chat} and C{store} to the disk, and only
then comes back: as the answer to the one who asked, and as an event, through
C{live}, to everyone it concerns.
"""

__version__ = "0.1.0"
