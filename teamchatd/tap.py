"""
C{twistd teamchat}: where the parts meet.

This is the only module that knows them all, and the only one that sees the
configuration: the parts get values.  C{makeService} opens nothing.  Files,
sockets and threads wait for C{startService}, which comes after C{twistd} has
forked: SQLite does not survive a fork.
"""

import gc
import os
import resource
import secrets
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.internet import TimerService
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.defer import TimeoutError as TookTooLong  # which is not Python's own
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python import usage

from teamchatd import __version__, config
from teamchatd.auth import providers, secret
from teamchatd.auth.accounts import Accounts
from teamchatd.auth.asking import Asking, Call
from teamchatd.auth.discovery import Discovery
from teamchatd.auth.entrances import Entrances
from teamchatd.auth.letters import Delivers, ForWhomItIs, LetterBox, Postage, Prepare
from teamchatd.auth.limits import Failures, Limit, NoFailures, NoLimit
from teamchatd.auth.links import SETUP_SECONDS
from teamchatd.auth.oauth import OAuth
from teamchatd.auth.passwords import BCRYPT_COST, InThread, Passwords, Threads
from teamchatd.auth.providers import Addresses, Provider, Registration
from teamchatd.auth.sessions import Lifetimes, Sessions
from teamchatd.auth.signing_in import SigningIn
from teamchatd.auth.tokens import Tokens
from teamchatd.chat.access import Access
from teamchatd.chat.channels import Channels
from teamchatd.chat.first_start import FirstStart
from teamchatd.chat.messages import Messages
from teamchatd.chat.reactions import Reactions
from teamchatd.chat.settings import Settings
from teamchatd.chat.users import Users
from teamchatd.errors import ChatError
from teamchatd.http.about import AboutRoutes
from teamchatd.http.auth import (
    DevRoutes,
    MagicLinkRoutes,
    PasswordRoutes,
    RegisterRoutes,
    SessionRoutes,
)
from teamchatd.http.channels import ChannelRoutes
from teamchatd.http.events import EventRoutes
from teamchatd.http.health import HealthRoutes
from teamchatd.http.identity import Identity
from teamchatd.http.listening import CannotListen, Listening
from teamchatd.http.messages import MessageRoutes
from teamchatd.http.oauth import OAuthRoutes
from teamchatd.http.request import Site
from teamchatd.http.routes import Area
from teamchatd.http.server import ServerRoutes
from teamchatd.http.site import Nowhere, Root
from teamchatd.http.users import UserRoutes
from teamchatd.live.hub import BEATS, Hub
from teamchatd.mail.logged import LoggingPostman
from teamchatd.model import Entry, Purpose
from teamchatd.store.channels import ChannelStore
from teamchatd.store.database import Database
from teamchatd.store.journal import Journal
from teamchatd.store.letters import LetterStore
from teamchatd.store.links import LinkStore
from teamchatd.store.messages import MessageStore
from teamchatd.store.oauth import OAuthStore
from teamchatd.store.reactions import ReactionStore
from teamchatd.store.schema import Unusable
from teamchatd.store.sessions import SessionStore
from teamchatd.store.settings import SettingStore
from teamchatd.store.users import UserStore

log = Logger()

DAY = 24 * 60 * 60
EXPIRY_SECONDS = 60
LETTER_SECONDS = 5
TRIM_SECONDS = 10 * 60

SHARE_OF_STORAGE = 1 / 4
"""Of the time in which we stop, kept from clients who do not take their end."""

TURNS = 3
"""
Of the reactor, until the last answers are out: one ends the turn in which they
were found, in the next they are written, and the third is for those who read.
"""

DEFAULT_PORT = f":{config.Config().server.port}"

FILES_OF_OUR_OWN = 64
"""Open files that are no connections: the database in every thread, the log, the doors."""

TOO_OFTEN = "That was too much in a minute. Try again a little later."
TOO_MANY_FAILURES = "Too many attempts to sign in have failed. Try again a little later."
TOO_MANY_ATTEMPTS = "Too many attempts to sign in from here. Try again a little later."


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
        try:
            self.chosen = config.read(file, os.environ, given)
        except config.BadConfig as wrong:
            refuse(str(wrong))


def makeService(options: Options) -> Service:
    from twisted.internet import reactor

    return Teamchat(options.chosen, reactor)


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


