"""
Who may do what, and who hears of it: every call, asked by everybody.

Bob talks.  What he said stands in a channel, in the thread of Cleo's question,
and in two conversations, with Cleo and with Ada.  Ada is the administrator; Eve
is a member, and none of it is about her.  Robot and droid are webhooks.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

from teamchatd.http import assets
from tests.answers import Answer
from tests.contract import described
from tests.daemon import Daemon, request_bytes
from tests.dot import DOT
from tests.oauth import PLAIN
from tests.record import Record

ASKERS = ("nobody", "eve", "cleo", "bob", "ada", "robot", "droid")

LISTENERS = ("eve", "cleo", "bob", "ada")

NOBODY = ("without a token", "removed", "signed out", "expired", "forged", "dismissed")
"""
All of whom are nobody.  The removed one was an administrator, the next three would be Ada, and
the last one was a webhook.
"""

# A status with "=" behind it: that is the answer, and nothing is changed by it.  In brackets stands
# what is sent, where the path does not say it: see ALSO_SENT.
TABLE = """
                                                      nobody   eve  cleo   bob   ada robot droid
What this is
 GET /                                                   200   200   200   200   200   200   200
 GET /assets/{digest}/{file}                             200   200   200   200   200   200   200
 GET /favicon.ico                                        200   200   200   200   200   200   200
 GET /robots.txt                                         200   200   200   200   200   200   200
 GET /service-worker.js                                  200   200   200   200   200   200   200
 GET /manifest.webmanifest                               200   200   200   200   200   200   200
 GET /config.json                                        200   200   200   200   200   200   200
 GET /openapi.json                                       200   200   200   200   200   200   200
 GET /health                                             200   200   200   200   200   200   200
 GET /health/live                                        200   200   200   200   200   200   200
 GET /health/ready                                       200   200   200   200   200   200   200

Ways in
 POST /auth/password-login                               200   200   200   200   200   200   200
 POST /auth/setup-password                               200   200   200   200   200   200   200
 POST /auth/request-password-reset                       200   200   200   200   200   200   200
 POST /auth/register                                     200   200   200   200   200   200   200
 POST /auth/refresh                                      200   200   200   200   200   200   200
 GET /auth/oauth/providers                               200   200   200   200   200   200   200
 GET /auth/oauth/{provider}                              302   302   302   302   302   302   302
 GET /auth/oauth/{provider}/callback                     302   302   302   302   302   302   302
 POST /auth/dev-login                                    404   404   404   404   404   404   404
 POST /auth/login                                        404   404   404   404   404   404   404
 POST /auth/verify                                       404   404   404   404   404   404   404

One's own
 GET /auth/me                                            401   200   200   200   200   401   401
 GET /auth/address                                       401   200   200   200   200   401   401
 GET /auth/sessions                                      401   200   200   200   200   401   401
 DELETE /auth/sessions                                   401   200   200   200   200   401   401
 DELETE /auth/sessions (that of bob)                     401   404   404   200   404   401   401
 POST /auth/logout (of bob)                              401  200=  200=   200  200=   401   401
 PUT /users/me                                           401   200   200   200   200   401   401
 POST /users/exit                                        401   200   200   200   400   401   401
 GET /events                                             401   200   200   200   200   401   401

The team
 GET /users                                              401   200   200   200   200   401   401
 POST /users/add                                         401   403   403   403   200   401   401
 POST /users/{dan}/reset-password                        401   403   403   403   200   401   401
 DELETE /users/{dan}                                     401   403   403   403   200   401   401
 GET /server/settings                                    401   200   200   200   200   401   401
 PUT /server/settings                                    401   403   403   403   200   401   401
 GET /webhooks                                           401   403   403   403   200   401   401
 POST /webhooks                                          401   403   403   403   200   401   401
 POST /webhooks (into a conversation)                    401   403   403   403   404   401   401
 DELETE /webhooks/{robot}                                401   403   403   403   200   401   401
 POST /webhooks/{robot}/messages                         401   401   401   401   401   200   403
 POST /webhooks/{nothing}/messages                       401   401   401   401   401   403   403

