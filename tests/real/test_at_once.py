"""
What can be done once, tried twenty times at once.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.real

TIMES = 20


def at_once(daemon, path, given, who=None):
    """
    The statuses and sentences of as many equal calls, each on a connection of its own.
    """

    def call(_):
        answer = daemon.another().post(path, who, given, Connection="close")
        return answer.status, None if answer.status == 200 else answer.error

    with ThreadPoolExecutor(TIMES) as callers:
        return Counter(callers.map(call, range(TIMES)))


def test_registration(as_process):
    """
    Of twenty who register one address, one has it; the others are told why not.
    """
    daemon = as_process(auth={"auth_mode": "password", "is_invite_required": False})
    given = {"email": "bob@example.org", "password": "bob's own secret"}
    taken = "There is already a user with this e-mail address."
    assert at_once(daemon, "/auth/register", given) == {(200, None): 1, (400, taken): TIMES - 1}


def test_link(as_process):
    """
    Of twenty who use one link, one gets in; the others are told to ask for a new one.
    """
    daemon = as_process(
        auth={"auth_mode": "magic-link", "is_invite_required": True},
        email={"host": "127.0.0.1", "port": 9, "from": "chat@example.org"},
    )
    token = daemon.setup_token
    used = "This link is not good, or no longer. Ask for a new one."
    answers = at_once(daemon, "/auth/verify", {"email": "ada@example.org"}, token)
    assert answers == {(200, None): 1, (400, used): TIMES - 1}
