"""Directories: who makes one and then a file in it, and never tries again,
finds it there, though the three programs are at work all the while.

Promise 9 above all. The producers here make an hour's directory once, when the
hour changes, and then open files in it with O_CREAT and O_EXCL; any ENOENT is
logged and judged by the oracle. So that only the rule at hand can protect a
directory, another thread sets the times of all of them back (live hours must
stand by their names alone), or the names are of dates long ago (which must
stand by their times alone).
"""
import calendar
import os
import re
import subprocess
import threading
import time

from tap import LONG, SEED, chance, equal, holds, main, ok
from world import Store, World, wait_until

HOUR = 3600
DAYS = 24 * HOUR
FIRST_ZONE, LAST_ZONE = -12, 14  # what an hour may be called now
LONG_AGO = 1009800000  # 2001-12-31T12:00:00Z

store = Store("--discard")


def name_of(seconds):
    return time.strftime("%Y/%m/%d/%H", time.gmtime(seconds))


class Loop(threading.Thread):
    """Does STEP again and again until it is told to stop."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step = step
        self.rounds = 0
        self.stopping = False
        self.fault = None
        self.start()

    def run(self):
        try:
            while not self.stopping:
                self.step()
                self.rounds += 1
        except Exception as fault:  # told by stop
            self.fault = fault

    def stop(self):
        self.stopping = True
        self.join()
        if self.fault is not None:
            raise self.fault


class AtWork:
    """The programs in loops, and what else is to be done meanwhile. Says which
    of the programs ended otherwise than it should."""

    def __init__(self, world, *steps, stages=("scan", "upload", "reap")):
        self.world = world
        self.bad = []
        self.loops = {stage: Loop(lambda stage=stage: self.run(stage))
                      for stage in stages}
        self.others = [Loop(step) for step in steps]

    def run(self, stage):
        ended = self.world.run(stage)
        if ended.status != 0:
            self.bad.append(str(ended))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for loop in [*self.others, *self.loops.values()]:
            loop.stop()

    def rounds(self, stage):
        return self.loops[stage].rounds


class Producer:
    """One that never tries again: each hour's directory is made once."""

    def __init__(self, world, location, lock):
        self.world = world
        self.location = location
        self.lock = lock  # of the log
        self.number = 0
        self.made = 0
        self.missed = 0

    def begin_hour(self, name, changed=None):
        self.hour = f"{self.location}/{name}"
        try:
            os.makedirs(self.world.full(self.hour), exist_ok=True)
        except (FileNotFoundError, FileExistsError):
            # The latter: it was there, and is gone before it is looked at.
            self.miss(self.hour + "/", changed)
        self.made = time.time()

    def miss(self, path, changed):
        """CHANGED: of the directory, where its times were set back."""
        self.missed += 1
        with self.lock:
            self.world.log_missing(path, self.made if changed is None else changed)

    def write(self, changed=None):
        self.number += 1
        path = f"{self.hour}/{self.number % 60:02}-{self.number}.dat"
        data = f"{SEED} {path}".encode()
        try:
            with open(self.world.full(path), "xb") as file:
                file.write(data)
        except FileNotFoundError:
            self.miss(path, changed)
            return
        with self.lock:
            self.world.log_version(path, data)


def set_back(top, spare=()):
    """Whatever lies there was changed two days ago, by its times."""
    then = time.time() - 2 * DAYS
    for directory, names, _ in os.walk(top):
        names[:] = [name for name in names if name not in spare]
        try:
            os.utime(directory, (then, then))
        except FileNotFoundError:
            pass  # pruned meanwhile
    time.sleep(0.002)  # others want to work, too


def drained(world, description):
    for ended in world.drain():
        if ended.status != 0:
            ok(False, "a clean pass ends with 0", ended)
    holds(world.check(drained=True), description)