Channels
 GET /channels                                           401   200   200   200   200   401   401
 POST /channels                                          401   403   403   403   200   401   401
 PUT /channels/{channel}                                 401   403   403   403   200   401   401
 DELETE /channels/{channel}                              401   403   403   403   200   401   401
 GET /channels/{channel}/messages                        401   200   200   200   200   401   401
 POST /channels/{channel}/messages                       401   200   200   200   200   401   401
 POST /channels/{channel}/messages (fresh)               401   400   400   200   400   401   401
 POST /channels/{pond}/messages (fresh)                  401   400   400   400   400   401   401
 POST /channels/{channel}/messages (fresh secret)        401   400   400   400   400   401   401
 POST /channels/{channel}/messages/image                 401   200   200   200   200   401   401
 GET /channels/{channel}/messages/image/{photo}          401   200   200   200   200   401   401
 GET /channels/{channel}/messages/image/{sketch}         401   200   200   200   200   401   401
 GET /channels/{pond}/messages/image/{photo}             401   404   404   404   404   401   401

What bob said in a channel
 PUT /messages/{message}                                 401   403   403   200   403   401   401
 PUT /messages/{message} (fresh)                         401   403   403   200   403   401   401
 PUT /messages/{message} (fresh secret)                  401   403   403   400   403   401   401
 DELETE /messages/{message}                              401   403   403   200   200   401   401
 POST /messages/{message}/reactions                      401   200   200   200   200   401   401
 DELETE /messages/{message}/reactions                    401  200=  200=   200  200=   401   401
 GET /messages/{message}/thread                          401   200   200   200   200   401   401
 POST /messages/{message}/thread                         401   200   200   200   200   401   401
 POST /messages/{message}/thread (fresh)                 401   400   400   400   400   401   401
 POST /messages/{message}/thread/image                   401   200   200   200   200   401   401

What he replied to cleo
 PUT /messages/{reply}                                   401   403   403   200   403   401   401
 DELETE /messages/{reply}                                401   403   403   200   200   401   401
 POST /messages/{reply}/reactions                        401   200   200   200   200   401   401
 DELETE /messages/{reply}/reactions                      401  200=  200=   200  200=   401   401
 GET /messages/{reply}/thread                            401   400   400   400   400   401   401
 POST /messages/{reply}/thread                           401   400   400   400   400   401   401
 POST /messages/{reply}/thread/image                     401   400   400   400   400   401   401
 DELETE /messages/{question}                             401   403   200   403   200   401   401
 POST /messages/{question}/thread (fresh sketch)         401   400   400   200   400   401   401
 PUT /messages/{question}/thread/{reply}                 401   403   403   200   403   401   401
 DELETE /messages/{question}/thread/{reply}              401   403   403   200   200   401   401
 PUT /messages/{message}/thread/{reply}                  401   404   404   404   404   401   401
 DELETE /messages/{message}/thread/{reply}               401   404   404   404   404   401   401
 PUT /messages/{question}/thread/{message}               401   404   404   404   404   401   401
 DELETE /messages/{question}/thread/{question}           401   404   404   404   404   401   401

What robot said
 PUT /messages/{beep}                                    401   403   403   403   403   401   401
 DELETE /messages/{beep}                                 401   403   403   403   200   401   401
 POST /messages/{beep}/reactions                         401   200   200   200   200   401   401
 DELETE /messages/{beep}/reactions                       401  200=  200=   200  200=   401   401
 GET /messages/{beep}/thread                             401   200   200   200   200   401   401
 POST /messages/{beep}/thread                            401   200   200   200   200   401   401
 POST /messages/{beep}/thread/image                      401   200   200   200   200   401   401

