"""
C{twistd teamchat}: how the daemon starts and stops.

C{makeService} opens nothing.  Files, sockets and threads wait for
C{startService}, which comes after C{twistd} has forked: SQLite does not survive
a fork.  What they are put together to is L{teamchatd.house}.
"""

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong  # which is not Python's own
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, Logger
from twisted.python import usage

from teamchatd import __version__, config, logs
from teamchatd.auth import passwords, secret
from teamchatd.chat import images
from teamchatd.chat.first_start import FirstStart
from teamchatd.errors import ChatError
from teamchatd.files.darkroom import Darkroom
from teamchatd.files.shelf import Shelf
from teamchatd.house import CHANGEABLE, House, Workplaces, mint, postman_for
from teamchatd.http.listening import CannotListen, Listening
from teamchatd.http.readiness import free_bytes
from teamchatd.live.relay import Address, RedisRelay
from teamchatd.recurring import Recurring
from teamchatd.reloading import Reloading
from teamchatd.store import fellows
from teamchatd.store.chosen import engine
from teamchatd.store.database import Database
from teamchatd.store.engine import Engine
from teamchatd.store.schema import Unusable
from teamchatd.systemd import FEEDS, Systemd, handed_over, prove_alive
from teamchatd.workers import Workers

log = Logger()

SHARE_OF_STORAGE = 1 / 4
"""Of the time in which we stop, kept from clients who do not take their end."""

TURNS = 3
"""
Of the reactor, until the last answers are out: one ends the turn in which they
were found, in the next they are written, and the third is for those who read.
"""

REMARK_SECONDS = 5

LOG_LEVEL = ("[log] level",)

MARGIN_SECONDS = 10
"""For what ends after all that C{shutdownSeconds} is for: the process itself."""

DEFAULT_PORT = f":{config.Config().server.port}"

FILES_OF_OUR_OWN = 64
"""Open files that are no connections: the database in every thread, the log, the doors."""


