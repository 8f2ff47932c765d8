"""
Mail as it goes out: C{twistd}, a real mail server, TLS, a power cut.
"""

import os
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from teamchatd.model import Purpose
from teamchatd.store.batch import Job, run_batch
from teamchatd.store.letters import ask
from teamchatd.store.sqlite import CONNECT, SQLite, prepare
from tests.mail.post_office import Authority, Parrot, link_in
from tests.real.daemon import PATIENCE, ROOT, variables

pytestmark = pytest.mark.real

PASSWORD = "the mail server's password"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def daemon_of(as_process):
    """
    Makes a daemon that hands its letters to this mail server.  Its one user is
    ada.
    """

    def make(office, environ=None, **email):
        server = {"host": "127.0.0.1", "port": office.port, "secure": False}
        return as_process(
            environ=environ,
            auth={"auth_mode": "password"},
            email=server | {"from_": "chat@example.org"} | email,
            chat_initial_user={
                "user_name": "Ada",
                "email": "ada@example.org",
                "password": "correct horse",
            },
        )

    return make


def ask_for(daemon, purpose=Purpose.PASSWORD_RESET, email="ada@example.org"):
    """
    Have a letter sent the way in which everybody else does who writes to the
    record.
    """
    job = Job(ask, (purpose, email), int(time.time() * 1000))
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite", **CONNECT)) as connection:
        prepare(connection)
        run_batch(connection.cursor(), [job], SQLite)
        connection.commit()
    assert job.failure is None, job.failure


def waiting(daemon):
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite")) as connection:
        return connection.execute("SELECT count(*) FROM letters").fetchone()[0]


def restart_and_ask(daemon, **more):
    """
    A daemon looks for letters as soon as it is started.
    """
    daemon.stop()
    ask_for(daemon, **more)
    daemon.start()