Between bob and cleo
 GET /conversations                                      401   200   200   200   200   401   401
 POST /conversations                                     401   200   200   200   200   401   401
 POST /conversations (with cleo)                         401   200   400  200=   200   401   401
 GET /conversations/{private}/messages                   401   403   200   200   403   401   401
 POST /conversations/{private}/messages                  401   403   200   200   403   401   401
 POST /conversations/{private}/messages (fresh secret)   401   403   400   200   403   401   401
 POST /conversations/{private}/messages (fresh)          401   403   400   400   403   401   401
 POST /conversations/{private}/messages/image            401   403   200   200   403   401   401
 GET /conversations/{private}/messages/image/{secret}    401   403   200   200   403   401   401
 GET /conversations/{private}/messages/image/{photo}     401   403   404   404   403   401   401
 PUT /conversations/{private}/messages/{whisper}         401   403   403   200   403   401   401
 DELETE /conversations/{private}/messages/{whisper}      401   403   403   200   403   401   401
 PUT /conversations/{private}/messages/{message}         401   403   404   404   403   401   401
 DELETE /conversations/{private}/messages/{message}      401   403   404   404   403   401   401
 PUT /messages/{whisper}                                 401   404   403   200   404   401   401
 PUT /messages/{whisper} (fresh secret)                  401   404   403   200   404   401   401
 PUT /messages/{whisper} (fresh)                         401   404   403   400   404   401   401
 DELETE /messages/{whisper}                              401   404   403   200   404   401   401
 POST /messages/{whisper}/reactions                      401   404   200   200   404   401   401
 DELETE /messages/{whisper}/reactions                    401   404  200=   200   404   401   401
 GET /messages/{whisper}/thread                          401   404   400   400   404   401   401
 POST /messages/{whisper}/thread                         401   404   400   400   404   401   401
 POST /messages/{whisper}/thread/image                   401   404   400   400   404   401   401

Between bob and ada, who is no exception there either
 GET /conversations/{office}/messages                    401   403   403   200   200   401   401
 PUT /conversations/{office}/messages/{memo}             401   403   403   200   403   401   401
 DELETE /conversations/{office}/messages/{memo}          401   403   403   200   403   401   401
 PUT /conversations/{office}/messages/{whisper}          401   403   403   404   404   401   401
 DELETE /conversations/{office}/messages/{whisper}       401   403   403   404   404   401   401
 POST /conversations/{office}/messages (fresh secret)    401   403   403   400   400   401   401
 GET /conversations/{office}/messages/image/{secret}     401   403   403   404   404   401   401
 PUT /messages/{memo}                                    401   404   404   200   403   401   401
 DELETE /messages/{memo}                                 401   404   404   200   403   401   401

What one has read
 GET /reads                                              401   200   200   200   200   401   401
 PUT /reads/{channel}                                    401   200   200   200   200   401   401
 PUT /reads/{channel} (up to the reply)                  401   404   404   404   404   401   401
 PUT /reads/{channel} (up to the whisper)                401   404   404   404   404   401   401
 PUT /reads/{pond}                                       401   404   404   404   404   401   401
 PUT /reads/{nothing}                                    401   404   404   404   404   401   401
 PUT /reads/{private}                                    401   403   404   404   403   401   401
 PUT /reads/{private} (up to the whisper)                401   403   200   200   403   401   401
 PUT /reads/{office} (up to the whisper)                 401   403   403   404   404   401   401
 PUT /reads/{office} (up to the memo)                    401   403   403   200   200   401   401

A conversation by way of channels and threads
 PUT /channels/{private}                                 401   403   403   403   404   401   401
 DELETE /channels/{private}                              401   403   403   403   404   401   401
 GET /channels/{private}/messages                        401   404   404   404   404   401   401
 POST /channels/{private}/messages                       401   404   404   404   404   401   401
 POST /channels/{private}/messages/image                 401   404   404   404   404   401   401
 GET /channels/{private}/messages/image/{secret}         401   404   404   404   404   401   401
 GET /channels/{channel}/messages/image/{secret}         401   404   404   404   404   401   401
 GET /channels/{channel}/messages?before={whisper}       401   404   404   404   404   401   401
 GET /messages/{question}/thread?before={whisper}        401   404   404   404   404   401   401
 PUT /messages/{question}/thread/{whisper}               401   404   404   404   404   401   401
 DELETE /messages/{question}/thread/{whisper}            401   404   404   404   404   401   401
 GET /conversations/{channel}/messages                   401   404   404   404   404   401   401
 POST /conversations/{channel}/messages                  401   404   404   404   404   401   401
 PUT /conversations/{channel}/messages/{message}         401   404   404   404   404   401   401
 DELETE /conversations/{channel}/messages/{message}      401   404   404   404   404   401   401
 GET /conversations/{office}/messages?before={whisper}   401   403   403   404   404   401   401