class Options(usage.Options):
    """
    The command line, which overrides the environment, which overrides the file.
    """

    optParameters = [
        ["config", "c", None, "The configuration, a TOML file. Without it: the defaults."],
        ["port", "p", None, "The TCP port to listen on."],
        ["data-dir", "d", None, "The directory for all that is kept."],
        ["auth-mode", "a", None, 'How users sign in: "password", "magic-link" or "dev".'],
    ]

    def parseOptions(self, options: Sequence[str] | None = None) -> None:  # noqa: N802
        """
        One line for a typing error, and not the whole list of options: that is
        what C{--help} is for.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as wrong:
            refuse(f"{str(wrong).rstrip('.')}; twistd teamchat --help tells the options")

    def opt_version(self) -> NoReturn:
        """
        Say which teamchat this is, and not which Twisted.
        """
        sys.stdout.write(f"teamchat {__version__}\n")
        raise SystemExit(0)

    def postOptions(self) -> None:
        names = ("port", "data-dir", "auth-mode")
        given = {name: self[name] for name in names if self[name] is not None}
        file = None if self["config"] is None else Path(self["config"])
        sockets = handed_over(os.environ)
        self.read = partial(config.read, file, dict(os.environ), given, sockets)
        try:
            self.chosen = self.read()
        except config.BadConfig as wrong:
            refuse(str(wrong))
        if sockets and list(self.chosen.server.listen) == sockets:
            _say_what_is_ignored(self.chosen.server)


def _say_what_is_ignored(server: config.Server) -> None:
    """
    Nobody shall look for us at an address that they wrote down and that we do not use.
    """
    usual = config.Server()
    if (server.host, server.port) != (usual.host, usual.port):
        log.warn(
            "[server] host and port are not used: a socket unit of systemd says where to listen."
            " To use them, disable that unit."
        )


def makeService(options: Options) -> Service:
    from twisted.internet import reactor

    chosen = options.chosen
    given = getattr(options, "parent", None)  # those of twistd, which knows where to log
    log = None if given is None else logs.begin(chosen.log.format, chosen.log.level, given)
    return Teamchat(chosen, reactor, options.read, Systemd.of(os.environ), log)


class Refused(Exception, SystemExit):
    """
    Ends the process without a traceback, as L{SystemExit} does.

    It is an L{Exception} besides, because those alone C{twistd} reports to the
    process it has forked from, which would wait for news for ever, and because
    of those alone it removes its pidfile.
    """

    code = 1


def refuse(sentence: str) -> NoReturn:
    """
    End the process before it is up, with one line that says why.
    """
    stderr = sys.__stderr__  # sys.stderr is the log's by now
    if stderr is not None:
        stderr.write(f"teamchat: {sentence}\n")
        stderr.flush()
    raise Refused(sentence)


def _engine(url: str, directory: Path) -> Engine:
    try:
        return engine(url, directory)
    except Unusable as error:
        refuse(str(error))


def _has_stderr() -> bool:
    """
    Does anybody read it?  Whoever has forked has C{/dev/null} there.
    """
    try:
        return not os.path.samestat(os.fstat(2), os.stat(os.devnull))
    except OSError:
        return False


class Teamchat(Service):
    """
    The daemon: what C{twistd} starts and stops.
    """

    def __init__(
        self,
        chosen: config.Config,
        reactor: Any,
        read: Callable[[], config.Config],
        systemd: Systemd,
        observer: ILogObserver | None = None,
    ) -> None:
        """
        @param read: reads the configuration as it is now.
        """
        self._chosen = chosen
        self._observer = observer
        self._reactor = reactor
        self._systemd = systemd
        self._telling: list[Recurring] = []
        self._reloading = Reloading(reactor, read, chosen, systemd.reloading, self._reloaded)
        self._directory = Path(chosen.storage.data_directory).absolute()
        self._database = Database(_engine(chosen.storage.database, self._directory), reactor)
        self._database.upgrading = systemd.upgrading
        self._shelf, self._darkroom = Shelf(self._directory / "files"), Darkroom()
        self._hashing = Workers(
            reactor, "passwords", passwords.AT_ONCE, passwords.MOST_WAITING, passwords.TOO_BUSY
        )
        self._pictures = Workers(
            reactor,
            "pictures",
            images.AT_ONCE,
            images.MOST_WAITING,
            images.TOO_BUSY,
            images.MOST_WAITING_OF_ONE,
        )
        self._files = Workers(reactor, "files", 1, images.MOST_WAITING, images.TOO_BUSY)

    def setServiceParent(self, parent: Any) -> None:
        """
        Let the application say who observes the log: C{twistd} asks it, and nobody else.
        """
        super().setServiceParent(parent)
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)

    def startService(self) -> None:
        """
        Open, upgrade, furnish, listen: in this order, so that whoever can reach
        us can be served.  Whatever fails ends the process with one line.
        """
        try:
            self._start()
        except (Unusable, secret.BadSecret, CannotListen, ChatError) as error:
            if not _has_stderr():  # else the log would say it a second time on the same terminal
                log.error("{why}", why=str(error))
            self._systemd.remark(str(error))
            refuse(str(error))
        super().startService()

    def _start(self) -> None:
        connections = _open_files() - FILES_OF_OUR_OWN
        self._reloading.startService()
        self._open_record()
        jwt_secret, team = self._meet_fellows()
        self._relay = self._shared_through(self._chosen.redis.url, team)
        self._house = self._built(jwt_secret)
        link = self._furnish()
        self._house.begin()
        self._open_doors()
        self._set_to_work()
        log.info("There is room for {count} connections at once", count=connections)
        logs.toggle_on_signal(self._reactor)
        self._say_hello(link)
        _settle()
        self._reactor.callWhenRunning(self._up)

    def _open_record(self) -> None:
        if not self._is_shared:
            fellows.refuse_alone(self._directory)
        self._database.startService()
        self._open_shelf()

    def _meet_fellows(self) -> tuple[str, str]:
        """
        @return: what tokens are signed with, and what tells these daemons from those of
            other teams: nothing, where there is only this one.
        """
        jwt_secret = self._chosen.auth.jwt_secret or secret.kept_in(self._directory)
        if not self._is_shared:
            return jwt_secret, ""
        team = fellows.meet(self._database, self._directory, jwt_secret, mint())
        fellows.compare_clocks(self._database, self._reactor.seconds())
        return jwt_secret, team

    def _built(self, jwt_secret: str) -> House:
        return House(
            self._chosen,
            self._database,
            self._reactor,
            self._shelf,
            Workplaces(self._hashing.run, self._pictures.run_for, self._files.run),
            self._darkroom.develop,
            jwt_secret,
            postman=postman_for(self._chosen, self._reactor),
            relay=self._relay,
        )

    def _open_doors(self) -> None:
        """
        To the other daemons, to everybody, and to Prometheus.
        """
        if self._relay is not None:
            self._relay.startService()
        server = self._chosen.server
        self._listening = Listening(
            self._reactor,
            self._house.site,
            server.host,
            server.port,
            server.listen,
            self._is_shared,
        )
        self._listening.startService()
        self._measuring = self._measured()

    def _set_to_work(self) -> None:
        for workers in (self._hashing, self._pictures, self._files):
            workers.startService()
        self._reloading.parts += [
            (CHANGEABLE, self._house.change),
            (LOG_LEVEL, lambda now: logs.set_level(now.log.level)),
        ]
        for each in self._house.recurring:
            each.startService()

    @property
    def _is_shared(self) -> bool:
        return self._database.is_shared

    def _up(self) -> None:
        """
        Only now: before the reactor runs, who asks us to end would just end us.
        """
        self._be_ready()
        self._telling = list(self._what_is_told())
        for each in self._telling:
            each.startService()

    def _what_is_told(self) -> Iterator[Recurring]:
        """
        To systemd, while we run.
        """
        yield Recurring(self._reactor, REMARK_SECONDS, lambda: self._systemd.remark(self._remark()))
        seconds = self._systemd.watchdog_seconds
        if seconds:
            yield Recurring(self._reactor, seconds / FEEDS, self._show_life)

    async def _show_life(self) -> None:
        await prove_alive(self._database.probe)
        self._systemd.alive()

    def _reloaded(self) -> None:
        """
        Certificates are read again, too: a configuration that is refused does not keep them old.
        """
        self._listening.reload()
        self._be_ready()

    def _be_ready(self) -> None:
        self._systemd.ready(self._remark())

    def _remark(self) -> str:
        hub = self._house.hub
        return f"teamchat {__version__}, users listening: {hub.people}, streams: {hub.count}"

    def _measured(self) -> Listening | None:
        """
        Let Prometheus in, if that was asked for.  Imported here: for those who have not,
        the library would be loaded for nothing.
        """
        where, house = self._chosen.metrics.listen, self._house
        if not where:
            return None
        from teamchatd.http.figures import site
        from teamchatd.metrics import Exposition, Figures

        workers = {
            "passwords": self._hashing,
            "pictures": self._pictures,
            "files": self._files,
        }
        figures = Figures(house, {**house.limits, **workers}, partial(free_bytes, self._directory))
        exposition = Exposition(figures, house.counting.counts, self._reactor)
        measuring = Listening(
            self._reactor, site(exposition.scrape), "", 0, [where], key="[metrics] listen"
        )
        measuring.startService()
        for address in measuring.addresses():
            log.info("Metrics are at {address}/metrics", address=address)
        return measuring

    def _shared_through(self, url: str, team: str) -> RedisRelay | None:
        """
        @param team: what tells these daemons from others that have the same Redis.
        @param url: of the Redis through which daemons tell each other things, if there
            is one.
        """
        if not url:
            return None
        return RedisRelay(self._reactor, Address.of(url), f"teamchat:{team}")

    def _open_shelf(self) -> None:
        try:
            self._shelf.open(self._database.is_shared)
        except OSError as error:
            where = self._shelf.directory
            raise Unusable(f"the images in {where} cannot be used: {error.strerror}") from error

    def _furnish(self) -> str | None:
        """
        @return: the token with which the first visitor becomes admin, if there
            is neither an admin nor one in the configuration.
        """
        chat = self._chosen.chat
        start = FirstStart(self._database, mint, passwords.BCRYPT_COST)
        start.furnish(chat.server_name)
        wanted = chat.initial_user
        if wanted.email and not start.has_admin():
            admin = start.make_admin(wanted.email, wanted.user_name, wanted.password)
            if admin is not None:
                log.info("Made the first admin, {name}", name=admin.user_name)
        elif wanted.email and not start.has_user(wanted.email):
            log.warn("[chat.initialUser] is not made: this server has an administrator already")
        link = start.link_for_admin()
        return None if link is None else link.token

    def _say_hello(self, token: str | None) -> None:
        days = self._chosen.chat.message_retention_days
        if days:
            log.info("Messages are deleted when they are {days} days old", days=days)
        address = ", ".join(self._listening.addresses())
        log.info("teamchat {version} listens at {address}", version=__version__, address=address)
        auth = self._chosen.auth
        if auth.auth_mode == "dev":
            log.warn(
                'authMode is "dev": whoever reaches this port signs in as whom they like,'
                " as an administrator too"
            )
            log.info("In dev mode no letter is sent; the link in it is shown here instead")
        elif not self._chosen.email.host:
            log.warn(
                "No mail server is configured, [email] host: nobody can be sent a link, so"
                " invitations and forgotten passwords need an administrator who sets a password"
            )
        if token is None:
            return
        here = self._address_to_call()
        link = auth.app_url
        if link == config.Config().auth.app_url and not here.endswith(DEFAULT_PORT):
            link = here  # nobody has said where we are, and nobody listens there
        email = '"email": "YOU@example.org"'
        calls = {
            "password": "/auth/setup-password --json"
            f""" '{{{email}, "password": "AT LEAST 8", "token": "{token}"}}'""",
            "dev": f"""/auth/dev-login --json '{{{email}, "token": "{token}"}}'""",
            "magic-link": "/auth/verify"
            f""" -H "Authorization: Bearer {token}" --json '{{{email}}}'""",
        }
        log.info(
            "Nobody administrates this server yet. The first to open this will:\n"
            "{link}?token={token}\n"
            "Or, without a browser, the first to send this:\n"
            "curl {here}{call}",
            here=here,
            call=calls[auth.auth_mode],
            link=link.rstrip("/"),
            token=token,
        )

    def _address_to_call(self) -> str:
        """
        Where somebody on this machine reaches us.  A socket in the file system has
        no such address, and for TLS it takes the name that is in the certificate.
        """
        descriptions = self._chosen.server.listen or ("tcp",)
        for description, address in zip(descriptions, self._listening.addresses(), strict=False):
            if description.startswith("tcp"):
                return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        return self._chosen.auth.app_url.rstrip("/")

    async def _stop(self) -> None:
        """
        All within C{shutdownSeconds}: whoever started us kills us soon after, and
        then the database is what should be done.
        """
        now, seconds = self._reactor.seconds(), self._chosen.server.shutdown_seconds
        self._systemd.stopping(seconds + MARGIN_SECONDS)
        self._reloading.stopService()
        for_others, for_all = now + seconds * (1 - SHARE_OF_STORAGE), now + seconds
        for_files = now + seconds * (1 - SHARE_OF_STORAGE / 2)  # the rest is the database's
        self._house.readiness.stop()
        closed = self._listening.stopService()
        regular: list[Deferred[Any]] = [
            each.stopService() for each in (*self._house.recurring, *self._telling)
        ]
        streams, letters = self._house.hub.end_all(), self._house.letters.close()
        hashing, pictures = self._hashing.stopService(), self._pictures.stopService()
        if self._measuring is not None:
            regular.append(self._measuring.stopService())
        if not await self._is_over(streams, for_others):
            log.info("Some clients did not take the end of their streams: hanging up")
            self._house.hub.abort_all()
        if not await self._is_over(letters, for_others):
            log.info("Some letters are still under way: they are sent again at the next start")
        await self._is_over(closed, for_others)
        for each in regular:
            await self._is_over(each, for_others)
        await self._is_over(hashing, for_others)
        if not await self._is_over(pictures, for_others):
            log.info("Some images are still being looked at: their senders have to try again")
            self._darkroom.close()
            await self._is_over(self._pictures.idle(), for_files)
        await self._is_over(self._files.stopService(), for_files)
        if self._relay is not None:
            await self._is_over(self._relay.stopService(), for_files)
        await deferLater(self._reactor, 0)  # what was just hashed is stored
        if not await self._is_over(self._database.stopService(), for_all):
            log.warn("The disk does not finish what was begun, and is not waited for any more")
        for _ in range(TURNS):
            await deferLater(self._reactor, 0)
        logs.flush()

    async def _is_over(self, ending: "Deferred[Any]", until: float) -> bool:
        """
        Wait for C{ending}, but no longer than C{until}.  If it fails, it is over:
        it must not keep us from ending the rest.
        """
        ending.addTimeout(max(0, until - self._reactor.seconds()), self._reactor)
        try:
            await ending
        except TookTooLong:
            return False
        except Exception:
            log.failure("something could not be ended")
        return True

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return Deferred.fromCoroutine(self._stop())


def _open_files() -> int:
    """
    Take as many open files as we may have.  What a shell or systemd gives at first
    is 1024, kept so low for programs that use select(), and a stream is one.

    @return: how many that are.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # not on this system: then we do with what there is
        return soft
    return hard


def _settle() -> None:
    """
    What is there by now stays: the collector need not look at it again and again.
    With its usual thresholds it stops the daemon a hundred times a second under
    load, for objects that all die by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 15, 15)
