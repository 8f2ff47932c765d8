"""
A team chat that lives: users come, talk, change their minds and go, clients lose
their connections and come back, the daemon restarts, days pass; all of it in any
order, and in the end everything still fits together.

What a client shows by events alone is what it would be answered (see
L{tests.model_client}).  Nobody hears of what they could not read.  Everybody hears
everything else, once, in order.  What was deleted is nowhere any more.
"""

import base64
import io
import os
import re
import shutil
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import orjson
import pytest
from attrs import define, field
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PIL import Image

from teamchatd.live import stream
from teamchatd.recurring import PAUSE
from tests.daemon import Daemon
from tests.model_client import TYPES, Client, Model

EXAMPLES, STEPS = (10, 30) if "QUICK" in os.environ else (60, 50)
"""C{make quick} tries far fewer than C{make test}."""

ADDRESSES = [f"{name}@example.org" for name in ("ada", "bob", "cid", "dee", "eve")]

STREAMS_PER_USER = 3

DAY = 24 * 60 * 60
HALF_AN_HOUR = 30 * 60

A_DAY_AND_MORE = 54
"""
Half hours, after which an upload that nobody uses is gone: it goes after a day, and
its file an hour later.
"""

SHORT_BACKLOG = 2000
"""Bytes, so that a few messages are too much for one who sleeps."""

LONG = "x" * 2500

REACTIONS = ["\N{THUMBS UP SIGN}", "\N{DUCK}", ":+1:"]

TOKEN = re.compile(r"mark\d+|\b[0-9a-f]{30}\b|\d{13}-[0-9a-f]{24}")
"""What can be found again: our markers, their ids, the names of files."""


def png(width):
    picture = io.BytesIO()
    Image.new("RGB", (width, 2), "green").save(picture, "PNG")
    return base64.b64encode(picture.getvalue()).decode()


PICTURES = [png(2), png(401)]
"""The second is large enough for a thumbnail."""


@define(eq=False)
class Person:
    """
    @ivar since: when they came, among the serials of all that was said.
    """

    address: str
    id: str
    token: str = field(repr=False)
    is_admin: bool
    since: int

    def __str__(self):
        return self.address.partition("@")[0]


@define(eq=False)
class Said:
    """
    @ivar place: the id of its channel or conversation.
    @ivar parent: of a reply: what it answers.
    @ivar author: L{None}: a webhook said it.
    @ivar tokens: all by which it could be found again.
    @ivar at: when it was said, in seconds.
    """

    id: str
    place: str
    parent: "Said | None"
    author: Person | None
    tokens: set
    images: list
    serial: int
    at: float
    webhook: "Hook | None" = None
    client_id: str | None = None

    @property
    def is_direct(self):
        return self.place.startswith("dm:")

    def paths(self):
        """
        Where it is changed and deleted.
        """
        yield f"/messages/{self.id}"
        if self.is_direct:
            yield f"/conversations/{self.place}/messages/{self.id}"
        if self.parent is not None:
            yield f"/messages/{self.parent.id}/thread/{self.id}"


@define(eq=False)
class Talk:
    id: str
    pair: tuple[Person, Person]
    serial: int


@define(eq=False)
class Hook:
    id: str
    name: str
    channel: str
    token: str


@define(eq=False)
class Upload:
    name: str
    place: str
    parent: Said | None
    author: Person


@define
class Gone:
    """
    What was deleted.

    @ivar files: what told of them, tells of messages that may still be there.
    @ivar hooks: their names go with the last message that they have posted.
    """

    tokens: set = field(factory=set)
    files: set = field(factory=set)
    hooks: list = field(factory=list)


def needs(*names):
    """
    There is one of each of these.
    """
    return precondition(lambda self: all(getattr(self, name) for name in names))


def may_tell(gone, kind, payload):
    """
    Whether this event tells nothing that is gone, except that it is.
    """
    found = set(TOKEN.findall(orjson.dumps(payload).decode())) & gone
    if kind == "UPDATE_READ":  # which has to be told, whatever became of that message
        found -= {payload["lastReadId"]}
    if kind.startswith("DELETE_"):
        found -= {payload.get("id")}
        if kind == "DELETE_CHANNEL":
            found -= {payload["name"]}
    return not found


