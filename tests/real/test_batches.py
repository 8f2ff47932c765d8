"""
Many changes at once, of which some fail.
"""

import http.client
from collections import Counter

import pytest

from tests.answers import CONTRACT, Answer, encoded
from tests.daemon import request_bytes

pytestmark = pytest.mark.real


def all_at_once(daemon, who, requests):
    """
    Each request on a connection of its own, all sent before any answer is read.

    @param requests: method, path and what is given, of each.
    @return: the answers, in the order of the requests.
    """
    lines = [daemon.connect() for _ in requests]
    headers = {"authorization": f"Bearer {who}", "content-type": "application/json"}
    for line, (method, path, given) in zip(lines, requests, strict=True):
        line.sendall(request_bytes(method, path, headers, encoded(given)))
    return [
        read_answer(line, method, path)
        for line, (method, path, _) in zip(lines, requests, strict=True)
    ]


def read_answer(line, method, path):
    with line, http.client.HTTPResponse(line, method=method) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, response.read())
    CONTRACT.check_answer(method, path, answer.status, answer.headers, answer.body)
    return answer


def what_was_done(answers, noun):
    return [answer.json[noun] for answer in answers if answer.status == 200]


def sentences(answers):
    return Counter(answer.error for answer in answers if answer.status == 400)


def in_order_of_id(payloads):
    return sorted(payloads, key=lambda payload: payload["id"])


def test_two_hundred_at_once(as_process):
    """
    Whoever fails, fails alone and hears why; the others are done, each told
    once, under strictly increasing numbers.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    rooms = [
        daemon.done(daemon.post("/channels", ada, {"name": f"room {number}"}))["channel"]["id"]
        for number in range(20)
    ]
    general = daemon.general(ada)
    listener = daemon.listen(ada)
    listener.await_events(1)

    # Every third of them fails in its own way, between others that do not.
    kinds = {
        "made": [("POST", "/channels", {"name": f"Plan {n}"}) for n in range(30)],
        "made again": [("POST", "/channels", {"name": f"plan {n}"}) for n in range(30)],
        "said": [("POST", f"/channels/{general}/messages", {"content": f"{n}"}) for n in range(60)],
        "sent twice": [
            ("POST", f"/channels/{general}/messages", {"content": "twice", "clientId": "twice"})
            for _ in range(20)
        ],
        "renamed alike": [("PUT", f"/channels/{room}", {"name": "The One"}) for room in rooms],
        "renamed to General": [("PUT", f"/channels/{room}", {"name": "GENERAL"}) for room in rooms],
        "General renamed": [
            ("PUT", f"/channels/{general}", {"name": f"other {n}"}) for n in range(20)
        ],
    }
    asked = [(kind, request) for kind, requests in kinds.items() for request in requests]
    asked = [each for start in range(7) for each in asked[start::7]]
    assert len(asked) == 200
    answers = {kind: [] for kind in kinds}
    for (kind, _), answer in zip(
        asked, all_at_once(daemon, ada, [request for _, request in asked]), strict=True
    ):
        assert answer.status in (200, 400)
        answers[kind].append(answer)
    last = daemon.say(ada, "that was all")

    made = what_was_done(answers["made"] + answers["made again"], "channel")
    assert sorted(channel["name"].lower() for channel in made) == sorted(
        f"plan {n}" for n in range(30)
    )
    refused = sentences(answers["made"] + answers["made again"])
    assert sorted(sentence.lower() for sentence in refused.elements()) == sorted(
        f"there is already a channel called plan {n}." for n in range(30)
    )

    said = what_was_done(answers["said"], "message")
    assert sorted(int(message["content"]) for message in said) == list(range(60))
    first, *others = what_was_done(answers["sent twice"], "message")
    assert others == [first] * 19

    [renamed] = what_was_done(answers["renamed alike"], "channel")
    assert sentences(answers["renamed alike"]) == {"There is already a channel called The One.": 19}
    assert sentences(answers["renamed to General"]) == {
        "There is already a channel called GENERAL.": 20
    }
    assert sentences(answers["General renamed"]) == {
        "The channel General can be neither renamed nor deleted.": 20
    }

    told = {"NEW_CHANNEL": made, "NEW_MESSAGE": [*said, first, last], "UPDATE_CHANNEL": [renamed]}
    connected, *heard = listener.await_events(1 + sum(map(len, told.values())))
    assert heard[-1].payload == last
    for kind, payloads in told.items():
        theirs = [event.payload for event in heard if event.type == kind]
        assert in_order_of_id(theirs) == in_order_of_id(payloads)
    numbers = [int(event.id.partition(".")[2]) for event in (connected, *heard)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    names = [channel["name"] for channel in daemon.done(daemon.get("/channels", ada))["channels"]]
    assert Counter(names) == Counter(
        ["General", "The One"]
        + [f"room {n}" for n in range(20) if rooms[n] != renamed["id"]]
        + [channel["name"] for channel in made]
    )
    messages = [event.payload["content"] for event in heard if event.type == "NEW_MESSAGE"]
    assert daemon.read(ada) == messages
    daemon.assert_untroubled()
