"""The software bill of materials, in CycloneDX: `python -m image.sbom FILE [LOCK]`.

It lists what the image holds for the platform that this runs on: every distribution that the server needs, with its
version and hashes from the lock file, its licence, and what needs what. The same sources give the same bytes.
"""

import re
import sys
from importlib.metadata import Distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from image.needs import EXTRAS, PROJECT, direct, needed

_LOCKED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^\s;\\]+)((?:.*\\\n)*.*)", re.MULTILINE)

_LICENCE = ("License-Expression", "License")
_LONGEST_LICENCE = 64
"""Characters of a licence's name. Some write the whole text."""


def main() -> None:
    """Write it."""
    target, lock = Path(sys.argv[1]), Path((sys.argv[2:] or ["requirements.txt"])[0])
    it = bill(lock)
    text = JsonV1Dot6(it).output_as_string(indent=2)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        sys.exit(f"Error: it would not be valid: {wrong}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{text}\n")
    print(f"{target}: {len(it.components)} components")  # noqa: T201


def bill(lock: Path) -> Bom:
    """What is in the image that is built with a lock file. Exits where something else is installed here."""
    hashes = {
        name: (version, re.findall("sha256:([0-9a-f]{64})", rest))
        for name, version, rest in _LOCKED.findall(lock.read_text())
    }
    everything = {name: each for name, each in needed(extras=EXTRAS).items() if name == PROJECT or name in hashes}
    components = {}
    for name, each in everything.items():
        if name != PROJECT and each.version != hashes[name][0]:
            sys.exit(f"Error: {name} {each.version} is installed, and {lock} has {hashes[name][0]}: run make setup")
        components[name] = _component(name, each, hashes.get(name, ("", []))[1])
    bom = Bom(components=[each for name, each in components.items() if name != PROJECT])
    bom.metadata.component = components[PROJECT]
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.serial_number = None  # type: ignore[assignment]
    for name, each in everything.items():
        extras = EXTRAS if name == PROJECT else ("",)
        bom.register_dependency(
            components[name], [components[below] for below, _ in direct(each, extras) if below in components]
        )
    return bom


def _component(name: str, it: Distribution, hashes: list[str]) -> Component:
    url = PackageURL("pypi", None, name, it.version)
    files = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in sorted(hashes)]
    said = next((it.metadata[each] for each in _LICENCE if each in it.metadata), "")
    return Component(
        name=name,
        version=it.version,
        type=ComponentType.APPLICATION if name == PROJECT else ComponentType.LIBRARY,
        bom_ref=str(url),
        purl=url,
        licenses=[LicenseFactory().make_from_string(said)] if 0 < len(said) <= _LONGEST_LICENCE else [],
        external_references=[
            ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(url)), hashes=files)
        ]
        if files
        else [],
    )


if __name__ == "__main__":
    main()
