"""
The log: one line, or one object, for each thing that an administrator may want to know.

C{twistd} asks the application for an observer before it makes one of its own; ours
writes to the same place (stdout, or C{--logfile}) in the format that was asked for.
Requests, of which there are thousands a second, go past L{twisted.logger}: it takes
fifteen times as long for a line, and a tenth of what a post takes altogether.  Theirs
are written once in a turn of the reactor.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from time import gmtime, localtime, strftime, struct_time, time
from typing import IO, Any, NamedTuple

import orjson
from attrs import define, field
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, eventAsText
from twisted.python.logfile import LogFile
from zope.interface import implementer

log = Logger()

WEIGHTS = {"debug": 0, "info": 1, "warn": 2, "error": 3, "critical": 4}
"""What is lighter than the level is left out."""

PRIORITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}
"""How the journal calls them: sd-daemon(3)."""

ROTATE_LENGTH = 100 << 20
"""
Bytes, after which a file gets a number and another one is begun.  Twisted takes one
megabyte, and to begin one renames all those before: with a line for each request, soon
a thousand of them.
"""

LONGEST_PATH = 300
"""Characters.  Somebody may send a megabyte, again and again."""


class Visit(NamedTuple):
    """
    A request, and how it went.  A tuple, as nothing is made faster.

    @ivar at: when it was answered, in seconds since the epoch.
    @ivar user_id: of the user or the webhook that asked, if they said who they are.
    @ivar path: without the query, in which there may be a token.
    @ivar method: C{END} is the end of an event stream.
    @ivar seconds: from when all of it was there to when it was answered.
    @ivar sent: bytes of the body.
    """

    at: float
    request_id: bytes
    user_id: str
    method: str
    path: str
    status: int
    seconds: float
    sent: int


Formats = tuple[Callable[[LogEvent], str], Callable[[Visit], str]]


@implementer(ILogObserver)
@define(eq=False)
class Log:
    """
    @ivar _file: where it is written.
    @ivar _format: makes a line, with its end, of what Twisted's loggers say.
    @ivar _format_visit: the same, of requests.
    @ivar _level: as it was configured.
    @ivar _is_debugging: whether everything is written meanwhile.
    @ivar hears_visits: whether requests are heavy enough to be written.
    """

    _file: IO[Any]
    _format: Callable[[LogEvent], str]
    _format_visit: Callable[[Visit], str]
    _level: str
    _is_debugging: bool = field(init=False, default=False)
    _least: int = field(init=False)
    hears_visits: bool = field(init=False)
    _visits: list[Visit] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._weigh()

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level") or LogLevel.info
        if WEIGHTS[level.name] >= self._least:
            self.flush()
            self._write(self._format(event))

    def visit(self, visit: Visit) -> bool:
        """
        @return: whether this is the first since the last L{flush}, which somebody has to
            see to.
        """
        self._visits.append(visit)
        return len(self._visits) == 1

    @property
    def is_debugging(self) -> bool:
        return self._least == 0

    def flush(self) -> None:
        if self._visits:
            visits, self._visits = self._visits, []
            self._write("".join(map(self._format_visit, visits)))

    def set_level(self, name: str) -> None:
        self._level = name
        self._weigh()

    def toggle(self) -> bool:
        """
        @return: whether everything is written from now on.
        """
        self._is_debugging = not self._is_debugging
        self._weigh()
        return self._is_debugging

    def _weigh(self) -> None:
        self._least = 0 if self._is_debugging else WEIGHTS[self._level]
        self.hears_visits = self._least <= WEIGHTS["info"]

    def _write(self, text: str) -> None:
        try:
            self._file.write(text)
        except UnicodeEncodeError:  # by a locale of long ago, or it is the name of a file
            self._file.write(text.encode("ascii", "backslashreplace").decode())
        self._file.flush()


class _Now:
    """
    The log of this process.  There is one, as there is one C{globalLogPublisher}.
    """

    log: Log | None = None


def begin(style: str, level: str, given: Mapping[str, Any]) -> Log | None:
    """
    @param style: "text" or "json".
    @param level: what is lighter is left out.
    @param given: the options of C{twistd}.
    @return: an observer for C{twistd}; L{None} where it was told of another: C{--syslog}
        or C{--logger}.
    """
    if given.get("syslog") or given.get("logger"):
        return None
    file = _file(given)
    if file is None:
        return None
    _Now.log = Log(file, *_formats(style, is_read_by_journal(file)), level)
    return _Now.log


def set_level(name: str) -> None:
    """
    From now on; a level that was raised by a signal stays until the next signal.
    """
    if _Now.log is not None:
        _Now.log.set_level(name)


def is_debugging() -> bool:
    """
    To be asked before something is made only to be logged.
    """
    return _Now.log is not None and _Now.log.is_debugging


def hears_visits() -> bool:
    return _Now.log is not None and _Now.log.hears_visits


def visit(visit: Visit, soon: Callable[[float, Callable[[], None]], object]) -> None:
    """
    @param soon: C{callLater}, for when this turn of the reactor is over.
    """
    now = _Now.log
    if now is not None and now.visit(visit):
        soon(0, now.flush)


def flush() -> None:
    """
    Nobody is there any more who would do so when the turn is over.
    """
    if _Now.log is not None:
        _Now.log.flush()


def toggle_on_signal(reactor: Any) -> None:
    """
    Let SIGUSR2 switch debug messages on, and off again.
    """

    def said(is_on: bool) -> None:
        log.info("Debug messages are {state}", state="on" if is_on else "off")

    def toggle(number: int, frame: object) -> None:
        now = _Now.log
        if now is not None:
            reactor.callFromThread(said, now.toggle())

    signal.signal(signal.SIGUSR2, toggle)


def _file(given: Mapping[str, Any]) -> IO[Any] | None:
    """
    What C{twistd} itself would write to.
    """
    name, is_in_front = given.get("logfile"), given.get("nodaemon")
    if name == "-" or (not name and is_in_front):
        return sys.stdout if is_in_front else None  # twistd refuses it, with a sentence
    file: Any = LogFile.fromFullPath(name or "twistd.log", rotateLength=ROTATE_LENGTH)
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda number, frame: _rotate(file))
    return file


def _rotate(file: Any) -> None:
    from twisted.internet import reactor

    anyway: Any = reactor
    anyway.callFromThread(file.rotate)


def is_read_by_journal(file: IO[Any]) -> bool:
    """
    Whether systemd reads C{file}, and not only something else of ours: systemd.exec(5),
    C{$JOURNAL_STREAM}.
    """
    try:
        found = os.fstat(file.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _formats(style: str, is_journal: bool) -> Formats:
    if style == "json":
        return _as_json, _visit_as_json
    return (_for_journal, _visit_for_journal) if is_journal else (_as_text, _visit_as_text)


HTTP = "teamchatd.http"


@define
class _Clockwork:
    """
    The time as it is written: to make it anew for each line of a second costs more than
    all the rest of the line.
    """

    _format: str
    _time_of: Callable[[float], struct_time]
    _second: int = -1
    _written: str = ""

    def written(self, at: float) -> str:
        second = int(at)
        if second != self._second:
            self._second = second
            self._written = strftime(self._format, self._time_of(second))
        return self._written


_local = _Clockwork("%Y-%m-%dT%H:%M:%S%z", localtime)
"""As Twisted writes it."""

_universal = _Clockwork("%Y-%m-%dT%H:%M:%S", gmtime)


def _for_programs(at: float) -> str:
    """
    RFC 3339, in milliseconds.
    """
    return f"{_universal.written(at)}.{int(at * 1000) % 1000:03d}Z"


def _text(event: LogEvent) -> str:
    return eventAsText(event, includeTimestamp=False, includeSystem=False)


def _level(event: LogEvent) -> str:
    level: str = (event.get("log_level") or LogLevel.info).name
    return level


def _time(event: LogEvent) -> float:
    at: float | None = event.get("log_time")
    return time() if at is None else at


def _system(event: LogEvent) -> str:
    """
    Who says it; older parts of Twisted say so themselves.
    """
    said = event.get("log_system") or f"{event.get('log_namespace') or '-'}#{_level(event)}"
    return str(said)


def _as_text(event: LogEvent) -> str:
    """
    As Twisted writes it: further lines are those that begin with a tab.
    """
    lines = _text(event).replace("\n", "\n\t")
    return f"{_local.written(_time(event))} [{_system(event)}] {lines}\n"


def _visit_as_text(visit: Visit) -> str:
    return f"{_local.written(visit[0])} [{HTTP}#info] {_told(visit)}"


def _told(visit: Visit) -> str:
    _, request_id, user_id, method, path, status, seconds, sent = visit
    return (
        f"{method} {path} {status} in {seconds * 1000:.1f} ms, {sent} bytes"
        f" user={user_id or '-'} request={request_id.decode() or '-'}\n"
    )


def _for_journal(event: LogEvent) -> str:
    """
    The journal knows what time it is, and takes each line for a message of its own.
    """
    priority = f"<{PRIORITIES[_level(event)]}>"
    lines = _text(event).replace("\n", f"\n{priority}\t")
    return f"{priority}[{_system(event)}] {lines}\n"


def _visit_for_journal(visit: Visit) -> str:
    return f"<6>[{HTTP}#info] {_told(visit)}"


def _as_json(event: LogEvent) -> str:
    return _object(
        {
            "time": _for_programs(_time(event)),
            "level": _level(event),
            "namespace": event.get("log_namespace") or "-",
            "text": _text(event).encode("utf-8", "backslashreplace").decode(),
        }
    )


def _visit_as_json(visit: Visit) -> str:
    return _object(
        {
            "time": _for_programs(visit.at),
            "level": "info",
            "namespace": HTTP,
            "text": f"{visit.method} {visit.path} {visit.status}",
            "request": visit.request_id.decode(),
            "user": visit.user_id,
            "method": visit.method,
            "path": visit.path,
            "status": visit.status,
            "ms": round(visit.seconds * 1000, 1),
            "bytes": visit.sent,
        }
    )


def _object(fields: dict[str, Any]) -> str:
    return orjson.dumps(fields).decode() + "\n"
