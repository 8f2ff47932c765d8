"""
A client that shows what it knows, and knows it from events: what the daemon
tells has to be enough to show what the daemon would answer.
"""

from functools import lru_cache

from attrs import define, field

from tests.answers import EventReader
from tests.daemon import unchunked

PAGE = 4
"""Messages.  So few that every channel of a test has several pages."""

TYPES = {
    *("NEW_MESSAGE", "UPDATE_MESSAGE", "DELETE_MESSAGE"),
    *("NEW_CHANNEL", "UPDATE_CHANNEL", "DELETE_CHANNEL"),
    *("NEW_REACTION", "DELETE_REACTION"),
    *("NEW_USER", "REMOVE_USER", "USER_EXIT", "UPDATE_USER"),
    *("NEW_CONVERSATION", "NEW_DM_MESSAGE", "UPDATE_DM_MESSAGE", "DELETE_DM_MESSAGE"),
    *("NEW_THREAD_REPLY", "UPDATE_THREAD_REPLY", "DELETE_THREAD_REPLY"),
    *("NEW_WEBHOOK", "DELETE_WEBHOOK", "UPDATE_SERVER_SETTINGS"),
    "UPDATE_READ",
}


TOLD = {"id", "participants", "createdAt"}
"""What events tell of a conversation."""


@lru_cache(maxsize=512)
def read_blocks(data):
    """
    The events in C{data}, each held against the contract.  All who listen are sent
    the same bytes, and those need to be looked at once.
    """
    reader = EventReader()
    reader.feed(data)
    return tuple(reader.events)


def pages(daemon, who, path, field):
    """
    All that there is to read there, page by page.
    """
    found, before = [], ""
    while True:
        answer = daemon.get(f"{path}?limit={PAGE}&before={before}", who)
        page = daemon.done(answer)[field]
        found = page + found
        if len(page) < PAGE:
            assert len({message["id"] for message in found}) == len(found)
            return found
        before = page[0]["id"]


