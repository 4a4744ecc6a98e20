"""The process: one listener, on this machine's own address."""

import socket
from collections.abc import Callable

import uvicorn

from app.admission.engine import Admission
from app.commands.playground.application import create_app
from app.server.listener import listen

_HOST = "127.0.0.1"
"""There is no other one to choose: the page is for who sits at this machine."""


def listening(port: int) -> tuple[socket.socket, str]:
    """A socket, and the address of the page. Port 0 is any that is free. Raises CannotServe."""
    own = listen(_HOST, port, "--port")
    return own, f"http://{_HOST}:{own.getsockname()[1]}/"


def serve(own: socket.socket, admission: Admission, ready: Callable[[], None]) -> None:
    """Serve the page until Ctrl-C. `ready` is called once it can be asked for."""
    config = uvicorn.Config(
        create_app(admission),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    ready()  # whoever connects before the loop runs waits in the socket's queue
    try:
        uvicorn.Server(config).run(sockets=[own])
    except KeyboardInterrupt:
        pass  # how it is meant to end
    finally:
        own.close()
