"""
The letter box: who gets a letter, when it is tried again, and when no more.
"""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs, formatEvent

from teamchatd.auth import links
from teamchatd.auth.letters import GRACE_SECONDS
from teamchatd.errors import Unavailable
from teamchatd.mail.undelivered import Refused, TryLater
from teamchatd.model import Purpose
from teamchatd.store.letters import LetterStore, ask

AWAY = TryLater("The mail server is away.")


@pytest.fixture
def daemon(in_memory):
    """
    A daemon with one user, ada, and a mail server that keeps what it is given.
    """
    daemon = in_memory(email={"from_": "chat@example.org"})
    daemon.token("ada")
    return daemon


def ask_for(daemon, purpose=Purpose.SIGN_IN, email="ada@example.org"):
    LetterStore(daemon.database).ask(purpose, email)
    daemon.house.letters.wake()


def waiting(daemon):
    return daemon.rows("SELECT count(*) FROM letters")[0][0]


def text_of(message):
    return message.get_body(("plain",)).get_content()


def said(logs):
    return [formatEvent(event) for event in logs if event["log_namespace"].endswith("letters")]


@pytest.mark.parametrize("purpose", [Purpose.SIGN_IN, Purpose.INVITATION, Purpose.PASSWORD_RESET])
def test_sent(daemon, purpose):
    """
    Who asks for a letter gets it, once, with the name of the server on it and
    a link of their own.
    """
    daemon.outbox.reasons = [AWAY]
    ask_for(daemon, purpose)
    [(letter_id,)] = daemon.rows("SELECT id FROM letters")
    daemon.clock.advance(10)
    [letter] = daemon.outbox.letters
    token = links.token_for("the tests' own secret, thirty-two bytes", letter_id)
    assert links.url("http://localhost:3000", token, "ada@example.org") in text_of(letter)
    assert text_of(letter).startswith("Hello ada,")
    assert str(letter["From"]) == "teamchat <chat@example.org>"
    assert waiting(daemon) == 0
    daemon.clock.advance(3600)
    assert len(daemon.outbox.letters) == 1


def test_nobody(daemon):
    """
    The record holds the same for an address that nobody here has, and nothing
    is sent.
    """
    rows = []
    for email in ("ada@example.org", "eve@example.net"):
        LetterStore(daemon.database).ask(Purpose.PASSWORD_RESET, email)
        rows += daemon.rows(
            "SELECT purpose, attempts, next_at - made_at, expires_at - made_at FROM letters"
            " WHERE email = ?",
            email,
        )
    assert rows[0] == rows[1]
    daemon.house.letters.wake()
    assert [str(letter["To"]) for letter in daemon.outbox.letters] == ["ada@example.org"]
    assert waiting(daemon) == 0


def test_no_secret_is_kept(daemon):
    """
    A letter that waits has no text and no token in the record.
    """
    daemon.outbox.reasons = [AWAY]
    ask_for(daemon)
    [row] = daemon.rows("SELECT * FROM letters")
    daemon.clock.advance(10)
    [letter] = daemon.outbox.letters
    token = text_of(letter).partition("token=")[2].partition("&")[0]
    assert len(token) == 43
    assert not any(token in str(value) for value in row)


def test_undone(daemon):
    """
    A letter is asked for in a change, and not asked for if that fails.
    """

    def ask_and_fail(change):
        ask(change, Purpose.SIGN_IN, "ada@example.org")
        raise Unavailable("Not now.")

    daemon.database.change(ask_and_fail).addErrback(lambda failure: failure.trap(Unavailable))
    daemon.house.letters.wake()
    assert daemon.outbox.letters == []


def test_asked_again(daemon):
    """
    Who asks five times while the mail server is away gets one letter.
    """
    daemon.outbox.reasons = [AWAY] * 5
    for email in ("ada@example.org",) * 3 + ("ADA@Example.org",) * 2:
        ask_for(daemon, email=email)
    assert waiting(daemon) == 1
    daemon.clock.advance(600)
    assert len(daemon.outbox.letters) == 1


