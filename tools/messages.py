"""Every line that the cases make a user read, kept in `said.txt`: a message that changes is seen in the review."""

from collections.abc import Iterator
from pathlib import Path

from testbed.cases import Case, cases
from testbed.reviews import admit

SAID = Path(__file__).parents[1] / "tests" / "said.txt"


def said() -> str:
    """The content of `said.txt`, written by `make generate`."""
    return "".join(f"{case}\n" + "".join(f"  {line}\n" for line in _lines(case)) for case in cases())


def _lines(case: Case) -> Iterator[str]:
    result = admit(case.object, case.old, cluster=case.cluster)
    for cause in result.validation.causes:
        yield f"{cause['reason']} {cause['field']}: {cause['message']}"
    for warning in result.warnings:
        yield f"warning {warning}"
    for operation in result.mutation.patch:
        yield str(operation)
