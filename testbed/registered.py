"""Registrations as they are once `stash-admission register` has been there."""

from app.commands.doctor.expected import RULES
from kube.client import Object


def registered(configuration: Object) -> Object:
    """A configuration of the manifests, as it is once it has been registered."""
    webhooks = [{**each, "rules": RULES[each["name"]]} for each in configuration["webhooks"]]
    return {**configuration, "webhooks": webhooks}