"""

OTHER_MODES = {
    "dev": """
                                                      nobody   eve  cleo   bob   ada robot droid
 POST /auth/dev-login                                    200   200   200   200   200   200   200
 POST /auth/password-login                               404   404   404   404   404   404   404
 POST /auth/setup-password                               404   404   404   404   404   404   404
 POST /auth/request-password-reset                       404   404   404   404   404   404   404
 POST /auth/register                                     404   404   404   404   404   404   404
 POST /auth/login                                        404   404   404   404   404   404   404
 POST /auth/verify                                       404   404   404   404   404   404   404
""",
    # The link of "verify" is what stands where others have their token.
    "magic-link": """
                                                      nobody   eve  cleo   bob   ada robot droid
 POST /auth/login                                        200   200   200   200   200   200   200
 POST /auth/verify                                       400   400   400   400   400   400   400
 POST /auth/dev-login                                    404   404   404   404   404   404   404
 POST /auth/password-login                               404   404   404   404   404   404   404
 POST /auth/setup-password                               404   404   404   404   404   404   404
 POST /auth/request-password-reset                       404   404   404   404   404   404   404
 POST /auth/register                                     404   404   404   404   404   404   404
""",
}

# What everybody hears of who listens, when somebody does something that they may.
TOLD = """
                                                      done by what is told             to whom
 POST /channels/{channel}/messages                    bob     NEW_MESSAGE              all
 POST /webhooks/{robot}/messages                      robot   NEW_MESSAGE              all
 PUT /messages/{message}                              bob     UPDATE_MESSAGE           all
 DELETE /messages/{message}                           bob     DELETE_MESSAGE           all
 DELETE /messages/{question}                          cleo    DELETE_MESSAGE           all
 DELETE /messages/{beep}                              ada     DELETE_MESSAGE           all
 POST /messages/{message}/reactions                   eve     NEW_REACTION             all
 DELETE /messages/{message}/reactions                 bob     DELETE_REACTION          all
 POST /messages/{message}/thread                      eve     NEW_THREAD_REPLY         all
 PUT /messages/{reply}                                bob     UPDATE_THREAD_REPLY      all
 PUT /messages/{question}/thread/{reply}              bob     UPDATE_THREAD_REPLY      all
 DELETE /messages/{reply}                             ada     DELETE_THREAD_REPLY      all
 DELETE /messages/{question}/thread/{reply}           bob     DELETE_THREAD_REPLY      all
 POST /messages/{reply}/reactions                     eve     NEW_REACTION             all
 DELETE /messages/{reply}/reactions                   bob     DELETE_REACTION          all
 POST /conversations                                  eve     NEW_CONVERSATION         eve
 POST /conversations (with cleo)                      eve     NEW_CONVERSATION         eve cleo
 POST /conversations/{private}/messages               cleo    NEW_DM_MESSAGE           cleo bob
 PUT /conversations/{private}/messages/{whisper}      bob     UPDATE_DM_MESSAGE        cleo bob
 PUT /messages/{whisper}                              bob     UPDATE_DM_MESSAGE        cleo bob
 DELETE /conversations/{private}/messages/{whisper}   bob     DELETE_DM_MESSAGE        cleo bob
 DELETE /messages/{whisper}                           bob     DELETE_DM_MESSAGE        cleo bob
 POST /messages/{whisper}/reactions                   cleo    NEW_REACTION             cleo bob
 DELETE /messages/{whisper}/reactions                 bob     DELETE_REACTION          cleo bob
 PUT /messages/{memo}                                 bob     UPDATE_DM_MESSAGE        bob ada
 POST /messages/{memo}/reactions                      ada     NEW_REACTION             bob ada
 PUT /reads/{channel}                                 eve     UPDATE_READ              eve
 PUT /reads/{private} (up to the whisper)             cleo    UPDATE_READ              cleo
 PUT /reads/{office} (up to the memo)                 ada     UPDATE_READ              ada
 POST /channels/{channel}/messages/image              bob     nothing                  nobody
 POST /messages/{message}/thread/image                bob     nothing                  nobody
 POST /conversations/{private}/messages/image         bob     nothing                  nobody
 POST /channels                                       ada     NEW_CHANNEL              all
 PUT /channels/{channel}                              ada     UPDATE_CHANNEL           all
 DELETE /channels/{channel}                           ada     DELETE_CHANNEL           all
 POST /webhooks                                       ada     NEW_WEBHOOK              all
 DELETE /webhooks/{robot}                             ada     DELETE_WEBHOOK           all
 PUT /server/settings                                 ada     UPDATE_SERVER_SETTINGS   all
 POST /auth/register                                  nobody  NEW_USER                 all
 POST /users/add                                      ada     NEW_USER                 all
 DELETE /users/{dan}                                  ada     REMOVE_USER              all
 POST /users/{dan}/reset-password                     ada     nothing                  nobody
 POST /users/exit                                     eve     USER_EXIT                all
 PUT /users/me                                        eve     UPDATE_USER              all
 POST /auth/logout (of bob)                           bob     nothing                  nobody
 DELETE /auth/sessions                                bob     nothing                  nobody
