"""
Which certificate a client is shown: L{teamchatd.http.certificates}.
"""

import ssl
from base64 import encodebytes
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL, crypto
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource

from teamchatd.http.certificates import Certificates, NoCertificate
from teamchatd.http.request import Site
from tests.daemon import NOON

DAY = 24 * 60 * 60


def day(number):
    """
    So many days after the test begins.
    """
    return datetime.fromtimestamp(NOON, UTC) + timedelta(days=number)


def certificate(pem):
    return x509.load_pem_x509_certificate(pem.bytes())


class Place:
    """
    A directory with certificates, and clients.
    """

    def __init__(self, directory):
        self.directory = directory
        self.root = trustme.CA()
        self.authority = self.root.create_child_ca()
        self.clock = Clock()
        self.clock.advance(NOON)
        self.certificates = Certificates(directory, self.clock)

    def issue(self, *names, begins=-10, ends=80):
        return self.authority.issue_cert(*names, not_before=day(begins), not_after=day(ends))

    def put(self, lineage, issued, key=None):
        """
        Write what certbot writes.

        @param key: whose key to put there instead.
        """
        folder = self.directory / lineage
        folder.mkdir(exist_ok=True)
        leaf, *chain = [pem.bytes() for pem in issued.cert_chain_pems]
        (folder / "cert.pem").write_bytes(leaf)
        (folder / "chain.pem").write_bytes(b"".join(chain))
        (folder / "fullchain.pem").write_bytes(leaf + b"".join(chain))
        (folder / "privkey.pem").write_bytes((key or issued).private_key_pem.bytes())
        (folder / "README").write_bytes(b"-----BEGIN CERTIFICATE-----\nnot a .pem")
        return issued

    def connect(self, name=None, version=None, verify=False):
        """
        @return: the end of the client, after the handshake.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_alpn_protos([b"h2", b"http/1.1"])
        if version is not None:
            context.set_cipher_list(b"ALL:@SECLEVEL=0")
            context.set_min_proto_version(SSL.TLS1_VERSION)
            context.set_max_proto_version(version)
        if verify:
            store = context.get_cert_store()
            store.add_cert(crypto.X509.from_cryptography(certificate(self.root.cert_pem)))
            store.set_time(day(0))
            context.set_verify(SSL.VERIFY_PEER)
        client = SSL.Connection(context, None)
        if name is not None:
            client.set_tlsext_host_name(name.encode())
        client.set_connect_state()
        served = TLSMemoryBIOFactory(self.certificates, False, Site(Resource(), self.clock))
        server = self.certificates.serverConnectionForTLS(None)
        server.set_accept_state()
        server.set_app_data(served.buildProtocol(None))  # as Twisted does
        shake_hands(client, server)
        return client

    def shown(self, name=None):
        return self.connect(name).get_peer_certificate(as_cryptography=True)


def shake_hands(client, server):
    ends = (client, server)
    for _ in range(4):
        for end, other in (ends, ends[::-1]):
            with suppress(SSL.WantReadError):
                end.do_handshake()
            with suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(1 << 16))


def is_of(shown, issued):
    return shown == certificate(issued.cert_chain_pems[0])


def said(logs, level):
    return [event["log_format"].format(**event) for event in logs if event["log_level"] is level]


def reload(place):
    """
    @return: the errors that were logged.
    """
    with capturedLogs() as logs:
        place.certificates.reload()
    return said(logs, LogLevel.error)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def one(place):
    """
    The one certificate of a place that is open.
    """
    issued = place.put("chat", place.issue("chat.example.org"))
    place.certificates.open()
    return issued


def test_chain(place, one):
    """
    Clients who know the root, and nothing else, believe it.
    """
    client = place.connect("chat.example.org", verify=True)
    chain = client.get_peer_cert_chain(as_cryptography=True)
    assert chain == [certificate(pem) for pem in one.cert_chain_pems]


def test_root(place):
    """
    A root that lies beside them is not sent along: who does not know it, does not believe it.
    """
    issued = place.put("chat", place.issue("chat.example.org"))
    (place.directory / "root.pem").write_bytes(place.root.cert_pem.bytes())
    place.certificates.open()
    chain = place.connect().get_peer_cert_chain(as_cryptography=True)
    assert chain == [certificate(pem) for pem in issued.cert_chain_pems]


def test_self_signed(place):
    """
    One that vouches for itself will do.
    """
    issued = place.root.issue_cert("chat.example.org", not_before=day(-1), not_after=day(9))
    place.put("chat", issued)
    place.certificates.open()
    assert is_of(place.shown(), issued)


@pytest.mark.parametrize(
    ("version", "spoken"),
    [
        (SSL.TLS1_1_VERSION, None),
        (SSL.TLS1_2_VERSION, "TLSv1.2"),
        (SSL.TLS1_3_VERSION, "TLSv1.3"),
    ],
)
@pytest.mark.parametrize("name", [None, "chat.example.org"])
def test_versions(place, one, version, spoken, name):
    """
    What is older than TLS 1.2 is refused (RFC 8996); and HTTP/2 is not spoken.
    """
    if spoken is None:
        with pytest.raises(SSL.Error):
            place.connect(name, version)
    else:
        client = place.connect(name, version)
        assert client.get_protocol_version_name() == spoken
        assert client.get_alpn_proto_negotiated() == b"http/1.1"


def test_names(place):
    """
    Each name has its own certificate; who says none, or a strange one, sees the first.
    """
    chat = place.put("a", place.issue("chat.example.org", "talk.example.org"))
    wild = place.put("b", place.issue("*.example.net"))
    numbered = place.put("c", place.issue("127.0.0.1"))
    place.certificates.open()
    wanted = {
        "chat.example.org": chat,
        "talk.example.org": chat,
        "CHAT.example.org": chat,
        "any.example.net": wild,
        "any.thing.example.net": chat,
        "example.com": chat,
        None: chat,
    }
    assert [name for name, issued in wanted.items() if not is_of(place.shown(name), issued)] == []
    assert not is_of(place.shown(), numbered)


def test_only_an_address(place):
    """
    A certificate without any name is shown to those who say none.
    """
    issued = place.put("a", place.issue("127.0.0.1"))
    place.certificates.open()
    assert is_of(place.shown(), issued)
    renewed = place.put("a", place.issue("127.0.0.1", begins=-1))
    assert reload(place) == []
    assert is_of(place.shown(), renewed)


def test_one_file(place):
    """
    All of it may be in one file, in any order.
    """
    issued = place.issue("chat.example.org")
    parts = [issued.private_key_pem, *reversed(issued.cert_chain_pems)]
    (place.directory / "all.pem").write_bytes(b"".join(part.bytes() for part in parts))
    place.certificates.open()
    chain = place.connect().get_peer_cert_chain(as_cryptography=True)
    assert chain == [certificate(pem) for pem in issued.cert_chain_pems]


def test_links(place, tmp_path_factory):
    """
    certbot has links in C{live/}, and a folder may be one too.
    """
    place.directory = tmp_path_factory.mktemp("archive")
    issued = place.put("v1", place.issue("chat.example.org"))
    (place.certificates._directory / "current").symlink_to(place.directory / "v1")
    place.certificates.open()
    assert is_of(place.shown(), issued)


def test_renewed(place, one):
    """
    New connections are shown the new one, whether or not they say a name.
    """
    renewed = place.put("chat", place.issue("chat.example.org", begins=-1))
    assert is_of(place.shown(), one)
    with capturedLogs() as logs:
        place.certificates.reload()
    assert is_of(place.shown(), renewed)
    assert is_of(place.shown("chat.example.org"), renewed)
    [told] = said(logs, LogLevel.info)
    assert "chat.example.org" in told
    assert day(80).date().isoformat() in told
    assert said(logs, LogLevel.error) == []


def test_nothing_new(place, one):
    """
    What is the same is the same, and no news: clients may resume what they began.
    """
    place.certificates.check()
    context = place.certificates._default.context
    with capturedLogs() as logs:
        place.certificates.check()
    assert place.certificates._default.context is context
    assert logs == []


def test_same_key(place, one):
    """
    A renewal may keep the key.
    """
    folder = place.directory / "chat"
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate(one.cert_chain_pems[0]).subject)
        .issuer_name(certificate(one.cert_chain_pems[1]).subject)
        .public_key(certificate(one.cert_chain_pems[0]).public_key())
        .serial_number(7)
        .not_valid_before(day(-1))
        .not_valid_after(day(89))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("chat.example.org")]), critical=False
        )
    )
    signed = builder.sign(place.authority._private_key, SHA256())
    (folder / "newer.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    assert reload(place) == []
    assert place.shown("chat.example.org") == signed


def test_several_good(place):
    """
    Of several for the same name, the newest that is good already is shown.
    """
    place.put("a", place.issue("chat.example.org", begins=-20, ends=200))
    newest = place.put("b", place.issue("chat.example.org", begins=-2))
    place.put("c", place.issue("chat.example.org", begins=3))
    place.put("d", place.issue("chat.example.org", begins=-1, ends=0))
    place.certificates.open()
    assert is_of(place.shown("chat.example.org"), newest)


def break_key(place, renewed):
    place.put("chat", renewed, key=place.issue("chat.example.org"))
    return "no private key"


def forget_certificate(place, renewed):
    place.put("chat", renewed)
    for name in ("cert.pem", "fullchain.pem"):
        (place.directory / "chat" / name).unlink()
    return "belongs to no certificate"


def write_half(place, renewed):
    place.put("chat", renewed)
    for name in ("cert.pem", "fullchain.pem", "privkey.pem"):
        file = place.directory / "chat" / name
        file.write_bytes(file.read_bytes()[:100])
    return "written only in part"


def write_half_of_key(place, renewed):
    place.put("chat", renewed)
    file = place.directory / "chat" / "privkey.pem"
    file.write_bytes(file.read_bytes()[:100])
    return "written only in part"


def write_garbage(place, renewed):
    for file in (place.directory / "chat").iterdir():
        file.write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----\n")
    return "is broken"


def expire(place, renewed):
    place.put("chat", place.issue("chat.example.org", begins=-5, ends=-1))
    return f"has expired, on {day(-1).date().isoformat()}"


def begin_late(place, renewed):
    place.put("chat", place.issue("chat.example.org", begins=2))
    return "is not good before"


def remove_all(place, renewed):
    for file in (place.directory / "chat").iterdir():
        file.unlink()
    return "no certificate is left"


def remove_directory(place, renewed):
    remove_all(place, renewed)
    (place.directory / "chat").rmdir()
    place.directory.rmdir()
    return "No such file"


def make_dangling(place, renewed):
    file = place.directory / "chat" / "cert.pem"
    remove_all(place, renewed)
    file.symlink_to("nowhere")
    return "No such file"


RSA = bytes.fromhex("06092a864886f70d010101")
"""How DER names the kind of a key; a last byte of 0x63 names none."""


def of_no_kind(der):
    assert RSA in der
    return der.replace(RSA, RSA[:-1] + b"\x63")


def write_unknown_certificate(place, renewed):
    strange = place.authority.issue_cert("chat.example.org", key_type=trustme.KeyType.RSA)
    der = certificate(strange.cert_chain_pems[0]).public_bytes(Encoding.DER)
    for file in (place.directory / "chat").iterdir():
        file.write_text(ssl.DER_cert_to_PEM_cert(of_no_kind(der)))
    return "is of an unknown kind"


def write_unknown_key(place, renewed):
    key = rsa.generate_private_key(65537, 2048)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    text = encodebytes(of_no_kind(der)).decode()
    file = place.directory / "chat" / "privkey.pem"
    file.write_text(f"-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n")
    return "is of an unknown kind"


@pytest.mark.parametrize(
    "spoil",
    [
        break_key,
        write_unknown_certificate,
        write_unknown_key,
        forget_certificate,
        write_half,
        write_half_of_key,
        write_garbage,
        expire,
        begin_late,
        remove_all,
        remove_directory,
        make_dangling,
    ],
)
def test_no_good(place, one, spoil):
    """
    A new one that is no good does not take the place of one that is, and the log says what is
    wrong with it.  When it is mended, it is used.
    """
    what = spoil(place, place.issue("chat.example.org", begins=-1))
    errors = reload(place)
    assert any(what in error and str(place.directory) in error for error in errors), errors
    assert "stays in use" in errors[-1]
    assert is_of(place.shown(), one)
    assert is_of(place.shown("chat.example.org"), one)
    assert reload(place) == errors  # and not less good for being asked twice

    place.directory.mkdir(exist_ok=True)
    (place.directory / "chat" / "cert.pem").unlink(missing_ok=True)
    mended = place.put("chat", place.issue("chat.example.org", begins=-1))
    assert reload(place) == []
    assert is_of(place.shown("chat.example.org"), mended)


def test_others_are_renewed(place):
    """
    What is wrong with one certificate is not wrong with the others.
    """
    chat = place.put("chat", place.issue("chat.example.org"))
    place.put("other", place.issue("other.example.org"))
    place.certificates.open()
    write_half(place, place.issue("chat.example.org", begins=-1))
    renewed = place.put("other", place.issue("other.example.org", begins=-1))
    reload(place)
    assert is_of(place.shown("other.example.org"), renewed)
    assert is_of(place.shown("chat.example.org"), chat)
    assert is_of(place.shown(), chat)


def test_removed(place, one):
    """
    A name whose certificate was taken away has none any more.
    """
    place.put("other", place.issue("other.example.org"))
    place.certificates.reload()
    assert not is_of(place.shown("other.example.org"), one)
    for file in (place.directory / "other").iterdir():
        file.unlink()
    assert reload(place) == []
    assert is_of(place.shown("other.example.org"), one)


@pytest.mark.parametrize(
    ("days", "is_warned"), [(13.9, True), (0.5, True), (14.1, False), (80, False)]
)
def test_about_to_expire(place, days, is_warned):
    """
    For two weeks before the end it is said each day.
    """
    place.put("chat", place.issue("chat.example.org", ends=days))
    place.certificates.open()
    with capturedLogs() as logs:
        place.certificates.check()
        place.certificates.check()
    warnings = said(logs, LogLevel.warn)
    assert len(warnings) == 2 * is_warned
    for warning in warnings:
        assert warning == (
            f"The certificate for chat.example.org (chat/cert.pem) expires on"
            f" {day(days).date().isoformat()} and has not been renewed: days left: {int(days)}"
        )


def test_expires(place):
    """
    When it has come to that, nothing better is known: it stays, as an error.
    """
    issued = place.put("chat", place.issue("chat.example.org", ends=1))
    place.certificates.open()
    place.clock.advance(2 * DAY)
    with capturedLogs() as logs:
        place.certificates.check()
    [error] = said(logs, LogLevel.error)
    assert "the certificate for chat.example.org (chat/cert.pem) has expired" in error
    assert is_of(place.shown(), issued)


def test_start_with_expired(place):
    """
    A restart does not make a server that is away of one with an old certificate.
    """
    issued = place.put("chat", place.issue("chat.example.org", ends=-1))
    place.certificates.open()
    assert is_of(place.shown(), issued)


def test_found_without_being_told(place, one):
    """
    What was renewed is used within a day, if nobody tells us.
    """
    renewed = place.put("chat", place.issue("chat.example.org", begins=-1))
    place.certificates.check()
    assert is_of(place.shown(), renewed)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (remove_all, "there is none in any .pem file"),
        (remove_directory, "No such file or directory"),
        (break_key, "no private key beside it"),
        (write_half, "written only in part"),
    ],
)
def test_none(place, spoil, why):
    """
    Without any there is nothing to begin with.
    """
    issued = place.put("chat", place.issue("chat.example.org"))
    spoil(place, issued)
    with pytest.raises(NoCertificate) as refusal:
        place.certificates.open()
    assert str(place.directory) in str(refusal.value)
    assert why in str(refusal.value)


def test_password(place, one):
    """
    Nobody is there to type the password of a key.
    """
    renewed = place.put("chat", place.issue("chat.example.org", begins=-1))
    key = load_pem_private_key(renewed.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(b"secret"),
    )
    (place.directory / "chat" / "privkey.pem").write_bytes(locked)
    assert "has a password" in reload(place)[0]
    assert is_of(place.shown(), one)


def test_too_weak(place, one):
    """
    A key that OpenSSL will not use is no reason to fail.
    """
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chat")])
    weak = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, day(-1), day(9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("chat.example.org")]), False)
        .sign(key, SHA256())
    )
    for file in (place.directory / "chat").iterdir():
        file.unlink()
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (place.directory / "chat" / "all.pem").write_bytes(weak.public_bytes(Encoding.PEM) + written)
    assert "cannot be used" in reload(place)[0]
    assert is_of(place.shown(), one)
