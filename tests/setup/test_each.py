"""A test of many cases tries each of them, and fails as so many tests would."""

import pytest

from tests.support.each import try_each


def test_every_case_is_tried_and_all_that_fail_are_named() -> None:
    tried = []

    def test(case: str) -> None:
        tried.append(case)
        assert case == "good"

    with pytest.raises(ExceptionGroup) as failed:
        try_each(["bad", "good", "worse"], test)
    assert tried == ["bad", "good", "worse"]
    assert [each.__notes__ for each in failed.value.exceptions] == [["in the case bad"], ["in the case worse"]]


def test_a_test_without_a_case_fails() -> None:
    with pytest.raises(AssertionError, match="there is no case to try"):
        try_each([], lambda _: None)
