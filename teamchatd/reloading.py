"""
Reading the configuration again, while the daemon runs.

What can change at once does; of the rest the log says that it waits for the next start.
A configuration that would be refused at the start is refused now, and nothing changes.
"""

import signal
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.logger import Logger

from teamchatd.config import BadConfig, Config
from teamchatd.config.differences import differences

log = Logger()

Part = tuple[Sequence[str], Callable[[Config], object]]
"""
What changes at once: keys, as C{"[images] maxBytes"}, and what brings them into effect.  It is
called at every reload: a file that a key names may be another one now.
"""


@define(eq=False, slots=False)
class Reloading(Service):
    """
    Does it at C{SIGHUP}, which without us would end the daemon.

    @ivar _read: reads what the daemon was started with, as it is now.
    @ivar _began: what it was then.
    @ivar _before, _after: called around it.
    @ivar parts: what changes at once; for those to fill who know.
    """

    _reactor: Any
    _read: Callable[[], Config]
    _began: Config
    _before: Callable[[], object] = field(default=lambda: None)
    _after: Callable[[], object] = field(default=lambda: None)
    parts: list[Part] = field(init=False, factory=list)
    _now: Config = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._now = self._began

    def startService(self) -> None:
        """
        From here on nobody ends us by asking too early: what is asked for before the
        reactor runs is done when it does.
        """
        super().startService()
        signal.signal(signal.SIGHUP, self._asked)

    def stopService(self) -> None:
        super().stopService()
        # Who asks while we stop must not end what is being finished.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _asked(self, *signalled: object) -> None:
        # In the midst of whatever the main thread does.
        self._reactor.callFromThread(self.reload)

    def reload(self) -> None:
        if not self.running:
            return
        self._before()
        try:
            self._take(self._read())
        except BadConfig as wrong:
            log.error("The configuration stays as it was: {why}", why=str(wrong))
        finally:
            self._after()

    def _take(self, chosen: Config) -> None:
        known = {key for keys, _ in self.parts for key in keys}
        changed = [key for key in differences(self._now, chosen) if key in known]
        waiting = [key for key in differences(self._began, chosen) if key not in known]
        self._now = chosen
        for keys, change in self.parts:
            self._carefully(keys, change, chosen)
        log.info("The configuration was read again; changed: {what}", what=_listed(changed))
        if waiting:
            log.warn("This takes effect at the next start: {what}", what=_listed(waiting))

    def _carefully(
        self, keys: Sequence[str], change: Callable[[Config], object], chosen: Config
    ) -> None:
        try:
            change(chosen)
        except Exception:  # the rest can be changed all the same
            log.failure("what could not be changed: {what}", what=_listed(keys))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
