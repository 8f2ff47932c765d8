"""
What Prometheus is told: L{teamchatd.metrics}, read by the library's own parser.
"""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import ProcessCollector
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse
from twisted.internet.defer import Deferred

from teamchatd.config import InitialUser
from teamchatd.histogram import Histogram
from teamchatd.live.stream import LONGEST_BACKLOG
from teamchatd.metrics import PATIENCE, Exposition, Figures, Process
from teamchatd.store.batch import Batch
from teamchatd.workers import Workers

ETC = Path(__file__).parent.parent / "etc"

ANYBODY = "text/plain"

ADA = InitialUser(email="ada@example.org", password="correct horse")

NAME = re.compile(r"\b(?:teamchatd|process)_\w+")


class Told:
    """
    What a daemon tells, by name and labels.
    """

    def __init__(self, daemon):
        self._daemon = daemon
        house = daemon.house
        self.workers = Workers(daemon.clock, "pictures", 1, 0, "no")
        limits = {**house.limits, "pictures": self.workers}
        self.free = lambda: 12345
        self.figures = Figures(house, limits, lambda: self.free())
        self.exposition = Exposition(self.figures, house.counting.counts, daemon.clock)

    def text(self, accepted=ANYBODY):
        [(body, kind)] = self.asked(accepted)
        return body.decode(), kind

    def asked(self, accepted=ANYBODY):
        found = []
        Deferred.fromCoroutine(self.exposition.scrape(accepted)).addCallback(found.append)
        return found

    def families(self):
        return list(parse(self.text()[0]))

    def samples(self):
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families()
            for sample in family.samples
        }

    def value(self, name, **labels):
        return self.samples().get((name, *sorted(labels.items())), 0)


@pytest.fixture
def told(in_memory):
    return lambda **sections: Told(in_memory(**sections))


@pytest.fixture
def moves(told):
    """
    Says by how much a sample moves: C{moves(act, name, label="value")}.
    """

    def moves(one, act, name, **labels):
        before = one.value(name, **labels)
        act()
        return one.value(name, **labels) - before

    return moves


def test_names(told):
    """
    Each family is there once, of a type, with a sentence, and named as Prometheus asks.
    """
    families = told().families()
    names = [family.name for family in families]
    assert len(set(names)) == len(names) > 20
    for family in families:
        assert family.type in ("counter", "gauge", "histogram")
        assert re.fullmatch("(teamchatd|process)_[a-z_]+", family.name)
        assert re.fullmatch("[A-Z].*[.]", family.documentation), family.documentation
        assert not re.search("_(ms|milliseconds|kb|count|sum)$", family.name)
        for sample in family.samples:
            assert family.type != "counter" or sample.name.endswith("_total")


def test_forms(told):
    """
    Whoever asks for OpenMetrics gets it, all others the older form.
    """
    one = told()
    text, kind = one.text("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert {family.name for family in parse_open(text)} == {
        family.name.removesuffix("_total") for family in one.families()
    }
    assert one.text("")[1].startswith("text/plain")


def test_requests(told, moves):
    """
    By the pattern of the path: a stranger who makes up paths and methods makes no new
    figures.
    """
    one = told()
    daemon = one._daemon
    ada = daemon.token("ada")
    path = f"/channels/{daemon.general(ada)}/messages?limit=1"
    labels = {"route": "/channels/<channel_id>/messages", "method": "GET", "code": "200"}
    assert moves(one, lambda: daemon.get(path, ada), "teamchatd_http_requests_total", **labels) == 1
    name = "teamchatd_http_request_duration_seconds_count"
    assert moves(one, lambda: daemon.get(path), name, route=labels["route"]) == 1
    before = len(one.samples())
    daemon.get("/nowhere")
    daemon.exchange("BREW", "/nowhere", {}, b"")
    known = len(one.samples())
    for number in range(20):
        daemon.get(f"/nowhere/{number}")
        daemon.exchange(f"BREW{number}", f"/{number}", {}, b"")
    assert len(one.samples()) == known > before
    assert (
        one.value("teamchatd_http_requests_total", route="other", method="other", code="404") == 21
    )


