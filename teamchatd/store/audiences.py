"""
An audience as one short text, the way the journal keeps it.
"""

from teamchatd.model import Audience, Daemons, Everyone, InChannel, Users


def written(audience: Audience) -> str:
    match audience:
        case Everyone():
            return "*"
        case InChannel(id=channel_id):
            return f"channel:{channel_id}"
        case Users(ids=ids):
            return "users:" + ",".join(ids)
        case Daemons():
            return "daemons"


def read(text: str) -> Audience:
    """
    @raise ValueError: no audience is written like that.
    """
    kind, _, rest = text.partition(":")
    match kind:
        case "*":
            return Everyone()
        case "channel":
            return InChannel(rest)
        case "users":
            return Users(tuple(rest.split(",")))
        case "daemons":
            return Daemons()
    raise ValueError(f"no such audience: {text}")
