"""
The load generator, C{sseload.c}: built when it is needed, and run.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.bench.serving import Target

SOURCE = Path(__file__).with_name("sseload.c")
BUILT = SOURCE.parent / "build" / "sseload"

PATIENCE = 60
"""Seconds that one run may take."""

NO_COMPILER = "There is no C compiler (cc or gcc), and the load generator is written in C."


class CannotMeasure(Exception):
    """This figure cannot be had.  Says why."""


class TooSlow(CannotMeasure):
    """Not within our patience.  The server, or whatever else the machine does, takes longer."""


def build() -> None:
    """
    Compile the load generator, unless it was since it was last changed.
    """
    if BUILT.exists() and BUILT.stat().st_mtime >= SOURCE.stat().st_mtime:
        return
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CannotMeasure(NO_COMPILER)
    BUILT.parent.mkdir(exist_ok=True)
    # Under another name first: half a program, left by Ctrl-C, would count as built.
    unfinished = BUILT.with_name("sseload.new")
    subprocess.run([compiler, "-O2", "-o", unfinished, SOURCE], check=True)
    unfinished.rename(BUILT)


def streams(target: Target, count: int, *options: object) -> dict[str, Any]:
    """
    Open C{count} event streams, and do to them what C{options} say.
    """
    return _run("sse", target, "-n", count, "--path", target.events, *options)


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
    build()
    given = ["--port", target.port, "--pid", target.pid]
    if mode == "sse":
        given += ["--tokens", target.listeners]
    try:
        done = subprocess.run(
            [str(BUILT), mode, *map(str, [*given, *options])],
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
