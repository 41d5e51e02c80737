"""Waits that end as soon as a condition holds."""

import time


def wait_until(condition, what, seconds=90):
    """Waits until ``condition()`` is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not so: {what}")
        time.sleep(0.05)
    return answer
