"""
The secret that tokens are signed with.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from teamchatd.auth import secret


def test_first_starts_at_once(tmp_path):
    """
    Daemons that start for the first time at once, in one directory, have one secret.
    """
    at_once = Barrier(8)

    def start(_):
        at_once.wait()
        return secret.kept_in(tmp_path)

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(start, range(8)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]
    assert secret.kept_in(tmp_path) == found.pop()