def _has_stderr() -> bool:
    """
    Does anybody read it?  Whoever has forked has C{/dev/null} there.
    """
    try:
        return not os.path.samestat(os.fstat(2), os.stat(os.devnull))
    except OSError:
        return False


def mint() -> str:
    """
    A new id: 120 random bits, safe in a URL and selected with a double click.
    """
    return secrets.token_hex(15)


def calling(reactor: Any) -> Call:
    """
    Makes calls to others.  Slow to import, so only where somebody is to be called.
    """
    from teamchatd.http.calling import calling

    return calling(reactor)


def providers_of(chosen: config.OAuth) -> dict[str, Provider]:
    """
    Those through whom one can sign in, in the order in which they are shown.
    """
    presets = {each: getattr(chosen.presets, each) for each in providers.PRESETS}
    found = [
        providers.preset(name, _registration(given))
        for name, given in presets.items()
        if given.client_id
    ]
    for each in chosen.custom:
        addresses = Addresses(each.authorization_url, each.token_url, each.user_info_url)
        found.append(
            providers.custom(
                each.id,
                each.name or each.id,
                _registration(each),
                each.issuer,
                addresses,
                each.scopes,
            )
        )
    return {provider.id: provider for provider in found}


def _registration(given: config.Registration | config.CustomProvider) -> Registration:
    return Registration(given.client_id, given.client_secret, given.redirect_uri)


