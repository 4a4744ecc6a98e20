"""Looking, taking the next step, and looking again, until there is none."""

import datetime
import random
import time
from collections.abc import Callable

from certs.cluster import Cluster
from certs.rotation import next_step
from certs.state import CONFIGURATIONS, Desired, Foreign, UpToDate
from kube.errors import Conflict, Refused, Unavailable

_MAX_STEPS = 20
"""A run takes ten steps at the most, and only if nothing was right."""
_MAX_CONFLICTS = 50
_MAX_FAILURES = 5


def reconcile(
    cluster: Cluster,
    wanted: Desired,
    clock: Callable[[], datetime.datetime],
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Make everything right, and say what was done, a line each. Raises Refused.

    Every try begins with a new look, so a step is decided on what the API server has stored, never on what was written.
    """
    steps = conflicts = failures = 0
    while True:
        try:
            view = cluster.look()
            step = next_step(view.seen, wanted, clock())
            if isinstance(step, UpToDate):
                break
            cluster.write(step, view)
        except Conflict as error:
            conflicts += 1
            if conflicts > _MAX_CONFLICTS:
                raise Refused(
                    f"another program keeps changing the same objects: stop it and run again: {error}"
                ) from None
            # Several that lost to the same one would else all lose to each other.
            pause(random.uniform(0, min(0.02 * 2**conflicts, 1)))  # noqa: S311 -- not a secret
        except Unavailable as error:
            failures += 1
            if failures > _MAX_FAILURES:
                raise Refused(f"{error} (run again when it does)") from None
            pause(0.25 * 2**failures)
        except Foreign as error:
            raise Refused(
                f"{cluster.title(error.target)} does not belong to stash-certs, {error}: name another one, or delete it"
            ) from None
        else:
            say(f"{cluster.title(step.target)}: {step.line}")
            steps += 1
            if steps > _MAX_STEPS:
                raise Refused("what was written keeps being changed back: does another program write the same objects?")
    if steps == 0:
        say(step.line)
    missing = [cluster.title(target) for target in CONFIGURATIONS if target not in dict(view.seen.configurations)]
    if missing:
        verb = "does" if len(missing) == 1 else "do"
        raise Refused(f"{' and '.join(missing)} {verb} not exist: apply the manifests, then run again")
