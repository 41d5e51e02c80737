"""Waits that end as soon as a condition holds."""

import time


def wait_until(condition, what, seconds=90, every=0.05):
    """Waits until a condition holds.

    Args:
        condition: a function without arguments; what it returns is true once the wait is over
        what: the condition, for the message of a failure
        seconds (90): how long to wait at most
        every (0.05): seconds between two looks

    Returns:
        what ``condition`` returned last
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"after {seconds} s still not so: {what}"
        time.sleep(every)
    return answer
