"""Every bound of the server: how large, how many, how long. What a flag sets is in `app.settings`."""

MAX_BODY_BYTES = 7 * 2**20
"""The API server sends objects of up to 3 MiB, and an update holds two."""
MAX_HEAD_BYTES = 64 * 2**10
"""Of all header names and values. The API server sends less than one KiB."""
PIECE_BYTES = 2**16
"""Bytes of an answer that are written at once: then a caller that takes none of it is noticed."""

MAX_HELD_BYTES = 64 * 2**20
"""Of bodies that are arriving or wait to be judged: a bound on calls alone would let them take 1.8 GB."""
SMALL_BODY_BYTES = 2**18
"""A body that is no larger is always held: as many as there may be of them fit."""
SLOW_BODY_SECONDS = 1.0
"""What large bodies may take before they give way to other large ones, none of which would end else."""

LARGE_REVIEW_BYTES = 2**18
"""A larger review is judged beside the others. To begin a process holds the loop for 3 to 5 ms, as judging 64 KiB does;
a review of this size holds it for 15 ms, and of the worst shape for 50."""
MAX_LARGE_REVIEWS = 1
"""Judged at once, since each may take LARGE_REVIEW_MEMORY."""
LARGE_REVIEW_MEMORY = 2**28
"""Bytes that judging one may take. Of the worst shape, lists in lists, what an API server sends takes 180 MiB; with the
server's own memory and all bodies that it holds, this is below the limit of the manifests."""
MAX_WAITING_LARGE_REVIEWS = 6
"""Waiting for their turn. The API server tries others again after a second."""

HANDSHAKE_SECONDS = 10.0
"""For the TLS handshake, as many as Go gives it on the other side."""
TLS_SHUTDOWN_SECONDS = 2.0
"""For the end of TLS."""
NEW_SECONDS = 120.0
"""Until the first byte of a connection: the API server dials ahead, so it may come as late as on an idle one."""
HEAD_SECONDS = 10.0
"""Until the head of a call is there."""
CALL_SECONDS = 30.0
"""Until the body is there, or the answer taken. No caller waits longer: timeoutSeconds goes no further."""
KEEPALIVE_SECONDS = 120.0
"""Between two calls. The API server keeps idle connections for 90 s, and a call on one just closed fails."""
LEAVING_SECONDS = 5.0
"""Until the other side takes note that its connection was ended."""
MAX_STUCK_ANSWERS = 16
"""Answers that wait to be taken. One that changes fifty thousand members, the most that are judged, is 5 MB."""

BACKLOG = 2048
"""Connections that wait to be accepted."""
ACCEPTED_AT_ONCE = 64
"""Connections accepted in a row, before others are served."""
OUT_OF_FILES_SECONDS = 0.2
"""To wait before more is accepted, where the process may open no more files."""
MAX_PROBES = 100
"""Connections on the management port: the kubelet's and a few scrapers'."""
FILES_PER_CONNECTION = 2
"""Two while it agrees on TLS."""
OTHER_FILES = 200
"""Files that the process needs beside the webhooks' connections."""
MIN_CONNECTIONS = 10
"""On the webhooks' port, however few files there may be."""

MAX_CLAIM_CALLS = 16
"""Claims that are written at once. Others wait for their turn."""
MAX_KNOWN_PLACES = 10_000
"""Places whose Leases are remembered: a claim of another one takes two calls more."""
CONFIG_SECONDS = 5.0
"""To read the configuration file, so that one on a volume that does not answer is told, and the next one is taken."""
MAX_STUCK_READS = 32
"""Of files that did not come in time, each of which holds a thread until it does."""

HEARTBEAT_SECONDS = 1.0
"""Between two signs of life of the webhooks' event loop."""
STALLED_SECONDS = 30.0
"""Without a sign of life, after which the process is to be started anew: no review holds the loop for one of them."""

QUIET_SECONDS = 3.0
"""Without a call, after which nobody is expected to call any more."""
GRACE_SECONDS = 4.0
"""That calls may still take after draining."""
UVICORN_GRACE_SECONDS = 5
"""Then uvicorn cancels calls, with a traceback each; so it comes after ours."""
