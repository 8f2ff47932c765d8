"""
Make ``twistd teamchat`` exist.

There is no C{__init__.py} beside this file or above it: one in C{twisted/}
would hide Twisted itself, one here would hide this plugin.
"""

from twisted.application.service import ServiceMaker

teamchat = ServiceMaker(
    "teamchat",
    "teamchatd.tap",
    "Team chat on your own server.",
    "teamchat",
)
