"""
Mail servers for the tests: a real one (aiosmtpd, in a thread), and one that says what it is told.
"""

import asyncio
import contextlib
import email
import email.policy
import queue
import socket
import ssl
import threading

import trustme
from aiosmtpd.smtp import SMTP, AuthResult
from attrs import frozen
from twisted.internet.ssl import Certificate, trustRootFromCertificates

PATIENCE = 30
"""Seconds after which a test gives up waiting for something that has to come."""


@frozen
class Delivered:
    """
    @ivar user: who was logged in, if anybody was.
    """

    sender: str
    recipient: str
    message: email.message.EmailMessage
    content: bytes
    was_encrypted: bool
    user: str | None

    @property
    def text(self):
        return self.message.get_body(("plain",)).get_content()


def link_in(letter):
    [link] = [line for line in letter.text.splitlines() if line.startswith("http")]
    return link


class Authority:
    """
    Somebody who issues certificates, and is trusted by whoever asks for C{root}.
    """

    def __init__(self):
        self.ca = trustme.CA()

    def context(self, *names):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.issue_cert(*names).configure_cert(context)
        return context

    @property
    def root(self):
        return trustRootFromCertificates([Certificate.loadPEM(self.ca.cert_pem.bytes())])


class PostOffice:
    """
    A mail server on a free port of this machine.

    @ivar answers: what it says instead of yes, by command, one after the other.
    @ivar taken: called with each letter before it is acknowledged.
    """

    def __init__(self, tls=None, from_first_byte=False, password=None, port=0, **more):
        self.answers = {}
        self.taken = lambda delivered: None
        self.attempts = 0
        self._letters = queue.Queue()
        self._tls, self._from_first_byte, self._password = tls, from_first_byte, password
        self._more = more
        self._connections = set()
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(port, ready)), daemon=True
        )
        self._thread.start()
        assert ready.wait(PATIENCE)

    def await_letter(self):
        return self._letters.get(timeout=PATIENCE)

    @property
    def is_empty(self):
        return self._letters.empty()

    def close(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(PATIENCE)

    async def _serve(self, port, ready):
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda loop, context: None)  # clients hang up on it
        tls = self._tls if self._from_first_byte else None
        server = await self._loop.create_server(self._answer_call, "127.0.0.1", port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._closing.wait()
        server.close()
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.abort()

    def _answer_call(self):
        more = {"tls_context": self._tls} if self._tls and not self._from_first_byte else {}
        if self._password is not None:
            more |= {"authenticator": self._authenticate, "auth_require_tls": False}
        connection = SMTP(self, hostname="office.example", loop=self._loop, **more, **self._more)
        self._connections.add(connection)
        return connection

    def _authenticate(self, server, session, envelope, mechanism, data):
        if data.password != self._password.encode():
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=data.login.decode())

    def _say(self, command, otherwise="250 OK"):
        answers = self.answers.get(command)
        return answers.pop(0) if answers else otherwise

    # What aiosmtpd asks.

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        self.attempts += 1
        answer = self._say("MAIL")
        if answer.startswith("250"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        answer = self._say("RCPT")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        answer = self._say("DATA")
        if answer.startswith("250"):
            [recipient] = envelope.rcpt_tos
            delivered = Delivered(
                envelope.mail_from,
                recipient,
                email.message_from_bytes(envelope.content, policy=email.policy.SMTP),
                envelope.content,
                self._from_first_byte or session.ssl is not None,
                session.auth_data,
            )
            self._letters.put(delivered)
            self.taken(delivered)
        return answer


class Parrot:
    """
    Takes one connection, and says one thing after each line it hears.
    """

    def __init__(self, *sayings):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sayings = sayings
        self._connection = None
        self.was_called = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self):
        self._connection, _ = self._listener.accept()
        self.was_called.set()
        with contextlib.suppress(ConnectionError), self._connection.makefile("rb") as lines:
            for saying in self._sayings:
                self._connection.sendall(saying)
                lines.readline()
            lines.read()

    def close(self):
        if not self.was_called.is_set():  # nothing else ends an accept in another thread
            socket.create_connection(("127.0.0.1", self.port)).close()
            self.was_called.wait(PATIENCE)
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._connection.close()
        self._listener.close()
