"""
No screen keeps anybody out who does not see it, sees it badly, or has no mouse, and all of it is
in its place: as far as a program can tell.
"""

import re

import pytest

from tests.real.page.axe import OF_COLOURS, Axe
from tests.real.page.chromium import REFUSED, UNREACHABLE
from tests.real.page.layout import faults
from tests.real.page.screens import Walk, street
from tests.real.page.shots import in_theme

pytestmark = pytest.mark.real


@pytest.fixture
def houses(tmp_path, office):
    with street(tmp_path, office()) as made:
        yield made


def test_finds(daemon, visit):
    """
    What it has to find, it finds: in what is seen, and in what is read aloud.
    """
    page = visit(daemon).page
    page.get_by_role("button", name="Sign in").evaluate(
        "button => { button.style.color = '#777'; button.parentElement.role = 'nonsense'; }"
    )
    found = "\n".join(Axe(page).violations())
    assert "color-contrast:" in found
    assert "aria-roles:" in found


WITHIN_A_MESSAGE = re.compile(r"scrollable-region-focusable: .*\.(code|table)\b")
"""
The log is one stop of the Tab key; what scrolls in a message is reached from that message, as
test_keyboard.py does.  axe knows of no such way.
"""


def wrong(axe, only=None):
    return [each for each in axe.violations(only) if not WITHIN_A_MESSAGE.match(each)]


def test_all_screens(houses, visit):
    """
    In both themes, one after the other on each screen.
    """
    visitor = visit(houses.team)
    visitor.trouble.expect(UNREACHABLE, *(REFUSED.format(status) for status in (400, 401, 503)))
    axe, found = Axe(visitor.page), []
    for name in Walk(visitor, houses).all():
        in_theme(visitor.page, "light")  # and wait until what appears has appeared
        found += [f"{name}: {each}" for each in wrong(axe) + faults(visitor.page)]
        in_theme(visitor.page, "dark")
        found += [f"{name}, dark: {each}" for each in wrong(axe, OF_COLOURS)]
    assert not found, "\n\n".join(found)


def test_narrow_screens(houses, visit):
    """
    They have the same colours.
    """
    visitor = visit(houses.team, width=390)
    visitor.trouble.expect(REFUSED.format(400))
    axe, found = Axe(visitor.page), []
    for name in Walk(visitor, houses).narrow():
        in_theme(visitor.page, "light")
        found += [f"{name}: {each}" for each in wrong(axe) + faults(visitor.page)]
    assert not found, "\n\n".join(found)
