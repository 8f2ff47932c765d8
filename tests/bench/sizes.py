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
    """

    users: int = 5_000
    seconds: float = 5
    heard: int = 15_000
    steps: tuple[int, ...] = (1_000, 10_000)
    drawn: tuple[int, ...] = (1_000, 2_500, 5_000, 10_000)
    told: int = 40
    returning: int = 8_000

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
