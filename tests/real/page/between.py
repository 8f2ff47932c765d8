"""
What may happen to a request on its way, and to its answer: each of these for as long as one
is in it.
"""

import json
from contextlib import contextmanager

from tests.real.page.chromium import REFUSED, UNREACHABLE

SENTENCE = "The storage cannot take it now."
"""What a daemon says that refuses something, and has a reason."""


@contextmanager
def held(person, pattern):
    """
    The answers to these are late: they come when this is left.
    """
    waiting, is_over = [], False

    def asked(route):
        if is_over:
            route.continue_()
        else:
            waiting.append(route)

    person.page.context.route(pattern, asked)
    with person.page.expect_request(pattern):
        yield
    is_over = True
    for each in waiting:
        each.continue_()


@contextmanager
def refused(person, pattern, status=503):
    person.trouble.expect(REFUSED.format(status))
    answered(person, pattern, status, {"error": SENTENCE})
    yield
    person.page.context.unroute(pattern)


def answered(person, pattern, status, given):
    """
    In place of the daemon, until it is unrouted.
    """
    body = json.dumps(given)
    person.page.context.route(
        pattern,
        lambda route: route.fulfill(status=status, body=body, content_type="application/json"),
    )


@contextmanager
def unreachable(person, pattern):
    person.trouble.expect(UNREACHABLE, "net::ERR_FAILED", "Failed to fetch dynamically")
    person.page.context.route(pattern, lambda route: route.abort())
    yield
    person.page.context.unroute(pattern)
