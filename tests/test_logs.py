"""
The lines of the log: L{teamchatd.logs}, and what is said of requests.
"""

import io
import json
import os
import re
import signal
from ipaddress import ip_network

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from teamchatd import logs
from teamchatd.http.visits import printable
from teamchatd.logs import LONGEST_PATH
from teamchatd.store.database import Database

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"

OURS = "192.0.2.0/24"
"""That is where the tests' own client comes from."""


@pytest.fixture
def begin(monkeypatch):
    """
    Begins the log: C{begin(style, level)}.

    @return: it, and the file that it writes.
    """
    monkeypatch.setattr(logs._Now, "log", None)

    def begin(style="text", level="info"):
        file = io.StringIO()
        monkeypatch.setattr(logs.sys, "stdout", file)
        return logs.begin(style, level, {"nodaemon": True}), file

    return begin


def say(log, text, level=LogLevel.info, **more):
    event = {"log_format": text, "log_level": level, "log_namespace": "some.where", "log_time": 0}
    log(event | more)


def lines_of(daemon, file):
    daemon.clock.advance(0)
    return file.getvalue().splitlines()


def visits_of(daemon, file):
    daemon.clock.advance(0)
    return [each for each in map(json.loads, file.getvalue().splitlines()) if "status" in each]


def test_text(begin):
    """
    As C{twistd} writes it: what follows the first line is set in.
    """
    log, file = begin()
    say(log, "{count} things\nand more", count=3)
    assert re.fullmatch(TIME + r" \[some\.where#info\] 3 things\n\tand more\n", file.getvalue())


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_what_cannot_be_written(begin, monkeypatch, tmp_path, encoding):
    """
    It is written otherwise: a line that is lost is the one that somebody looks for.
    """
    with open(tmp_path / "log", "w", encoding=encoding) as file:
        monkeypatch.setattr(logs.sys, "stdout", file)
        log = logs.begin("text", "info", {"nodaemon": True})
        say(log, "no room for {name}", name="\udcff \u2026")
        say(log, "more")
    first, second = (tmp_path / "log").read_text(encoding).splitlines()
    assert first.endswith("no room for \\udcff \\u2026")
    assert second.endswith("more")


def test_system_of_old(begin):
    log, file = begin()
    say(log, "x", log_system="-")
    assert " [-] x\n" in file.getvalue()


def test_json(begin):
    """
    One object a line, whatever is in it; a traceback is part of the text.
    """
    log, file = begin("json")
    say(log, 'a "{thing}"\nand \udcff', thing="quote", log_time=1.0625)
    say(log, "broke", LogLevel.critical, log_failure=Failure(ZeroDivisionError("no")))
    first, second = map(json.loads, file.getvalue().splitlines())
    assert first == {
        "time": "1970-01-01T00:00:01.062Z",
        "level": "info",
        "namespace": "some.where",
        "text": 'a "quote"\nand \\udcff',
    }
    assert second["level"] == "critical"
    assert "ZeroDivisionError" in second["text"]


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warn", "error", "critical"]),
        ("info", ["info", "warn", "error", "critical"]),
        ("warn", ["warn", "error", "critical"]),
    ],
)
def test_level(begin, level, heard):
    """
    What is lighter is left out, and nothing that is heavier.
    """
    log, file = begin("json", level)
    for each in LogLevel.iterconstants():
        say(log, "x", each)
    assert [json.loads(line)["level"] for line in file.getvalue().splitlines()] == heard


def test_set_level(begin):
    """
    While the daemon runs, also while somebody has switched on all of it.
    """
    log, file = begin("text", "warn")
    say(log, "first")
    logs.set_level("info")
    say(log, "second")
    assert log.toggle()
    logs.set_level("warn")
    say(log, "third", LogLevel.debug)
    assert not log.toggle()
    say(log, "fourth")
    assert [line.rpartition(" ")[2] for line in file.getvalue().splitlines()] == ["second", "third"]


def test_no_log(begin):
    """
    Whoever has told C{twistd} of another log keeps it, and nothing waits to be written.
    """
    for given in ({"syslog": True}, {"logger": "x"}, {"logfile": "-"}):
        assert logs.begin("json", "debug", given) is None
    logs.set_level("debug")
    logs.flush()
    assert not logs.hears_visits()
    assert not logs.is_debugging()


def test_file(begin, tmp_path, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *what: None)
    log = logs.begin("text", "info", {"logfile": str(tmp_path / "log")})
    say(log, "grüße")
    log._file.close()
    assert "grüße\n" in (tmp_path / "log").read_text("utf-8")


def test_journal(tmp_path, monkeypatch, begin):
    """
    A priority before each line, and no time: sd-daemon(3).  Only if it is the journal
    that reads: what a service starts has the variable, too.
    """
    with open(tmp_path / "stream", "w+") as file:
        found = os.fstat(file.fileno())
        monkeypatch.setattr(logs.sys, "stdout", file)
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        log = logs.begin("text", "info", {"nodaemon": True})
        for level in LogLevel.iterconstants():
            say(log, "two\nlines", level)
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")
        say(logs.begin("text", "info", {"nodaemon": True}), "to a file")
        file.seek(0)
        *lines, last = file.read().splitlines()
    assert lines == [
        line
        for number, level in ((6, "info"), (4, "warn"), (3, "error"), (2, "critical"))
        for line in (f"<{number}>[some.where#{level}] two", f"<{number}>\tlines")
    ]
    assert re.match(TIME, last)


# Requests


