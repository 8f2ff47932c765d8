"""
Proxies before a daemon, with the configurations that we ship.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path

import trustme

from tests.answers import Answer
from tests.real.daemon import PATIENCE, ROOT, RealDaemon, free_port


def found(name, folder):
    """
    Where a program is: what C{.ci/setup} has unpacked, else what is installed.
    """
    unpacked, installed = ROOT / ".venv/proxies/usr" / folder / name, Path("/usr") / folder / name
    return unpacked if unpacked.exists() else installed


NGINX, CADDY = found("nginx", "sbin"), found("caddy", "bin")

AROUND_NGINX = """
{rlimit}
{events}
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    access_log {folder}/log;
    include {folder}/teamchat.conf;
}}
"""

AROUND_CADDY = """{{
	admin off
	auto_https off
	storage file_system {folder}
	grace_period 1s
"""
"""Inside its own block of what is for all sites."""

SHORT_TIMEOUT = 2
"""Seconds in which a proxy hangs up on a stream that is silent, for tests whose subject that is."""


class Proxy:
    """
    One that runs.

    @ivar port: where it speaks TLS.
    @ivar plain: where it speaks plain HTTP, if it does.
    @ivar visitors: who has to hang up in the end.
    @ivar timeout: seconds after which it hangs up on a stream that is silent, if it does.
    """

    def __init__(self, folder, backend, timeout=75):
        self.folder, self.backend, self.timeout = folder, backend, timeout
        self.visitors = []
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(folder / "key.pem")
        (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        authority.cert_pem.write_to_path(folder / "authority.pem")
        self.context = ssl.create_default_context(cafile=folder / "authority.pem")
        # A port that was free may be taken by others before the proxy has it.
        if not any(self._start() for _ in range(5)):
            raise AssertionError((folder / "log").read_text())

    def _start(self):
        """
        @return: whether it runs.
        """
        self.port, self.plain = free_port(), free_port()
        environ = {"PATH": os.defpath, "HOME": str(self.folder)}
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, cwd=self.folder, env=environ
            )
        for _ in range(PATIENCE * 50):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
                return False
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
                return True
        self.stop()
        return False

    def stop(self):
        for each in self.visitors:
            each.hang_up()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()

    def _ours(self, name, changes):
        """
        Our configuration, with other places in it and nothing else.
        """
        text = (ROOT / "etc" / name).read_text()
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        return text


class Nginx(Proxy):
    def _command(self):
        lineage = "/etc/letsencrypt/live/chat.example.org"
        ours = self._ours(
            "nginx.conf",
            {
                "server 127.0.0.1:3000;": f"server {self.backend};",
                f"{lineage}/fullchain.pem": f"{self.folder}/cert.pem",
                f"{lineage}/privkey.pem": f"{self.folder}/key.pem",
                "listen 80;": f"listen 127.0.0.1:{self.plain};",
                "listen [::]:80;": "",
                "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
                "listen [::]:443 ssl http2;": "",
                "proxy_read_timeout 75s;": f"proxy_read_timeout {self.timeout}s;",
                "/var/log/nginx/error.log": f"{self.folder}/log",
            },
        )
        (self.folder / "teamchat.conf").write_text(ours)
        around = AROUND_NGINX.format(
            folder=self.folder,
            # What it tells people to write somewhere else.
            rlimit=re.search(r"^# +(worker_rlimit_nofile .*;)$", ours, re.M)[1],
            events=re.search(r"^# +(events .*})$", ours, re.M)[1],
            user="user root;" if os.getuid() == 0 else "",
        )
        (self.folder / "nginx.conf").write_text(around)
        return [NGINX, "-p", self.folder, "-e", "stderr", "-c", self.folder / "nginx.conf"]


class Caddy(Proxy):
    """
    It redirects by itself, which is not ours to test, and does not here.
    """

    def _command(self):
        ours = self._ours(
            "Caddyfile",
            {
                "\n{\n": "\n" + AROUND_CADDY.format(folder=self.folder),
                "\nchat.example.org {": f"\n:{self.port} {{\n\tbind 127.0.0.1\n"
                f"\ttls {self.folder}/cert.pem {self.folder}/key.pem\n",
                "reverse_proxy 127.0.0.1:3000 {": f"reverse_proxy {self._backend()} {{",
            },
        )
        (self.folder / "Caddyfile").write_text(ours)
        return [CADDY, "run", "--adapter", "caddyfile", "--config", self.folder / "Caddyfile"]

    def _backend(self):
        return self.backend.replace("unix:", "unix/")


class Behind(RealDaemon):
    """
    A daemon as it is seen from before the proxy.

    @ivar daemon: itself, to be stopped and started.
    @ivar source: the address we come from.
    """

    def __init__(self, daemon, proxy, source="127.0.0.1"):
        self.__dict__ |= daemon.__dict__ | {"_connection": None}
        self.daemon, self.proxy, self.source = daemon, proxy, source
        proxy.visitors.append(self)

    def exchange(self, method, path, headers, body):
        if self._connection is None:
            self._connection = HTTPSConnection(
                "127.0.0.1",
                self.proxy.port,
                timeout=PATIENCE,
                context=self.proxy.context,
                source_address=(self.source, 0),
            )
        self._connection.request(method, path, body or None, headers)
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def connect(self):
        plain = socket.create_connection(
            ("127.0.0.1", self.proxy.port), PATIENCE, source_address=(self.source, 0)
        )
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 40 ms for each who comes
        return self.proxy.context.wrap_socket(plain, server_hostname="localhost")


def curl_http2(proxy, path):
    """
    A process that reads by HTTP/2, as browsers do.
    """
    command = [shutil.which("curl"), "-sSN", "--http2", "-w", "over %{http_version}"]
    return subprocess.Popen(
        [
            *command,
            "--cacert",
            proxy.folder / "authority.pem",
            f"https://127.0.0.1:{proxy.port}{path}",
        ],
        stdout=subprocess.PIPE,
    )
