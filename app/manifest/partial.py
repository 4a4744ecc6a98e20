"""Objects that are not whole as they are written: what has to be done to them before they can be judged."""

from typing import Any

_DIRECTIVE = "$patch"
_ENCRYPTED = "sops"


def not_whole(value: dict[str, Any], patched: str | None) -> str | None:
    """Why an object is not looked at, and what to do; None: it is whole.

    `patched` is the directory of the kustomization that names its file as a patch.
    """
    if isinstance(value.get(_ENCRYPTED), dict):
        return "it is encrypted with SOPS: check what `sops --decrypt` writes"
    if patched is not None:
        return f"it is a patch: check what `kustomize build {patched}` writes"
    if _directs(value):
        return f"it is a patch, since it has {_DIRECTIVE}: check what `kustomize build` writes"
    return None


def _directs(value: Any) -> bool:
    if isinstance(value, dict):
        return _DIRECTIVE in value or any(map(_directs, value.values()))
    return isinstance(value, list) and any(map(_directs, value))
