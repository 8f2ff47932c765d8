"""
What is said to a mail server, and what its answers mean.
"""

from base64 import b64encode
from io import BytesIO
from ipaddress import ip_address
from typing import Any

from attrs import field, frozen
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.mail import smtp
from twisted.python.failure import Failure

from teamchatd.mail.undelivered import Refused, TryLater, Undelivered

LONGEST_REMARK = 500
"""Characters of what a mail server says that are passed on."""


@frozen
class MailServer:
    """
    Whom letters are handed to.

    @ivar secure: whether it speaks TLS from the first byte.  If not, TLS is
        begun where it is offered.
    @ivar user: to log in with; empty, we do not.
    @ivar timeout_seconds: for a letter, from the name's look-up to the last
        answer.
    """

    host: str
    port: int
    secure: bool = True
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = 10

    @property
    def is_here(self) -> bool:
        """
        Whether it is this machine: what is said to it crosses no network.
        """
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        return f"{self.host}, port {self.port},"


@frozen
class Parcel:
    """
    A letter in the form in which it travels.
    """

    sender: bytes
    recipient: bytes
    content: bytes


class Conversation(smtp.ESMTPClient):
    """
    What is said between us and the mail server, about one letter.

    @ivar outcome: fires once the server has answered for the letter.
    @ivar hung_up: called when the outcome is no longer waited for.
    """

    transport: Any
    debug = False  # what Twisted would remember of the conversation has the password in it

    def __init__(self, server: MailServer, parcel: Parcel, clock: Any, options: Any) -> None:
        super().__init__(server.password.encode(), options, smtp.DNSNAME)
        self.registerAuthenticator(smtp.LOGINAuthenticator(server.user.encode()))
        self.registerAuthenticator(smtp.CramMD5ClientAuthenticator(server.user.encode()))
        self.requireAuthentication = bool(server.user)
        self.outcome: Deferred[None] = Deferred(self._given_up)
        self.hung_up = lambda: None
        self._server = server
        self._parcel = parcel
        self._clock = clock
        self._about = "the connection"

    # What the mail server is asked.

    def getMailFrom(self) -> bytes:
        self._about = "the sender, [email] from"
        return self._parcel.sender

    def getMailTo(self) -> list[bytes]:
        self._about = "the recipient"
        return [self._parcel.recipient]

    def getMailData(self) -> BytesIO:
        return BytesIO(self._parcel.content)

    def transformChunk(self, chunk: bytes) -> bytes:
        """
        It was L{packed} as a whole: in chunks, a dot at the edge is overlooked.
        """
        return chunk

    def connectionMade(self) -> None:
        if b"." not in self.identity:  # no name that anybody could look up (RFC 5321, 4.1.3)
            host = self.transport.getHost().host
            self.identity = f"[IPv6:{host}]".encode() if ":" in host else f"[{host}]".encode()
        super().connectionMade()

    def smtpState_helo(self, code: int, resp: bytes) -> None:
        super().smtpState_helo(code, resp)
        # Twisted would say HELO again to whoever does not like it, for ever.
        self._failresponse = self.smtpConnectionFailed

    def tryTLS(self, code: int, resp: bytes, items: dict[bytes, bytes | None]) -> None:
        super().tryTLS(code, resp, {name.upper(): more for name, more in items.items()})

    def esmtpState_starttls(self, code: int, resp: bytes) -> None:
        if self.clearLineBuffer():
            # Said before there was TLS, to be believed after: that is how one gets in between.
            self._end(TryLater(f"The mail server {self._server} did not begin TLS properly."))
        else:
            super().esmtpState_starttls(code, resp)

    def authenticate(self, code: int, resp: bytes, items: dict[bytes, bytes | None]) -> None:
        schemes = (items.get(b"AUTH") or b"").upper().split()
        if not self._server.user:
            self.smtpState_from(code, resp)
        elif not (self._tlsMode or self._server.is_here):
            self._end(
                TryLater(
                    f"The mail server {self._server} offers no TLS, and without it the password"
                    " is not sent. Set [email] secure, and the port that goes with it, often 465."
                )
            )
        elif b"PLAIN" in schemes:
            # Twisted's own way first names the user twice, which not every server likes.
            self._expected = [235]
            self._okresponse = self.smtpState_from
            self._failresponse = self.esmtpAUTHDeclined
            said = b"\0" + self._server.user.encode() + b"\0" + self._server.password.encode()
            self.sendLine(b"AUTH PLAIN " + b64encode(said))
        else:
            super().authenticate(code, resp, {**items, b"AUTH": b" ".join(schemes)})

    # How it ends.

    def smtpState_msgSent(self, code: int, resp: Any) -> None:
        if code in smtp.SUCCESS and self.successAddresses:
            self._end(None)
            return
        if self.successAddresses:
            self._about = "the letter"
        elif self.toAddressesResult:
            resp = self.toAddressesResult[-1][2]
        self._declined(code, resp, f"does not accept {self._about}")

    def smtpConnectionFailed(self, code: int, resp: bytes = b"") -> None:
        self._declined(code, resp, "does not want to talk to us")

    def esmtpEHLORequired(self, code: int = -1, resp: bytes = b"") -> None:
        self._declined(code, resp, "knows no way to log in; leave [email] user and password empty")

    def esmtpAUTHRequired(self, code: int = -1, resp: bytes = b"") -> None:
        self._end(
            Refused(
                f"The mail server {self._server} offers no way to log in that we know."
                " If it needs none, leave [email] user and password empty."
            )
        )

    def esmtpAUTHDeclined(self, code: int = -1, resp: bytes = b"") -> None:
        self._declined(code, resp, "does not accept the login, [email] user and password")

    def esmtpAUTHServerError(self, code: int = -1, resp: bytes = b"") -> None:
        self.esmtpAUTHDeclined(code, resp)

    def esmtpAUTHMalformedChallenge(self, code: int = -1, resp: bytes = b"") -> None:
        self._declined(-1, resp, "did not finish the login")

    def esmtpTLSFailed(self, code: int = -1, resp: bytes = b"") -> None:
        self._declined(-1, resp, "offers TLS and then does not begin it")

    def sendError(self, exc: smtp.SMTPClientError) -> None:
        """
        It said something that makes no sense.
        """
        self._end(TryLater(f"What answers at {self._server} does not speak like a mail server."))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._settle(self._explained(reason.value))

    def never_began(self, reason: Failure) -> None:
        """
        There was no connection.
        """
        self._settle(self._explained(reason.value))

    def took_too_long(self) -> Failure:
        where = f"The mail server {self._server}"
        patience = f"within {self._server.timeout_seconds:g} seconds"
        if self.transport is None:
            sentence = (
                f"{where} could not be reached {patience}. Is the port right? A firewall, or"
                " whoever hosts this machine, may not let mail out."
            )
        elif self._about == "the connection" and not self._server.secure:
            sentence = f"{where} did not say a word {patience}: [email] secure may be needed."
        else:
            sentence = f"{where} did not answer {patience}."
        return Failure(TryLater(sentence))

    def timeoutConnection(self) -> None:
        """
        It does not even answer our good-bye.
        """
        self.transport.abortConnection()

    def callLater(self, period: float, func: Any) -> IDelayedCall:
        delayed: IDelayedCall = self._clock.callLater(period, func)
        return delayed

    def _given_up(self, outcome: "Deferred[None]") -> None:
        self.hung_up()
        if self.transport is not None:
            self.transport.abortConnection()

    def _declined(self, code: int, answer: bytes, sentence: str) -> None:
        kind = Refused if 500 <= code < 600 else TryLater
        number = f" ({code})" if code > 0 else ""
        remark = answer.decode("utf-8", "replace")
        remark = "".join(c if c.isprintable() else " " for c in remark)[:LONGEST_REMARK]
        self._end(
            kind(
                f"The mail server {self._server} {sentence}{number}.",
                f"{code} {remark}" if remark and code > 0 else remark,
            )
        )

    def _end(self, reason: Undelivered | None) -> None:
        """
        Nothing more is to be said but good-bye, and whether that is answered
        makes no difference.
        """
        self._settle(reason)
        self._expected = list(range(1000))
        self._okresponse = self._failresponse = self.smtpState_disconnect
        self.setTimeout(self._server.timeout_seconds)
        self.sendLine(b"QUIT")

    def _settle(self, reason: Undelivered | None) -> None:
        if self.outcome.called:
            return
        if reason is None:
            self.outcome.callback(None)
        else:
            self.outcome.errback(reason)

    def _explained(self, error: BaseException | None) -> TryLater:
        server, host = self._server, self._server.host
        if isinstance(error, DNSLookupError):
            return TryLater(f"The mail server's name {host} was not found. Is it spelled right?")
        if isinstance(error, ConnectionRefusedError):
            return TryLater(f"Nothing takes mail at {server} or a firewall is in between.")
        if isinstance(error, ConnectError):
            why = error.osError or str(error)
            return TryLater(f"The mail server {server} could not be reached: {why}")
        if isinstance(error, VerificationError):
            return TryLater(
                f"TLS failed: the certificate that {host} shows is for another name."
                " [email] host has to be a name that stands in it."
            )
        if isinstance(error, TLSError):
            return TryLater(f"TLS failed: {self._tls_reason(str(error))}")
        return TryLater(f"The mail server {server} hung up before it had taken the letter.")

    def _tls_reason(self, error: str) -> str:
        if "certificate verify failed" in error:
            return (
                f"the certificate that {self._server.host} shows is not trusted here. It may have"
                " run out, or whoever issued it is not known to this machine."
            )
        if self._server.secure:
            return (
                f"{self._server} does not speak it from the first byte."
                " Set [email] secure = false, or the port that does, often 465."
            )
        return f"{self._server} and we could not agree on how."


class Greeting(Conversation):
    """
    The same up to where the letter would begin.
    """

    def smtpState_from(self, code: int, resp: bytes) -> None:
        self._end(None)
