"""Killed at every system call.

Scanner, uploader and reaper are killed at call number n, for every n, over a
few files, one of which goes in parts; then one clean pass of the three programs
must drain everything (promises 1 to 4, 6 and 10). Then pairs: a second kill
during the recovery.
"""
import oracle
import tap
from tap import chance, holds, main, note, ok, sample
from world import KILLED, NEVER_REACHED, Store, World

STAGES = ("scan", "upload", "reap")
COUNTING = ("--skip-uninteresting",)
BIG = chance.randbytes((5 << 20) + 1234)


class Tree:
    """A few files, brought before the stage that is to be killed."""

    def __init__(self, store, stage, *sabotage):
        self.world = World(store)
        write(self.world)
        for earlier in STAGES[:STAGES.index(stage)]:
            self.world.run(earlier, *sabotage)
        self.world.write("late/2021/02/03/05/06-after.dat", size=300)

    def __enter__(self):
        return self.world

    def __exit__(self, *error):
        self.world.__exit__(*error)


def write(world):
    world.write("room/2021/02/03/04/05-small.dat")
    world.write("room/2021/02/03/04/06-empty.dat", b"")
    world.write("hall/2021/02/03/04/05-small.dat", size=70000)
    world.write("hall/2021/02/04/00/00-big.dat", BIG)


def kill_once(store, stage, n, *how):
    """Returns (reached, violations)."""
    with Tree(store, stage, *how) as world:
        ended = world.run(stage, *COUNTING, *how, "--kill-at", str(n))
        if ended.status not in (KILLED, NEVER_REACHED):
            return False, [f"kill at {n}: {ended}"]
        found = world.check()
        passes = world.drain(1, *how)
        found += [str(one) for one in passes if one.status != 0]
        found += world.check(drained=True)
        again = oracle.duplicates(world)
        if again > 5:
            found.append(f"{again} objects were stored twice")
        return ended.status == KILLED, [f"{stage} killed at {n}: {text}"
                                        for text in found]


def kill_everywhere(store, stage, quick, *how):
    with Tree(store, stage, *how) as world:
        counts, ended = world.count_calls(stage, *how)
    total = counts["total"]
    ok(ended.status == 0 and total > 50, f"{stage} makes {total} calls", ended)
    violations, reached = [], 0
    chosen = sample(range(1, total + 1), quick)
    for n in chosen:
        was_reached, found = kill_once(store, stage, n, *how)
        reached += was_reached
        violations += found
    # A thread may make a call more or less from one run to the next.
    ok(reached >= len(chosen) * 0.9, f"{stage}: {reached} of {len(chosen)} kills hit it")
    holds(violations, f"{stage}, killed at {len(chosen)} of {total} calls: "
          "drained by one pass, nothing lost")


def everywhere():
    """Each program at each call."""
    store = Store()
    for stage in STAGES:
        kill_everywhere(store, stage, 30)


def without_noreplace():
    """The same where RENAME_NOREPLACE is missing, as on NFS and FUSE."""
    store = Store()
    for stage in STAGES:
        kill_everywhere(store, stage, 15, "--no-noreplace")


def without_conditions():
    """The uploader, on a store that knows no If-None-Match."""
    kill_everywhere(Store("--no-conditions"), "upload", 15)


def kill_pair(store, first, second):
    """A kill, and another one during the recovery from it."""
    with Tree(store, first[0]) as world:
        for stage, n in (first, second):
            world.run(stage, *COUNTING, "--kill-at", str(n))
        found = world.check()
        world.drain(1)
        return [f"{first}, then {second}: {text}"
                for text in found + world.check(drained=True)]


def pairs():
    """A second kill during the recovery from the first."""
    store = Store()
    counts = {}
    for stage in STAGES:
        with Tree(store, stage) as world:
            counts[stage] = world.count_calls(stage)[0]["total"]
    violations = []
    tries = 2000 if tap.LONG else 20
    for _ in range(tries):
        first, second = ((stage, chance.randrange(1, counts[stage] + 1))
                         for stage in (chance.choice(STAGES), chance.choice(STAGES)))
        violations += kill_pair(store, first, second)
    note(f"{tries} pairs")
    holds(violations, "killed twice: drained by one pass, nothing lost")


if __name__ == "__main__":
    main(everywhere, without_noreplace, without_conditions, pairs)
