"""Files that are read again: whatever they hold, the last good version stays, and the watching goes on."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.manifest.regular_file import content
from app.server import file_watcher
from app.server.file_watcher import InvalidFile, ReloadingFile
from testbed.patience import eventually


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
    assert [watched.value, watched.fault] == ["better", None]


def test_at_the_start_there_is_no_last_good_version(tmp_path: Path) -> None:
    def read(_: str | None) -> str:
        raise InvalidFile("it is bad")

    with pytest.raises(InvalidFile, match="it is bad"):
        ReloadingFile([tmp_path / "file"], read)


# --- Files that do not come


class Volume:
    """A file on a volume that at times does not answer."""

    def __init__(self, path: Path) -> None:
        self.path, self.answers = path, threading.Event()

    def read(self, before: str | None) -> str:
        text = self.path.read_text()
        if before is not None and text == "slow":
            self.answers.wait()
        return text

    def watched(self, text: str = "good") -> ReloadingFile[str]:
        """In use; on a machine that is busy the first reading may take longer than it may."""
        self.path.write_text(text)

        def begun() -> ReloadingFile[str] | None:
            try:
                return ReloadingFile([self.path], self.read, 1.0)
            except InvalidFile:
                return None

        return eventually(begun)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    made = Volume(tmp_path / "file")
    yield made
    made.answers.set()


def test_a_file_that_does_not_come_in_time_is_told_and_a_good_one_after_it_is_taken(volume: Volume) -> None:
    watched = volume.watched()
    volume.path.write_text("slow")
    says = f"{volume.path} cannot be read within 1 seconds: look at the volume that it is on"
    assert watched.refresh()
    assert (watched.value, watched.fault) == ("good", says)
    assert not watched.refresh(), "what was said is not said again"
    volume.path.write_text("better")
    eventually(lambda: watched.refresh() and watched.fault is None)
    assert watched.value == "better"


def test_what_comes_too_late_is_not_taken_in_place_of_what_is_there_by_then(volume: Volume) -> None:
    watched = volume.watched()
    volume.path.write_text("slow")
    watched.refresh()
    volume.path.write_text("better")
    eventually(lambda: watched.refresh() and watched.fault is None)
    volume.answers.set()
    eventually(lambda: not [each for each in threading.enumerate() if each.name == "read a file"])
    assert watched.value == "better"


def test_files_that_never_come_take_only_so_many_threads(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watcher, "MAX_STUCK_READS", 2)
    watched = volume.watched()
    volume.path.write_text("slow")
    for _ in range(4):
        watched.refresh()
    assert sum(each.name == "read a file" for each in threading.enumerate()) == 2
    volume.path.write_text("better")
    volume.answers.set()
    eventually(lambda: watched.refresh() and watched.fault is None)
    assert watched.value == "better"


def test_a_pipe_without_another_end_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("good")
    watched = ReloadingFile([path], lambda _: content(path).decode())
    path.unlink()
    os.mkfifo(path)
    assert watched.refresh()
    assert watched.value == "good"
    assert watched.fault is not None
    path.unlink()
    path.write_text("better")
    assert watched.refresh()
    assert [watched.value, watched.fault] == ["better", None]
