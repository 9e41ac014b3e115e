"""Every kind of call to the upstream: how long it may take, what it answers, and whether it may be made again."""

from dataclasses import dataclass
from typing import Final, Generic

from workers.engines.cloud.replies import (
    Balance,
    BillingPage,
    Content,
    Offer,
    Prediction,
    PredictionPage,
    Price,
    Reader,
    Secret,
    Ticket,
)

CONNECT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Call:
    """`what` stands in sentences. `seconds` bounds the whole of one try, however slowly the other side speaks.

    A call that `changes_nothing` is asked again when it was not answered. One that `creates` may have been paid for:
    without an answer its outcome is unknown.
    """

    what: str
    seconds: float
    changes_nothing: bool = True
    creates: bool = False


@dataclass(frozen=True)
class Question(Generic[Content]):
    """A call of the upstream's API, its method, and how its answer is read."""

    call: Call
    method: str
    reader: Reader[Content]


SUBMIT: Final = Question(Call("a submit", 60, changes_nothing=False, creates=True), "POST", Reader(Prediction))
RESULT: Final = Question(Call("a look at a job", 20), "GET", Reader(Prediction))
LIST: Final = Question(Call("the list of jobs", 30), "POST", Reader(PredictionPage))
CANCEL: Final = Question(Call("a cancel", 20, changes_nothing=False), "DELETE", Reader(Prediction))
BALANCE: Final = Question(Call("the balance", 20), "GET", Reader(Balance))
PRICE: Final = Question(Call("a price", 20), "POST", Reader(Price))
BILLINGS: Final = Question(Call("the billings", 30), "POST", Reader(BillingPage))
MODELS: Final = Question(Call("the models", 30), "GET", Reader(list[Offer]))
SECRET: Final = Question(Call("the webhook secret", 20), "GET", Reader(Secret))
# A ticket that is given and never used costs nothing.
TICKET: Final = Question(Call("an upload ticket", 30), "POST", Reader(Ticket))
UPLOAD: Final = Call("an upload", 600, changes_nothing=False)


@dataclass(frozen=True)
class Patience:
    """How often a call is made that may be made again, and how long the pauses in between are at first and at most."""

    tries: int = 3
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 10.0

    def pause_seconds(self, tried: int, told_seconds: float | None, chance: float) -> float | None:
        """Pause before the next try; None for no more. Told to wait longer than we would, we leave it to others."""
        if tried >= self.tries:
            return None
        if told_seconds is not None:
            return told_seconds if told_seconds <= self.longest_pause_seconds else None
        pause = min(self.first_pause_seconds * 2.0 ** (tried - 1), self.longest_pause_seconds)
        return pause * (0.5 + 0.5 * chance)
