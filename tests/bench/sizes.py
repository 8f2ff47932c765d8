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
    @ivar some: streams, and C{many} more of them.
    @ivar told: messages that they all hear.
    @ivar returning: streams that come back at once.
    """

    users: int = 5_000
    seconds: float = 5
    heard: int = 15_000
    some: int = 1_000
    many: int = 10_000
    told: int = 40
    returning: int = 8_000


QUICK = Sizes(users=500, seconds=1.5, heard=3_000, some=200, many=2_000, told=20, returning=1_500)


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
    fewer = {name: min(getattr(wanted, name), most) for name in ("some", "many", "returning")}
    return evolve(wanted, **fewer), said
