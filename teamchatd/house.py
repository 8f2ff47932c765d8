"""
The parts of the daemon, put together.

Beside L{teamchatd.tap} this is the only module that knows them all, and that sees
the configuration: the parts get values.  Nothing here opens a file (but those of the
program itself), a socket or a thread.
"""

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd import __version__, config
from teamchatd.auth import providers
from teamchatd.auth.accounts import Accounts
from teamchatd.auth.asking import Asking, Call
from teamchatd.auth.discovery import Discovery
from teamchatd.auth.entrances import Entrances
from teamchatd.auth.letters import Delivers, ForWhomItIs, LetterBox, Postage, Prepare
from teamchatd.auth.limits import Failures, Limit, NoFailures, NoLimit
from teamchatd.auth.links import SETUP_SECONDS
from teamchatd.auth.oauth import OAuth
from teamchatd.auth.passwords import BCRYPT_COST, Passwords
from teamchatd.auth.providers import Addresses, Provider, Registration
from teamchatd.auth.sessions import Lifetimes, Sessions
from teamchatd.auth.signing_in import SigningIn
from teamchatd.auth.tally import Counts, Tally
from teamchatd.auth.tokens import Tokens
from teamchatd.chat.access import Access
from teamchatd.chat.channels import Channels
from teamchatd.chat.conversations import Conversations
from teamchatd.chat.images import Develop, Images
from teamchatd.chat.messages import Messages
from teamchatd.chat.reactions import Reactions
from teamchatd.chat.reads import Reads
from teamchatd.chat.retention import Retention
from teamchatd.chat.settings import Settings
from teamchatd.chat.threads import Threads
from teamchatd.chat.users import Users
from teamchatd.chat.webhooks import Webhooks
from teamchatd.errors import Unavailable
from teamchatd.files.shelf import Shelf
from teamchatd.http import assets
from teamchatd.http.about import AboutRoutes
from teamchatd.http.auth import (
    DevRoutes,
    MagicLinkRoutes,
    PasswordRoutes,
    RegisterRoutes,
    SessionRoutes,
)
from teamchatd.http.channels import ChannelRoutes
from teamchatd.http.client import ClientRoutes, ConfigRoutes
from teamchatd.http.conversations import ConversationRoutes
from teamchatd.http.events import EventRoutes
from teamchatd.http.health import HealthRoutes
from teamchatd.http.identity import Identity
from teamchatd.http.messages import MessageRoutes
from teamchatd.http.oauth import OAuthRoutes, entrances
from teamchatd.http.readiness import Readiness, free_bytes
from teamchatd.http.reads import ReadRoutes
from teamchatd.http.reception import Reception
from teamchatd.http.request import Site
from teamchatd.http.routes import Area
from teamchatd.http.server import ServerRoutes
from teamchatd.http.site import Nowhere, Root
from teamchatd.http.uploads import Uploads
from teamchatd.http.users import UserRoutes
from teamchatd.http.visits import Visits
from teamchatd.http.webhooks import WebhookRoutes
from teamchatd.live.elsewhere import Elsewhere
from teamchatd.live.hub import BEATS, Hub
from teamchatd.live.relay import NoRelay, Relay
from teamchatd.mail.logged import LoggingPostman
from teamchatd.model import Daemons, Entry, Purpose
from teamchatd.recurring import Recurring, Step
from teamchatd.store.batch import Head
from teamchatd.store.channels import ChannelStore
from teamchatd.store.clearing import ClearingStore
from teamchatd.store.conversations import ConversationStore
from teamchatd.store.counting import CountingStore
from teamchatd.store.database import Database
from teamchatd.store.images import ImageStore
from teamchatd.store.journal import Journal
from teamchatd.store.letters import LetterStore
from teamchatd.store.links import LinkStore
from teamchatd.store.messages import MessageStore
from teamchatd.store.oauth import OAuthStore
from teamchatd.store.reactions import ReactionStore
from teamchatd.store.reads import ReadStore
from teamchatd.store.sessions import SessionStore
from teamchatd.store.settings import SettingStore
from teamchatd.store.users import UserStore
from teamchatd.store.webhooks import WebhookStore
from teamchatd.workers import InThread, InTurn