def test_delivered(daemon_of, office, authority, tmp_path):
    """
    A letter is asked for while the daemon runs, and goes out by itself, in TLS;
    nothing of it is in the log.
    """
    office = office(authority.context("localhost"), from_first_byte=True, password=PASSWORD)
    authority.ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    daemon = daemon_of(
        office,
        {"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
        host="localhost",
        secure=True,
        user="chat",
        password=PASSWORD,
    )
    ask_for(daemon, Purpose.INVITATION)
    letter = office.await_letter()
    assert (letter.recipient, letter.was_encrypted, letter.user) == (
        "ada@example.org",
        True,
        "chat",
    )
    link = link_in(letter)
    assert link.startswith("http://localhost:3000?token=")
    assert link.endswith("&email=ada%40example.org")
    daemon.stop()
    assert waiting(daemon) == 0
    log = daemon.log.read_text()
    assert link.partition("token=")[2][:43] not in log
    assert PASSWORD not in log
    assert "ada@example.org" not in log


def test_starttls(daemon_of, office, authority):
    """
    TLS is begun where it is offered.
    """
    office = office(authority.context("localhost"), password=PASSWORD)
    daemon = daemon_of(office, user="chat", password=PASSWORD)
    restart_and_ask(daemon)
    assert office.await_letter().was_encrypted


def test_wrong_password(daemon_of, office):
    """
    What the mail server will not take the next time either is given up.
    """
    daemon = daemon_of(office(password=PASSWORD), user="chat", password="not this one")
    restart_and_ask(daemon)
    daemon.await_log(r"letter \w+ to the user \w+ was given up: .* does not accept the login")
    daemon.stop()
    assert waiting(daemon) == 0
    assert "not this one" not in daemon.log.read_text()


@pytest.mark.parametrize(
    ("answer", "line", "left"),
    [
        ("451 try later", r"letter \w+ is tried again in 10 seconds: .*\(451\)", 1),
        ("550 never", r"letter \w+ to the user \w+ was given up: .*\(550\)", 0),
    ],
)
def test_declined(daemon_of, office, answer, line, left):
    """
    Whether a letter is tried again is for the mail server to say.
    """
    office = office()
    office.answers["RCPT"] = [answer]
    daemon = daemon_of(office)
    restart_and_ask(daemon)
    daemon.await_log(line)
    daemon.stop()
    assert waiting(daemon) == left
    if left:
        daemon.start()
        assert office.await_letter().recipient == "ada@example.org"


def test_silence(daemon_of, office):
    """
    A mail server that says nothing keeps a letter waiting, and nobody else.
    """
    parrot = office(kind=Parrot)
    daemon = daemon_of(parrot, timeout_seconds=1)
    restart_and_ask(daemon)
    assert parrot.was_called.wait(PATIENCE)
    assert daemon.get("/health").body == b"OK"
    daemon.await_log(r"is tried again in 10 seconds: .*did not say a word within 1 seconds")


def test_stop_in_silence(daemon_of, office):
    """
    Nor does it keep the daemon from stopping.
    """
    parrot = office(kind=Parrot)
    daemon = daemon_of(parrot, {"TEAMCHAT_SERVER_SHUTDOWN_SECONDS": "1"}, timeout_seconds=600)
    restart_and_ask(daemon)
    assert parrot.was_called.wait(PATIENCE)
    daemon.stop()
    assert "Some letters are still under way" in daemon.log.read_text()
    assert "Traceback" not in daemon.log.read_text()
    assert waiting(daemon) == 1


def test_down_and_back(daemon_of, office):
    """
    A letter outlives the mail server's bad days, and the daemon's.
    """
    gone = office()
    gone.close()
    daemon = daemon_of(gone)
    restart_and_ask(daemon)
    daemon.await_log(r"is tried again in 10 seconds: Nothing takes mail at 127\.0\.0\.1")
    daemon.kill()
    back = office(port=gone.port)
    daemon.start()
    assert back.await_letter().recipient == "ada@example.org"


def test_killed_before_it_is_noted(daemon_of, office):
    """
    The mail server has taken the letter, and the power goes before we can note
    that: it is sent again, the same letter with the same link.
    """
    office = office()
    daemon = daemon_of(office)
    killed = []

    def power_cut(letter):
        if not killed:
            killed.append(daemon.process)
            daemon.process.kill()
            daemon.process.wait(PATIENCE)

    office.taken = power_cut
    daemon.stop()
    ask_for(daemon)
    # Not start(): this life may end before it says where it listens.
    daemon.start_unheard()
    first = office.await_letter()
    assert daemon.process.wait(PATIENCE) != 0
    assert waiting(daemon) == 1
    daemon.start()
    second = office.await_letter()
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert link_in(first) == link_in(second)
    daemon.stop()
    assert waiting(daemon) == 0
    assert office.is_empty


def test_dev_mode(as_process):
    """
    Who tries things out finds the link in the log.
    """
    daemon = as_process()
    daemon.token("ada")
    restart_and_ask(daemon)
    daemon.await_log(
        r"Not sent, as this is dev mode: http://localhost:3000\?token=[\w-]{43}&email="
    )


def test_no_mail_server(as_process):
    """
    Without a mail server the daemon says what will not work.
    """
    daemon = as_process(auth={"auth_mode": "password"})
    daemon.await_log(r"No mail server is configured, \[email\] host: nobody can be sent a link")


# The command that finds out whether mail works.


@pytest.fixture
def check(tmp_path):
    """
    Runs C{teamchat check --mail}: status, what it says, and what it complains of.
    """

    def check(office=None, address="ada@example.net", environ=None, **email):
        if office is not None:
            server = {"host": "127.0.0.1", "port": office.port, "secure": False}
            email = server | {"from_": "chat@example.org"} | email
        clean = {name: value for name, value in os.environ.items() if "TEAMCHAT" not in name}
        done = subprocess.run(
            [sys.executable, "-c", "from teamchatd.console import main; main()"]
            + ["check", "--mail", address],
            env=clean
            | variables({"auth": {"auth_mode": "password"}, "email": email})
            | {"PYTHONPATH": str(ROOT)}
            | (environ or {}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=tmp_path,
        )
        return done.returncode, done.stdout, done.stderr

    return check


def test_check(check, office, authority, tmp_path):
    """
    It sends a letter with what the daemon is configured with, and keeps nothing.
    """
    office = office(authority.context("localhost"), from_first_byte=True, password=PASSWORD)
    authority.ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    trust = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    login = {"host": "localhost", "secure": True, "user": "chat", "password": PASSWORD}
    status, said, complaint = check(office, environ=trust, **login)
    assert (status, complaint) == (0, "")
    assert said.startswith("localhost has taken a letter to ada@example.net.")
    assert office.await_letter().text.startswith("This is a test")
    assert [path.name for path in tmp_path.iterdir()] == ["ca.pem"]

    status, said, complaint = check(office, **login)
    assert (status, said) == (1, "")
    assert complaint.startswith("teamchat: TLS failed: the certificate that localhost shows")

    status, said, complaint = check(office, environ=trust, **login | {"password": "no"})
    assert (status, said) == (1, "")
    assert "does not accept the login, [email] user and password (535)." in complaint
    assert "The mail server said: 535 5.7.8" in complaint


def nameless(folder):
    """
    TLS with a certificate of the kind that installers make: it has no name that counts (RFC 6125),
    and was issued by itself.
    """
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
    file = folder / "nameless.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


def test_check_nameless(check, office, tmp_path):
    """
    A bad certificate is told of in a sentence, and not in the words of a library.
    """
    office = office(nameless(tmp_path), from_first_byte=True)
    status, said, complaint = check(office, host="localhost", secure=True)
    assert (status, said) == (1, "")
    assert complaint.startswith("teamchat: TLS failed: the certificate that localhost shows")
    assert len(complaint.splitlines()) == 1, complaint


def test_check_declined(check, office):
    """
    What the mail server says itself is passed on to who asks.
    """
    office = office()
    office.answers["RCPT"] = ["550 5.1.1 <ada@example.net> is not here"]
    status, said, complaint = check(office)
    assert (status, said) == (1, "")
    assert "does not accept the recipient (550)." in complaint
    assert "The mail server said: 550 5.1.1 <ada@example.net> is not here" in complaint


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("ada", "This does not look like an e-mail address."),
        ("ädä@example.net", "The address has characters that mail cannot carry."),
    ],
)
def test_check_bad_address(check, office, address, line):
    """
    An address nothing can be sent to is one before anybody is asked.
    """
    assert check(office(), address) == (1, "", f"teamchat: {line}\n")


def test_check_without_mail_server(check):
    """
    Where no mail server is configured, that is what is wrong.
    """
    status, _, complaint = check()
    assert status == 1
    assert "No mail server is configured" in complaint


def test_check_bad_configuration(check, office):
    """
    A mistake in the configuration is named as the daemon would name it.
    """
    status, _, complaint = check(office(), from_="chat")
    assert status == 1
    assert complaint.startswith('teamchat: TEAMCHAT_EMAIL_FROM ([email] from): "chat" is not')
