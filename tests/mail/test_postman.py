"""
The postman, against real mail servers, and against one that misbehaves.
"""

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from teamchatd.mail import letters
from teamchatd.mail.conversation import Conversation, MailServer
from teamchatd.mail.letters import Letterhead
from teamchatd.mail.postman import Postman, packed
from teamchatd.mail.undelivered import Refused, TryLater
from tests.mail.post_office import PATIENCE, Authority, Parrot, PostOffice

HEAD = Letterhead("l3tt3r", "teamchat", "chat@example.org", "ada@example.net", 1_800_000_000)
LETTER = letters.test_letter(HEAD)


def ensure(test):
    return pytest_twisted.ensureDeferred(test)


@implementer(IReactorPluggableNameResolver, IHostnameResolver, IHostResolution)
class Surroundings:
    """
    The reactor, where C{mail.example} is this machine and no other name exists.
    """

    def __init__(self, clock=reactor):
        self.nameResolver = self
        self.callLater, self.seconds = clock.callLater, clock.seconds

    def __getattr__(self, name):
        return getattr(reactor, name)

    def resolveHostName(self, receiver, hostName, portNumber=0, *more):  # noqa: N802, N803
        receiver.resolutionBegan(self)
        if hostName in ("mail.example", "127.0.0.1"):
            receiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        receiver.resolutionComplete()


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def office():
    """
    Makes a mail server: C{office(password="…")}.
    """
    made = []

    def make(*arguments, kind=PostOffice, **more):
        made.append(kind(*arguments, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def deliver(office, authority=None, message=LETTER, clock=reactor, **server):
    server = {"host": "127.0.0.1", "port": office.port, "secure": False} | server
    root = authority and authority.root
    return Postman(Surroundings(clock), MailServer(**server), root).deliver(message)


async def reason(kind, delivering):
    with pytest.raises(kind) as refused:
        await delivering
    assert "ada@" not in str(refused.value)
    return str(refused.value)


# Against a real one.


@pytest.mark.real
@ensure
async def test_delivered(office):
    """
    A letter arrives as it was written, from whom and for whom it says.
    """
    office = office()
    assert await deliver(office) is None
    arrived = office.await_letter()
    assert (arrived.sender, arrived.recipient) == ("chat@example.org", "ada@example.net")
    assert str(arrived.message["Message-ID"]) == "<l3tt3r@example.org>"
    assert arrived.text.startswith("This is a test")
    assert not arrived.was_encrypted


@pytest.mark.real
@ensure
async def test_dots(office):
    """
    A line that begins with a dot neither ends the letter nor loses it.
    """
    office = office()
    message = letters.test_letter(HEAD)
    message.clear_content()
    text = "".join(f".{number}\n.\n..\n" for number in range(9000))
    message.set_content(text, cte="7bit")
    await deliver(office, message=message)
    assert office.await_letter().message.get_content().replace("\r\n", "\n") == text


@pytest.mark.real
@ensure
async def test_tls(office, authority):
    """
    TLS from the first byte, and a login.
    """
    office = office(authority.context("mail.example"), from_first_byte=True, password="hórse")
    login = {"user": "ada", "password": "hórse"}
    await deliver(office, authority, host="mail.example", secure=True, **login)
    arrived = office.await_letter()
    assert (arrived.was_encrypted, arrived.user) == (True, "ada")


@pytest.mark.real
@ensure
async def test_starttls(office, authority):
    """
    TLS is begun where it is offered.
    """
    office = office(authority.context("mail.example"), password="horse")
    await deliver(office, authority, host="mail.example", user="ada", password="horse")
    arrived = office.await_letter()
    assert (arrived.was_encrypted, arrived.user) == (True, "ada")


@pytest.mark.real
@ensure
async def test_login_without_plain(office):
    """
    A mail server that knows an older way to log in is one too.
    """
    office = office(password="horse", auth_exclude_mechanism=["PLAIN"])
    await deliver(office, user="ada", password="horse")
    assert office.await_letter().user == "ada"


@pytest.mark.real
@ensure
@pytest.mark.parametrize("secure", [True, False])
async def test_other_certificate(office, authority, secure):
    """
    A mail server that shows somebody else's certificate gets no letter.
    """
    office = office(authority.context("other.example"), from_first_byte=secure)
    said = await reason(TryLater, deliver(office, authority, host="mail.example", secure=secure))
    assert said.startswith("TLS failed: the certificate that mail.example shows is for another")
    assert office.attempts == 0


@pytest.mark.real
@ensure
@pytest.mark.parametrize("secure", [True, False])
async def test_untrusted_certificate(office, authority, secure):
    """
    Nor one whose certificate nobody vouches for.
    """
    office = office(Authority().context("mail.example"), from_first_byte=secure)
    said = await reason(TryLater, deliver(office, authority, host="mail.example", secure=secure))
    assert said.startswith("TLS failed: the certificate that mail.example shows is not trusted")
    assert office.attempts == 0


@pytest.mark.real
@ensure
async def test_own_certificate_at_home(office):
    """
    The mail server of this machine may have made its certificate itself: what
    is said to it crosses no network.
    """
    office = office(Authority().context("snakeoil.example"))
    await deliver(office)
    assert office.await_letter().was_encrypted


@pytest.mark.real
@ensure
async def test_no_tls_on_this_port(office):
    """
    Who waits for us to begin TLS, and is not meant to, is recognised.
    """
    said = await reason(TryLater, deliver(office(), host="mail.example", secure=True))
    assert "does not speak it from the first byte" in said


@pytest.mark.real
@ensure
async def test_wrong_password(office, authority):
    """
    A wrong password is not tried again.
    """
    office = office(authority.context("mail.example"), from_first_byte=True, password="horse")
    login = {"user": "ada", "password": "donkey"}
    said = await reason(
        Refused, deliver(office, authority, host="mail.example", secure=True, **login)
    )
    assert "does not accept the login, [email] user and password (535)" in said
    assert office.attempts == 0


@pytest.mark.real
@ensure
async def test_no_login_there(office):
    """
    A mail server that knows no login is not given a letter without one.
    """
    said = await reason(Refused, deliver(office(), user="ada", password="horse"))
    assert "offers no way to log in" in said


@pytest.mark.real
@ensure
async def test_no_password_without_tls(office):
    """
    A password is not sent where others could read it.
    """
    office = office(password="horse")
    login = {"user": "ada", "password": "horse"}
    said = await reason(TryLater, deliver(office, host="mail.example", **login))
    assert "offers no TLS, and without it the password is not sent" in said
    assert office.attempts == 0
    await deliver(office, host="127.0.0.1", **login)  # here, nobody else could
    assert office.await_letter().user == "ada"


@pytest.mark.real
@ensure
@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("MAIL", "the sender, [email] from"),
        ("RCPT", "the recipient"),
        ("DATA", "the letter"),
    ],
)
@pytest.mark.parametrize(("code", "kind"), [(451, TryLater), (550, Refused)])
async def test_declined(office, command, what, code, kind):
    """
    What the mail server does not like is said; whether to come again follows
    from its code.  What it says itself, which may name somebody, is kept apart.
    """
    office = office()
    office.answers[command] = [f"{code} 5.7.1 not <ada@example.net>"]
    with pytest.raises(kind) as refused:
        await deliver(office)
    assert f"does not accept {what} ({code})." in str(refused.value)
    assert "ada@" not in str(refused.value)
    assert refused.value.remark == f"{code} 5.7.1 not <ada@example.net>"
    assert office.is_empty


