"""
The load generator, C{sseload.c}, and what it is asked for.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.building import CannotMeasure, TooSlow, built
from tests.bench.serving import Target

PATIENCE = 60
"""Seconds that one run may take."""


def streams(target: Target, count: int, *options: object) -> dict[str, Any]:
    """
    Open C{count} event streams, and do to them what C{options} say.
    """
    return _run("sse", target, "-n", count, "--path", target.events, *options)


@contextmanager
def crowd(target: Target, count: int) -> Iterator[None]:
    """
    So many streams of people who have no part in it, while something else is measured.
    """
    asked = ["--port", target.port, "--path", target.events, "--tokens", target.others]
    with subprocess.Popen(
        [built("sseload"), "sse", "-v", *map(str, [*asked, "-n", count, "--hold", PATIENCE])],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stderr is not None
            said = b""
            while not said.startswith(b"holding"):
                said = process.stderr.readline()
                if not said:
                    raise CannotMeasure("the streams of the others do not open")
            if int(said.split()[1]) < count:
                raise CannotMeasure(f"of {count} streams of the others, not all opened: {said!r}")
            yield
        finally:
            process.terminate()


def requests(target: Target, *options: object) -> dict[str, Any]:
    """
    Ask over 32 connections, each for the next as soon as it has an answer.
    """
    report = _run("http", target, "-c", 32, "--tokens", target.writers, "--warmup", 1, *options)
    answers = report["status"]
    if answers["2xx"] < report["requests"]:
        raise CannotMeasure(f"not all were answered with 200: {answers}")
    return report


def cpu_of_each(report: dict[str, Any]) -> float:
    """
    What one request cost the server, in microseconds: when others use the machine too,
    this says more than requests in a second.
    """
    return float(report["cpu_pct"] / 100 * 1e6 / report["req_per_s"])


def publishing(target: Target, messages: int, *options: object) -> list[object]:
    """
    The options with which streams hear of C{messages} messages.
    """
    return [
        *("--messages", messages, "--pub-path", target.post, "--pub-body", target.message),
        *("--pub-tokens", target.writers, *options),
    ]


def _run(mode: str, target: Target, *options: object) -> dict[str, Any]:
    given: list[object] = ["--port", target.port]
    for pid in target.pids:
        given += ["--pid", pid]
    if mode == "sse":
        given += ["--tokens", target.listeners]
    try:
        done = subprocess.run(
            [built("sseload"), mode, *map(str, [*given, *options])],
            capture_output=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise TooSlow(f"not done within {PATIENCE} seconds") from error
    if not done.stdout:
        raise CannotMeasure(done.stderr.decode().strip())
    report: dict[str, Any] = json.loads(done.stdout)
    if report.get("failed") or report.get("never_answered"):
        raise CannotMeasure(f"of the connections, {report['failed']} failed: {done.stdout!r}")
    return report
