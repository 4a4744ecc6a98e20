"""Files that are read again: whatever they hold, the last good version stays, and the watching goes on."""

from pathlib import Path

import pytest

from app.server.file_watcher import InvalidFile, ReloadingFile


def test_what_nobody_expected_is_a_fault_and_no_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("good")

    def read(_: str | None) -> str:
        text = path.read_text()
        if text == "odd":
            raise ZeroDivisionError("what it holds")
        if text == "bad":
            raise InvalidFile("it is bad")
        return text

    watched = ReloadingFile([path], read)
    for text, fault in (("odd", f"{path} cannot be used: ZeroDivisionError"), ("bad", "it is bad")):
        path.write_text(text)
        assert watched.refresh()
        assert (watched.value, watched.fault) == ("good", fault)
        assert not watched.refresh(), "what was said is not said again"
    path.write_text("better")
    assert watched.refresh()
    assert (watched.value, watched.fault) == ("better", None)


def test_at_the_start_there_is_no_last_good_version(tmp_path: Path) -> None:
    def read(_: str | None) -> str:
        raise InvalidFile("it is bad")

    with pytest.raises(InvalidFile, match="it is bad"):
        ReloadingFile([tmp_path / "file"], read)
