"""
Who came in, who did not, and what the log says of it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field
from twisted.logger import Logger

from teamchatd.errors import ChatError, TooMany, Unavailable
from teamchatd.model import Client

log = Logger()


@define
class Attempt:
    """
    @ivar user_id: whose account it is about, once that is known.
    """

    user_id: str = ""


@define
class SignIns:
    """
    @ivar counts: how many there were of each (method, result); the result is
        "success", "failure", "limited" or "error", which is ours.
    """

    counts: Counter[tuple[str, str]] = field(init=False, factory=Counter)

    @contextmanager
    def watch(self, method: str, client: Client) -> Iterator[Attempt]:
        """
        One line each, that tells an administrator who it was and from where; never what
        they have typed.  Those who are told to wait get none: it would be theirs to fill
        the log.
        """
        attempt = Attempt()
        try:
            yield attempt
        except TooMany:
            self.counts[method, "limited"] += 1
            raise
        except ChatError as refused:
            is_ours = isinstance(refused, Unavailable)
            self.counts[method, "error" if is_ours else "failure"] += 1
            log.info(
                "A sign-in by {method} from {address}{whose} was refused: {why}",
                method=method,
                address=client.ip or "this machine",
                whose=f" to the account of user {attempt.user_id}" if attempt.user_id else "",
                why=str(refused),
            )
            raise
        except Exception:
            self.counts[method, "error"] += 1
            raise
        self.counts[method, "success"] += 1
        log.info(
            "User {user} signed in by {method} from {address}",
            user=attempt.user_id,
            method=method,
            address=client.ip or "this machine",
        )