def test_request(begin, in_memory):
    """
    One line: what, how it went, by whom.  The query is not in it.
    """
    _, file = begin()
    daemon = in_memory()
    ada = daemon.token("ada")
    user = daemon.done(daemon.get("/auth/me", ada))["user"]["id"]
    answer = daemon.get("/channels?token=secret&limit=nothing", ada)
    line = lines_of(daemon, file)[-1]
    assert re.fullmatch(
        TIME + r" \[teamchatd\.http#info\] GET /channels 200 in 0\.0 ms,"
        rf" {len(answer.body)} bytes user={user} request={answer.headers['x-request-id']}",
        line,
    )


def test_request_as_json(begin, in_memory):
    """
    The same with a field for each, and for what went wrong, too.
    """
    _, file = begin("json")
    daemon = in_memory()
    answer = daemon.post("/channels?x=y", None, {"name": "x"})
    visit = visits_of(daemon, file)[-1]
    assert visit.pop("time").endswith("Z")
    assert visit == {
        "level": "info",
        "namespace": "teamchatd.http",
        "text": "POST /channels 401",
        "request": answer.headers["x-request-id"],
        "user": "",
        "method": "POST",
        "path": "/channels",
        "status": 401,
        "ms": 0.0,
        "bytes": len(answer.body),
    }


def test_one_write_a_turn(begin, in_memory):
    """
    What is answered in one turn of the reactor is written together, in order, and before
    what is said after it.
    """
    log, file = begin("json")
    daemon = in_memory()
    for path in ("/health", "/nowhere", "/config.json"):
        daemon.get(path)
    assert file.getvalue() == ""
    say(log, "afterwards")
    seen = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [each.get("path", each["text"]) for each in seen] == [
        "/health",
        "/nowhere",
        "/config.json",
        "afterwards",
    ]
    assert len(lines_of(daemon, file)) == 4


def test_fewer(begin, in_memory):
    """
    Whoever wants warnings does not get requests.
    """
    _, file = begin("text", "warn")
    daemon = in_memory()
    daemon.get("/health")
    assert lines_of(daemon, file) == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"/channels", "/channels"),
        (b"/\x1b[31m", "/\\x1b[31m"),
        (b"/\xff\xfe", "/\\xff\\xfe"),
    ],
)
def test_printable(sent, shown):
    """
    Nobody writes into the log what is no path.
    """
    assert printable(sent) == shown


def test_long_path(begin, in_memory):
    """
    Nor a megabyte of one.
    """
    _, file = begin("json")
    daemon = in_memory()
    daemon.get("/" + "x" * 5000)
    assert visits_of(daemon, file)[-1]["path"] == "/" + "x" * (LONGEST_PATH - 1)


def test_too_large(begin, in_memory):
    """
    What is not even received is said, too.
    """
    _, file = begin("json")
    daemon = in_memory()
    daemon.post("/channels", None, b"x" * (1 << 21))
    visit = visits_of(daemon, file)[-1]
    assert (visit["method"], visit["path"], visit["status"]) == ("POST", "/channels", 413)


def test_stream(begin, in_memory):
    """
    When it begins, and when it is over; without the token that is in its address.
    """
    _, file = begin("json")
    daemon = in_memory()
    ada = daemon.token("ada")
    user = daemon.done(daemon.get("/auth/me", ada))["user"]["id"]
    [session] = daemon.done(daemon.get("/auth/sessions", ada))["sessions"]
    listener = daemon.listen(ada)
    begun = visits_of(daemon, file)[-1]
    assert (begun["path"], begun["status"], begun["user"]) == ("/events", 200, user)
    listener.leave()
    ended = visits_of(daemon, file)[-1]
    assert ended["text"] == f"END /events, session {session['id']} 200"
    assert ended["user"] == user
    assert ada not in file.getvalue()


def test_nobody_waits(begin, in_memory, monkeypatch):
    """
    An answer that nobody takes any more has a status of its own.
    """
    _, file = begin("json")
    daemon = in_memory()
    held = Deferred()
    monkeypatch.setattr(Database, "probe", lambda database: held)
    connection = daemon.connect()
    connection.dataReceived(b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n")
    connection.leave()
    held.callback(None)
    visit = visits_of(daemon, file)[-1]
    assert (visit["path"], visit["status"]) == ("/health/ready", 499)


# Their names


def test_id(daemon):
    """
    Every answer has one, each another; also what is refused.
    """
    seen = {daemon.get(path).headers["x-request-id"] for path in ("/health", "/channels", "/no")}
    seen.add(daemon.post("/channels", None, b"x" * (1 << 21)).headers["x-request-id"])
    assert len(seen) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in seen)


@pytest.mark.parametrize(
    ("proxies", "given", "is_taken"),
    [
        ([OURS], "abc-123_X.y", True),
        ([OURS], "x" * 64, True),
        ([OURS], "x" * 65, False),
        ([OURS], "two words", False),
        ([OURS], "", False),
        ([OURS], "<script>", False),
        ([], "abc-123", False),
        (["198.51.100.0/24"], "abc-123", False),
    ],
)
def test_id_of_a_proxy(in_memory, proxies, given, is_taken):
    """
    A proxy of ours may name a request, with a plain word; nobody else may.
    """
    daemon = in_memory(server={"trusted_proxies": tuple(map(ip_network, proxies))})
    answer = daemon.ask("GET", "/health", **{"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) == is_taken


def test_challenge(daemon, ada):
    """
    Every 401 says how to say who one is.
    """
    for answer in (
        daemon.get("/channels"),
        daemon.get("/channels", "nonsense"),
        daemon.get("/events"),
        daemon.post("/auth/refresh", None, {"refreshToken": "nonsense"}),
        daemon.post("/webhooks/x/messages", "nonsense", {"content": "x"}),
    ):
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="teamchat"'
    assert "www-authenticate" not in daemon.get("/channels", ada).headers
