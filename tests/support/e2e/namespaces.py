"""What a controller manager does with a deleted namespace: empty it, and let it go."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator

from testbed.control_plane.cluster import Cluster


@contextlib.contextmanager
def collecting(cluster: Cluster) -> Iterator[None]:
    """Meanwhile, deleted namespaces go, in the background."""
    stop, failed = threading.Event(), list[str]()

    def work() -> None:
        while not stop.wait(0.2):
            try:
                _collect(cluster)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is told at the end
                failed.append(repr(error))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failed == []


def _collect(cluster: Cluster) -> None:
    template = '{range .items[?(@.status.phase=="Terminating")]}{.metadata.name}{"\\n"}{end}'
    for name in cluster.kubectl("get", "namespaces", "-o", f"jsonpath={template}").stdout.split():
        kinds = cluster.kubectl("api-resources", "--verbs=delete", "--namespaced", "-o", "name").stdout.split()
        emptied = cluster.kubectl("delete", ",".join(kinds), "--all", "-n", name, "--ignore-not-found")
        assert emptied.returncode == 0, emptied.stderr
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}}
        path = f"/api/v1/namespaces/{name}/finalize"
        done = cluster.kubectl("replace", f"--raw={path}", "-f", "-", stdin=json.dumps(namespace))
        assert done.returncode == 0 or "not found" in done.stderr, done.stderr
