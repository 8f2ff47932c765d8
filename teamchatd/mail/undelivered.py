"""
How a delivery ends that does not end well.
"""


class Undelivered(Exception):
    """
    Says why, for the operator, without naming the recipient.

    @ivar remark: what the mail server said itself, which may name anybody.
    """

    def __init__(self, sentence: str, remark: str = "") -> None:
        super().__init__(sentence)
        self.remark = remark


class Refused(Undelivered):
    """The mail server will say the same the next time."""


class TryLater(Undelivered):
    """It may work another time: the mail server said so, or could not be talked to."""
