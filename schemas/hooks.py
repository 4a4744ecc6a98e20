"""Hooks: what runs before and after a backup or a restore."""

from typing import Annotated, Literal, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from schemas.scalars import MODEL, IntOrString, Text, Texts


@with_config(MODEL)
class ExecAction(TypedDict, total=False):
    """Run a command in a container."""

    command: Texts
    """The command and its arguments."""


@with_config(MODEL)
class HTTPHeader(TypedDict, total=False):
    """A header of a request."""

    name: Required[str]
    """Name of the header."""
    value: Required[str]
    """Value of the header."""


@with_config(MODEL)
class HTTPGetAction(TypedDict, total=False):
    """Send a GET request."""

    port: Required[IntOrString]
    """Number or name of the port."""
    path: Text
    """Path of the URL."""
    host: Text
    """Host. Empty: the pod's address."""
    scheme: Text
    """HTTP or HTTPS."""
    httpHeaders: list[HTTPHeader | None] | None
    """Headers of the request."""


@with_config(MODEL)
class FormEntry(TypedDict, total=False):
    """A field of a form."""

    key: Text
    """Name of the field."""
    values: Texts
    """Values of the field."""


@with_config(MODEL)
class HTTPPostAction(HTTPGetAction, total=False):
    """Send a POST request."""

    body: Text
    """Body of the request."""
    form: list[FormEntry | None] | None
    """Form to send."""


@with_config(MODEL)
class TCPSocketAction(TypedDict, total=False):
    """Open a connection."""

    port: Required[IntOrString]
    """Number or name of the port."""
    host: Text
    """Host. Empty: the pod's address."""


@with_config(MODEL)
class Handler(TypedDict, total=False):
    """Exactly one action."""

    exec: ExecAction | None
    """Run a command."""
    httpGet: HTTPGetAction | None
    """Send a GET request."""
    httpPost: HTTPPostAction | None
    """Send a POST request."""
    tcpSocket: TCPSocketAction | None
    """Open a connection."""
    containerName: Text
    """Container in which the action runs."""


@with_config(MODEL)
class PostBackupHandler(Handler, total=False):
    """Exactly one action, and when it runs."""

    executionPolicy: Annotated[
        Literal["Always", "OnFailure", "OnSuccess", "OnFinalRetryFailure"] | None,
        Field(json_schema_extra={"default": "Always"}),
    ]
    """After which outcome the action runs."""


@with_config(MODEL)
class PostRestoreHandler(Handler, total=False):
    """Exactly one action, and when it runs."""

    executionPolicy: Annotated[
        Literal["Always", "OnFailure", "OnSuccess"] | None, Field(json_schema_extra={"default": "Always"})
    ]
    """After which outcome the action runs."""


@with_config(MODEL)
class BackupHooks(TypedDict, total=False):
    """What runs around a backup."""

    preBackup: Handler | None
    """Runs before."""
    postBackup: PostBackupHandler | None
    """Runs after."""


@with_config(MODEL)
class RestoreHooks(TypedDict, total=False):
    """What runs around a restore."""

    preRestore: Handler | None
    """Runs before."""
    postRestore: PostRestoreHandler | None
    """Runs after."""
