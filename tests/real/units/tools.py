"""
The tools of systemd: they look at units, and need none that runs.
"""

from pathlib import Path

ANALYZE = Path("/usr/bin/systemd-analyze")

ACTIVATE = Path("/usr/bin/systemd-socket-activate")