class Life(RuleBasedStateMachine):
    """
    @ivar here: who belongs to the server.
    @ivar private: tokens of what only some may read, with their ids.
    @ivar cut: whose sessions have ended in this step.
    @ivar answered: what was read in this step, by who did.
    @ivar pointers: by person and place, the serial of the last message that they have read.
    @ivar moves: the numbers of the events that tell so, and who they are for.
    """

    parent_directory = None
    retention_days = 0

    def __init__(self):
        super().__init__()
        self.directory = Path(mkdtemp(dir=self.parent_directory))
        events = {"streams_per_user": STREAMS_PER_USER, "keep_days": 2}
        chat = {"message_retention_days": self.retention_days}
        self.daemon = Daemon(self.directory, events=events, chat=chat)
        self.watching = self.daemon.database._connect()
        self.marks, self.serials = count(), count()
        self.here, self.left = [], []
        self.channels, self.talks, self.said = {}, [], []
        self.hooks, self.uploads = [], []
        self.gone, self.private = Gone(), {}
        self.clients, self.cut = [], set()
        self.pointers, self.moves = {}, {}
        self.answered = {}
        self.known, self.is_later = 0, False

    @initialize(data=st.data())
    def begin(self, data):
        self.admit(ADDRESSES[0])
        [ada] = self.here
        [self.general] = self.ask(ada, "GET", "/channels")["channels"]
        self.first_name = self.ask(ada, "GET", "/server/settings")["name"]
        self.channels[self.general["id"]] = set()
        self.era = self.daemon.listen(ada.token).events[0].id.partition(".")[0]
        self.admit(ADDRESSES[1])
        self.admit(ADDRESSES[2])
        self.take_notice()
        for person in self.here:
            self.meet(person)
        self.talk(data)

    def talk(self, data):
        """
        So that there is something of each kind to begin with: ada administrates the
        server, and what bob and cid say to each other is not for her; nor is it hers
        to delete what bob says to her.
        """
        ada, bob, cid = self.here
        channel = self.general["id"]
        self.take_in(data, bob, f"/channels/{channel}/messages", channel, None)
        self.say(data, bob, channel, f"/channels/{channel}/messages")
        [message] = self.said
        self.say(data, cid, channel, f"/messages/{message.id}/thread", message)
        for other in (cid, ada):
            self.start_talk(bob, other)
            talk = self.talks[-1]
            self.say(data, bob, talk.id, f"/conversations/{talk.id}/messages")

    # Asking

    def ask(self, person, method, path, given=None):
        return self.daemon.done(self.daemon.ask(method, path, person.token, given))

    def refused(self, person, method, path, given, *statuses):
        answer = self.daemon.ask(method, path, person.token, given)
        assert answer.status in statuses, answer

    @contextmanager
    def nothing_happens(self):
        before = self.daemon.house.hub.head
        yield
        assert self.daemon.house.hub.head == before

    def mark(self):
        return f"mark{next(self.marks)}"

    @property
    def admins(self):
        return [person for person in self.here if person.is_admin]

    @property
    def guests(self):
        return [person for person in self.here if not person.is_admin]

    @property
    def strangers(self):
        present = {person.address for person in self.here}
        return [address for address in ADDRESSES if address not in present]

    @property
    def channel_messages(self):
        return [each for each in self.said if not each.is_direct and each.parent is None]

    @property
    def others(self):
        """
        Channels that can be renamed and deleted.
        """
        return [channel for channel in self.channels if channel != self.general["id"]]

    def readers(self, place):
        """
        Who belongs to the server and can read there.
        """
        for talk in self.talks:
            if talk.id == place:
                return [person for person in talk.pair if person in self.here]
        return self.here

    def open_talks(self):
        return [talk for talk in self.talks if self.readers(talk.id)]

    def authors(self):
        """
        Messages whose authors are here.
        """
        return [each for each in self.said if each.author in self.here]

    # Users

    @rule(data=st.data())
    @needs("strangers")
    def join(self, data):
        self.admit(data.draw(st.sampled_from(self.strangers)))

    def admit(self, address):
        signed_in = self.daemon.done(self.daemon.post("/auth/dev-login", given={"email": address}))
        user = signed_in["user"]
        assert all(person.id != user["id"] for person in self.here + self.left)
        since = next(self.serials)
        self.here.append(Person(address, user["id"], signed_in["token"], user["isAdmin"], since))

    @rule(data=st.data())
    @needs("strangers")
    def join_as_admin(self, data):
        address = data.draw(st.sampled_from(self.strangers))
        given = {"email": address, "role": "admin"}
        user_id = self.ask(self.admins[0], "POST", "/users/add", given)["userId"]
        token, since = self.daemon.token(address.partition("@")[0]), next(self.serials)
        self.here.append(Person(address, user_id, token, True, since))

    @rule(data=st.data())
    def leave(self, data):
        person = data.draw(st.sampled_from(self.here))
        if self.admins == [person]:
            with self.nothing_happens():
                self.refused(person, "POST", "/users/exit", None, 400)
        else:
            self.ask(person, "POST", "/users/exit")
            self.see_off(person)

    @rule(data=st.data())
    @needs("guests")
    def be_removed(self, data):
        admin = data.draw(st.sampled_from(self.admins))
        person = data.draw(st.sampled_from([each for each in self.here if each is not admin]))
        self.ask(admin, "DELETE", f"/users/{person.id}")
        self.see_off(person)

    def see_off(self, person):
        self.here.remove(person)
        self.left.append(person)
        self.cut.add(person)
        self.refused(person, "GET", "/auth/me", None, 401)

    @rule(data=st.data())
    def rename_oneself(self, data):
        person = data.draw(st.sampled_from(self.here))
        name = self.mark()
        user = self.ask(person, "PUT", "/users/me", {"userName": name})["user"]
        assert (user["id"], user["userName"]) == (person.id, name)

    @rule(data=st.data())
    def sign_out_everywhere(self, data):
        person = data.draw(st.sampled_from(self.here))
        self.ask(person, "DELETE", "/auth/sessions")
        self.cut.add(person)
        self.sign_in(person)

    def sign_in(self, person):
        person.token = self.daemon.token(person.address.partition("@")[0])
        assert self.ask(person, "GET", "/auth/me")["user"]["id"] == person.id

    # Channels, webhooks, the server

    @rule(data=st.data())
    def make_channel(self, data):
        name = self.mark()
        admin = data.draw(st.sampled_from(self.admins))
        channel = self.ask(admin, "POST", "/channels", {"name": name})["channel"]
        self.channels[channel["id"]] = {name}

    @rule(data=st.data())
    @needs("others")
    def rename_channel(self, data):
        channel, name = data.draw(st.sampled_from(self.others)), self.mark()
        renamed = self.ask(self.admins[-1], "PUT", f"/channels/{channel}", {"name": name})
        assert renamed["channel"]["name"] == name
        self.channels[channel].add(name)

    @rule(data=st.data())
    @needs("others")
    def delete_channel(self, data):
        channel = data.draw(st.sampled_from(self.others))
        self.ask(self.admins[-1], "DELETE", f"/channels/{channel}")
        self.gone.tokens |= {channel, *self.channels.pop(channel)}
        for message in [each for each in self.said if each.place == channel]:
            self.forget(message)
        self.forget_uploads(lambda upload: upload.place == channel)
        for hook in [each for each in self.hooks if each.channel == channel]:
            self.unhook(hook)

    @rule(data=st.data())
    def make_webhook(self, data):
        channel, name = data.draw(st.sampled_from(list(self.channels))), self.mark()
        given = {"name": name, "channelId": channel}
        made = self.ask(self.admins[0], "POST", "/webhooks", given)["webhook"]
        self.hooks.append(Hook(made["id"], name, channel, made["token"]))

    @rule(data=st.data())
    @needs("hooks")
    def post_by_webhook(self, data):
        hook, mark = data.draw(st.sampled_from(self.hooks)), self.mark()
        path, given = f"/webhooks/{hook.id}/messages", {"content": mark}
        message = self.daemon.done(self.daemon.post(path, hook.token, given))["message"]
        tokens, now = {message["id"], mark}, self.daemon.clock.seconds()
        self.said.append(
            Said(message["id"], hook.channel, None, None, tokens, [], next(self.serials), now, hook)
        )

    @rule(data=st.data())
    @needs("hooks")
    def delete_webhook(self, data):
        hook = data.draw(st.sampled_from(self.hooks))
        self.ask(self.admins[0], "DELETE", f"/webhooks/{hook.id}")
        self.unhook(hook)

    def unhook(self, hook):
        self.hooks.remove(hook)
        self.gone.hooks.append(hook)
        path, given = f"/webhooks/{hook.id}/messages", {"content": "too late"}
        assert self.daemon.post(path, hook.token, given).status == 401

    @rule()
    def rename_server(self):
        given = {"name": self.mark()}
        assert self.ask(self.admins[0], "PUT", "/server/settings", given) == given

    # Saying things

    def wording(self, data, author, place, parent, shown=None):
        """
        Something to say, perhaps with images, perhaps long.

        @param shown: an image that is certainly among them.
        """
        mark = self.mark()
        given = {"content": mark + (LONG if data.draw(st.integers(0, 4)) == 4 else "")}
        names = [
            upload.name
            for upload in self.uploads
            if (upload.author, upload.place, upload.parent) == (author, place, parent)
        ]
        if names and (shown or data.draw(st.integers(0, 3))):
            given["images"] = data.draw(st.lists(st.sampled_from(names), max_size=3))
            given["images"] += [shown] if shown else []
        return mark, given

    def say(self, data, author, place, path, parent=None, shown=None):
        mark, given = self.wording(data, author, place, parent, shown)
        client_id = self.mark() if data.draw(st.booleans()) else None
        if client_id:
            given["clientId"] = client_id
        answer = self.ask(author, "POST", path, given)
        said = answer["reply" if parent else "message"]
        assert (said["content"], said["channelId"]) == (given["content"], place)
        images = list(dict.fromkeys(given.get("images", [])))
        assert said["images"] == images
        tokens, now = {said["id"], mark}, self.daemon.clock.seconds()
        message = Said(said["id"], place, parent, author, tokens, images, next(self.serials), now)
        message.client_id = client_id
        message.tokens |= {client_id} if client_id else set()
        self.keep_private(place, message.tokens)
        self.said.append(message)
        if client_id and data.draw(st.booleans()):
            with self.nothing_happens():
                again = self.ask(author, "POST", path, given | {"content": "lost"})
            assert again == answer

    def keep_private(self, place, tokens):
        for talk in self.talks:
            if talk.id == place:
                readers = {person.id for person in talk.pair}
                self.private |= dict.fromkeys(tokens, readers)

    @rule(data=st.data())
    def post(self, data):
        author = data.draw(st.sampled_from(self.here))
        channel = data.draw(st.sampled_from(list(self.channels)))
        self.say(data, author, channel, f"/channels/{channel}/messages")

    @rule(data=st.data())
    @precondition(lambda self: self.uploaded_here())
    def show_image(self, data):
        """
        Perhaps not for the first time.
        """
        upload = data.draw(st.sampled_from(self.uploaded_here()))
        path = f"/channels/{upload.place}/messages"
        if upload.parent is not None:
            path = f"/messages/{upload.parent.id}/thread"
        elif upload.place.startswith("dm:"):
            path = f"/conversations/{upload.place}/messages"
        self.say(data, upload.author, upload.place, path, upload.parent, upload.name)

    def uploaded_here(self):
        return [upload for upload in self.uploads if upload.author in self.here]

    @rule(data=st.data())
    @needs("channel_messages")
    def reply(self, data):
        parent = data.draw(st.sampled_from(self.channel_messages))
        author = data.draw(st.sampled_from(self.here))
        self.say(data, author, parent.place, f"/messages/{parent.id}/thread", parent)

    @rule(data=st.data())
    @precondition(lambda self: len(self.here) > 1)
    def open_conversation(self, data):
        self.start_talk(*data.draw(st.permutations(self.here))[:2])

    def start_talk(self, one, other):
        given = {"targetUserId": other.id}
        answer = self.ask(one, "POST", "/conversations", given)
        conversation = answer["conversation"]
        known = [talk for talk in self.talks if set(talk.pair) == {one, other}]
        assert answer["isNew"] is not bool(known)
        if answer["isNew"]:
            talk = Talk(conversation["id"], (one, other), next(self.serials))
            self.talks.append(talk)
            self.keep_private(talk.id, {talk.id.removeprefix("dm:")})
        else:
            assert known[0].id == conversation["id"]

    @rule(data=st.data())
    @precondition(lambda self: self.open_talks())
    def say_to_one(self, data):
        talk = data.draw(st.sampled_from(self.open_talks()))
        author = data.draw(st.sampled_from(self.readers(talk.id)))
        self.say(data, author, talk.id, f"/conversations/{talk.id}/messages")

    @rule(data=st.data())
    @precondition(lambda self: self.authors())
    def edit(self, data):
        message = self.one_of(data, self.authors())
        author = message.author
        mark, given = self.wording(data, author, message.place, message.parent)
        if "images" in given and data.draw(st.booleans()):
            given.pop("content")
        path = data.draw(st.sampled_from(list(message.paths())))
        edited = self.ask(author, "PUT", path, given)["message"]
        assert edited["updatedAt"] is not None
        if "content" in given:
            assert edited["content"] == given["content"]
            message.tokens.add(mark)
            self.keep_private(message.place, {mark})
        if "images" in given:
            dropped, message.images = message.images, list(dict.fromkeys(given["images"]))
            self.drop(dropped)
        assert edited["images"] == message.images

    @staticmethod
    def one_of(data, messages):
        """
        More often than not one that shows an image: of those more can go wrong.
        """
        showing = [message for message in messages if message.images]
        return data.draw(st.sampled_from(messages + 3 * showing))

    def able_to_delete(self, message):
        able = [message.author] if message.author in self.here else []
        return able if message.is_direct else able + self.admins

    def deletable(self):
        return [message for message in self.said if self.able_to_delete(message)]

    @rule(data=st.data())
    @precondition(lambda self: self.deletable())
    def delete(self, data):
        message = self.one_of(data, self.deletable())
        path = data.draw(st.sampled_from(list(message.paths())))
        self.ask(data.draw(st.sampled_from(self.able_to_delete(message))), "DELETE", path)
        self.forget_all_of(message)

    def forget_all_of(self, message):
        for reply in [each for each in self.said if each.parent is message]:
            self.forget(reply)
        self.forget(message)
        self.forget_uploads(lambda upload: upload.parent is message)

    def forget(self, message):
        self.said.remove(message)
        self.gone.tokens |= message.tokens
        self.drop(message.images)

    @rule(data=st.data())
    @needs("said")
    def change_what_others_said(self, data):
        """
        Who is neither author nor admin changes nothing, and of what others say to
        each other they see nothing.
        """
        message = data.draw(st.sampled_from(self.said))
        person = data.draw(st.sampled_from(self.here))
        if person is message.author:
            return
        can_read = person in self.readers(message.place)
        with self.nothing_happens():
            for path in message.paths():
                status = 403 if can_read or path.startswith("/conv") else 404
                self.refused(person, "PUT", path, {"content": "mine"}, status)
                if message.is_direct or not person.is_admin:
                    self.refused(person, "DELETE", path, None, status)
            if not can_read:
                self.intrude(person, message)

    def intrude(self, person, message):
        path = f"/messages/{message.id}"
        for method in ("POST", "DELETE"):
            self.refused(person, method, f"{path}/reactions", {"reaction": "x"}, 404)
        self.refused(person, "GET", f"{path}/thread", None, 404)
        self.refused(person, "POST", f"{path}/thread", {"content": "x"}, 404)
        upload = {"filename": "x.png", "image": PICTURES[0]}
        self.refused(person, "POST", f"{path}/thread/image", upload, 404)
        path = f"/conversations/{message.place}/messages"
        self.refused(person, "GET", path, None, 403)
        self.refused(person, "POST", path, {"content": "x"}, 403)
        self.refused(person, "POST", f"{path}/image", upload, 403)
        for name in message.images:
            self.refused(person, "GET", f"{path}/image/{name}", None, 403)
        self.refused(person, "GET", f"/channels/{message.place}/messages", None, 404)
        self.refused(person, "PUT", f"/reads/{message.place}", {"messageId": message.id}, 403)

    def readable(self):
        return [message for message in self.said if self.readers(message.place)]

    @rule(data=st.data())
    @precondition(lambda self: self.readable())
    def react(self, data):
        self.choose(data, "POST")

    @rule(data=st.data())
    @precondition(lambda self: self.readable())
    def take_back(self, data):
        self.choose(data, "DELETE")

    def choose(self, data, method):
        message = data.draw(st.sampled_from(self.readable()))
        person = data.draw(st.sampled_from(self.readers(message.place)))
        reaction = data.draw(st.sampled_from(REACTIONS))
        path, given = f"/messages/{message.id}/reactions", {"reaction": reaction}
        answer = self.ask(person, method, path, given)
        chosen = answer["message"]["reactions"]
        assert (person.id in chosen.get(reaction, ())) is (method == "POST")
        if data.draw(st.booleans()):
            with self.nothing_happens():
                assert self.ask(person, method, path, given) == answer

    # Reading

    @rule(data=st.data())
    @precondition(lambda self: self.readable())
    def have_read(self, data):
        """
        Perhaps less than before, which changes nothing.
        """
        message = data.draw(st.sampled_from(self.readable()))
        person = data.draw(st.sampled_from(self.readers(message.place)))
        path, given = f"/reads/{message.place}", {"messageId": message.id}
        before = self.daemon.house.hub.head
        if message.parent is not None:
            self.refused(person, "PUT", path, given, 404)
        else:
            is_further = message.serial > self.read_by(person, message.place)
            read = self.ask(person, "PUT", path, given)["read"]
            if is_further:
                before += 1
                self.moves[before] = person
                self.pointers[person, message.place] = message.serial
            assert read == self.expected_read(person, message.place)
        assert self.daemon.house.hub.head == before

    def read_by(self, person, place):
        return self.pointers.get((person, place), person.since)

    def expected_read(self, person, place):
        """
        Up to where somebody has read, and what others have said after that.
        """
        here = [each for each in self.said if each.place == place and each.parent is None]
        last = [each.id for each in here if each.serial == self.pointers.get((person, place))]
        unread = [
            each
            for each in here
            if each.serial > self.read_by(person, place) and each.author is not person
        ]
        return {
            "channelId": place,
            "lastReadId": last[0] if last else None,
            "unread": len(unread),
        }

    # Images

    @rule(data=st.data())
    def upload(self, data):
        author = data.draw(st.sampled_from(self.here))
        channel = data.draw(st.sampled_from(list(self.channels)))
        self.take_in(data, author, f"/channels/{channel}/messages", channel, None)

    @rule(data=st.data())
    @needs("channel_messages")
    def upload_to_thread(self, data):
        parent = data.draw(st.sampled_from(self.channel_messages))
        author = data.draw(st.sampled_from(self.here))
        self.take_in(data, author, f"/messages/{parent.id}/thread", parent.place, parent)

    @rule(data=st.data())
    @precondition(lambda self: self.open_talks())
    def upload_to_one(self, data):
        talk = data.draw(st.sampled_from(self.open_talks()))
        author = data.draw(st.sampled_from(self.readers(talk.id)))
        self.take_in(data, author, f"/conversations/{talk.id}/messages", talk.id, None)

    def take_in(self, data, author, path, place, parent):
        is_large = data.draw(st.booleans())
        given = {"filename": "x.png", "image": PICTURES[is_large]}
        name = self.ask(author, "POST", f"{path}/image", given)["filename"]
        self.uploads.append(Upload(name, place, parent, author))
        self.keep_private(place, {name.removesuffix(".png")})

    def is_shown(self, name):
        return any(name in message.images for message in self.said)

    def drop(self, names):
        """
        These are shown by one message less.
        """
        self.forget_uploads(lambda upload: upload.name in names and not self.is_shown(upload.name))

    def forget_uploads(self, is_meant):
        for upload in [each for each in self.uploads if is_meant(each)]:
            self.uploads.remove(upload)
            self.gone.files.add(upload.name.removesuffix(".png"))

    @rule(data=st.data())
    @needs("uploads")
    def look_at_image(self, data):
        upload = data.draw(st.sampled_from(self.uploads))
        kind = "conversations" if upload.place.startswith("dm:") else "channels"
        path = f"/{kind}/{upload.place}/messages/image/{upload.name}"
        for person in self.readers(upload.place):
            for query in ("", "?size=thumb"):
                assert self.daemon.get(path + query, person.token).status == 200
        if kind == "channels":
            elsewhere = f"/channels/{data.draw(st.sampled_from(list(self.channels)))}"
            path = f"{elsewhere}/messages/image/{upload.name}"
            answer = self.daemon.get(path, self.here[0].token)
            assert answer.status == (200 if elsewhere.endswith(upload.place) else 404)

    # Time

    @rule()
    def wait_a_moment(self):
        self.daemon.clock.advance(0.001)

    @rule()
    def wait_for_a_day(self):
        """
        Sessions end; uploads that were not used go, what is too old, and files.
        """
        self.cut |= set(self.here)
        self.is_later = True
        for _ in range(A_DAY_AND_MORE):
            self.daemon.clock.advance(HALF_AN_HOUR)
        self.forget_aged()
        self.forget_uploads(lambda upload: not self.is_shown(upload.name))
        for person in self.here:
            self.sign_in(person)
        self.check_files()

    def forget_aged(self):
        if self.retention_days:
            oldest = self.daemon.clock.seconds() - self.retention_days * DAY
            for message in [each for each in self.said if each.parent is None]:
                if message.at < oldest:
                    self.forget_all_of(message)

    @rule()
    def restart(self):
        self.daemon.restart()

    # Listening

    @rule(data=st.data())
    def listen(self, data):
        self.meet(data.draw(st.sampled_from(self.here)))

    def meet(self, person):
        """
        A new client, which reads everything and then listens.
        """
        client = Client(self.daemon, person)
        self.clients.append(client)
        client.connect()
        assert client.read() == []
        assert client.cursor == f"{self.era}.{self.known}"
        client.load()

    @rule(data=st.data())
    def listen_from_the_beginning(self, data):
        """
        A new client, which is told all that ever happened, and believes it.
        """
        self.hear_all(data.draw(st.sampled_from(self.here)))

    def hear_all(self, person):
        client = Client(self.daemon, person)
        client.model = Model.at_first(self.general, self.first_name, person.id)
        client.cursor = f"{self.era}.0"
        self.clients.append(client)
        self.resume(client)

    def resume(self, client):
        """
        What was missed is told, unless it was deleted since.
        """
        [(oldest,)] = self.watching.execute("SELECT min(number) FROM journal")
        is_lost = client.number + 1 < (oldest or self.known + 1)
        kept = self.numbers_for(client, self.entries_after(client.number))
        client.connect(client.cursor)
        for event in self.show(client):
            assert may_tell(self.gone.tokens, event.type, event.payload), event
        if client.is_reset:
            assert is_lost
            assert client.heard == []
            client.load()
        else:
            # Where the journal has lost some, it is memory that still had them.
            lost = len(client.heard) - len(kept) if is_lost else 0
            assert client.heard[lost:] == kept
            assert client.heard == sorted(set(client.heard))
        client.expected = list(client.heard)
        self.compare(client)

    def numbers_for(self, client, entries):
        """
        The numbers of those that this client is to be told.
        """
        return [
            number for number, told in entries if told and self.is_for(client.person, number, *told)
        ]

    @rule(data=st.data())
    @precondition(lambda self: self.connected())
    def disconnect(self, data):
        client = data.draw(st.sampled_from(self.connected()))
        client.hang_up()

    def connected(self):
        return [client for client in self.clients if client.is_listening]

    def away(self):
        return [each for each in self.clients if not each.is_listening and each.person in self.here]

    @rule(data=st.data())
    @precondition(lambda self: self.away())
    def reconnect(self, data):
        self.resume(data.draw(st.sampled_from(self.away())))

    @rule(data=st.data())
    @precondition(lambda self: self.connected())
    def fall_asleep(self, data):
        """
        The others go on talking, perhaps for longer than is waited for anybody.
        """
        data.draw(st.sampled_from(self.connected())).fall_asleep()
        path = f"/channels/{self.general['id']}/messages"
        for _ in range(data.draw(st.integers(0, 6))):
            self.say(data, self.here[0], self.general["id"], path)

    def asleep(self):
        return [client for client in self.clients if client.listener and client.is_asleep]

    @rule(data=st.data())
    @precondition(lambda self: self.asleep())
    def wake_up(self, data):
        data.draw(st.sampled_from(self.asleep())).wake_up()

    def awake(self):
        return [client for client in self.connected() if not client.is_asleep]

    @rule(data=st.data())
    @precondition(lambda self: self.awake())
    def look(self, data):
        self.compare(data.draw(st.sampled_from(self.awake())))

    # What always holds

    @invariant()
    def look_after_each_step(self):
        self.answered.clear()
        self.take_notice()

    def take_notice(self):
        """
        Everybody has heard what is for them, once and in order, and nothing else.
        """
        entries = self.entries_after(self.known)
        self.known = entries[-1][0] if entries else self.known
        for client in [each for each in self.clients if each.listener]:
            if not client.is_cut:
                client.expected += self.numbers_for(client, entries)
            self.show(client)
            client.is_cut |= client.person in self.cut
            if client.is_asleep or self.is_later:  # it was cut somewhere on the way
                assert client.heard == client.expected[: len(client.heard)]
            else:
                assert client.heard == client.expected
            if not client.is_listening:
                client.listener = None
        self.clients = [each for each in self.clients if each.listener or each.person in self.here]
        self.cut.clear()
        self.is_later = False

    def entries_after(self, number):
        """
        Numbers with types and payloads, or with None where those are for nobody.
        """
        rows = self.watching.execute(
            "SELECT number, audience, text FROM journal WHERE number > ? ORDER BY number", (number,)
        ).fetchall()
        return [
            (number, None if text is None or audience == "daemons" else self.read(text))
            for number, audience, text in rows
        ]

    @staticmethod
    def read(text):
        told = orjson.loads(text)
        assert told["type"] in TYPES
        return told["type"], told["payload"]

    def is_for(self, person, number, kind, payload):
        """
        Whether this is to be told to this user, by what the event is about: the
        record is not asked for whom it is.
        """
        if kind == "UPDATE_READ":
            readers = [self.moves[number].id]
        elif kind in ("NEW_REACTION", "DELETE_REACTION"):
            readers = self.private.get(payload["messageId"])
        elif "DM_" in kind or kind == "NEW_CONVERSATION":
            readers = payload["participants"]
        else:
            readers = None
        return readers is None or person.id in readers

    def show(self, client):
        """
        Let a client show what it was told, all of which it could have read.
        """
        events = client.read()
        for event in events:
            for token in TOKEN.findall(orjson.dumps(event.payload).decode()):
                readers = self.private.get(token)
                assert readers is None or client.person.id in readers, (client, event)
            client.model.hear(event)
        return events

    def compare(self, client):
        """
        What a client shows is what it would be answered.
        """
        person = client.person
        if person not in self.answered:
            self.answered[person] = Model.loaded(self.daemon, person.token)
        answered = self.answered[person]
        if client.model.unsure:
            client.model.count_anew(self.daemon, person.token, client.model.unsure)
        shown = client.model.shown(person.id, person.is_admin)
        assert shown == answered.shown(person.id, person.is_admin)
        self.compare_order(person, answered)
        self.compare_reads(person)

    def compare_order(self, person, answered):
        """
        Conversations come latest activity first.
        """
        active = {
            talk.id: max([m.serial for m in self.said if m.place == talk.id] or [talk.serial])
            for talk in self.talks
            if person in talk.pair
        }
        assert list(answered.conversations) == sorted(active, key=active.get, reverse=True)

    def compare_reads(self, person):
        """
        What is unread is what nobody but us has counted.
        """
        answered = self.ask(person, "GET", "/reads")["reads"]
        talks = [talk.id for talk in self.talks if person in talk.pair]
        expected = [self.expected_read(person, place) for place in (*self.channels, *talks)]
        assert sorted(answered, key=str) == sorted(expected, key=str)

    # In the end

    def teardown(self):
        try:
            if sys.exc_info()[0] is None and self.here:
                self.check_all()
        finally:
            self.watching.close()
            self.daemon.stop()
            shutil.rmtree(self.directory)

    def check_all(self):
        for client in self.asleep():
            client.wake_up()
        self.take_notice()
        for client in self.away():
            self.resume(client)
            self.take_notice()
        for client in self.connected():
            self.compare(client)
        for person in self.here:
            self.hear_all(person)
            self.take_notice()
        self.wait_for_rows()
        self.check_record()
        self.wait_for_a_day()
        self.check_record()

    def wait_for_rows(self):
        """
        What a deleted channel leaves is nowhere at once, and gone a minute later.
        """
        self.daemon.clock.advance(60)
        for _ in range(5):
            self.daemon.clock.advance(PAUSE)

    def check_record(self):
        """
        What was deleted is not in any table, and all that the journal still tells
        is that it is gone.
        """
        living = {message.webhook for message in self.said}
        silent = [hook for hook in self.gone.hooks if hook not in living]
        gone = self.gone.tokens.union(*({hook.id, hook.name} for hook in silent))
        nowhere = gone | self.gone.files
        for line in self.watching.iterdump():
            if not line.startswith(('INSERT INTO "journal"', 'INSERT INTO "leftovers"')):
                assert not set(TOKEN.findall(line)) & nowhere, line
        addresses = {person.address for person in self.left}
        addresses -= {person.address for person in self.here}
        for _, told in self.entries_after(0):
            if told is not None:
                kind, payload = told
                assert may_tell(gone, *told), told
                if kind != "REMOVE_USER":
                    assert payload.get("email") not in addresses
        readers = {who for (who,) in self.watching.execute("SELECT DISTINCT user_id FROM reads")}
        assert readers <= {person.id for person in self.here}
        emails = {email for (email,) in self.watching.execute("SELECT email FROM users")}
        assert emails - {None} == {person.address for person in self.here}

    def check_files(self):
        """
        After a day there are the files of what is shown, and no others.
        """
        assert self.watching.execute("SELECT * FROM leftovers").fetchall() == []
        rows = self.watching.execute("SELECT name, thumb_name FROM images").fetchall()
        assert {name for name, _ in rows} == {upload.name for upload in self.uploads}
        known = {name for row in rows for name in row if name is not None}
        assert {path.name for path in (self.directory / "files").iterdir()} == known


@pytest.mark.parametrize(("days", "examples"), [(0, EXAMPLES), (2, EXAMPLES // 4)])
def test_life(tmp_path, monkeypatch, days, examples):
    """
    However it goes, it all fits together; also where nothing is kept for long.
    """
    monkeypatch.setattr(stream, "LONGEST_BACKLOG", SHORT_BACKLOG)
    monkeypatch.setattr(Life, "parent_directory", tmp_path)
    monkeypatch.setattr(Life, "retention_days", days)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            # To shrink what has failed takes minutes: by hand, with Phase.shrink.
            phases=(Phase.explicit, Phase.generate),
        ),
    )
