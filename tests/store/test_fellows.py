"""
What several daemons on one database have in common.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from teamchatd.store import fellows
from teamchatd.store.database import Database
from teamchatd.store.postgres import PostgreSQL
from teamchatd.store.schema import Unusable
from tests.postgres import Place

pytestmark = pytest.mark.real

SECRET = "a secret of all of them, 32 bytes"


@pytest.fixture
def database():
    place = Place()
    made = Database(PostgreSQL(place.url), Clock())
    made.startService()
    yield made
    made.stopService()
    place.drop()


@pytest.fixture
def log():
    said = []
    globalLogPublisher.addObserver(said.append)
    yield lambda: [event["log_format"].format(**event) for event in said if event["log_format"]]
    globalLogPublisher.removeObserver(said.append)


def test_first_starts_at_once(database, tmp_path):
    """
    Of daemons that start for the first time at once, in one directory, none is refused.
    """
    at_once = Barrier(8)

    def meet(number):
        at_once.wait()
        return fellows.meet(database, tmp_path, SECRET, f"newcomer-{number}")

    with ThreadPoolExecutor(8) as threads:
        agreed = set(threads.map(meet, range(8)))
    assert len(agreed) == 1
    assert [path.name for path in tmp_path.iterdir()] == [fellows.MARK]
    assert fellows.meet(database, tmp_path, SECRET, "late") == agreed.pop()


def test_another_directory(database, tmp_path):
    """
    The wrong one is left as it was found.
    """
    ours, wrong = tmp_path / "ours", tmp_path / "wrong"
    for each in (ours, wrong):
        each.mkdir()
    fellows.meet(database, ours, SECRET, "first")
    with pytest.raises(Unusable, match="is not that of the other daemons"):
        fellows.meet(database, wrong, SECRET, "second")
    assert [*wrong.iterdir()] == []


def test_another_secret(database, tmp_path):
    fellows.meet(database, tmp_path, SECRET, "first")
    with pytest.raises(Unusable, match="jwtSecret is not that of the other daemons"):
        fellows.meet(database, tmp_path, SECRET.upper(), "second")


def test_alone(tmp_path):
    """
    Who has forgotten to say where the database is does not begin another record in the
    directory of those who have one.
    """
    fellows.refuse_alone(tmp_path)
    (tmp_path / fellows.MARK).write_text("first\n")
    with pytest.raises(Unusable, match="database does not say where"):
        fellows.refuse_alone(tmp_path)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, []),
        (90, ["90 seconds ahead of that of the database"]),
        (-90, ["90 seconds behind that of the database"]),
    ],
)
def test_clocks(database, log, seconds, said):
    there = database.change_at_once(fellows._time_there)
    fellows.compare_clocks(database, there + seconds)
    warnings = [line for line in log() if "clock" in line]
    assert len(warnings) == len(said)
    assert all(each in line for each, line in zip(said, warnings, strict=True))