class House:
    """
    All parts, put together.  Nothing here opens a file, a socket or a thread.

    @ivar site: what answers HTTP.
    @ivar letters: where letters are asked for; call its C{wake} after that.
    @ivar recurring: what has to be done every so many seconds.
    @ivar oauth: signing in through others, where there are any.
    """

    def __init__(
        self,
        chosen: config.Config,
        database: Database,
        clock: IReactorTime,
        in_thread: InThread,
        jwt_secret: str,
        bcrypt_cost: int = BCRYPT_COST,
        postman: Delivers | None = None,
        prepare: Prepare | None = None,
        call: Call | None = None,
    ) -> None:
        self.database, self.clock = database, clock
        self.users, self.links = UserStore(database), LinkStore(database)
        self.channels, self.messages = ChannelStore(database), MessageStore(database)
        self.reactions, self.settings = ReactionStore(database), SettingStore(database)
        self.journal = Journal(database)
        self.hub = Hub(clock, self.journal.after, chosen.events.streams_per_user)
        self.passwords = Passwords(in_thread, bcrypt_cost)
        self.sessions = Sessions(
            SessionStore(database),
            Tokens(jwt_secret, clock),
            clock,
            mint,
            Lifetimes(chosen.auth.jwt_expiry_seconds, chosen.auth.refresh_token_expiry_seconds),
            chosen.auth.max_active_sessions,
            self.hub.end_sessions,
        )
        self.letters = LetterBox(
            LetterStore(database),
            prepare or self._prepare(chosen, jwt_secret),
            postman,
            Postage(chosen.email.from_, chosen.email.max_retries, chosen.email.timeout_seconds),
            self.settings.name,
            clock,
        )
        self.oauth = self._oauth(chosen, call)
        database.committed = self.committed
        origins = frozenset(origin.encode() for origin in chosen.server.allowed_origins)
        self.site = Site(self._root(chosen), clock, origins)
        keep_ms = chosen.events.keep_days * DAY * 1000
        self.recurring: list[tuple[float, Callable[[], Any]]] = [
            (chosen.events.heartbeat_seconds / BEATS, self.hub.beat),
            (EXPIRY_SECONDS, self.sessions.end_expired),
            (LETTER_SECONDS, self.letters.wake),
            (EXPIRY_SECONDS, self.links.sweep),
            (TRIM_SECONDS, lambda: self.journal.trim(int(clock.seconds() * 1000) - keep_ms)),
        ]
        if self.oauth is not None:
            self.recurring.append((EXPIRY_SECONDS, self.oauth.forget_expired))

    def begin(self) -> None:
        """
        The record is open: what is written from now on is new, and is told.
        """
        head = self.database.head()
        self.hub.begin(head.era, head.number)
        self.letters.begin()

    def committed(self, entries: list[Entry]) -> None:
        """
        Tell of one commit, entry by entry to the clients and to the daemon
        itself: a stream that is cut by one of them hears nothing after it.
        """
        tells: tuple[Callable[[Entry], None], ...] = (self.hub.deliver, self.sessions.notice)
        for entry, tell in product(entries, tells):
            try:
                tell(entry)
            except Exception:  # the rest has to be told: a removed user has to go
                log.failure("entry {number} was not told to all", number=entry.number)

    def _prepare(self, chosen: config.Config, jwt_secret: str) -> ForWhomItIs:
        auth = chosen.auth
        seconds = {
            Purpose.SIGN_IN: auth.magic_link_expiry_seconds,
            Purpose.PASSWORD_RESET: auth.magic_link_expiry_seconds,
            Purpose.INVITATION: SETUP_SECONDS,
        }
        return ForWhomItIs(
            self.links, jwt_secret, auth.app_url, seconds, not auth.is_invite_required
        )

    def _oauth(self, chosen: config.Config, call: Call | None) -> OAuth | None:
        known, limits = providers_of(chosen.oauth), chosen.oauth
        if not known:
            return None
        asking = Asking(call or calling(self.clock))
        discovery = Discovery(asking, self.clock)
        return OAuth(
            known,
            discovery,
            Accounts(asking, discovery, self.clock),
            OAuthStore(self.database),
            self.sessions,
            Limit(limits.max_attempts, TOO_MANY_ATTEMPTS, self.clock, limits.window_seconds),
            self.clock,
            mint,
            chosen.auth.is_invite_required,
        )

    def _root(self, chosen: config.Config) -> Root:
        requests: Limit | NoLimit = NoLimit()
        if chosen.rate_limit.enabled:
            requests = Limit(chosen.rate_limit.requests_per_minute, TOO_OFTEN, self.clock)
        identity = Identity(self.sessions, requests, chosen.server.trusted_proxies)
        with_passwords = chosen.auth.auth_mode == "password"
        invite = self.letters.invite if chosen.email.host else None
        users = Users(self.users, self.passwords, mint, with_passwords, invite)
        access = Access(self.messages)
        messages = Messages(access, self.messages, mint, chosen.chat.max_message_length)
        about = AboutRoutes(identity)
        areas: dict[str, Area] = {
            "": about,
            "openapi.json": about,
            "health": HealthRoutes(identity),
            "auth": SessionRoutes(identity, self.sessions, users),
            "users": UserRoutes(identity, users),
            "channels": ChannelRoutes(identity, Channels(self.channels, mint), messages),
            "messages": MessageRoutes(identity, messages, Reactions(access, self.reactions)),
            "server": ServerRoutes(identity, Settings(self.settings)),
            "events": EventRoutes(identity, self.hub, mint),
        }
        return Root(Nowhere(identity), areas | self._ways_in(chosen, identity))

    def _ways_in(self, chosen: config.Config, identity: Identity) -> dict[str, Area]:
        """
        The calls of this mode.  Those of another are in no tree, and so 404 like
        any unknown path.
        """
        auth, limits = chosen.auth, chosen.rate_limit
        failures: Failures | NoFailures = NoFailures()
        if limits.enabled:
            failures = Failures(limits.failed_sign_ins_per_minute, TOO_MANY_FAILURES, self.clock)
        entrances = Entrances(
            self.links,
            self.sessions,
            self.passwords,
            self.clock,
            mint,
            failures,
            self.letters.ask,
        )
        signing_in = SigningIn(
            self.users,
            entrances,
            self.sessions,
            self.passwords,
            failures,
            mint,
            auth.is_invite_required,
        )
        ways: dict[str, Area] = {}
        if self.oauth is not None:
            ways["auth/oauth"] = OAuthRoutes(identity, self.oauth, auth.app_url)
        if auth.auth_mode == "dev":
            ways["auth/dev-login"] = DevRoutes(identity, signing_in)
        elif auth.auth_mode == "magic-link":
            ways["auth/login"] = MagicLinkRoutes(identity, entrances)
            ways["auth/verify"] = ways["auth/login"]
        else:
            ways["auth/password-login"] = PasswordRoutes(identity, signing_in, entrances)
            ways["auth/setup-password"] = ways["auth/password-login"]
            ways["auth/request-password-reset"] = ways["auth/password-login"]
            if not auth.is_invite_required:
                ways["auth/register"] = RegisterRoutes(identity, signing_in)
        return ways


