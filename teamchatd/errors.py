"""
Everything that can be refused, in words that a person reads.

The kinds below are all that the door knows of.  What is raised is usually a
more exact class, declared next to the rule that it belongs to.
"""


class ChatError(Exception):
    """
    A refusal, with the sentence for the one who asked.
    """


class Invalid(ChatError):
    """What was asked makes no sense, or cannot be."""


class Unidentified(ChatError):
    """We do not know who is asking."""


class Forbidden(ChatError):
    """We know who is asking, and they may not."""


class NotFound(ChatError):
    """There is no such thing, or it is none of the asker's business."""


class TooLarge(ChatError):
    """The request is larger than we read."""


class NotJSON(ChatError):
    """The request's body is of a type that we do not read."""


class TooMany(ChatError):
    """
    Too much was asked in too short a time.

    @ivar retry_after: after how many seconds it may be tried again.
    """

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(ChatError):
    """Storage cannot take it now.  Nothing was changed, nobody was told."""