@define
class Model:
    """
    What a client shows.  Nothing in here is ever changed in place: several may
    have been given the same event.

    @ivar names: of everybody who ever wrote something, by id: as of now.
    @ivar said: what was said in a channel or conversation, without replies.
    @ivar replies: by the id of what they answer.
    @ivar user_id: who looks at it: their own messages are not unread to them.
    @ivar last_read: by place, the id of the message up to which they have read.
    @ivar later: by place, the ids of what came after that.
    @ivar unsure: where somebody has read up to a message that is not shown: what
        came after it, nobody can tell who was not there.
    """

    users: dict = field(factory=dict)
    names: dict = field(factory=dict)
    channels: dict = field(factory=dict)
    said: dict = field(factory=dict)
    replies: dict = field(factory=dict)
    conversations: dict = field(factory=dict)
    webhooks: dict = field(factory=dict)
    server_name: str = ""
    user_id: str = ""
    last_read: dict = field(factory=dict)
    later: dict = field(factory=dict)
    unsure: frozenset = frozenset()

    # From answers

    @classmethod
    def loaded(cls, daemon, who):
        """
        All that one can read.
        """
        model = cls()
        for user in daemon.done(daemon.get("/users", who))["users"]:
            model._know_user({key: user[key] for key in ("id", "userName", "email")})
        for channel in daemon.done(daemon.get("/channels", who))["channels"]:
            model.channels[channel["id"]] = channel
            path = f"/channels/{channel['id']}/messages"
            for message in pages(daemon, who, path, "messages"):
                model._know(message)
                path = f"/messages/{message['id']}/thread"
                for reply in pages(daemon, who, path, "replies"):
                    model._know(reply)
        for conversation in daemon.done(daemon.get("/conversations", who))["conversations"]:
            model.conversations[conversation["id"]] = conversation
            path = f"/conversations/{conversation['id']}/messages"
            for message in pages(daemon, who, path, "messages"):
                model._know(message)
        answer = daemon.get("/webhooks", who)
        for webhook in answer.json["webhooks"] if answer.status == 200 else ():
            told = {key: webhook[key] for key in ("id", "name", "channelId")}
            model.webhooks[webhook["id"]] = told
        model.server_name = daemon.done(daemon.get("/server/settings", who))["name"]
        model.user_id = daemon.done(daemon.get("/auth/me", who))["user"]["id"]
        model._check_what_follows(model.user_id)
        model.count_anew(daemon, who)
        return model

    def count_anew(self, daemon, who, only_in=None):
        """
        Ask how much is unread, and find what that is.
        """
        answered = daemon.done(daemon.get("/reads", who))["reads"]
        assert {read["channelId"] for read in answered} == {*self.channels, *self.conversations}
        self.unsure = frozenset()
        for read in answered:
            place, last = read["channelId"], read["lastReadId"]
            if only_in is not None and place not in only_in:
                continue
            self.last_read[place] = last
            self.later[place] = self._after(place, last, read["unread"])
            assert self._read(place) == read

    def _after(self, place, last, unread):
        """
        The ids of what came after the message C{last}, or from the oldest on of so many
        that are unread.
        """
        ids = list(self.said.get(place, {}))
        if last is not None:
            return ids[ids.index(last) + 1 :]
        others = [each for each in ids if self._is_of_others(place, each)]
        assert len(others) >= unread
        return ids[ids.index(others[-unread]) :] if unread else []

    def _is_of_others(self, place, message_id):
        return self.said[place][message_id]["author"]["id"] != self.user_id

    def _read(self, place):
        """
        What is answered of a place, by what is shown of it.
        """
        later = self.later.get(place, ())
        unread = sum(self._is_of_others(place, message_id) for message_id in later)
        return {"channelId": place, "lastReadId": self.last_read.get(place), "unread": unread}

    def _check_what_follows(self, user_id):
        """
        Some of what is answered follows from the rest, and has to be the same.
        """
        for messages in self.said.values():
            for message in messages.values():
                replies = list(self.replies.get(message["id"], {}).values())
                assert message.get("threadMeta") == _counted(replies), message
        for conversation_id, answered in self.conversations.items():
            told = {key: value for key, value in answered.items() if key in TOLD}
            assert self._conversation(told, user_id) == answered
            self.conversations[conversation_id] = told

    @classmethod
    def at_first(cls, general, server_name, user_id):
        """
        What there is before anything has happened, which no event tells.
        """
        return cls(channels={general["id"]: general}, server_name=server_name, user_id=user_id)

    def _know_user(self, user):
        self.users[user["id"]] = user
        self.names[user["id"]] = user["userName"]

    def _know(self, message):
        """
        Show a message, where it stood before or as the newest.
        """
        self._know_author(message["author"])
        if message.get("threadMeta"):
            self._know_author(message["threadMeta"]["lastReplyBy"])
        self._around(message)[message["id"]] = message

    def _know_author(self, author):
        self.names[author["id"]] = author["userName"]

    def _around(self, message):
        if message.get("threadId"):
            return self.replies.setdefault(message["threadId"], {})
        return self.said.setdefault(message["channelId"], {})

    # From events

    def hear(self, event):
        getattr(self, f"_{event.type.lower()}")(event.payload)

    def _new_message(self, told):
        self._know(told)
        place = told["channelId"]
        self.later[place] = [*self.later.get(place, ()), told["id"]]

    def _update_message(self, told):
        self._know(told)

    _update_thread_reply = _update_message

    def _delete_message(self, told):
        self._take_out(told["channelId"], told["id"])
        self.replies.pop(told["id"], None)  # they are not told of one by one

    def _take_out(self, place, message_id):
        """
        The rest is as read and as unread as before.
        """
        self.said.get(place, {}).pop(message_id, None)
        self.later[place] = [each for each in self.later.get(place, ()) if each != message_id]
        if self.last_read.get(place) == message_id:
            self.last_read[place] = None

    def _update_read(self, told):
        place, last = told["channelId"], told["lastReadId"]
        assert last is not None, "nobody reads up to nothing"
        self.last_read[place] = last
        if last in self.said.get(place, {}):
            self.unsure -= {place}
            self.later[place] = self._after(place, last, told["unread"])
            # Of what was unread then, some may be deleted since, and is not shown.
            assert self._read(place)["unread"] <= told["unread"]
        else:
            self.unsure |= {place}

    def _new_thread_reply(self, told):
        assert told["reply"]["threadId"] == told["parentMessageId"]
        self._know(told["reply"])
        self._count(told["parentMessageId"], told["threadMeta"])

    def _delete_thread_reply(self, told):
        self.replies.get(told["threadId"], {}).pop(told["id"], None)
        self._count(told["threadId"], told["threadMeta"])

    def _count(self, message_id, meta):
        parent = self._anywhere(message_id)
        parent.pop("threadMeta", None)
        if meta is not None:
            parent["threadMeta"] = meta
        self._know(parent)

    def _new_reaction(self, told):
        message = self._anywhere(told["messageId"])
        chosen, who = message["reactions"], told["userId"]
        assert who not in chosen.get(told["reaction"], ()), "told twice"
        added = {told["reaction"]: [*chosen.get(told["reaction"], ()), who]}
        self._know(message | {"reactions": chosen | added})

    def _delete_reaction(self, told):
        message = self._anywhere(told["messageId"])
        choice = told["reaction"], told["userId"]
        left = {
            reaction: [who for who in those if (reaction, who) != choice]
            for reaction, those in message["reactions"].items()
        }
        assert left != message["reactions"], "it was not there"
        left = {reaction: those for reaction, those in left.items() if those}
        self._know(message | {"reactions": left})

    def _anywhere(self, message_id):
        """
        A message that was told of earlier.  Its author's name is the one of now.
        """
        shown = [*self.said.values(), *self.replies.values()]
        [message] = [place[message_id] for place in shown if message_id in place]
        return self._with_names(message)

    def _new_channel(self, told):
        self.channels[told["id"]] = told

    _update_channel = _new_channel

    def _delete_channel(self, told):
        self.channels.pop(told["id"], None)
        self.last_read.pop(told["id"], None)
        self.later.pop(told["id"], None)
        self.unsure -= {told["id"]}
        for message_id in self.said.pop(told["id"], {}):
            self.replies.pop(message_id, None)
        self.webhooks = {
            webhook_id: webhook
            for webhook_id, webhook in self.webhooks.items()
            if webhook["channelId"] != told["id"]
        }

    def _new_user(self, told):
        self._know_user(told)
        if told["id"] == self.user_id:  # what was said before counts as read
            self.later.clear()

    def _update_user(self, told):
        self._know_user(self.users[told["id"]] | told)

    def _user_exit(self, told):
        self.users.pop(told["id"], None)
        self._know_author(told)

    _remove_user = _user_exit

    def _new_conversation(self, told):
        self.conversations[told["id"]] = told

    def _new_dm_message(self, told):
        participants = self.conversations[told["channelId"]]["participants"]
        assert told["participants"] == participants
        self._new_message(_without_participants(told))

    def _update_dm_message(self, told):
        assert told["participants"] == self.conversations[told["channelId"]]["participants"]
        self._know(_without_participants(told))

    def _delete_dm_message(self, told):
        assert told["participants"] == self.conversations[told["conversationId"]]["participants"]
        self._take_out(told["conversationId"], told["id"])

    def _new_webhook(self, told):
        self.webhooks[told["id"]] = told

    def _delete_webhook(self, told):
        self.webhooks.pop(told["id"], None)

    def _update_server_settings(self, told):
        self.server_name = told["name"]

    # What is shown

    def shown(self, user_id, is_admin):
        """
        All of it, as C{user_id} sees it, in the order in which it is seen.
        """
        return {
            "server": self.server_name,
            "users": list(self.users.values()),
            "channels": [
                {**channel, "messages": self._listed(self.said.get(channel_id, {}))}
                for channel_id, channel in self.channels.items()
            ],
            "threads": {
                message_id: self._listed(replies)
                for message_id, replies in self.replies.items()
                if replies
            },
            "conversations": {
                conversation_id: {
                    **self._conversation(conversation, user_id),
                    "messages": self._listed(self.said.get(conversation_id, {})),
                }
                for conversation_id, conversation in self.conversations.items()
            },
            "webhooks": list(self.webhooks.values()) if is_admin else None,
            "reads": {place: self._read(place) for place in (*self.channels, *self.conversations)},
        }

    def _listed(self, messages):
        return [self._with_names(message) for message in messages.values()]

    def _with_names(self, message):
        """
        With the names of now, wherever a name stands.
        """
        author = message["author"]
        named = message | {"author": author | {"userName": self.names[author["id"]]}}
        if "threadMeta" in message:
            last = message["threadMeta"]["lastReplyBy"]
            last = last | {"userName": self.names[last["id"]]}
            named["threadMeta"] = message["threadMeta"] | {"lastReplyBy": last}
        return named

    def _conversation(self, conversation, user_id):
        """
        With what nobody tells, because it follows.
        """
        [other_id] = set(conversation["participants"]) - {user_id}
        other = self.users.get(other_id)
        named = other and {key: other[key] for key in ("id", "userName")}
        messages = self.said.get(conversation["id"], {})
        last = {"lastMessageAt": [*messages.values()][-1]["createdAt"]} if messages else {}
        return conversation | {"otherUser": named} | last


