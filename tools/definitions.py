"""The CustomResourceDefinitions as files, for people without Python."""

from io import StringIO

from ruamel.yaml import YAML

from schemas.crd import crds

_HEADER = "# Generated from the models in schemas/ by `make generate`. Change those, not this.\n"


def files() -> dict[str, str]:
    """The text of each file in `manifests/crds/`, by its name."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000  # folded lines end in a space
    texts = {}
    for name, manifest in crds().items():
        out = StringIO()
        yaml.dump(manifest, out)
        texts[name] = _HEADER + out.getvalue()
    return texts
