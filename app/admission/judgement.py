"""A review, judged: from the bytes that came to those that are answered, and what else has to be known of it."""

import traceback
from collections.abc import Callable
from typing import NamedTuple

from app.admission.budget import Undecided
from app.admission.decision import Decision, Verdict
from app.admission.response import render
from app.admission.review import BadReview, Request, parse, read_request
from app.domain.repository_index import Use

Decide = Callable[[Request, float | None], Decision]
"""What a webhook decides, `Admission.mutate` or `Admission.validate`."""


class Failed(Exception):
    """A mistake of ours: which exception, and where. Its message may hold what the object does, so it is left out."""

    def __init__(self, uid: str, exception: str, where: list[str]) -> None:
        super().__init__(uid, exception, where)  # so that it can be pickled
        self.uid = uid
        self.exception = exception
        self.where = where


class Judgement(NamedTuple):
    """What a review is answered, and what was decided."""

    request: Request
    verdict: Verdict
    use: Use | None
    """As in Decision."""
    adds_hosts: bool
    """As in Decision."""
    answer: bytes

    @property
    def without_objects(self) -> "Judgement":
        """As much of it as is needed once it is made."""
        return self._replace(request=self.request._replace(object=None, old_object=None))


def judge(decide: Decide, body: bytes, deadline: float | None) -> Judgement:
    """Judge a review.

    Raises BadReview where the body is none, Undecided where there was no time for a rule that is enforced, Failed for
    all that was not foreseen.
    """
    uid = ""
    try:
        request = read_request(parse(body))
        uid = request.uid
        decision = decide(request, deadline)
        answer = render(request, decision)
    except (BadReview, Undecided):
        raise
    except Exception as error:  # noqa: BLE001 -- it is told, and never an answer
        raise _failed(uid, error) from None
    return Judgement(request, decision.verdict, decision.use, decision.adds_hosts, answer)


def _failed(uid: str, error: Exception) -> Failed:
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return Failed(uid, type(error).__name__, where)