log = Logger()

DAY = 24 * 60 * 60
EXPIRY_SECONDS = 60
LETTER_SECONDS = 5
LOOK_SECONDS = 1
SHARE_SECONDS = 0.25
TRIM_SECONDS = 10 * 60
AGING_SECONDS = 60
SWEEP_SECONDS = 60
REMOVAL_SECONDS = 10

TOO_OFTEN = "That was too much in a minute. Try again a little later."
TOO_MANY_FAILURES = "Too many attempts to sign in have failed. Try again a little later."
TOO_MANY_ATTEMPTS = "Too many attempts to sign in from here. Try again a little later."

CHANGEABLE = (
    "[auth] maxActiveSessions",
    "[chat] messageRetentionDays",
    "[oauth] maxAttempts",
    "[oauth] windowSeconds",
    "[events] streamsPerUser",
    "[images] maxBytes",
    "[images] maxPixels",
    "[rateLimit] requestsPerMinute",
    "[rateLimit] failedSignInsPerMinute",
)
"""The keys that L{House.change} brings into effect while the daemon runs."""


def mint() -> str:
    """
    A new id: 120 random bits, safe in a URL and selected with a double click.
    """
    return secrets.token_hex(15)


def mint_in_order(clock: IReactorTime) -> str:
    """
    The same for what there are millions of: it begins with the time.  Else each would
    go to a page of its own in every index that has it, and each commit write all of
    those.  It gives away what C{createdAt} says too, and 72 bits are random.
    """
    return f"{int(clock.seconds() * 1000):012x}{secrets.token_hex(9)}"


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


@frozen
class Workplaces:
    """
    What works somewhere else, so that the reactor does not wait for it.

    @ivar hashing: for passwords.
    @ivar pictures: for what takes an image of full size into memory.
    @ivar files: for what waits for the disk.
    """

    hashing: InThread
    pictures: InTurn
    files: InThread