def test_newest_counts(daemon):
    """
    Of two letters to one address the later is sent, whatever they are about: the
    link of the earlier, coming through after it, would void its link.
    """
    daemon.outbox.reasons = [AWAY] * 2
    ask_for(daemon, Purpose.INVITATION)
    ask_for(daemon, Purpose.PASSWORD_RESET)
    daemon.clock.advance(10)
    [letter] = daemon.outbox.letters
    assert "password" in letter["Subject"].lower()


def test_tried_again(daemon):
    """
    What the mail server does not take at once is tried again, later each time,
    and is the same letter.  After C{email.maxRetries} more it is given up.
    """
    daemon.outbox.reasons = [AWAY] * 2
    ask_for(daemon)
    for seconds, reasons in ((5, 1), (5, 0), (295, 0)):
        daemon.clock.advance(seconds)
        assert len(daemon.outbox.reasons) == reasons
        assert daemon.outbox.letters == []
    daemon.clock.advance(5)
    assert len(daemon.outbox.letters) == 1


def test_given_up(daemon):
    """
    A letter that fails too often is given up, with one line that says why, and
    names neither its recipient nor its link.
    """
    daemon.outbox.reasons = [AWAY] * 3
    with capturedLogs() as logs:
        ask_for(daemon, Purpose.INVITATION)
        daemon.clock.advance(10)
        daemon.clock.advance(300)
        daemon.clock.advance(86400)
    *tries, last = said(logs)
    assert ["tried again in 10 seconds" in tries[0], "in 300 seconds" in tries[1]] == [True, True]
    [(ada,)] = daemon.rows("SELECT id FROM users")
    assert last.startswith("The invitation letter ")
    assert last.endswith(f" to the user {ada} was given up: The mail server is away.")
    assert not any("ada" in line or "token" in line for line in [*tries, last])
    assert (waiting(daemon), daemon.outbox.letters) == (0, [])


def test_refused(daemon):
    """
    What the mail server refuses is not tried again.
    """
    daemon.outbox.reasons = [Refused("The mail server does not want it (550).")]
    with capturedLogs() as logs:
        ask_for(daemon)
    [line] = said(logs)
    assert line.endswith("was given up: The mail server does not want it (550).")
    assert waiting(daemon) == 0


def test_too_late(daemon):
    """
    Who wanted to sign in an hour ago does not want to now: a letter that waited
    for the daemon is given up, and so is one whose next try would be too late.
    """
    LetterStore(daemon.database).ask(Purpose.SIGN_IN, "ada@example.org")
    daemon.stop()
    daemon.clock.advance(3600)
    with capturedLogs() as logs:
        daemon.start()
    assert said(logs)[0].endswith("was given up: By now it would come too late.")
    assert (waiting(daemon), daemon.outbox.letters) == (0, [])


def test_no_try_that_comes_too_late(in_memory):
    """
    However many more tries there are: the last is one that may be of use.
    """
    daemon = in_memory(email={"from_": "chat@example.org", "max_retries": 100})
    daemon.token("ada")
    daemon.outbox.reasons = [AWAY] * 100
    with capturedLogs() as logs:
        ask_for(daemon)
        for _ in range(100):
            daemon.clock.advance(60)
    assert said(logs)[-1].endswith("Later, it would come too late.")
    assert len(daemon.outbox.reasons) == 97


def test_fault_of_ours(daemon):
    """
    A fault of ours is a try like any other, and is seen in the log.
    """
    daemon.outbox.reasons = [RuntimeError("oops")]
    with capturedLogs() as logs:
        ask_for(daemon)
    assert ["broke" in said(logs)[0], "tried again" in said(logs)[1]] == [True, True]
    daemon.clock.advance(10)
    assert len(daemon.outbox.letters) == 1


def test_bad_address(daemon):
    """
    An address that mail cannot carry ends one letter, and no other.
    """
    daemon.token("ädä")
    with capturedLogs() as logs:
        ask_for(daemon, email="ädä@example.org")
        ask_for(daemon)
    assert said(logs)[0].endswith("The address has characters that mail cannot carry.")
    assert len(daemon.outbox.letters) == 1


