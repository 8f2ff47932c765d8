"""
C{[metrics] listen}: what Prometheus finds at a daemon as it runs.
"""

import re
import socket
import subprocess
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.real.daemon import PATIENCE, twistd

pytestmark = pytest.mark.real

LISTEN = "tcp:0:interface=127.0.0.1"


def address(daemon):
    return daemon.await_log(r"Metrics are at (http://127\.0\.0\.1:\d+)/metrics")[1]


def fetch(daemon, path="/metrics"):
    with urlopen(f"{address(daemon)}{path}", timeout=PATIENCE) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=")
        return answer.read().decode()


def values(daemon):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in parse(fetch(daemon))
        for sample in family.samples
    }


def test_figures(as_process):
    """
    They move with what happens, and the process has some of its own.
    """
    daemon = as_process(metrics={"listen": LISTEN})
    ada = daemon.token("ada")
    before = values(daemon)
    listener = daemon.listen(ada)
    listener.await_events(1)
    for number in range(3):
        daemon.say(ada, f"hello {number}")
    listener.await_events(4)
    after = values(daemon)
    assert after["teamchatd_streams",] == before["teamchatd_streams",] + 1
    assert after["teamchatd_events_delivered_total",] == 3
    assert after["teamchatd_changes_total",] >= before["teamchatd_changes_total",] + 3
    assert after["teamchatd_commit_seconds_sum",] > before["teamchatd_commit_seconds_sum",]
    assert after["teamchatd_disk_free_bytes",] > 0
    assert after["teamchatd_users",] == 1
    assert after["process_open_fds",] > 10
    assert after["process_resident_memory_bytes",] > 1e7
    route = ("/channels/<channel_id>/messages", "200", "POST")
    assert after["teamchatd_http_requests_total", *route] == 3
    assert after["teamchatd_sign_ins_total", "dev", "success"] == 1
    daemon.assert_untroubled()


def test_nothing_else(as_process):
    """
    Nothing of the chat is there, and the metrics are not where the chat is.
    """
    daemon = as_process(metrics={"listen": LISTEN})
    for path in ("/", "/health", "/metrics/", "/channels"):
        with pytest.raises(HTTPError, match="404"):
            fetch(daemon, path)
    with pytest.raises(HTTPError, match="405"):
        urlopen(Request(f"{address(daemon)}/metrics", b"x", method="POST"), timeout=PATIENCE)
    assert daemon.get("/metrics").status == 404
    with urlopen(Request(f"{address(daemon)}/metrics", method="HEAD"), timeout=PATIENCE) as head:
        assert head.read() == b""
    daemon.assert_untroubled()


def test_not_asked_for(as_process):
    """
    Without the setting nobody listens, and the library is not even loaded.
    """
    daemon = as_process()
    assert daemon.get("/health").status == 200
    assert "Metrics are at" not in daemon.log.read_text()
    daemon.assert_untroubled()


@pytest.mark.parametrize("listen", ["tcp:{taken}:interface=127.0.0.1", "nonsense"])
def test_refused(tmp_path, listen):
    """
    A place that is taken, or none, ends the start with one line, as for the chat itself.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = listen.format(taken=other.getsockname()[1])
        process = twistd(
            *("--data-dir", str(tmp_path / "data"), "--port", "0"),
            environ={"TEAMCHAT_METRICS_LISTEN": where},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    [line] = said.decode().splitlines()
    assert re.match("teamchat: (cannot listen on tcp:|.metrics. listen: 'nonsense')", line)
