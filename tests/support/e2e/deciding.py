"""Whether webhooks that are registered decide, and no call of them fails."""

from __future__ import annotations

import itertools

from testbed.control_plane.objects import Document, Objects
from testbed.objects import batch_of
from testbed.patience import eventually
from tests.support.e2e.reader import Reader
from tests.support.e2e.steady import Series

CONFIGURATIONS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")
_NUMBERS = itertools.count(1)


def without_alias(name: str) -> Document:
    """A BackupConfiguration that is admitted, with an alias that it lacks."""
    document = batch_of("default", name)
    target = {"ref": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}, "paths": ["/data"]}
    del document["spec"]["members"]
    return {**document, "kind": "BackupConfiguration", "spec": {**document["spec"], "target": target}}


def assert_decides(reader: Reader) -> None:
    """Both webhooks are called, and answer."""
    objects, good, bad = Objects(reader.cluster), without_alias(f"first-{next(_NUMBERS)}"), without_alias("bad")

    def decided() -> bool:
        reply = objects.create(good)
        said.append(reply.message)
        if reply.status == 201 and "alias" in reply.body["spec"]["target"]:
            return True
        objects.delete(good)
        return False

    said = list[str]()
    eventually(decided, says=lambda: said[-1])
    assert objects.get(good)["spec"]["target"]["alias"] == "host"
    bad["spec"]["schedule"] = "every day"
    refused = objects.create(bad)
    assert refused.status == 422, refused.message
    assert [cause["field"] for cause in refused.causes] == ["spec.schedule"]
    objects.close()


def assert_none_failed(series: Series) -> None:
    series.wait()
    eventually(lambda: series.created > 10 and series.handshakes > 10, says=lambda: series)
    assert series.failed == []
