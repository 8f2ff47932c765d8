"""
What all the tests together have seen of the description.  C{make test} runs this
when all of them have passed; what each process has seen is in C{--seen}.
"""

import pytest

from tests.answers import CONTRACT

SUCCESS = 200


@pytest.fixture(scope="module", autouse=True)
def _what_was_seen(request):
    for file in request.config.option.seen.iterdir():
        CONTRACT.read_seen(file)
    assert CONTRACT.seen


def test_every_call_succeeds():
    """
    Every call that is described was seen to succeed.
    """
    assert [each for each in CONTRACT.never_seen() if each[2] == SUCCESS] == []


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_every_refusal_of_a_rule(status):
    """
    Every refusal that is about the one who asks, or what for, was seen.
    """
    assert [each for each in CONTRACT.never_seen() if each[2] == status] == []


@pytest.mark.parametrize("status", [206, 304, 416])
def test_every_picture_in_every_way(status):
    """
    Every picture was seen in part, not at all because it was known, and refused
    because it has no such part.  What the page is made of was known, too.
    """
    assert [each for each in CONTRACT.never_seen() if each[2] == status] == []


def test_every_event_is_told():
    """
    Every type of event that is described was heard.
    """
    assert CONTRACT.never_seen_events() == []
