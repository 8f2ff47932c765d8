"""
Certificates of our own, for TLS without a proxy.

They are in a directory, in any number of C{.pem} files and however these are called: which key,
certificate and issuer belong together is seen from what they are, as Twisted's own C{tls:} sees
it, so that the C{live/} of certbot will do.  Twisted, though, reads them again only for a name
that it has never heard of, and a renewed certificate is for the same name.  Here they are read
again when that is asked for and once a day, and what is no good does not take the place of what
is.
"""

import os
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.logger import Logger
from zope.interface import implementer

log = Logger()

DAY = 24 * 60 * 60

DAYS_OF_WARNING = 14
"""certbot renews thirty days before the end: it has failed for two weeks by then."""

BEGIN = b"-----BEGIN "

UNREADABLE = (
    *(ValueError, TypeError, UnsupportedAlgorithm, crypto.Error),
    *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What is said of a certificate or a key that is none, or that nobody here understands."""


class NoCertificate(Exception):
    """There is none to begin with.  Says where and why, for the operator."""


@frozen
class Pair:
    """
    A certificate and its key, ready to be shown.

    @ivar file: where the certificate was, within the directory.
    @ivar names: of servers, as clients ask for them; C{*.example.org} is one.
    @ivar begins: when it becomes good, in seconds.
    @ivar ends: when it is no longer.
    """

    file: str
    names: tuple[str, ...]
    begins: float
    ends: float
    fingerprint: bytes
    context: SSL.Context

    @property
    def title(self) -> str:
        """
        For the log.
        """
        return f"the certificate for {', '.join(self.names) or 'no name'} ({self.file})"

    def is_good(self, now: float) -> bool:
        return self.begins <= now < self.ends


@frozen
class Found:
    """
    What a look into the directory has shown.

    @ivar troubles: what is wrong there, a sentence each.
    """

    pairs: tuple[Pair, ...]
    troubles: tuple[str, ...]


@implementer(IOpenSSLServerConnectionCreator)
@define(eq=False)
class Certificates:
    """
    Chooses the certificate for each new connection.  One that is open goes on with its own.

    @ivar _pairs: all that are in use, in the order of their files; the first good one is shown
        to clients who ask for no name, or for a strange one.
    """

    _directory: Path
    _clock: IReactorTime
    _pairs: tuple[Pair, ...] = field(init=False, default=())
    _default: Pair = field(init=False)
    _by_name: dict[str, Pair] = field(init=False, factory=dict)
    _told: frozenset[bytes] = field(init=False, default=frozenset())

    def open(self) -> None:
        """
        What there is to say about them is said by the first L{check}.

        @raise NoCertificate: none can be shown.  One that has expired can: a restart shall not
            turn a warning into a server that is away.
        """
        found = self._look()
        if not found.pairs:
            why = "; ".join(found.troubles) or "there is none in any .pem file"
            raise NoCertificate(f"no certificate in {self._directory} can be used: {why}")
        self._choose(sorted(found.pairs, key=_file), {pair.fingerprint for pair in found.pairs})

    def reload(self) -> None:
        """
        Use what is there now.  Where something in the directory is wrong, names that would be
        left without a good certificate keep the one that they have.
        """
        found = self._look()
        if not found.pairs and not found.troubles:
            found = Found((), (f"no certificate is left (in {self._directory})",))
        self._use(found)

    def check(self) -> None:
        """
        The daily look: read again what nobody told us to, and warn of what is about to end.
        """
        self.reload()
        for pair in self._pairs:
            days = int((pair.ends - self._clock.seconds()) // DAY)
            if 0 <= days < DAYS_OF_WARNING:
                log.warn(
                    "{which} expires on {day} and has not been renewed: days left: {days}",
                    which=_capital(pair.title),
                    day=_day(pair.ends),
                    days=days,
                )

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802
        """
        Twisted asks for each connection.
        """
        return SSL.Connection(self._default.context, None)

    def _use(self, found: Found) -> None:
        for trouble in found.troubles:
            log.error("TLS: {trouble}", trouble=trouble)
        known = {pair.fingerprint: pair for pair in self._pairs}
        fresh = frozenset(pair.fingerprint for pair in found.pairs)
        # The same certificate keeps its context: the sessions that clients resume are in there.
        there = [known.get(pair.fingerprint, pair) for pair in found.pairs]
        before = [pair for pair in self._pairs if pair.fingerprint not in fresh]
        candidates = sorted([*there, *(before if found.troubles else [])], key=_file)
        self._choose(candidates, fresh)
        for pair in self._pairs:
            if pair.fingerprint not in fresh:
                log.error("TLS: {what} stays in use, as it was read before", what=pair.title)
            elif pair.fingerprint not in self._told:
                log.info("TLS: {what} is good until {day}", what=pair.title, day=_day(pair.ends))
        self._told = fresh

    def _choose(self, candidates: Iterable[Pair], fresh: Container[bytes]) -> None:
        now = self._clock.seconds()

        def worth(pair: Pair) -> tuple[bool, bool, float]:
            return pair.is_good(now), pair.fingerprint in fresh, pair.begins

        by_name: dict[str, Pair] = {}
        for pair in candidates:
            for name in pair.names:
                if name not in by_name or worth(pair) > worth(by_name[name]):
                    by_name[name] = pair
        used = [pair for pair in candidates if not pair.names or pair in by_name.values()]
        self._by_name, self._default = by_name, max(used, key=lambda pair: pair.is_good(now))
        self._pairs = tuple(pair for pair in used if pair.names or pair is self._default)

    def _look(self) -> Found:
        reading = Reading(self._directory, self._clock.seconds(), self._context_for)
        return Found(tuple(reading.pairs()), tuple(reading.troubles))

    def _context_for(self, asked: bytes | None) -> SSL.Context:
        """
        The client has said for whom it takes us (RFC 6066, section 3), or has not.
        """
        name = (asked or b"").decode("ascii", "replace").lower()
        pair = self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])
        return (pair or self._default).context


@define(eq=False)
class Reading:
    """
    One look into the directory.

    @ivar _choose: says which context is for a name.
    """

    _directory: Path
    _now: float
    _choose: Callable[[bytes | None], SSL.Context]
    troubles: list[str] = field(init=False, factory=list)
    _certificates: dict[x509.Certificate, str] = field(init=False, factory=dict)
    _keys: dict[bytes, tuple[str, Any]] = field(init=False, factory=dict)

    def pairs(self) -> Iterator[Pair]:
        for file in self._files():
            name = str(file.relative_to(self._directory))
            try:
                self._read(name, file.read_bytes())
            except OSError as error:
                self._complain(f"{name} cannot be read: {error.strerror}")
        unused = dict(self._keys)
        for certificate, name in self._certificates.items():
            public = _public(certificate.public_key())
            if public in self._keys:
                unused.pop(public, None)
                yield from self._pair(name, certificate, self._keys[public][1])
            elif not _issues(certificate):
                self._complain(f"the certificate in {name} has no private key beside it")
        for name, _ in unused.values():
            self._complain(f"the private key in {name} belongs to no certificate beside it")

    def _complain(self, trouble: str) -> None:
        self.troubles.append(f"{trouble} (in {self._directory})")

    def _files(self) -> list[Path]:
        def refused(error: OSError) -> None:
            self._complain(f"{error.filename} cannot be read: {error.strerror}")

        found = os.walk(self._directory, onerror=refused, followlinks=True)
        return sorted(
            Path(folder, name) for folder, _, names in found for name in names if _is_pem(name)
        )

    def _read(self, name: str, data: bytes) -> None:
        for block in data.split(BEGIN)[1:]:
            pem = BEGIN + block
            try:
                if b"CERTIFICATE" in block.partition(b"-----")[0]:
                    self._certificates.setdefault(_understood(pem), name)
                elif b"PRIVATE KEY" in block.partition(b"-----")[0]:
                    key = load_pem_private_key(pem, None)
                    self._keys.setdefault(_public(key.public_key()), (name, key))
            except UNREADABLE as error:
                unknown = isinstance(error, UnsupportedAlgorithm)
                why = "of an unknown kind" if unknown else "broken, or written only in part"
                self._complain(f"{name} is {why}, or has a password")

    def _pair(self, name: str, certificate: x509.Certificate, key: Any) -> Iterator[Pair]:
        shown: Any = certificate  # Twisted's types are older than what pyOpenSSL takes
        chain: Any = list(self._chain(certificate))
        try:
            options = CertificateOptions(
                privateKey=key,
                certificate=shown,
                extraCertChain=chain,
                raiseMinimumTo=TLSVersion.TLSv1_2,
                contextForServerName=self._choose,
            )
            context = options.getContext()
        except (SSL.Error, crypto.Error, ValueError, TypeError) as error:
            self._complain(f"the certificate in {name} cannot be used: {error}")
            return
        pair = Pair(
            name,
            tuple(_names(certificate)),
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            certificate.fingerprint(hashes.SHA256()),
            context,
        )
        if pair.ends <= self._now:
            self._complain(f"{pair.title} has expired, on {_day(pair.ends)}")
        elif self._now < pair.begins:
            self._complain(f"{pair.title} is not good before {_day(pair.begins)}")
        yield pair

    def _chain(self, certificate: x509.Certificate) -> Iterator[x509.Certificate]:
        """
        Who vouches for it, up to but not with the one whom clients have to know themselves.
        """
        seen = {certificate}
        while (issuer := self._issuer(certificate)) is not None and issuer not in seen:
            if issuer.issuer != issuer.subject:
                yield issuer
            seen.add(issuer)
            certificate = issuer

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        for candidate in self._certificates:
            if candidate.subject == certificate.issuer and _is_issued(certificate, candidate):
                return candidate
        return None


def _file(pair: Pair) -> str:
    return pair.file


def _is_pem(name: str) -> bool:
    return name.endswith(".pem")


def _understood(pem: bytes) -> x509.Certificate:
    """
    Most of a certificate is only looked at when somebody asks: then it is too late to leave out
    the one that is no good, and all the others would go with it.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    _public(certificate.public_key())
    _names(certificate)
    return certificate


def _public(key: Any) -> bytes:
    data: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def _issues(certificate: x509.Certificate) -> bool:
    """
    Is it one of those who vouch for others?  Their keys are not ours.
    """
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        return basic.value.ca
    except (x509.ExtensionNotFound, ValueError):
        return certificate.issuer == certificate.subject


def _names(certificate: x509.Certificate) -> Iterable[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.lower() for name in extension.value.get_values_for_type(x509.DNSName)]


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
