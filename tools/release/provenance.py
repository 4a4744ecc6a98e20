"""Where artefacts come from, as an in-toto statement with the predicate of SLSA: which commit, which lock files."""

import json
import platform
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

_BUILD = "docs/install/releases.md"
"""The page that says how these artefacts are made from a commit."""


def statement(artefacts: Mapping[str, bytes], source: Path, commit: str, version: str, url: str) -> str:
    """The statement about all artefacts, in JSON. `url`: of the repository; empty where nobody is meant to find it."""
    locks = sorted([*source.glob("requirements*.txt"), *source.glob("constraints.txt")])
    repository = url or "stash-admission"
    depends: list[dict[str, Any]] = [{"uri": f"git+{repository}@{commit}", "digest": {"gitCommit": commit}}]
    depends += [{"uri": lock.name, "digest": {"sha256": digest(lock.read_bytes())}} for lock in locks]
    it = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest(artefacts[name])}} for name in sorted(artefacts)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{repository}/blob/{commit}/{_BUILD}",
                "externalParameters": {"command": "make release", "commit": commit, "version": version},
                "internalParameters": {"python": platform.python_version()},
                "resolvedDependencies": depends,
            },
            "runDetails": {"builder": {"id": f"{repository}/.github/workflows/release.yml" if url else "make release"}},
        },
    }
    return json.dumps(it, indent=2) + "\n"


def digest(content: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal."""
    return sha256(content).hexdigest()
