"""
What a check has found.
"""

from attrs import frozen

OK, NOTE, WRONG = "ok", "note", "wrong"


@frozen
class Finding:
    """
    @ivar what: was looked at.
    @ivar state: L{OK}, or L{NOTE} of what is to be known, or will be wrong one day, or
        could not be seen; or L{WRONG}.
    @ivar sentence: what it is like; where that is wrong, also what to do.
    """

    what: str
    state: str
    sentence: str

    @classmethod
    def ok(cls, what: str, sentence: str) -> "Finding":
        return cls(what, OK, sentence)

    @classmethod
    def note(cls, what: str, sentence: str) -> "Finding":
        return cls(what, NOTE, sentence)

    @classmethod
    def wrong(cls, what: str, sentence: str) -> "Finding":
        return cls(what, WRONG, sentence)
