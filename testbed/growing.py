"""Short YAML that stands for very much: each level refers to the one before more than once."""

from collections.abc import Callable

HEAD = "apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: {name: web}\n"


def merged(levels: int) -> str:
    """Objects that merge the one before twice: what is left of them is one key."""
    lines = "".join(f"x{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, levels + 1))
    return f"{HEAD}x0: &a0 {{z: 1}}\n{lines}<<: *a{levels}\nspec: {{}}\n"


def merged_into_spec(levels: int) -> str:
    """The same, where the rules look."""
    lines = "".join(f"  x{n}: &a{n}\n    <<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, levels + 1))
    return f"{HEAD}x:\n  x0: &a0 {{paused: true}}\n{lines}spec:\n  <<: *a{levels}\n"


def listed(levels: int) -> str:
    """Lists that hold the one before nine times."""
    lines = "".join(f"  x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, levels + 1))
    return f"{HEAD}spec:\n  x0: &a0 [x, x, x]\n{lines}"


def held(levels: int) -> str:
    """Lists of Kubernetes that hold the one before twice."""
    lines = "".join(f"x{n}: &a{n} {{kind: List, items: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, levels + 1))
    return (
        f"# stash.appscode.com\nx0: &a0 {{kind: List, items: []}}\n{lines}kind: List\nitems: [*a{levels}, *a{levels}]\n"
    )


def keyed(levels: int) -> str:
    """An object in which every value is the one before, in two fields, and merged into the next as well."""
    lines = "".join(f"  x{n}: &a{n} {{a: *a{n - 1}, b: *a{n - 1}, <<: *a{n - 1}}}\n" for n in range(1, levels + 1))
    return f"{HEAD}spec:\n  x0: &a0 {{z: 1}}\n{lines}"


def repeated(levels: int) -> str:
    """A long text again and again: few values, many characters."""
    text = "x" * 1_000
    lines = "".join(f"  x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 3)}]\n" for n in range(1, levels + 1))
    return f"{HEAD}spec:\n  x0: &a0 {text}\n{lines}"


GROWING: tuple[Callable[[int], str], ...] = (merged, merged_into_spec, listed, held, keyed, repeated)
ENDLESS = 30
"""Levels at which nobody would live to see the end of any of them."""
