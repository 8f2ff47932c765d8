"""
What certbot calls when it has a new certificate: C{etc/certbot-deploy-hook}.
"""

import grp
import os
import ssl
import subprocess

import pytest
import trustme

from tests.real.daemon import ROOT
from tests.real.test_tls import Secure

pytestmark = pytest.mark.real

SYSTEMCTL = """#!/bin/sh
echo "$@" >>{folder}/calls
case "$1" in
is-active) exit {status} ;;
reload) kill -HUP {pid} ;;
esac
"""


class Certbot:
    """
    @ivar directory: where the hook puts what it is given.
    """

    def __init__(self, folder, authority):
        self.folder, self._authority = folder, authority
        self.directory = folder / "certificates"
        self.lineage = folder / "live" / "chat.example.org"
        self.lineage.mkdir(parents=True)
        self.manage(3)

    def manage(self, status, pid=0):
        """
        @param status: what systemctl says of our service; 0 is active.
        """
        (self.folder / "bin").mkdir(exist_ok=True)
        stub = self.folder / "bin" / "systemctl"
        stub.write_text(SYSTEMCTL.format(folder=self.folder, status=status, pid=pid))
        stub.chmod(0o755)

    @property
    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def renew(self):
        """
        @return: the new certificate, as a client is shown it.
        """
        issued = self._authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.lineage / "privkey.pem")
        issued.cert_chain_pems[0].write_to_path(self.lineage / "fullchain.pem")
        return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    def call(self, **more):
        environ = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "RENEWED_LINEAGE": str(self.lineage),
            "RENEWED_DOMAINS": "chat.example.org",
            "TEAMCHAT_CERTIFICATES": str(self.directory),
            "TEAMCHAT_CERTIFICATES_GROUP": grp.getgrgid(os.getgid()).gr_name,
        } | more
        return subprocess.run(
            [ROOT / "etc" / "certbot-deploy-hook"], env=environ, capture_output=True, text=True
        )


@pytest.fixture
def certbot(tmp_path):
    return Certbot(tmp_path, trustme.CA())


def files(certbot):
    return {each.name: each for each in certbot.directory.iterdir()}


def test_files(certbot):
    """
    What it leaves is for a group to read and for nobody else; while nothing runs, nothing is
    reloaded.
    """
    certbot.renew()
    done = certbot.call()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert set(files(certbot)) == {"chat.example.org.pem"}
    [file] = files(certbot).values()
    assert [each.stat().st_mode & 0o777 for each in (certbot.directory, file)] == [0o750, 0o640]
    assert file.stat().st_gid == os.getgid()
    assert certbot.calls == ["is-active --quiet teamchat"]


def test_nothing_renewed(certbot):
    """
    Where certbot has not written all of it, what was there stays, and certbot is told.
    """
    certbot.renew()
    certbot.call()
    before = files(certbot)["chat.example.org.pem"].read_bytes()
    certbot.renew()
    (certbot.lineage / "fullchain.pem").unlink()
    assert certbot.call().returncode != 0
    assert set(files(certbot)) == {"chat.example.org.pem"}
    assert files(certbot)["chat.example.org.pem"].read_bytes() == before
    assert len(certbot.calls) == 1


def test_by_hand(certbot):
    """
    Without certbot there is nothing to do, and it says so.
    """
    done = certbot.call(RENEWED_LINEAGE="")
    assert done.returncode != 0
    assert "certbot says this" in done.stderr


def test_renewed(as_process, tmp_path):
    """
    From certbot to the client: the next connection is shown the new certificate.
    """
    here = Secure(as_process, tmp_path, "tls")
    certbot = Certbot(tmp_path, here.authority)
    assert certbot.directory == here.directory
    certbot.manage(0, here.daemon.process.pid)
    for file in here.directory.iterdir():
        file.unlink()
    new = certbot.renew()
    begun = here.daemon.log.stat().st_size
    assert certbot.call().returncode == 0
    assert certbot.calls[-1] == "reload teamchat"
    here.daemon._await_log(begun, "is good until")
    with here.connect() as line:
        assert line.getpeercert(binary_form=True) == new
    here.daemon.assert_untroubled()
