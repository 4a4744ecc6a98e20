"""What an API server remembers of its objects."""

import json
from urllib.request import Request, urlopen

from testbed.control_plane.cluster import Cluster
from testbed.patience import PATIENCE


def forget(cluster: Cluster, revision: int) -> None:
    """Let etcd forget all history before a revision, and the API server with its cache of it."""
    body = json.dumps({"revision": str(revision), "physical": True}).encode()
    url = f"http://127.0.0.1:{cluster._etcd_port}/v3/kv/compaction"  # noqa: SLF001
    with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=PATIENCE) as response:
        assert response.status == 200
    cluster.apiserver_stop()
    cluster.apiserver_start()
