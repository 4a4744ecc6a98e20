"""`python -m fuzz request` or `yaml`: tries inputs until one is a finding, or time is over.

What follows is handed to libFuzzer: options such as `-max_total_time=600`, or files to try once.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

TARGETS = ("request", "yaml")
WORK = Path(".local/fuzz")
EVERY = 5.0
"""Seconds between two lines that tell how far it is."""
OPTIONS = ("-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-use_value_profile=1")


def main() -> None:
    """Run a target."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"Error: which target? python -m fuzz {'|'.join(TARGETS)}")
    name, given = sys.argv[1], sys.argv[2:]
    # It has no types, and is there where `make fuzz` installed it.
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.exit("Error: atheris is not installed: it needs Linux on x86-64 and Python up to 3.13: run `make fuzz`")
    # It tells of every module.
    with redirect_stderr(StringIO()), atheris.instrument_imports(include=["app", "schemas"]):
        target = import_module(f"fuzz.{name}").Target()
        from fuzz import lines, seeds, trees
    mutated: Callable[[bytes, Random], bytes | None] = trees.mutated if name == "request" else lines.mutated

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        result = None if random.random() < 0.25 else mutated(bytes(content), random)
        if result is None or len(result) > most:
            result = bytes(atheris.Mutate(bytes(content), most))
        return result

    tried, started, shown = 0, time.monotonic(), 0.0

    def attempt(content: bytes) -> None:
        nonlocal tried, shown
        tried += 1
        seconds = time.monotonic() - started
        if seconds - shown >= EVERY:
            shown = seconds
            print(f"{name}: {tried:,} inputs tried in {seconds:.0f} s", flush=True)  # noqa: T201
        try:
            target.attempt(content)
        except BaseException:
            found = WORK / name / f"finding-{_name(content)}"
            found.parent.mkdir(parents=True, exist_ok=True)
            found.write_bytes(content)
            print(f"\nA finding, in {found}. To see it again: python -m fuzz {name} {found}", file=sys.stderr)  # noqa: T201
            raise

    arguments = list(given)
    if not any(Path(each).is_file() for each in given):
        folder = WORK / name
        begin = seeds.reviews() if name == "request" else seeds.texts()
        write(folder / "seeds", begin)
        write_dictionary(folder / "words", seeds.words())
        arguments += [f"-dict={folder / 'words'}", f"-artifact_prefix={folder}/", f"-max_len={seeds.LARGEST}"]
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        arguments += [str(folder / "corpus"), str(folder / "seeds")]
        arguments += [str(each) for each in [seeds.FINDINGS / name] if each.is_dir()]
    atheris.Setup([sys.argv[0], *OPTIONS, *arguments], attempt, custom_mutator=mutate)
    atheris.Fuzz()


def write(folder: Path, contents: Iterable[bytes]) -> None:
    """Write each into a file that is named after what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in contents:
        (folder / _name(each)).write_bytes(each)


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def write_dictionary(path: Path, words: Iterable[str]) -> None:
    """Write the words as libFuzzer reads them."""
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in sorted(words))
    path.write_text("".join(f'"{each}"\n' for each in escaped if each))


main()
