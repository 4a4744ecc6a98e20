"""The floor: uvicorn as the server configures it, answering a constant. Nothing in Python on uvicorn can be faster."""

import gc

import uvicorn
from starlette.types import Receive, Scope, Send

from bench.peers.listening import HOST, Listener, flags

ANSWER = b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"","allowed":true}}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(_: Scope, receive: Receive, send: Send) -> None:
    """Read the body, which every server has to, and answer."""
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


def main() -> None:
    """Serve until told to stop."""
    given = flags("floor")
    config = uvicorn.Config(
        app,
        host=HOST,
        port=given.port,
        ssl_certfile=given.cert,
        ssl_keyfile=given.key,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=120,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    Listener(config).run()


if __name__ == "__main__":
    main()
