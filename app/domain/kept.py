"""How much is kept of one stored object, so that nobody's objects can take all memory, however large they are.

Where an object has more, what rules say about others says so too: nothing is admitted in silence for it.
"""

MAX_HOSTS = 1_000
"""Hosts of a backup. The place that it writes into is known all the same."""
MAX_LABELS = 256
"""Labels of a Namespace; keys and values of the selector in a Repository's usage policy."""
MAX_TEXT_CHARS = 317
"""Of a name: the longest in Kubernetes is a label's key with its prefix, 253 and 63 characters and a slash."""
