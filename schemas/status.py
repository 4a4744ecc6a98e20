"""Pieces of the objects' status."""

from typing import Literal, Required

from pydantic import with_config
from typing_extensions import TypedDict

from schemas.scalars import MODEL, Int64, Text, Timestamp

InvokerPhase = Literal["Invalid", "Ready", "NotReady"] | None
RestorePhase = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown", "Invalid"] | None


@with_config(MODEL)
class Condition(TypedDict, total=False):
    """One thing that the operator observed."""

    type: Required[str]
    """What was observed."""
    status: Required[str]
    """True, False or Unknown."""
    lastTransitionTime: Required[Timestamp]
    """When the status last changed."""
    reason: Text
    """Why, in one word."""
    message: Text
    """Why, for people."""
    severity: Text
    """How much it matters."""
    observedGeneration: Int64
    """Generation of the object that was observed."""


@with_config(MODEL)
class HostRestoreStats(TypedDict, total=False):
    """How the restore of one host went."""

    hostname: Text
    """The host."""
    phase: Literal["Succeeded", "Failed", "Running", "Unknown"] | None
    """How far it is."""
    duration: Text
    """How long it took."""
    error: Text
    """Why it failed."""