def live_hours():
    """Hours that are alive in some zone stay, however long they lie empty;
    those of long ago go, and come again, beside them."""
    with World(store, "prune_after: 26h") as world:
        lock = threading.Lock()
        producers = [Producer(world, location, lock) for location in ("room", "hall")]
        careless = Producer(world, "room", lock)
        now = time.time()
        hours = [name_of(now + zone * HOUR)
                 for zone in range(FIRST_ZONE, LAST_ZONE + 1)]
        turn = {producer: chance.randrange(len(hours)) for producer in producers}

        def produce(producer):
            producer.begin_hour(hours[turn[producer] % len(hours)])
            turn[producer] += 1
            for _ in range(4):
                producer.write()
                time.sleep(0.004)

        # The one who may meet ENOENT: his hours are old, and look abandoned.
        def produce_carelessly():
            careless.begin_hour(name_of(LONG_AGO + careless.number % 3 * HOUR), 0)
            set_back(world.full("room/" + name_of(LONG_AGO)[:4]))
            time.sleep(0.002)
            careless.write(0)

        with AtWork(world, lambda: produce(producers[0]),
                    lambda: produce(producers[1]), produce_carelessly,
                    lambda: set_back(world.base, spare=(".spool",))) as work:
            cycles = 8 if LONG else 2
            wait_until(lambda: min(turn.values()) > cycles * len(hours) and
                       work.rounds("reap") >= 10 * cycles and careless.missed > 0,
                       "the producers are through, and an old hour was pruned")
        holds(work.bad, "no program minds")
        equal([producer.missed for producer in producers], [0, 0],
              "who makes a live hour's directory finds it there")
        drained(world, "live hours: every promise is kept")