def _without_participants(told):
    return {key: value for key, value in told.items() if key != "participants"}


def _counted(replies):
    """
    What a message has to say about its replies.
    """
    if not replies:
        return None
    return {
        "replyCount": len(replies),
        "lastReplyAt": replies[-1]["createdAt"],
        "lastReplyBy": replies[-1]["author"],
        "participants": list(dict.fromkeys(reply["author"]["id"] for reply in replies)),
    }


class Client:
    """
    Somebody who listens, through all that happens to their connection.

    @ivar expected: the numbers of what it is to be told on this connection.
    @ivar heard: the numbers of what it was told.
    @ivar is_cut: its session has ended, so that nothing more is for it.
    @ivar model: L{None} until it has been made or read.
    """

    def __init__(self, daemon, person):
        self.daemon, self.person = daemon, person
        self.model = None
        self.cursor = None
        self.is_cut = True
        self.listener = None
        self.expected, self.heard = [], []
        self.is_reset = self.is_asleep = False

    def __repr__(self):
        return f"<{self.person} at {self.cursor}>"

    @property
    def is_listening(self):
        return self.listener is not None and not self.listener.closed

    def connect(self, last_event_id=None):
        assert not self.is_listening
        self.listener = self.daemon.listen(self.person.token, last_event_id)
        self.expected, self.heard = [], []
        self.is_cut = self.is_asleep = self.is_reset = False
        self._rest = b""
        self._is_begun = False

    def load(self):
        self.model = Model.loaded(self.daemon, self.person.token)

    def read(self):
        """
        Take what has come, and show it.

        @return: the new events, without those about the stream itself.
        """
        transport = self.listener.transport
        data = transport.value()
        transport.clear()
        if not self._is_begun:
            head, found, data = data.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert found
            self._is_begun = True
        news = []
        for event in read_blocks(unchunked(data)):
            if event.type == "CONNECTED":
                assert event.payload["userId"] == self.person.id
                assert event.id == event.payload["cursor"]
                self.cursor = event.id
            elif event.type == "RESET":
                assert not self.heard
                assert event.id == self.cursor
                self.is_reset = True
            elif event.type != "REPLACED":
                era, _, number = event.id.partition(".")
                assert era == self.cursor.partition(".")[0]
                self.cursor = event.id
                self.heard.append(int(number))
                news.append(event)
        return news

    @property
    def number(self):
        return int(self.cursor.partition(".")[2])

    def fall_asleep(self):
        self.listener.fall_asleep()
        self.is_asleep = True

    def wake_up(self):
        if self.is_listening:
            self.listener.wake_up()
        self.is_asleep = False

    def hang_up(self):
        if self.is_listening:
            self.listener.leave()
