"""Test Anything Protocol for the fault tests, and what they are asked to do.

S3SPOOL_FAULT_LONG=1   everything, not a sample
S3SPOOL_FAULT_SEED=N   the seed of a run that is to be repeated
"""
import os
import random
import sys
import threading
import traceback

LONG = os.environ.get("S3SPOOL_FAULT_LONG", "") not in ("", "0")
SEED = int(os.environ.get("S3SPOOL_FAULT_SEED") or random.SystemRandom().randrange(10**6))
chance = random.Random(SEED)

_count = 0
_failed = 0
_lock = threading.RLock()  # stories may do several things at once


def note(text):
    """A diagnostic."""
    for line in str(text).splitlines():
        print("#", line)
    sys.stdout.flush()


def ok(condition, description, *diagnostics):
    """A test; the diagnostics are shown when it fails."""
    global _count, _failed
    with _lock:
        _count += 1
        if not condition:
            _failed += 1
        print(f"{'ok' if condition else 'not ok'} {_count} - {description}")
        if not condition:
            note(f"repeat it with S3SPOOL_FAULT_SEED={SEED}"
                 + (" S3SPOOL_FAULT_LONG=1" if LONG else ""))
            for text in diagnostics:
                note(text)
        sys.stdout.flush()
    return bool(condition)


def holds(violations, description):
    """A test that the list of violated promises is empty."""
    return ok(not violations, description, *violations[:20])


def equal(got, wanted, description, *diagnostics):
    return ok(got == wanted, description, f"got:    {got!r}",
              f"wanted: {wanted!r}", *diagnostics)


def skip(reason, description):
    """What can't be tried here is said, never passed over."""
    global _count
    _count += 1
    print(f"ok {_count} - {description} # SKIP {reason}")


def sample(items, quick):
    """All of them in the long form, else QUICK of them, by the seed: evenly
    spread, from a random offset, so that neighbouring runs see others."""
    items = list(items)
    if LONG or len(items) <= quick:
        return items
    step = len(items) / quick
    start = chance.random() * step
    return [items[int(start + i * step)] for i in range(quick)]


def main(*stories):
    """Runs the stories (functions) and ends the process."""
    global _count, _failed
    wanted = sys.argv[1:]
    for story in stories:
        if wanted and story.__name__ not in wanted:
            continue
        note(f"{story.__name__}: {(story.__doc__ or '').strip()}")
        try:
            story()
        except Exception:
            ok(False, f"{story.__name__} goes through", traceback.format_exc())
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)