class House:
    """
    All parts, put together.  Nothing here opens a file, a socket or a thread.

    @ivar site: what answers HTTP.
    @ivar letters: where letters are asked for; call its C{wake} after that.
    @ivar recurring: what has to be done again and again, from when it is started.
    @ivar limits: what tells people to wait, by what it limits.
    @ivar visits: what became of each request.
    @ivar counting: how many there are, of what the database holds.
    @ivar readiness: whether all of this can do its work now.
    @ivar oauth: signing in through others, where there are any.
    """

    def __init__(
        self,
        chosen: config.Config,
        database: Database,
        clock: IReactorTime,
        shelf: Shelf,
        workplaces: Workplaces,
        develop: Develop,
        jwt_secret: str,
        bcrypt_cost: int = BCRYPT_COST,
        postman: Delivers | None = None,
        prepare: Prepare | None = None,
        call: Call | None = None,
        relay: Relay | None = None,
    ) -> None:
        """
        @param shelf: where images are.
        @param develop: looks at an image, where that can do no harm.
        """
        self.database, self.clock = database, clock
        self.client = assets.shipped()
        self._keep_in(database)
        self._share_through(relay, chosen.events.streams_per_user)
        self.hub = Hub(
            clock,
            self.journal.after,
            chosen.events.streams_per_user,
            {"version": __version__, "assets": self.client.digest},
            database.look,
            self.elsewhere,
        )
        self._listen_to_fellows()
        self.passwords = Passwords(workplaces.hashing, bcrypt_cost)
        self.sessions = self._sessions(chosen.auth, jwt_secret)
        self.letters = LetterBox(
            LetterStore(database),
            prepare or self._prepare(chosen, jwt_secret),
            postman,
            Postage(chosen.email.from_, chosen.email.max_retries, chosen.email.timeout_seconds),
            self.settings.name,
            clock,
        )
        self._limit(chosen)
        self.oauth = self._oauth(chosen, call)
        self.readiness = Readiness(database, clock, partial(free_bytes, shelf.directory.parent))
        self.access = Access(self.messages, self.conversations)
        self.images = Images(
            self.access,
            ImageStore(database),
            shelf,
            develop,
            workplaces.pictures,
            workplaces.files,
            clock,
            chosen.images.max_pixels,
        )
        self.site = self._site(chosen, shelf, workplaces.files)
        self.recurring = [
            Recurring(clock, seconds, step) for seconds, step in self._what_recurs(chosen)
        ]

    def _keep_in(self, database: Database) -> None:
        self.counting, self.journal = CountingStore(database), Journal(database)
        self.users, self.links = UserStore(database), LinkStore(database)
        self.channels, self.messages = ChannelStore(database), MessageStore(database)
        self.reactions, self.settings = ReactionStore(database), SettingStore(database)
        self.conversations, self.webhooks = ConversationStore(database), WebhookStore(database)
        self.reads = ReadStore(database)

    def _share_through(self, relay: Relay | None, streams_per_user: int) -> None:
        """
        With other daemons: what is written, who listens to them, and who has tried what.
        """
        self.relay = relay or NoRelay()
        self.elsewhere = None
        if relay is not None:
            self.elsewhere = Elsewhere(self.clock, partial(relay.tell, "streams"), streams_per_user)
        self.tally = Tally(partial(self.relay.tell, "counts"))
        self.database.committed = self.committed
        self.database.missed = self.begin_anew
        self.database.written = partial(self.relay.tell, "bell")

    def _sessions(self, auth: config.Auth, jwt_secret: str) -> Sessions:
        return Sessions(
            SessionStore(self.database),
            Tokens(jwt_secret, self.clock),
            self.clock,
            mint,
            Lifetimes(auth.jwt_expiry_seconds, auth.refresh_token_expiry_seconds),
            auth.max_active_sessions,
            self.hub.end_sessions,
        )

    def _limit(self, chosen: config.Config) -> None:
        self._attempts = Limit(
            chosen.oauth.max_attempts, TOO_MANY_ATTEMPTS, self.clock, chosen.oauth.window_seconds
        )
        self._requests: Limit | NoLimit = NoLimit()
        self._failures: Failures | NoFailures = NoFailures()
        limits = chosen.rate_limit
        if limits.enabled:
            self._requests = Limit(limits.requests_per_minute, TOO_OFTEN, self.clock)
            self._failures = Failures(
                limits.failed_sign_ins_per_minute, TOO_MANY_FAILURES, self.clock
            )
            self._count_together("requests", self._requests)
            self._count_together("failures", self._failures)
        self._count_together("attempts", self._attempts)
        self.limits: dict[str, Limit | NoLimit | Failures | NoFailures] = {
            "oauth": self._attempts,
            "requests": self._requests,
            "failed_sign_ins": self._failures,
        }

    def change(self, chosen: config.Config) -> None:
        """
        Bring into effect what needs no restart, which is L{CHANGEABLE}: what is looked
        at each time that it matters, and nothing that was promised to somebody.
        """
        self.sessions.at_most = chosen.auth.max_active_sessions
        self.hub.streams_per_user = chosen.events.streams_per_user
        if self.elsewhere is not None:
            self.elsewhere.at_most = chosen.events.streams_per_user
        self._retention.days = chosen.chat.message_retention_days
        self.images.max_pixels = chosen.images.max_pixels
        self._uploads.max_bytes = self._reception.max_bytes = chosen.images.max_bytes
        self._facts["maxImageBytes"] = chosen.images.max_bytes
        self._attempts.change(chosen.oauth.max_attempts, chosen.oauth.window_seconds)
        self._requests.change(chosen.rate_limit.requests_per_minute)
        self._failures.change(chosen.rate_limit.failed_sign_ins_per_minute)

    def _what_recurs(self, chosen: config.Config) -> Iterator[tuple[float, Step]]:
        """
        What is done every so many seconds.
        """
        clearing = ClearingStore(self.database)
        days = chosen.chat.message_retention_days
        self._retention = Retention(clearing, self.clock, days)
        keep_ms = chosen.events.keep_days * DAY * 1000
        yield chosen.events.heartbeat_seconds / BEATS, self.hub.beat
        yield LOOK_SECONDS, self.look
        yield LOOK_SECONDS, self.relay.look
        if self.elsewhere is not None:
            yield SHARE_SECONDS, self.tally.send
            yield SHARE_SECONDS, self.elsewhere.send
        yield EXPIRY_SECONDS, self.sessions.end_expired
        yield LETTER_SECONDS, self.letters.wake
        yield EXPIRY_SECONDS, self.links.sweep
        yield TRIM_SECONDS, lambda: self.journal.trim(int(self.clock.seconds() * 1000) - keep_ms)
        yield AGING_SECONDS, self._retention.remove_aged
        yield REMOVAL_SECONDS, clearing.remove_unreachable
        yield SWEEP_SECONDS, self.images.sweep
        yield DAY, self.images.sweep_shelf
        if self.oauth is not None:
            yield EXPIRY_SECONDS, self.oauth.forget_expired

    def begin(self) -> None:
        """
        The record is open: what is written from now on is new, and is told.
        """
        head = self.database.begin()
        self.hub.begin(head.era, head.number)
        self.letters.begin(is_alone=not self.database.is_shared)

    def committed(self, entries: list[Entry]) -> None:
        """
        Tell of one commit, in order, to the clients and to the daemon itself: a
        stream that is cut by an entry hears nothing after it.
        """
        for is_ours, run in groupby(entries, lambda entry: isinstance(entry.audience, Daemons)):
            told = list(run)
            self._carefully(self.hub.deliver, told)
            for entry in told if is_ours else ():
                self._carefully(self.sessions.notice, entry)

    async def look(self) -> bool:
        """
        Look for what others have written.

        @return: whether there may be more.
        """
        try:
            return await self.database.look()
        except Unavailable:  # it is in the log: not once a second
            return False

    def begin_anew(self, head: Head) -> None:
        """
        What happened up to here was not told: nothing that is known from before counts.
        """
        self._carefully(lambda head: self.hub.begin_anew(head.era, head.number), head)
        self.sessions.look_again()

    def _listen_to_fellows(self) -> None:
        self.relay.hear("bell", self._bell)
        self.relay.hear("counts", lambda daemon, told: self.tally.hear(told))
        elsewhere = self.elsewhere
        if elsewhere is not None:
            elsewhere.changed = self.hub.end_too_many
            self.relay.hear("streams", elsewhere.hear)
            self.relay.hear("beat", lambda daemon, _: elsewhere.hear_from(daemon))

    def _count_together(self, kind: str, counts: Counts) -> None:
        """
        With the other daemons, where there is a way to tell them.
        """
        if self.elsewhere is not None:
            self.tally.share(kind, counts)

    def _bell(self, daemon: str, number: int) -> None:
        """
        Another daemon has written the journal up to this number.
        """
        Deferred.fromCoroutine(self.database.look_for(number)).addErrback(
            lambda failure: log.failure("what others have written could not be told", failure)
        )

    def _carefully(self, tell: Callable[[Any], None], what: Any) -> None:
        try:
            tell(what)
        except Exception:  # the rest has to be told: a removed user has to go
            log.failure("some of what was committed was not told to all")

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
        known = providers_of(chosen.oauth)
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
            self._attempts,
            self.clock,
            mint,
            chosen.auth.is_invite_required,
        )

    def _site(self, chosen: config.Config, shelf: Shelf, in_thread: InThread) -> Site:
        in_order = partial(mint_in_order, self.clock)
        said = Messages(self.access, self.messages, in_order, chosen.chat.max_message_length)
        webhooks = Webhooks(self.webhooks, self.messages, said, in_order)
        identity = Identity(self.sessions, self._requests, webhooks, chosen.server.trusted_proxies)
        max_bytes = chosen.images.max_bytes
        areas = self._areas(chosen, identity, webhooks) | self._ways_in(chosen, identity)
        self._uploads = Uploads(max_bytes)
        areas |= self._places(identity, said, self._uploads)
        areas |= self._page(chosen, identity, in_thread)
        origins = frozenset(origin.encode() for origin in chosen.server.allowed_origins)
        self._reception = Reception(self.sessions, identity, shelf.directory, max_bytes)
        self.visits = Visits(self.clock, identity.is_from_proxy)
        self.hub.left = self.visits.left
        root = Root(Nowhere(identity), areas)
        return Site(root, self.clock, origins, self._reception, self.visits)

    def _areas(
        self, chosen: config.Config, identity: Identity, webhooks: Webhooks
    ) -> dict[str, Area]:
        with_passwords = chosen.auth.auth_mode == "password"
        invite = self.letters.invite if chosen.email.host else None
        users = Users(self.users, self.passwords, mint, with_passwords, invite)
        return {
            "openapi.json": AboutRoutes(identity),
            "health": HealthRoutes(identity, self.readiness),
            "auth": SessionRoutes(identity, self.sessions, users),
            "users": UserRoutes(identity, users),
            "server": ServerRoutes(identity, Settings(self.settings)),
            "webhooks": WebhookRoutes(identity, webhooks),
            "events": EventRoutes(identity, self.hub, mint),
        }

    def _page(
        self, chosen: config.Config, identity: Identity, in_thread: InThread
    ) -> dict[str, Area]:
        """
        What a browser is shown.
        """
        client = ClientRoutes(identity, self.client, Settings(self.settings), in_thread)
        providers = self.oauth.providers() if self.oauth is not None else []
        self._facts: dict[str, Any] = {
            "version": __version__,
            "assets": self.client.digest,
            "auth": {
                "mode": chosen.auth.auth_mode,
                "isInviteRequired": chosen.auth.is_invite_required,
                "providers": entrances(providers),
            },
            "hasMail": bool(chosen.email.host),
            "maxMessageLength": chosen.chat.max_message_length,
            "maxImageBytes": chosen.images.max_bytes,
            "heartbeatSeconds": chosen.events.heartbeat_seconds,
        }
        return {
            "": client,
            "assets": client,
            "favicon.ico": client,
            "robots.txt": client,
            "service-worker.js": client,
            "manifest.webmanifest": client,
            "config.json": ConfigRoutes(identity, Settings(self.settings), self._facts),
        }

    def _places(self, identity: Identity, said: Messages, uploads: Uploads) -> dict[str, Area]:
        """
        Where something is said and read.
        """
        access, images = self.access, self.images
        threads = Threads(access, self.messages, said)
        reactions = Reactions(access, self.reactions)
        channels = Channels(self.channels, mint)
        conversations = Conversations(access, self.conversations, self.messages, said, mint)
        return {
            "channels": ChannelRoutes(identity, channels, said, images, uploads),
            "messages": MessageRoutes(identity, said, reactions, threads, images, uploads),
            "conversations": ConversationRoutes(identity, conversations, images, uploads),
            "reads": ReadRoutes(identity, Reads(access, self.reads)),
        }

    def _ways_in(self, chosen: config.Config, identity: Identity) -> dict[str, Area]:
        """
        The calls of this mode.  Those of another are in no tree, and so 404 like
        any unknown path.
        """
        auth = chosen.auth
        entrances = Entrances(
            self.links,
            self.sessions,
            self.passwords,
            self.clock,
            mint,
            self._failures,
            self.letters.ask,
        )
        signing_in = SigningIn(
            self.users,
            entrances,
            self.sessions,
            self.passwords,
            self._failures,
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
