"""What users read, word for word."""

from tools.messages import SAID, said


def test_every_message_is_the_one_that_was_reviewed() -> None:
    assert said().splitlines() == SAID.read_text().splitlines(), "run `make generate`, and read the difference"