@pytest.mark.real
@ensure
async def test_nobody_there(office):
    """
    A port where nobody listens.
    """
    office = office()
    office.close()
    said = await reason(TryLater, deliver(office))
    assert said.startswith("Nothing takes mail at 127.0.0.1, port")


@pytest.mark.real
@ensure
async def test_no_such_name(office):
    """
    A name that is not one.
    """
    said = await reason(TryLater, deliver(office(), host="mial.example"))
    assert said == "The mail server's name mial.example was not found. Is it spelled right?"


@pytest.mark.real
@ensure
@pytest.mark.parametrize("secure", [True, False])
async def test_silence(office, secure):
    """
    Who says nothing, in TLS or without it, is not waited for longer than was
    asked for.
    """
    parrot, clock = office(kind=Parrot), Clock()
    delivering = deliver(parrot, clock=clock, secure=secure)
    assert await deferToThread(parrot.was_called.wait, PATIENCE)
    clock.advance(9)
    assert not delivering.called
    clock.advance(1)
    assert "within 10 seconds" in await reason(TryLater, delivering)


@pytest.mark.real
@ensure
async def test_words_before_tls(office, authority):
    """
    What somebody says before TLS, to be heard after it began, is not believed.
    """
    parrot = office(
        *(b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n250 AUTH PLAIN\r\n"),
        kind=Parrot,
    )
    said = await reason(TryLater, deliver(parrot, authority, host="mail.example"))
    assert "did not begin TLS properly" in said


# In memory: what is said, one line after the other.

HERE = MailServer("127.0.0.1", 25, secure=False)


class Talk:
    """
    A conversation with a mail server that is played by the test.
    """

    def __init__(self, server=HERE):
        self.clock, self.transport = Clock(), StringTransport()
        self.reasons = []
        self._conversation = Conversation(server, packed(LETTER), self.clock, None)
        self._conversation.outcome.addErrback(lambda failure: self.reasons.append(failure.value))
        self._conversation.makeConnection(self.transport)

    def hear(self, *lines):
        """
        @return: what is answered to the last of them.
        """
        for line in lines:
            self.transport.clear()
            self._conversation.dataReceived(line.encode() + b"\r\n")
        return self.transport.value().decode()

    @property
    def reason(self):
        [reason] = self.reasons
        return type(reason), str(reason)


@pytest.mark.parametrize(("code", "kind"), [(421, TryLater), (554, Refused)])
def test_no_welcome(code, kind):
    """
    A mail server that does not want to talk to us says so, and we say good-bye.
    """
    talk = Talk()
    assert talk.hear(f"{code} not today") == "QUIT\r\n"
    assert talk.reason == (
        kind,
        f"The mail server 127.0.0.1, port 25, does not want to talk to us ({code}).",
    )
    talk.hear("221 bye")
    assert talk.transport.disconnecting


def test_old_server():
    """
    A mail server that does not know EHLO knows HELO; one that knows neither is
    not asked for ever.
    """
    talk = Talk()
    assert talk.hear("220 hi").startswith("EHLO ")
    assert talk.hear("502 what").startswith("HELO ")
    assert talk.hear("502 what") == "QUIT\r\n"
    assert talk.reason[0] is Refused


def test_no_mail_server():
    """
    Something else may answer at that port.
    """
    talk = Talk()
    talk.hear("HTTP/1.1 400 Bad Request")
    assert "does not speak like a mail server" in talk.reason[1]


def test_hung_up_on_good_bye():
    """
    A mail server that has taken the letter, and then says nothing, is hung up on.
    """
    talk = Talk()
    taken = ("220 hi", "250 hi", "250 ok", "250 ok", "354 go", "250 ok")
    assert talk.hear(*taken) == "QUIT\r\n"
    assert talk.reasons == []
    talk.clock.advance(HERE.timeout_seconds)
    assert talk.transport.disconnected


def test_silent_server_without_tls():
    """
    A mail server that says nothing at first waits perhaps for TLS.
    """
    talk = Talk()
    failure = talk._conversation.took_too_long()
    assert "did not say a word within 10 seconds: [email] secure" in str(failure.value)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("mail.example", False),
        ("192.0.2.1", False),
    ],
)
def test_here(host, is_here):
    """
    What is this machine is known by its name, and asked of nobody.
    """
    assert evolve(HERE, host=host).is_here is is_here


def test_password_is_not_shown():
    """
    A password is not in what a log would show of the mail server.
    """
    assert "horse" not in repr(evolve(HERE, user="ada", password="horse"))
