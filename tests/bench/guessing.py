"""
Whether the time of an answer tells who has an account.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.serving import Place
from tests.bench.sizes import Sizes
from tests.bench.table import Row
from tests.real.daemon import RealDaemon

TIMES = 25
"""Of each: bcrypt makes one last a quarter of a second."""

KNOWN, UNKNOWN = "ada@example.org", "zoe@example.org"


def guesses(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The same call for an address that is known and one that is not, in turns: the
    machine's moods fall on both alike.
    """
    with tempfile.TemporaryDirectory(prefix="teamchat-bench-") as directory:
        daemon = RealDaemon(
            Path(directory),
            auth={"auth_mode": "password"},
            chat={"initial_user_email": KNOWN, "initial_user_password": "what nobody guesses"},
            email={"host": "127.0.0.1", "port": 9, "from": "chat@example.org"},
        )
        try:
            for path in ("/auth/password-login", "/auth/request-password-reset"):
                known, unknown = _medians(daemon.port, path)
                yield Row(f"{path}, a known address", known, "ms", less=True)
                yield Row("  an unknown one", unknown, "ms", less=True)
        finally:
            daemon.stop()


def _medians(port: int, path: str) -> tuple[float, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    taken: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for _ in range(TIMES + 1):
        for email, seconds in taken.items():
            body = json.dumps({"email": email, "password": "certainly wrong"})
            begun = time.perf_counter()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
            seconds.append(time.perf_counter() - begun)
    connection.close()
    known, unknown = (median(seconds[1:]) * 1000 for seconds in taken.values())
    return known, unknown
