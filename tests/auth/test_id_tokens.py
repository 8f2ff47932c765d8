"""
ID tokens, by what becomes of those who bring them.
"""

import json

import pytest

from tests.oauth import UNPROVEN
from tests.provider import US

# What an ID token must not be


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": "https://login.example/"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": None},
        {"aud": [US, "another client"]},
        {"azp": "another client"},
        {"aud": [US, "another client"], "azp": "another client"},
        {"nonce": "another"},
        {"nonce": "\ud800"},
        {"nonce": None},
        {"at_hash": "another"},
        {"exp": 1_800_000_000 - 61},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("nan")},
        {"iat": 1_800_000_000 + 61},
        {"iat": None},
        {"nbf": 1_800_000_000 + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": "s" * 256},
        {"sub": "s\n"},
        {"sub": 7},
    ],
    ids=str,
)
def test_wrong_claims(house, claims):
    """
    Not for us, not for this sign-in, not for now, not from there: not believed.
    """
    house.provider.claims = claims
    assert house.browser().refusal() == UNPROVEN
    assert house.emails() == []


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [US]},
        {"aud": [US, "another client"], "azp": US},
        {"at_hash": None},
        {"exp": 1_800_000_000 - 59},
        {"iat": 1_800_000_000 + 59},
    ],
    ids=str,
)
def test_right_claims(house, claims):
    """
    What looks like those, but is right.
    """
    house.provider.claims = claims
    house.browser().token()


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_signature(house, algorithm):
    """
    A token that anybody could have written was written by anybody.
    """
    house.provider.algorithm = algorithm
    assert house.browser().refusal() == UNPROVEN


def test_strange_key(house):
    """
    A signature with somebody else's key is none, under whatever name.
    """
    house.provider.signs_with = "rsa 2"
    assert house.browser().refusal() == UNPROVEN
    house.provider.names_key = False
    assert house.browser().refusal() == UNPROVEN


def test_weak_key(house):
    """
    A key that can be computed proves nothing.
    """
    house.provider.keys, house.provider.signs_with = ["rsa weak"], "rsa weak"
    assert house.browser().refusal() == UNPROVEN


@pytest.mark.parametrize(
    ("key", "algorithm"), [("rsa 1", "RS256"), ("rsa 1", "PS256"), ("ec 1", "ES256")]
)
def test_algorithms(house, key, algorithm):
    """
    What providers sign with today.
    """
    house.provider.claims = {"at_hash": None}
    house.provider.keys, house.provider.signs_with = ["rsa 1", "ec 1"], key
    house.provider.algorithm = algorithm
    house.browser().token()


def test_key_without_name(house):
    """
    Where a token does not name its key, one of them has to fit.
    """
    house.provider.keys, house.provider.names_key = ["ec 1", "rsa 2", "rsa 1"], False
    house.browser().token()


def test_new_key(house):
    """
    A new key is looked for at once, but not for every token that names one.
    """
    house.browser().token()
    house.provider.keys, house.provider.signs_with = ["rsa 2", "rsa 1"], "rsa 2"
    house.browser().token()
    assert house.provider.asked.count("/keys") == 2
    house.provider.signs_with = "rsa 3"
    assert house.browser().refusal() == house.browser().refusal() == UNPROVEN
    assert house.provider.asked.count("/keys") == 2
    house.provider.keys = ["rsa 3"]
    house.daemon.clock.advance(61)
    house.browser().token()
    assert house.provider.asked.count("/keys") == 3


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "é.é.é", "x" * 20000, "e30." * 3])
def test_no_id_token(house, token):
    """
    What is no token is no proof.
    """
    said = json.dumps({"access_token": "a", "id_token": token}).encode()
    house.provider.instead["/token"] = (200, "application/json", said)
    assert house.browser().refusal() == UNPROVEN