class SlowPostman:
    """
    One who is still under way until the test says otherwise.
    """

    def __init__(self):
        self.under_way = []

    def deliver(self, message):
        delivering = Deferred()
        self.under_way.append(delivering)
        return delivering


@pytest.fixture
def slow(daemon):
    daemon.outbox = SlowPostman()
    daemon.restart()
    return daemon.outbox


def test_taken_up(daemon, slow):
    """
    A letter that is under way is not sent a second time meanwhile.
    """
    ask_for(daemon)
    for _ in range(3):
        daemon.clock.advance(5)
        daemon.house.letters.wake()
    assert len(slow.under_way) == 1
    slow.under_way[0].callback(None)
    assert waiting(daemon) == 0


def test_a_few_at_a_time(daemon, slow):
    """
    The mail server is not overrun.
    """
    for number in range(9):
        daemon.token(f"user{number}")
        LetterStore(daemon.database).ask(Purpose.SIGN_IN, f"user{number}@example.org")
    daemon.house.letters.wake()
    assert len(slow.under_way) == 4
    for delivering in slow.under_way:
        delivering.callback(None)
    assert len(slow.under_way) == 9
    assert waiting(daemon) == 0


def test_asked_meanwhile(daemon, slow):
    """
    What is asked for while others are under way is not forgotten.
    """
    daemon.token("bob")
    ask_for(daemon)
    ask_for(daemon, email="bob@example.org")
    slow.under_way[0].callback(None)
    assert len(slow.under_way) == 2


def test_restart(daemon, slow):
    """
    A letter that was under way when the power went is sent again at the next
    start: twice rather than never.
    """
    ask_for(daemon)
    daemon.restart()
    if daemon.database.is_shared:  # another daemon may have it: not before it must be dead
        daemon.clock.advance(10 + GRACE_SECONDS)
    assert len(slow.under_way) == 2
    slow.under_way[1].callback(None)
    assert waiting(daemon) == 0


def test_another_daemon_starts(daemon, slow):
    """
    What a daemon has taken up is left to it, when another one starts on the same record.
    """
    ask_for(daemon)
    daemon.house.letters._round = None  # as the other one: it has not begun anything
    daemon.house.letters.begin(is_alone=False)
    assert len(slow.under_way) == 1


def test_close(daemon, slow):
    """
    The end waits for what is under way, and begins nothing more.
    """
    ask_for(daemon)
    closed = daemon.house.letters.close()
    ask_for(daemon, Purpose.INVITATION)
    assert not closed.called
    slow.under_way[0].callback(None)
    assert closed.called
    assert len(slow.under_way) == 1
    assert waiting(daemon) == 1


def test_storage_is_away(daemon):
    """
    A letter that cannot be looked up now waits, and is not a failure of its own.
    """
    house = daemon.house.letters
    answers = [fail(Unavailable("The disk is full."))]
    prepare = house._prepare
    house._prepare = lambda letter: answers.pop() if answers else prepare(letter)
    with capturedLogs() as logs:
        ask_for(daemon)
    assert said(logs)[0].endswith("has to wait: The disk is full.")
    daemon.clock.advance(20)
    assert len(daemon.outbox.letters) == 1


def test_no_mail_server(daemon):
    """
    Where nobody can be written to, what is asked for does not pile up.
    """
    daemon.outbox = None
    daemon.restart()
    with capturedLogs() as logs:
        ask_for(daemon)
    assert said(logs)[0].endswith("was given up: No mail server is configured, [email] host.")
    assert waiting(daemon) == 0


def test_prepared(daemon):
    """
    Whoever prepares a letter decides whether there is one.
    """
    asked = []

    def nobody(letter):
        asked.append((letter.purpose, letter.email))
        return succeed(None)

    daemon.house.letters._prepare = nobody
    ask_for(daemon)
    assert (asked, daemon.outbox.letters) == ([(Purpose.SIGN_IN, "ada@example.org")], [])
    assert waiting(daemon) == 0
