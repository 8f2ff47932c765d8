"""
The command C{teamchat}, as a process.
"""

import os
import subprocess
import sys

from tests.real.daemon import PATIENCE, ROOT


def teamchat(daemon, *arguments, sent="", **environ):
    """
    Run C{teamchat ...} with the configuration and the data directory of a daemon.

    @return: status, what it says, and what it complains of.
    """
    clean = {name: value for name, value in os.environ.items() if "TEAMCHAT" not in name}
    done = subprocess.run(
        [sys.executable, "-c", "from teamchatd.console import main; main()", *map(str, arguments)]
        + ["--config", str(daemon.directory / "teamchat.toml"), "--data-dir", str(daemon.data)],
        env=clean | daemon._environ | {"PYTHONPATH": str(ROOT)} | environ,
        input=sent,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=daemon.directory,
    )
    return done.returncode, done.stdout, done.stderr
