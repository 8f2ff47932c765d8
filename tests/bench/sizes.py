"""
How much of everything.
"""

import resource

from attrs import evolve, frozen

SPARE = 200
"""Files that a process has open besides its streams."""


@frozen
class Sizes:
    """
    @ivar seconds: how long requests are counted.
    @ivar heard: messages that twenty listeners hear.
    @ivar steps: numbers of streams, the largest last.
    @ivar drawn: the same for the report, whose pictures show what comes between.
    @ivar told: messages that all streams hear.
    @ivar returning: streams that come back at once.
    @ivar openings: of the page, with an empty cache and with a full one.
    @ivar seen: messages that come one by one, and are waited for.
    @ivar rush: messages that come to an open page, one after the other, in C{rush_seconds}.
    """

    users: int = 5_000
    seconds: float = 5
    heard: int = 15_000
    steps: tuple[int, ...] = (1_000, 10_000)
    drawn: tuple[int, ...] = (1_000, 2_500, 5_000, 10_000)
    told: int = 40
    returning: int = 8_000
    openings: int = 9
    seen: int = 100
    rush: int = 2_000
    rush_seconds: int = 60

    @property
    def many(self) -> int:
        return self.steps[-1]


QUICK = Sizes(
    users=500,
    seconds=1.5,
    heard=3_000,
    steps=(200, 2_000),
    drawn=(200, 500, 1_000, 2_000),
    told=20,
    returning=1_500,
    openings=3,
    seen=30,
    rush=500,
    rush_seconds=15,
)


def fitting(wanted: Sizes) -> tuple[Sizes, str | None]:
    """
    C{wanted}, with no more streams than this machine lets one process open, and
    what to say about it.  We, and the daemon after us, may open all we can.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = hard - SPARE
    if hard == resource.RLIM_INFINITY or wanted.many <= most:
        return wanted, None
    said = (
        f"A process may open {hard} files here (ulimit -Hn): {most} streams stand for"
        f" {wanted.many}, and the goals, which are for those, are not shown."
    )
    return fewer(wanted, most), said


def fewer(wanted: Sizes, most: int) -> Sizes:
    steps, drawn = (
        tuple(sorted({min(step, most) for step in each})) for each in (wanted.steps, wanted.drawn)
    )
    return evolve(wanted, steps=steps, drawn=drawn, returning=min(wanted.returning, most))
