"""
The programs in C, built when they are needed; and why a figure cannot be had.
"""

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent

BUILT = HERE / "build"
"""Everything that is made or fetched to measure; git does not see it."""

NO_COMPILER = "There is no C compiler (cc or gcc), and {} is written in C."


class CannotMeasure(Exception):
    """This figure cannot be had.  Says why."""


class TooSlow(CannotMeasure):
    """Not within our patience.  The server, or whatever else the machine does, takes longer."""


class NotInstalled(CannotMeasure):
    """It is no part of teamchat, and this machine does not have it."""


def built(name: str) -> Path:
    """
    The program of C{name.c}, compiled unless it was since that was last changed.
    """
    source, program = HERE / f"{name}.c", BUILT / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CannotMeasure(NO_COMPILER.format(name))
    BUILT.mkdir(exist_ok=True)
    # Under another name first: half a program, left by Ctrl-C, would count as built.
    unfinished = program.with_name(f"{name}.new")
    subprocess.run([compiler, "-O2", "-o", unfinished, source], check=True)
    unfinished.rename(program)
    return program