def test_streams(told, moves):
    """
    Who listens, what they are told, who comes back, and who does not read.
    """
    one = told()
    daemon = one._daemon
    ada = daemon.token("ada")
    listeners = []
    listen = lambda *last: listeners.append(daemon.listen(ada, *last))  # noqa: E731
    assert moves(one, listen, "teamchatd_streams") == 1
    assert moves(one, listen, "teamchatd_streams") == 1
    say = lambda: daemon.say(ada, "hello")  # noqa: E731
    assert moves(one, say, "teamchatd_events_delivered_total") == 2
    assert moves(one, say, "teamchatd_event_delivery_seconds_count") == 1
    first = listeners[0].events[0].id
    assert moves(one, lambda: listen(first), "teamchatd_replays_total") == 1
    assert moves(one, lambda: listen("x.1"), "teamchatd_resets_total", reason="unknown_id") == 1
    assert moves(one, listeners[0].leave, "teamchatd_streams") == -1
    assert one.value("teamchatd_slow_readers_dropped_total") == 0

    def never_read():
        listeners[1].fall_asleep()
        for _ in range(LONGEST_BACKLOG // 16_000 + 2):
            daemon.say(ada, "x" * 16_000)

    assert moves(one, never_read, "teamchatd_slow_readers_dropped_total") == 1


def test_too_old(told, moves):
    one = told(events={"keep_days": 1})
    daemon = one._daemon
    ada = daemon.token("ada")
    first = daemon.listen(ada).events[0].id
    for _ in range(3):
        daemon.say(ada, "hello")
    daemon.clock.advance(3 * 24 * 3600)
    daemon.restart()
    again = Told(daemon)
    ada = daemon.token("ada")
    daemon.say(ada, "hello")
    name = "teamchatd_resets_total"
    assert moves(again, lambda: daemon.listen(ada, first), name, reason="too_old") == 1


def test_record(told, moves):
    """
    What is written, how long it takes, and how much room there is.
    """
    one = told()
    daemon = one._daemon
    ada = daemon.token("ada")
    say = lambda: daemon.say(ada, "hello")  # noqa: E731
    say()  # the first time, it is also written that the token was used
    assert moves(one, say, "teamchatd_changes_total") == 1
    assert moves(one, say, "teamchatd_commit_seconds_count") == 1
    # Each second somebody may ask whether we are ready: that is not how fast the disk is.
    assert moves(one, daemon.database.probe, "teamchatd_commit_seconds_count") == 0
    assert one.value("teamchatd_writer_queue") == 0
    assert one.value("teamchatd_disk_free_bytes") == 12345
    assert one.value("teamchatd_database_bytes") >= daemon.engine.path.stat().st_size

    def gone():
        raise OSError("no such disk")

    one.free = gone
    assert "teamchatd_disk_free_bytes" not in one.text()[0]
    assert one.value("teamchatd_changes_total") > 0


def test_writer_queue(told, monkeypatch):
    one = told()
    database = one._daemon.database
    stuck = Deferred()
    monkeypatch.setattr(database._writer, "runInteraction", lambda *_: stuck)
    for _ in range(3):
        database.change(lambda change: None)
    assert one.value("teamchatd_writer_queue") == 3
    assert database.waiting_since() == int(one._daemon.clock.seconds() * 1000)
    monkeypatch.undo()
    stuck.callback(Batch([], False))
    assert one.value("teamchatd_writer_queue") == 0
    assert database.waiting_since() is None


@pytest.mark.parametrize(
    ("email", "password", "result"),
    [("ada", "correct horse", "success"), ("ada", "guess", "failure"), ("no", "x", "failure")],
)
def test_sign_ins(told, moves, email, password, result):
    one = told(auth={"auth_mode": "password"}, chat={"initial_user": ADA})
    sign_in = lambda: password_login(one._daemon, email, password)  # noqa: E731
    labels = {"method": "password", "result": result}
    assert moves(one, sign_in, "teamchatd_sign_ins_total", **labels) == 1


def test_limits(told, moves):
    """
    Who is told to wait, by what; and that is what became of their attempt to sign in.
    """
    one = told(
        auth={"auth_mode": "password"},
        chat={"initial_user": ADA},
        rate_limit={"enabled": True, "failed_sign_ins_per_minute": 3, "requests_per_minute": 20},
    )
    daemon = one._daemon

    def guess():
        for _ in range(4):
            password_login(daemon, "ada", "guess")

    assert moves(one, guess, "teamchatd_limited_total", limit="failed_sign_ins") == 1
    name, labels = "teamchatd_sign_ins_total", {"method": "password", "result": "limited"}
    assert one.value(name, **labels) == 1

    def ask():
        for _ in range(20):
            daemon.get("/config.json")

    assert moves(one, ask, "teamchatd_limited_total", limit="requests") == 4
    one.workers.startService()
    refused = lambda: one.workers.run(int).addErrback(lambda _: None)  # noqa: E731
    assert moves(one, refused, "teamchatd_limited_total", limit="pictures") == 1
    one.workers.stopService()


def test_mail(told, moves):
    """
    Letters that are sent, for nobody, and waiting; and how many people there are.
    """
    one = told(
        auth={"auth_mode": "magic-link", "is_invite_required": True},
        email={"host": "mail.example", "from_": "chat@example.org"},
        chat={"initial_user": ADA},
    )
    daemon = one._daemon

    def ask(name):
        def ask():
            daemon.post("/auth/login", None, {"email": f"{name}@example.org"})
            daemon.clock.advance(0)

        return ask

    assert moves(one, ask("ada"), "teamchatd_mail_total", result="sent") == 1
    assert moves(one, ask("nobody"), "teamchatd_mail_total", result="nobody") == 1
    assert one.value("teamchatd_mail_waiting") == 0
    daemon.house.letters.close()
    assert moves(one, ask("ada"), "teamchatd_mail_waiting") == 1
    assert (one.value("teamchatd_users"), one.value("teamchatd_sessions")) == (1, 0)


def test_database_does_not_answer(told):
    """
    What it knows is missing then, and the rest is told.
    """
    one = told()
    one.exposition = Exposition(one.figures, Deferred, one._daemon.clock)
    asked = one.asked()
    assert asked == []
    one._daemon.clock.advance(PATIENCE)
    [(body, _)] = asked
    assert b"teamchatd_users " not in body
    assert b"teamchatd_streams 0.0" in body


def test_histogram():
    """
    Each bucket has those of the one before; what is on a bound is within it.
    """
    one = Histogram((0.5, 1))
    for seconds in (0.1, 0.5, 0.7, 2, -1):
        one.observe(seconds)
    assert [*one.buckets()] == [("0.5", 3), ("1.0", 4), ("+Inf", 5)]
    assert (one.count, round(one.total, 6)) == (5, 3.3)


def password_login(daemon, name, password):
    given = {"email": f"{name}@example.org", "password": password}
    return daemon.post("/auth/password-login", None, given)


# What is shipped


def known(one):
    """
    All names that may stand in a rule.
    """
    names = {family.name for family in one.families()}
    return names | {sample[0] for sample in one.samples()}


def busy(told):
    """
    A daemon that has something to tell in each family.
    """
    one = told()
    one._daemon.token("ada")
    return one


def alerts():
    document = yaml.safe_load((ETC / "alerts.yml").read_text("utf-8"))
    assert set(document) == {"groups"}
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_alerts_name_what_is_there(told):
    """
    A rule with a name that nobody tells would be silent for ever.
    """
    there = known(busy(told))
    used = {name for rule in alerts() for name in NAME.findall(rule["expr"])}
    assert used - there == set()
    assert len(used) > 10


def test_alerts_match(told):
    """
    C{and} looks for the same labels on both sides, and one that only one side has would keep
    the rule silent for ever: it has to be left out of account by name.
    """
    labels = {
        sample.name: set(sample.labels)
        for family in busy(told).families()
        for sample in family.samples
    }
    both = [rule["expr"] for rule in alerts() if " and " in rule["expr"]]
    assert both
    for expression in both:
        left, ignored, right = re.fullmatch(
            r"(.+) and (?:ignoring \((.*?)\) )?(.+)", expression
        ).groups()
        one, other = (
            set.union(*(labels[name] for name in NAME.findall(side))) for side in (left, right)
        )
        assert one ^ other == set(filter(None, (ignored or "").split(", "))), expression


def test_alerts_hear_the_first(told):
    """
    What is told once it has happened begins with 1, and an increase from nothing is none: the
    first incident of a daemon would alert nobody.
    """
    there = {sample.name for family in told().families() for sample in family.samples}
    assert "teamchatd_http_requests_total" not in there
    for rule in alerts():
        for told_of in re.findall(
            r"increase\((teamchatd_http_requests_total\{.*?\})", rule["expr"]
        ):
            assert f"or {told_of} unless {told_of} offset " in rule["expr"]


def test_process_without_the_machine(tmp_path):
    """
    The unit hides from the service what is of the machine and of no process: its own figures
    are there nevertheless, and it began when it did.
    """
    (tmp_path / "self").symlink_to("/proc/self")
    found = {
        sample.name: sample.value
        for family in Process(proc=str(tmp_path), registry=None).collect()
        for sample in family.samples
    }
    assert found["process_open_fds"] > 0
    assert found["process_max_fds"] > 0
    assert found["process_resident_memory_bytes"] > 1e6
    assert found["process_cpu_seconds_total"] > 0
    usual = {
        sample.name: sample.value
        for family in ProcessCollector(registry=None).collect()
        for sample in family.samples
    }
    assert abs(found["process_start_time_seconds"] - usual["process_start_time_seconds"]) < 2


def test_dashboard_shows_what_is_there(told):
    """
    The same of what Grafana draws; and all that we tell is drawn, but what never changes.
    """
    one = busy(told)
    dashboard = json.loads((ETC / "grafana.json").read_text("utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    drawn = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    assert drawn - known(one) == set()
    ours = {family.name for family in one.families() if family.name.startswith("teamchatd_")}
    plain = {re.sub("_(bucket|total)$", "", name) for name in drawn}
    assert {re.sub("_total$", "", name) for name in ours} - plain == {"teamchatd_build_info"}


def test_alerts_say_what_to_do():
    """
    Each has a name of its own, a sentence, and something to do.
    """
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert re.fullmatch("Teamchat[A-Z][A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        assert set(rule["annotations"]) == {"summary", "description"}
        for text in rule["annotations"].values():
            assert re.fullmatch(r"\S.*\S[.)]", text.strip(), re.DOTALL), text
        assert rule["expr"].count("(") == rule["expr"].count(")")
        for told_of in NAME.findall(rule["annotations"]["description"]):
            assert told_of.startswith(("teamchatd_", "process_"))
