"""A webhook in FastAPI as it is usually written: models in, a model out, and a patch that jsonpatch finds.

The models are the parameters and the results of the endpoints. The object is dumped twice, and `make_patch` compares
the two. uvicorn runs with what comes with `pip install fastapi uvicorn`: h11 and asyncio. Its line a call is off, and
there is a line a decision instead, as the other servers have.
"""

from __future__ import annotations

import base64
import copy
import time
from typing import Any, Literal

import jsonpatch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from bench.peers.listening import HOST, Listener, flags, log
from bench.peers.rules import default_aliases, faults, move_rules


class Model(BaseModel):
    """Fields that nobody declared stay."""

    model_config = ConfigDict(extra="allow")


class Ref(Model):
    """What a target names."""

    apiVersion: str = ""  # noqa: N815
    kind: str = ""
    name: str = ""
    namespace: str = ""


class VolumeMount(Model):
    """A volume of the target."""

    name: str
    mountPath: str  # noqa: N815
    readOnly: bool | None = None  # noqa: N815


class Rule(Model):
    """What to restore for which hosts."""

    targetHosts: list[str] | None = None  # noqa: N815
    sourceHost: str | None = None  # noqa: N815
    snapshots: list[str] | None = None
    paths: list[str] | None = None
    include: list[str] | None = None
    exclude: list[str] | None = None


class Target(Model):
    """What is backed up, or restored into."""

    alias: str | None = None
    ref: Ref = Ref()
    paths: list[str] | None = None
    volumeMounts: list[VolumeMount] | None = None  # noqa: N815
    rules: list[Rule] | None = None
    exclude: list[str] | None = None
    args: list[str] | None = None


class Handler(Model):
    """What runs before or after."""

    exec: dict[str, Any] | None = None
    httpGet: dict[str, Any] | None = None  # noqa: N815
    containerName: str | None = None  # noqa: N815


class Hooks(Model):
    """What runs around."""

    preBackup: Handler | None = None  # noqa: N815
    postBackup: Handler | None = None  # noqa: N815


class Member(Model):
    """A target and how it is backed up or restored."""

    target: Target | None = None
    task: dict[str, Any] | None = None
    hooks: Hooks | None = None
    runtimeSettings: dict[str, Any] | None = None  # noqa: N815
    rules: list[Rule] | None = None


class Spec(Model):
    """What the user wants."""

    members: list[Member] = []
    driver: Literal["Restic", "VolumeSnapshotter"] = "Restic"
    repository: dict[str, str] | None = None
    schedule: str | None = None
    retentionPolicy: dict[str, Any] | None = None  # noqa: N815


class Batch(Model):
    """A BackupBatch or a RestoreBatch."""

    apiVersion: str  # noqa: N815
    kind: str
    metadata: dict[str, Any]
    spec: Spec = Spec()


class Request(Model):
    """What is asked."""

    uid: str
    kind: dict[str, str]
    name: str = ""
    namespace: str = ""
    operation: Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
    object: Batch


class Response(BaseModel):
    """What is answered."""

    uid: str
    allowed: bool
    patchType: Literal["JSONPatch"] | None = None  # noqa: N815
    patch: str | None = None
    status: dict[str, Any] | None = None


class Review(BaseModel):
    """An AdmissionReview with a question."""

    apiVersion: Literal["admission.k8s.io/v1"]  # noqa: N815
    kind: Literal["AdmissionReview"]
    request: Request


class Answer(BaseModel):
    """An AdmissionReview with an answer."""

    apiVersion: Literal["admission.k8s.io/v1"] = "admission.k8s.io/v1"  # noqa: N815
    kind: Literal["AdmissionReview"] = "AdmissionReview"
    response: Response


app = FastAPI()


@app.post("/mutate", response_model_exclude_none=True)
async def mutate(review: Review) -> Answer:
    """Default the aliases and move the rules."""
    started = time.perf_counter()
    request = review.request
    original = request.object.model_dump(exclude_unset=True)
    changed = copy.deepcopy(original)
    members = changed.get("spec", {}).get("members", [])
    move_rules(members)
    if request.object.spec.driver == "Restic":
        default_aliases(members)
    response = Response(uid=request.uid, allowed=True)
    patch = jsonpatch.make_patch(original, changed)
    if patch:
        response.patchType = "JSONPatch"
        response.patch = base64.b64encode(patch.to_string().encode()).decode()
    log("mutate", request.model_dump(exclude={"object"}), "mutated" if patch else "allowed", started)
    return Answer(response=response)


@app.post("/validate", response_model_exclude_none=True)
async def validate(review: Review) -> Answer:
    """Refuse aliases and hosts that are shared."""
    started = time.perf_counter()
    request = review.request
    spec = request.object.spec
    members = [member.model_dump(exclude_unset=True) for member in spec.members]
    found = faults(members, request.object.kind == "BackupBatch") if spec.driver == "Restic" else []
    response = Response(uid=request.uid, allowed=not found)
    if found:
        response.status = {"status": "Failure", "reason": "Invalid", "code": 422, "message": "; ".join(found)}
    log("validate", request.model_dump(exclude={"object"}), "refused" if found else "allowed", started)
    return Answer(response=response)


def main() -> None:
    """Serve until told to stop."""
    given = flags("usual")
    Listener(
        uvicorn.Config(
            app,
            host=HOST,
            port=given.port,
            ssl_certfile=given.cert,
            ssl_keyfile=given.key,
            http="h11",
            loop="asyncio",
            log_level="warning",
            access_log=False,
        )
    ).run()


if __name__ == "__main__":
    main()
