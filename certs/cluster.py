"""The four objects in a cluster: reading them, and writing one if it is still as it was read.

Nobody may read the CA's key but who signs. RBAC cannot hide a part of a Secret from the Pods that mount it, so the keys
of CAs are in a Secret of their own, `<secret>-ca`.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field

from certs.api import FIELD_MANAGER, Api
from certs.state import Content, Observed, Step, Target
from kube.client import Object

LABEL = "app.kubernetes.io/managed-by"
_MADE_FOR = "cert-manager.io/certificate-name"
_INJECTED = "cert-manager.io/inject-ca-from"
_TYPES = {Target.AUTHORITY: "Opaque", Target.SERVING: "kubernetes.io/tls"}


@dataclass(frozen=True)
class View:
    """What exists, and the objects as they were read, to write them back."""

    seen: Observed
    objects: Mapping[Target, Object | None] = field(repr=False)


@dataclass(frozen=True)
class Cluster:
    """An installation in a cluster."""

    api: Api = field(repr=False)
    namespace: str
    secret: str
    mutating: str
    validating: str

    def look(self) -> View:
        """Read all of it, in the order that `rotation.next_step` asks for."""
        order = (Target.SERVING, Target.MUTATING, Target.VALIDATING, Target.AUTHORITY)
        objects = {target: self._read(target) for target in order}
        return View(
            Observed(
                authority=_content(objects[Target.AUTHORITY]),
                serving=_content(objects[Target.SERVING]),
                mutating=bundles(objects[Target.MUTATING]),
                validating=bundles(objects[Target.VALIDATING]),
            ),
            objects,
        )

    def look_as_guest(self) -> Observed:
        """What can be seen without the Secret with the CAs' keys."""
        order = (Target.SERVING, Target.MUTATING, Target.VALIDATING)
        return seen_as_guest(*(self._read(target) for target in order))

    def write(self, step: Step, view: View) -> None:
        """Write what `step` says. Raises Conflict if the object has changed since `view`, or what Api raises."""
        before = view.objects[step.target]
        if step.target not in _TYPES:
            # With `resourceVersion` an object that is gone is not made anew, without rules and clientConfig.
            version = before["metadata"]["resourceVersion"] if before else None
            self._apply(step.target, step.content, version)
            return
        data = {name: b64encode(content).decode() for name, content in step.content.items()}
        name, labels = self._name(step.target), {LABEL: FIELD_MANAGER}
        if before is None:
            metadata = {"name": name, "namespace": self.namespace, "labels": labels}
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
            self.api.create_secret(self.namespace, {**secret, "type": _TYPES[step.target]})
            return
        metadata = {**before["metadata"], "labels": {**labels, **(before["metadata"].get("labels") or {})}}
        metadata.pop("managedFields", None)  # left out, the API server keeps them up to date itself
        self.api.replace_secret(self.namespace, name, {**before, "metadata": metadata, "data": data})

    def title(self, target: Target) -> str:
        """What to call an object."""
        if target in _TYPES:
            return f"Secret {self.namespace}/{self._name(target)}"
        return f"{target.value} {self._name(target)}"

    def _read(self, target: Target) -> Object | None:
        if target in _TYPES:
            return self.api.secret(self.namespace, self._name(target))
        return self.api.configuration(target.value, self._name(target))

    def _apply(self, target: Target, content: Mapping[str, bytes], version: str | None) -> None:
        webhooks = [
            {"name": name, "clientConfig": {"caBundle": b64encode(bundle).decode()}} for name, bundle in content.items()
        ]
        name = self._name(target)
        fields: Object = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": target.value,
            "metadata": {"name": name, "resourceVersion": version},
            "webhooks": webhooks,
        }
        self.api.apply_configuration(target.value, name, fields)

    def _name(self, target: Target) -> str:
        names = {Target.MUTATING: self.mutating, Target.VALIDATING: self.validating, Target.SERVING: self.secret}
        return names.get(target, f"{self.secret}-ca")


def seen_as_guest(secret: Object | None, mutating: Object | None, validating: Object | None) -> Observed:
    """What the Secret that the server mounts and the webhook configurations say."""
    injections = (_annotations(each).get(_INJECTED) for each in (mutating, validating) if each)
    return Observed(
        serving=_content(secret),
        mutating=bundles(mutating),
        validating=bundles(validating),
        injected=next((each for each in injections if each), None),
    )


def bundles(configuration: Object | None) -> dict[str, bytes] | None:
    """The `caBundle` of each webhook by its name."""
    if configuration is None:
        return None
    webhooks = configuration.get("webhooks") or []
    return {each["name"]: _decoded(each["clientConfig"].get("caBundle")) for each in webhooks}


def _content(secret: Object | None) -> Content | None:
    if secret is None:
        return None
    data = {name: _decoded(value) for name, value in (secret.get("data") or {}).items()}
    ours = (secret["metadata"].get("labels") or {}).get(LABEL) == FIELD_MANAGER
    return Content(data, ours, _annotations(secret).get(_MADE_FOR))


def _annotations(document: Object) -> dict[str, str]:
    return document["metadata"].get("annotations") or {}


def _decoded(text: str | None) -> bytes:
    try:
        return b64decode(text or "")
    except NotBase64:
        return b""
