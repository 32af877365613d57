"""Bounds of the kernel's connection tracking, as values and annotations set it."""

LONGEST_CLOSE_WAIT = 2_147_483
"""Seconds: what every kernel takes, whatever the length of its ticks. The init container fails with more."""