def backfill():
    """Hours of long ago that a producer makes and fills just now."""
    with World(store, "prune_after: 26h") as world:
        lock = threading.Lock()
        producers = [Producer(world, location, lock) for location in ("room", "hall")]
        begun = {producer: 0 for producer in producers}

        def produce(producer):
            # One hour after another, and one in each day.
            hour = begun[producer] * (1 if producer is producers[0] else 25)
            producer.begin_hour(name_of(LONG_AGO + hour * HOUR))
            begun[producer] += 1
            for _ in range(5):
                time.sleep(0.003)
                producer.write()

        with AtWork(world, *(lambda p=producer: produce(p)
                             for producer in producers)) as work:
            hours = 300 if LONG else 60
            wait_until(lambda: min(begun.values()) > hours and
                       work.rounds("reap") >= hours // 3, "the producers are through")
        holds(work.bad, "no program minds")
        equal([producer.missed for producer in producers], [0, 0],
              "who makes an old hour's directory finds it there for an hour")
        drained(world, "backfill: every promise is kept")


def claimed_by_script():
    """As the README says: mkdir -p in claimed/, then mv; and the scanner claims
    into directories that are pruned all the while."""
    count = 600 if LONG else 25
    with World(store, "prune_after: 26h") as world:
        lock = threading.Lock()
        producer = Producer(world, "scanned", lock)
        ok(world.scan().status == 0, "there is a spool")
        outbox = os.path.join(world.root, "outbox")
        claimed = os.path.join(world.spool, "claimed")
        os.mkdir(outbox)
        moves = []
        for number in range(count):
            path = f"script/{name_of(LONG_AGO + number * 7 * HOUR)}/05-{number}.dat"
            name = os.path.join(outbox, str(number))
            data = f"{SEED} {path}".encode()
            with open(name, "xb") as file:
                file.write(data)
            world.log_version(path, data)
            moves.append(f"{name} {claimed}/{path}\n")

        def produce():
            producer.begin_hour(name_of(LONG_AGO + producer.number % 2 * HOUR))
            time.sleep(0.01)
            producer.write()

        with AtWork(world, produce,
                    lambda: set_back(os.path.join(claimed, "scanned"))) as work:
            script = subprocess.run(
                ["sh", "-c", 'while read -r from to; do mkdir -p "${to%/*}"; '
                 'sleep 0.01; mv "$from" "$to"; done'],
                input="".join(moves), capture_output=True, text=True, check=False)
            wait_until(lambda: work.rounds("reap") >= 20 and
                       work.rounds("scan") >= 20, "scanner and reaper were at work")
        holds(work.bad, "no program minds")
        equal(script.stderr, "", "what mkdir -p has made is there for mv")
        equal(os.listdir(outbox), [], "every file is in the queue, or further")
        drained(world, "claimed by a script: every promise is kept")


# --- what goes, and what stays -------------------------------------------------

def date_end(parts):
    """When the date that a directory's name says has ended, or None."""
    while parts and not re.fullmatch(r"\d{4}", parts[0]):
        parts = parts[1:]
    if not parts:
        return None
    fields = []
    for part in parts[:4]:
        if not re.fullmatch(r"\d{1,4}" if not fields else r"\d{1,2}", part):
            return None
        fields.append(int(part))
    unit = len(fields)
    year, month, day, hour = (fields + [1, 1, 0][unit - 1:])[:4]
    try:
        begin = time.strptime(f"{year} {month} {day} {hour}", "%Y %m %d %H")
    except ValueError:
        return None
    if unit == 1:
        return _seconds(year + 1, 1)
    if unit == 2:
        return _seconds(year + month // 12, month % 12 + 1)
    return _seconds(*begin[:4]) + (24 * HOUR if unit == 3 else HOUR)


def _seconds(year, month, day=1, hour=0):
    return calendar.timegm((year, month, day, hour, 0, 0))


def survivors(tree, now, in_base):
    """What of the TREE (path -> None of a file, else when the directory was
    changed) is left, by the README."""
    left = dict(tree)
    for path in sorted(tree, key=lambda path: -path.count("/")):
        changed = tree[path]
        parts = path.split("/")
        if changed is None or any(other.startswith(path + "/") for other in left):
            continue
        if in_base and (len(parts) == 1 or len(parts) > 5 or parts[0][0] == "." or
                        not all(part[0].isdigit() for part in parts[1:])):
            continue
        end = date_end(parts[1:]) if len(parts) > 1 else None
        # What is deeper than an hour waits until that hour's directory is due.
        hour = "/".join(parts[:5])
        if len(parts) > 5 and end is not None and tree[hour] > now - HOUR:
            continue
        if (changed <= now - 26 * HOUR if end is None else
                end <= now - 26 * HOUR and changed <= now - HOUR):
            del left[path]
    return sorted(left)


def make_tree(top, now):
    """A random one: dates of all ages and none, changed at all times. Returns
    what it is."""
    tree = {}
    dates = [name_of(now + ago) for ago in
             (-4000 * DAYS, -400 * DAYS, -60 * DAYS, -3 * DAYS, -29 * HOUR, -24 * HOUR,
              -HOUR, 0, 5 * HOUR, 40 * DAYS)]
    dates += ["2020/13/29/06", "2021/02/29/00", "2021/02/03/24", "2021/2/3/4",
              "notes/2019", ".2019/01", "2019/01/01/01/deeper", "20190101", "2019x/01"]
    for _ in range(40):
        path = chance.choice(["room", "hall", ".hidden", "a b"]) + "/" + chance.choice(
            dates)
        parts = path.split("/")
        path = "/".join(parts[:chance.randrange(1, len(parts) + 1)])
        os.makedirs(os.path.join(top, path), exist_ok=True)
        while path:
            tree.setdefault(path, 0)
            path = os.path.dirname(path)
    for path in chance.sample(sorted(tree), 4):
        name = path + "/" + chance.choice([".nfs0001", "notes.txt", "link"])
        if name.endswith("link"):
            os.symlink("/", os.path.join(top, name))
        else:
            with open(os.path.join(top, name), "wb"):
                pass
        tree[name] = None
    for path in tree:
        if tree[path] is not None:
            tree[path] = now - chance.choice([0, 1800, 5400, 25 * HOUR, 27 * HOUR,
                                              30 * DAYS])
            os.utime(os.path.join(top, path), (tree[path], tree[path]))
    return tree


def look(top):
    found = []
    for directory, names, files in os.walk(top):
        if ".spool" in names:
            names.remove(".spool")
        found += [os.path.relpath(os.path.join(directory, name), top)
                  for name in names + files]
    return sorted(found)


def by_the_rules():
    """Random trees: one pass removes exactly what the rules say, deepest
    first, and nothing else."""
    for number in range(100 if LONG else 8):
        with World(store, "prune_after: 26h") as world:
            ok(world.scan().status == 0, "there is a spool")
            claimed = os.path.join(world.spool, "claimed")
            now = time.time()
            trees = {world.base: make_tree(world.base, now),
                     claimed: make_tree(claimed, now)}
            ended = world.reap()
            after = time.time()
            equal(ended.status, 0, f"tree {number}: the reaper minds nothing", ended)
            for top, tree in trees.items():
                # A date may end while it is looked at.
                allowed = [survivors(tree, when, top == world.base)
                           for when in (now, after)]
                left = look(top)
                ok(left in allowed, f"tree {number}: what is due goes from "
                   f"{os.path.basename(top)}, and nothing else",
                   f"wrongly gone: {sorted(set(allowed[0]) - set(left))}",
                   f"wrongly left: {sorted(set(left) - set(allowed[0]))}")
            holds(world.check(), f"tree {number}: every promise is kept")


if __name__ == "__main__":
    main(live_hours, backfill, claimed_by_script, by_the_rules)
