"""What is wrong with an installation in a cluster, and what to do about it.

Reading what exists is one thing, judging it another: the judges are pure functions, from what was read to remarks.
"""