def postman_for(chosen: config.Config, reactor: Any) -> Delivers | None:
    """
    Who carries the letters of this configuration, if anybody does.
    """
    email = chosen.email
    if chosen.auth.auth_mode == "dev":
        return LoggingPostman()
    if not email.host:
        return None
    # Imported here: it waits for the name service, to learn what this machine is called.
    from teamchatd.mail.conversation import MailServer
    from teamchatd.mail.postman import Postman

    server = MailServer(
        email.host, email.port, email.secure, email.user, email.password, email.timeout_seconds
    )
    return Postman(reactor, server)


class Teamchat(Service):
    """
    The daemon: what C{twistd} starts and stops.
    """

    def __init__(self, chosen: config.Config, reactor: Any) -> None:
        self._chosen = chosen
        self._reactor = reactor
        self._directory = Path(chosen.storage.data_directory).absolute()
        self._database = Database(self._directory, reactor)
        self._threads = Threads(reactor)
        self._timers: list[TimerService] = []

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
            refuse(str(error))
        super().startService()

    def _start(self) -> None:
        chosen = self._chosen
        connections = _open_files() - FILES_OF_OUR_OWN
        self._database.startService()
        jwt_secret = chosen.auth.jwt_secret or secret.kept_in(self._directory)
        self._house = House(
            chosen,
            self._database,
            self._reactor,
            self._threads.run,
            jwt_secret,
            postman=postman_for(chosen, self._reactor),
        )
        link = self._furnish()
        self._house.begin()
        server = chosen.server
        self._listening = Listening(
            self._reactor, self._house.site, server.host, server.port, server.listen
        )
        self._listening.startService()
        self._threads.startService()
        for seconds, function in self._house.recurring:
            timer = TimerService(seconds, _carefully, function)
            timer.startService()
            self._timers.append(timer)
        log.info("There is room for {count} connections at once", count=connections)
        self._say_hello(link)
        _settle()

    def _furnish(self) -> str | None:
        """
        @return: the token with which the first visitor becomes admin, if there
            is neither an admin nor one in the configuration.
        """
        chat = self._chosen.chat
        start = FirstStart(self._database, mint, BCRYPT_COST)
        start.furnish(chat.server_name)
        wanted = chat.initial_user
        if wanted.email and not start.has_admin():
            admin = start.make_admin(wanted.email, wanted.user_name, wanted.password)
            log.info("Made the first admin, {name}", name=admin.user_name)
        elif wanted.email and not start.has_user(wanted.email):
            log.warn(
                "[chat.initialUser] {email} is not made: this server has an administrator already",
                email=wanted.email,
            )
        link = start.link_for_admin()
        return None if link is None else link.token

    def _say_hello(self, token: str | None) -> None:
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
            "Nobody administrates this server yet. The first to send this will:\n"
            "curl {here}{call}\n"
            "Or, with a page for it, the first to open {link}?token={token}",
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
        for_others, for_all = now + seconds * (1 - SHARE_OF_STORAGE), now + seconds
        closed = self._listening.stopService()
        regular = gatherResults([maybeDeferred(timer.stopService) for timer in self._timers])
        streams, letters = self._house.hub.end_all(), self._house.letters.close()
        if not await self._is_over(streams, for_others):
            log.info("Some clients did not take the end of their streams: hanging up")
            self._house.hub.abort_all()
        if not await self._is_over(letters, for_others):
            log.info("Some letters are still under way: they are sent again at the next start")
        await self._is_over(closed, for_others)
        await self._is_over(regular, for_others)
        self._threads.stopService()
        await deferLater(self._reactor, 0)  # what was just hashed is stored
        if not await self._is_over(self._database.stopService(), for_all):
            log.warn("The disk does not finish what was begun, and is not waited for any more")
        for _ in range(TURNS):
            await deferLater(self._reactor, 0)

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


async def _carefully(function: Callable[[], Any]) -> None:
    """
    Do what recurs; when it fails this time, it is done again the next.
    """
    try:
        await maybeDeferred(function)
    except ChatError as refused:
        log.warn("What is done regularly has to wait: {why}", why=str(refused))
    except Exception:
        log.failure("What is done regularly went wrong")