"""

PASSWORD = "correct horse"

SENT = {
    "name": "something new",
    "userName": "somebody new",
    "email": "dan@example.org",
    "password": PASSWORD,
    "content": "hello",
    "reaction": "+1",
    "targetUserId": "{dan}",
    "channelId": "{channel}",
    "messageId": "{message}",
    "refreshToken": "{refresh}",
    "filename": "garden.png",
    "image": DOT,
}
"""With every call, which ignores what it does not know: nothing is refused for what is missing."""

ALSO_SENT = {
    "POST /auth/password-login": {"email": "eve@example.org"},
    "POST /auth/setup-password": {"token": "{link}"},
    "POST /auth/register": {"email": "new@example.org"},
    "POST /users/add": {"email": "new@example.org"},
    "DELETE /auth/sessions (that of bob)": {"sessionId": "{session}"},
    "POST /webhooks (into a conversation)": {"channelId": "{private}"},
    "POST /conversations (with cleo)": {"targetUserId": "{cleo}"},
    "(fresh)": {"images": ["{fresh}"]},
    "(fresh sketch)": {"images": ["{fresh sketch}"]},
    "(fresh secret)": {"images": ["{fresh secret}"]},
    "(up to the reply)": {"messageId": "{reply}"},
    "(up to the whisper)": {"messageId": "{whisper}"},
    "(up to the memo)": {"messageId": "{memo}"},
    "DELETE /messages": {"reaction": "heart"},
}
"""
And with these, by how the call begins or ends.  What is fresh, bob has uploaded and no message
shows; and his is the heart that there is on each message.
"""

PRIVATE = ("private", "whisper", "secret", "fresh secret")
OFFICE = ("office", "memo")

PART = re.compile("{([a-z ]+)}")
"""Where a name of the table stands."""

NOTHING = dict.fromkeys(("private", "office"), "dm:nothing")
"""By its id, everybody knows a conversation from a channel."""


def secrets_of(asker):
    """
    What somebody must not read or hear of.
    """
    return {"bob": (), "cleo": OFFICE, "ada": PRIVATE}.get(asker, PRIVATE + OFFICE)


# What is in the tables


@frozen
class Expected:
    """
    @ivar changes: whether something has to be on record afterwards that was not.
    """

    status: int
    changes: bool


@frozen
class Row:
    """
    @ivar mode: of signing in.
    @ivar asked: the call, and in brackets what is sent.
    """

    mode: str
    asked: str
    expected: Mapping[str, Expected]

    def __str__(self):
        return f"{self.mode}: {self.asked}"

    @property
    def method(self):
        return self.asked.split()[0]

    @property
    def path(self):
        return self.asked.split()[1]

    @property
    def route(self):
        return self.method, PART.sub("{}", self.path.partition("?")[0])

    @property
    def secrets(self):
        """
        What is named in the path that is not for all to know.
        """
        return [name for name in PRIVATE + OFFICE if f"{{{name}}}" in self.path]


def rows(mode, table):
    heading, *lines = [line for line in table.splitlines() if line.strip()]
    assert tuple(heading.split()) == ASKERS
    for line in lines:
        if line.startswith(" "):  # and is not what the next ones are about
            asked, *statuses = re.split("  +", line.strip())
            is_reading = asked.startswith("GET ")
            expected = {
                asker: Expected(int(status[:3]), status == "200" and not is_reading)
                for asker, status in zip(ASKERS, statuses, strict=True)
            }
            yield Row(mode, asked, expected)


ROWS = [
    *rows("password", TABLE),
    *(row for mode, table in OTHER_MODES.items() for row in rows(mode, table)),
]


@frozen
class Telling:
    """
    @ivar audience: those who hear of it.
    """

    row: Row
    actor: str
    event: str
    audience: frozenset

    def __str__(self):
        return f"{self.row.asked} by {self.actor}"


def tellings():
    for line in TOLD.splitlines()[2:]:
        asked, actor, event, audience = re.split("  +", line.strip())
        named = {"all": LISTENERS, "nobody": ()}.get(audience, audience.split())
        actor = NOBODY[0] if actor == "nobody" else actor
        yield Telling(Row("password", asked, {}), actor, event, frozenset(named))


TELLINGS = list(tellings())


# The people


@frozen
class Team:
    """
    A record with all of them in it, at rest.

    @ivar tokens: of those who ask.
    @ivar names: what can be named in the table.
    @ivar seconds: how long it took until now.
    """

    directory: Path
    tokens: Mapping[str, str]
    names: Mapping[str, str]
    seconds: float


def settings_of(mode):
    mail = {"host": "mail.example", "from_": "chat@example.org"}
    return {"auth": {"auth_mode": mode}, "email": mail, "oauth": {"custom": (PLAIN,)}}


class Founding:
    """
    How the team came about.
    """

    def __init__(self, directory):
        self.daemon = Daemon(directory, **settings_of("password"))
        self.tokens, self.names = {"without a token": None}, {"nothing": "nothing"}
        self.names["provider"] = PLAIN.id
        self.names |= {"digest": assets.shipped().digest, "file": "vendor/preact.js"}

    def done(self, method, path, who=None, **given):
        path = path.format(**self.names)
        return self.daemon.done(self.daemon.ask(method, path, self.tokens.get(who), given))

    def users(self):
        email, link = "ada@example.org", self.daemon.setup_token
        self.done("POST", "/auth/setup-password", email=email, password=PASSWORD, token=link)
        self.sign_in("expired", "ada")
        self.daemon.clock.advance(self.daemon.chosen.auth.jwt_expiry_seconds)
        ada = self.sign_in("ada", "ada")
        self.names["ada"] = self.done("GET", "/auth/me", "ada")["user"]["id"]
        self.tokens["forged"] = ada[:-4] + ("AAAA" if ada[-4:] != "AAAA" else "BBBB")
        for name in ("bob", "cleo", "eve"):
            self.add(name)
            self.sign_in(name, name)
        self.sign_in("signed out", "ada")
        self.done("POST", "/auth/logout", "signed out", refreshToken=self.names["refresh"])
        self.add("removed", role="admin")
        self.sign_in("removed", "removed")
        self.done("DELETE", "/users/{removed}", "ada")
        self.invite("dan")
        self.sign_in("bob", "bob")
        sessions = self.done("GET", "/auth/sessions", "bob")["sessions"]
        [self.names["session"]] = [each["id"] for each in sessions if each["isCurrent"]]

    def add(self, name, **more):
        email = f"{name}@example.org"
        added = self.done("POST", "/users/add", "ada", email=email, password=PASSWORD, **more)
        self.names[name] = added["userId"]

    def invite(self, name):
        added = self.done("POST", "/users/add", "ada", email=f"{name}@example.org")
        self.names[name] = added["userId"]
        self.daemon.clock.advance(0)
        letter = self.daemon.outbox.letters[-1].get_body(("plain",)).get_content()
        self.names["link"] = re.search(r"[?]token=([^&\s]+)", letter)[1]

    def sign_in(self, asker, name):
        given = {"email": f"{name}@example.org", "password": PASSWORD}
        tokens = self.done("POST", "/auth/password-login", **given)
        self.names["refresh"] = tokens["refreshToken"]
        self.tokens[asker] = tokens["accessToken"]
        return tokens["accessToken"]

    def places(self):
        for name in ("channel", "pond"):
            self.names[name] = self.done("POST", "/channels", "ada", name=name)["channel"]["id"]
        for name in ("robot", "droid", "dismissed"):
            given = {"name": name, "channelId": self.names["channel"]}
            made = self.done("POST", "/webhooks", "ada", **given)["webhook"]
            self.names[name], self.tokens[name] = made["id"], made["token"]
        self.done("DELETE", "/webhooks/{dismissed}", "ada")
        for name, other in (("private", "cleo"), ("office", "ada")):
            opened = self.done("POST", "/conversations", "bob", targetUserId=self.names[other])
            self.names[name] = opened["conversation"]["id"]

    def things(self):
        public, private = "/channels/{channel}/messages", "/conversations/{private}/messages"
        self.say("question", "cleo", public)
        thread = "/messages/{question}/thread"
        for name, path in (("photo", public), ("sketch", thread), ("secret", private)):
            self.upload(name, path)
        self.say("message", "bob", public, "photo")
        self.say("reply", "bob", thread, "sketch")
        self.say("whisper", "bob", private, "secret")
        self.say("memo", "bob", "/conversations/{office}/messages")
        self.say("beep", "robot", "/webhooks/{robot}/messages")
        for name, path in (("fresh", public), ("fresh sketch", thread), ("fresh secret", private)):
            self.upload(name, path)
        for name in ("message", "reply", "whisper", "beep"):
            self.done("POST", f"/messages/{{{name}}}/reactions", "bob", reaction="heart")

    def upload(self, name, path):
        given = {"filename": "garden.png", "image": DOT}
        self.names[name] = self.done("POST", f"{path}/image", "bob", **given)["filename"]

    def say(self, name, who, path, *images):
        given = {"images": [self.names[image] for image in images]} if images else {}
        answer = self.done("POST", path, who, content=f"the {name}", **given)
        self.names[name] = (answer.get("reply") or answer["message"])["id"]


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    directory = tmp_path_factory.mktemp("team")
    founding = Founding(directory)
    founding.users()
    founding.places()
    founding.things()
    founding.daemon.stop()
    seconds = founding.daemon.clock.seconds()
    return Team(directory, founding.tokens, founding.names, seconds)


class World:
    """
    The team on a daemon of its own, and on a new one once something has changed.
    """

    def __init__(self, team, directory, mode):
        self._team, self._directory, self._mode = team, directory, mode
        self.daemon = None

    def _renew(self):
        self.stop()
        shutil.copytree(self._team.directory, self._directory)
        self.daemon = Daemon(self._directory, **settings_of(self._mode))
        self.daemon.clock.advance(self._team.seconds - self.daemon.clock.seconds())
        self._record = Record(self.daemon)
        self.streams = {name: self.daemon.listen(self._team.tokens[name]) for name in LISTENERS}
        self._fresh = self._state()

    def stop(self):
        if self.daemon is not None:
            self._record.close()
            self.daemon.stop()
            shutil.rmtree(self._directory)

    def _state(self):
        """
        What is on record, and what all have heard.
        """
        heard = {name: (each.body, each.closed) for name, each in self.streams.items()}
        return self._record.read(), heard

    def ask(self, row, asker, **instead):
        """
        @param instead: other things by the names in the table.
        """
        if self.daemon is None or self.is_changed():
            self._renew()
        path = row.path.format(**{**self._team.names, **instead})
        if path == "/events":
            return self._listen(self._team.tokens[asker])
        given = None if row.method == "GET" else self._given(row)
        return self.daemon.ask(row.method, path, self._team.tokens[asker], given)

    def _given(self, row):
        given = dict(SENT)
        for part, more in ALSO_SENT.items():
            if row.asked.startswith(part) or row.asked.endswith(part):
                given |= more
        return json.loads(PART.sub(lambda found: self._team.names[found[1]], json.dumps(given)))

    def is_changed(self):
        return self._state() != self._fresh

    def leaked(self, answer, asker):
        """
        What was answered or told to somebody who must not know of it.
        """
        learned = {asker: answer.body}
        for name, stream in self.streams.items():
            learned[name] = learned.get(name, b"") + stream.body
        return [
            (name, secret)
            for name, heard in learned.items()
            for secret in secrets_of(name)
            if self._team.names[secret].encode() in heard
        ]

    def overheard(self):
        """
        What was told of a conversation to somebody who takes no part in it.
        """
        ids = self._team.names.values()
        return [
            (name, event.type)
            for name, stream in self.streams.items()
            for event in stream.events
            if self._team.names[name] not in event.payload.get("participants", ids)
        ]

    def missed(self, name):
        """
        What somebody is told who had to go when they had heard nothing yet.
        """
        back = self.daemon.listen(self._team.tokens[name], self.streams[name].events[0].id)
        return back.types[1:]

    def _listen(self, token):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = self.daemon.connect()
        transport.dataReceived(request_bytes("GET", "/events", headers, b""))
        head, _, body = transport.value().partition(b"\r\n\r\n")
        transport.leave()
        return Answer(int(head.split()[1]), {}, body)


@pytest.fixture(scope="module")
def worlds(team, tmp_path_factory):
    directory = tmp_path_factory.mktemp("worlds")
    made = {mode: World(team, directory / mode, mode) for mode in {row.mode for row in ROWS}}
    yield made
    for world in made.values():
        world.stop()


# The tests


def test_every_call_has_its_row(routes):
    """
    Somebody has thought of each call, and of everybody who might ask.
    """
    known = {(method, re.sub("{[^}]+}", "{}", path)) for method, path in routes}
    assert {row.route for row in ROWS} == known


def test_one_row_each():
    """
    What stands twice, the second time somebody forgets to change.
    """
    asked = [(row.mode, row.asked) for row in ROWS]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_access(worlds, row):
    """
    Everybody is answered as the table says.  What is refused changes nothing, and
    is told to nobody; what is none of somebody's business, they cannot tell from
    what is not there.
    """
    world = worlds[row.mode]
    for column, expected in row.expected.items():
        for asker in NOBODY if column == "nobody" else [column]:
            answer = world.ask(row, asker)
            assert (asker, answer.status) == (asker, expected.status)
            if expected.status != 302:  # which may have to be remembered, until they are back
                assert (asker, world.is_changed()) == (asker, expected.changes)
            assert world.leaked(answer, asker) == []
            assert not expected.changes or world.overheard() == []
            hidden = set(row.secrets) & set(secrets_of(asker))
            if hidden and expected.status == 404:
                nothing = {name: NOTHING.get(name, "nothing") for name in hidden}
                unknown = world.ask(row, asker, **nothing)
                assert (unknown.status, unknown.body) == (answer.status, answer.body)


def test_every_event_has_its_row():
    """
    Of each event that tells of a change, somebody has thought who may hear it.
    """
    known = described()["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    of_streams = {"CONNECTED", "RESET", "REPLACED"}
    assert {telling.event for telling in TELLINGS} == {*known, "nothing"} - of_streams


@pytest.mark.parametrize("telling", TELLINGS, ids=str)
def test_told(worlds, telling):
    """
    Those are told whom it concerns, and nobody else; also those who come back
    and ask what they have missed.
    """
    world = worlds[telling.row.mode]
    assert world.ask(telling.row, telling.actor).status == 200
    told = {name: stream.types[1:] for name, stream in world.streams.items()}
    assert told == {name: [telling.event] if name in telling.audience else [] for name in LISTENERS}
    still_here = [name for name, stream in world.streams.items() if not stream.closed]
    assert {name: world.missed(name) for name in still_here} == {
        name: told[name] for name in still_here
    }
