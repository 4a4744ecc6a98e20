"""Objects as large as etcd takes them, in the shapes that cost a reader the most memory."""

from collections.abc import Callable

import orjson

from testbed.objects import batch, configuration

BYTES = 1_400_000
MEMBERS = 14_000
_HERE = b'"the large value"'


def _containing(value: bytes) -> Callable[[int], bytes]:
    """Makes BackupConfigurations in JSON, each with a Repository of its own, which hold a value."""

    def made(number: int) -> bytes:
        document = configuration(f"large-{number}", f"app-{number}", f"large-{number}", resourceVersion="7")
        document["spec"]["runtimeSettings"] = {"pod": {"podAnnotations": orjson.Fragment(_HERE)}}
        return orjson.dumps(document).replace(_HERE, value)

    return made


def crowded(number: int) -> bytes:
    """A BackupBatch in JSON with a Repository of its own, and with as many members as fit."""
    document = batch(f"crowd-{number}", repository=f"crowd-{number}", resourceVersion="7")
    document["spec"]["members"] = orjson.Fragment(_HERE)
    of_one = b'{"target":{"alias":"%d-%d-0","ref":{"kind":"StatefulSet","name":"%d"}}}'
    listed = b",".join(of_one % (number, each, each) for each in range(MEMBERS))
    return orjson.dumps(document).replace(_HERE, b"[%s]" % listed)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "empty objects": _containing(b'{"a":[%s]}' % b",".join([b"{}"] * (BYTES // 3))),
    "one text": _containing(b'{"a":"%s"}' % (b"x" * BYTES)),
    "one text with an odd character": _containing(b'{"a":"\xf0\x9f\x98\x80%s"}' % (b"x" * BYTES)),
    "many keys": _containing(b"{%s}" % b",".join(b'"%d":0' % each for each in range(BYTES // 10))),
    "nested": _containing(b'{"a":%s1%s}' % (b"[" * 900, b"]" * 900)),
    "members": crowded,
}
"""Makers of objects by what is large about them."""
