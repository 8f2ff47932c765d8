"""
The power goes, again and again, in the middle of posting.
"""

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from random import Random
from threading import Condition

import pytest

from tests.answers import encoded
from tests.real.daemon import PATIENCE

pytestmark = pytest.mark.real

ROUNDS = 20
POSTERS = ("bob", "cyd", "dan", "eve")


class Acknowledged:
    """
    How many messages were acknowledged, to all posters together.
    """

    def __init__(self):
        self._count = 0
        self._more = Condition()

    def one_more(self):
        with self._more:
            self._count += 1
            self._more.notify_all()

    def await_count(self, count):
        with self._more:
            assert self._more.wait_for(lambda: self._count >= count, PATIENCE)


class Poster:
    """
    Somebody who posts numbered messages as fast as the daemon takes them.

    @ivar acknowledged: every message that was answered, as it was answered.
    @ivar doubtful: what was sent and not answered.
    """

    def __init__(self, name, token, channel):
        self.name = name
        self.acknowledged = []
        self.doubtful = None
        self._path = f"/channels/{channel}/messages"
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post_until_the_end(self, daemon, tally):
        line = daemon.another()
        while True:
            content = f"{self.name} {len(self.acknowledged)}"
            self.doubtful = {"content": content, "clientId": f"id of {content}"}
            try:
                self.send_doubtful(line)
            except (OSError, HTTPException):
                line.hang_up()
                return
            tally.one_more()

    def send_doubtful(self, daemon):
        answer = daemon.exchange("POST", self._path, self._headers, encoded(self.doubtful))
        assert answer.status == 200, answer.body
        self.acknowledged.append(answer.json["message"])
        self.doubtful = None


class Ear:
    """
    Somebody who listens, and comes back with the last id when the line breaks.

    @ivar heard: the messages, in the order of their events.
    """

    def __init__(self, who):
        self.heard = []
        self._who = who
        self._last_id = None

    def listen(self, daemon):
        self._listener = daemon.listen(self._who, self._last_id)
        self._listener.await_events(1)

    def listen_until_the_end(self):
        self._listener.await_end()
        self._note()

    def listen_until(self, message):
        count = 1
        while self._listener.await_events(count)[-1].payload != message:
            count += 1
        self._note()
        self._listener.leave()

    def _note(self):
        events = self._listener.events
        self._last_id = events[-1].id
        self.heard += [event.payload for event in events if event.type == "NEW_MESSAGE"]


def said_after(message, daemon, who, channel):
    """
    The history from after C{message} on, page by page from its end.
    """
    path = f"/channels/{channel}/messages?limit=30"
    page = said = daemon.done(daemon.get(path, who))["messages"]
    while page and message not in page:
        page = daemon.done(daemon.get(f"{path}&before={page[0]['id']}", who))["messages"]
        said = page + said
    return said[said.index(message) + 1 :] if message in said else said


def by(poster, messages):
    return [each for each in messages if each["author"]["userName"] == poster.name]


def test_killed_while_posting(as_process):
    """
    C{kill -9} at any moment: what was acknowledged is there, once and in order;
    what was not is there once at the most, and exactly once when it is sent
    again; whoever listens hears every message once, in the order of history.
    """
    chance = Random("kill -9")  # the same moments every time
    daemon = as_process()
    ada, *tokens = [daemon.token(name) for name in ("ada", *POSTERS)]
    channel = daemon.general(ada)
    posters = [Poster(name, token, channel) for name, token in zip(POSTERS, tokens, strict=True)]
    throughout = Ear(ada)
    history, last = [], None
    for number in range(ROUNDS):
        this_time = Ear(tokens[0])
        ears, tally = [throughout, this_time], Acknowledged()
        acknowledged_before = {poster: len(poster.acknowledged) for poster in posters}
        with ThreadPoolExecutor(len(ears) + len(posters)) as threads:
            for ear in ears:
                ear.listen(daemon)
            working = [threads.submit(ear.listen_until_the_end) for ear in ears]
            working += [threads.submit(each.post_until_the_end, daemon, tally) for each in posters]
            tally.await_count(chance.randint(1, 80))
            daemon.kill()
            for one in working:
                one.result(PATIENCE)
        daemon.start()

        found = said_after(last, daemon, ada, channel)
        for poster, before in acknowledged_before.items():
            acknowledged = poster.acknowledged[before:]
            assert by(poster, found)[: len(acknowledged)] == acknowledged
            poster.send_doubtful(daemon)
            assert by(poster, found) in (acknowledged, poster.acknowledged[before:])

        before, last = last, daemon.say(ada, f"round {number} is over", channel)
        new = said_after(before, daemon, ada, channel)
        for poster, before in acknowledged_before.items():
            assert by(poster, new) == poster.acknowledged[before:]
        history += new
        for ear in ears:
            ear.listen(daemon)
            ear.listen_until(last)
        assert this_time.heard == new
        assert throughout.heard == history

    assert said_after(None, daemon, ada, channel) == history
    assert len({each["id"] for each in history}) == len(history)
    daemon.assert_untroubled()
