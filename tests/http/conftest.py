"""
All that can be asked of the daemon, in any mode.
"""

import re

import pytest
from twisted.internet.task import Clock

from teamchatd.files.shelf import Shelf
from teamchatd.house import House, Workplaces
from teamchatd.store.database import Database
from teamchatd.store.sqlite import SQLite
from tests.daemon import settings
from tests.oauth import PLAIN

MODES = ("dev", "password", "magic-link")


@pytest.fixture
def areas(tmp_path, monkeypatch):
    """
    The areas of every mode, as the house puts them together.
    """
    found = []
    monkeypatch.setattr("teamchatd.house.Root", lambda nowhere, areas: found.extend(areas.values()))
    for mode in MODES:
        clock = Clock()
        chosen = settings(auth={"auth_mode": mode}, oauth={"custom": (PLAIN,)})
        nowhere = Workplaces(None, None, None)
        database, shelf = Database(SQLite(tmp_path), clock), Shelf(tmp_path / "files")
        House(chosen, database, clock, shelf, nowhere, None, "a secret that opens nothing here")
    return {type(area): area for area in found}.values()


@pytest.fixture
def routes(areas):
    """
    (method, path) of every route, and the name of its door.
    """
    return {
        (method, in_description(rule.rule)): door(area.app.endpoints[rule.endpoint])
        for area in areas
        for rule in area.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD"}
    }


def door(endpoint):
    """
    The name of the door that Klein stands behind.
    """
    return getattr(endpoint.__original__, "door", None)


def in_description(path):
    """
    C{/users/<user_id>}, the way OpenAPI writes it: C{/users/{userId}}.
    """

    def camel(found):
        first, *others = found[1].split("_")
        return "{" + first + "".join(map(str.capitalize, others)) + "}"

    return re.sub("<(?:path:)?([a-z_]+)>", camel, path)
