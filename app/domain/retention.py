"""What a retention policy keeps."""

from schemas.job import RetentionPolicy

KEEPS = ("keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly")
"""The fields that say how many snapshots are kept."""


def keeps_nothing(policy: RetentionPolicy) -> bool:
    """Whether no field of the policy says what to keep. 0 says nothing, as it does to restic."""
    return not any(map(policy.get, (*KEEPS, "keepTags")))
