"""
The postman: one letter to the mail server, or the reason in plain words.

Nothing is tried twice here.  A reason is either
L{teamchatd.mail.undelivered.Refused}, and will be the same next time, or
L{teamchatd.mail.undelivered.TryLater}.
"""

from email.message import EmailMessage
from email.policy import SMTP
from re import MULTILINE, sub
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions, optionsForClientTLS

from teamchatd.mail.conversation import Conversation, Greeting, MailServer, Parcel


@define
class Postman:
    """
    @ivar _trust_root: who may vouch for the mail server; without one, whom the
        operating system trusts.
    """

    _reactor: Any
    _server: MailServer
    _trust_root: Any = None

    def deliver(self, message: EmailMessage) -> "Deferred[None]":
        """
        Hand C{message} to the mail server, for the one in its C{To}.

        @raise Refused: it does not take it.
        @raise TryLater: it did not take it this time.
        """
        return self._begin(Conversation, packed(message))

    def greet(self) -> "Deferred[None]":
        """
        See whether the mail server would talk to us: as for a letter, and then none.

        @raise Undelivered: see L{deliver}.
        """
        return self._begin(Greeting, Parcel(b"", b"", b""))

    def _begin(self, kind: type[Conversation], parcel: Parcel) -> "Deferred[None]":
        talk = kind(self._server, parcel, self._reactor, self._starttls_options())
        connecting = self._endpoint().connect(Introduction(talk))
        connecting.addErrback(talk.never_began)
        talk.hung_up = connecting.cancel
        return talk.outcome.addTimeout(
            self._server.timeout_seconds, self._reactor, lambda *_: talk.took_too_long()
        )

    def _endpoint(self) -> Any:
        endpoint = HostnameEndpoint(self._reactor, self._server.host, self._server.port)
        return wrapClientTLS(self._verified(), endpoint) if self._server.secure else endpoint

    def _verified(self) -> Any:
        return optionsForClientTLS(self._server.host, self._trust_root)

    def _starttls_options(self) -> Any:
        # The mail server of this machine often shows a certificate that it made itself.
        return CertificateOptions() if self._server.is_here else self._verified()


def packed(message: EmailMessage) -> Parcel:
    sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    content = message.as_bytes(policy=SMTP)
    # A line with nothing but a dot would end the letter (RFC 5321, section 4.5.2).
    content = sub(rb"^\.", b"..", content, flags=MULTILINE)
    return Parcel(sender.encode("ascii"), recipient.encode("ascii"), content)


class Introduction(Factory):
    """
    Gives the connection to the one L{Conversation} that it is for.
    """

    noisy = False

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk

    def buildProtocol(self, address: object) -> Conversation:
        return self._talk
