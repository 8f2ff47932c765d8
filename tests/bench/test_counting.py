"""
Tests for L{tests.bench.counting}.
"""

from tests.bench.counting import Exchange, Fetched

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"


def test_answers():
    """
    Each answer counts for what was asked last, with its headers, however it is cut up.
    """
    fetched: list[Fetched] = []
    exchange = Exchange(fetched)
    exchange.asked(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    exchange.answered(HEADERS[:-3])
    exchange.answered(HEADERS[-3:] + b"one")
    exchange.answered(b"two")
    exchange.asked(b"POST /reads HTTP/1.1\r\n\r\n")
    exchange.asked(b'{"messageId": "m1"}')
    exchange.answered(HEADERS + b"\r\n\r\nla")
    size, head = len(HEADERS) + 6, len(HEADERS)
    assert fetched == [Fetched("/", size, head), Fetched("/reads", size, head)]


def test_files():
    """
    What the page is made of, and not what it shows.
    """
    paths = ("/", "/assets/0a/main.js", "/users", "/config.json")
    assert [Fetched(path).is_file for path in paths] == [True, True, False, False]
