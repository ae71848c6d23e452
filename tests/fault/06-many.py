"""Many at once: 8 uploaders, 2 scanners and 2 reapers on one tree, killed,
stopped and continued at random, while the producer goes on writing. Nothing is
lost (1, 2, 6, 7), nothing is stored twice but where a kill fell between store
and receipt (3), no live run's file is taken (5), and under overwrite the object
of a path is its last version (4). On a store with conditional writes, on one
without, and under overwrite with the same paths written all the time. And with
operators beside them who hold, release and retry."""
import collections
import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import signal
import time

import oracle
from tap import LONG, chance, equal, holds, main, note
from world import Store, World, suspend, wait_until

UPLOADERS, SCANNERS, REAPERS = 8, 2, 2
CONNECTIONS = 8
TWICE = -1
KEPT = "kept"  # the location of what is held all the time
FILES = 100_000 if LONG else 3000
CALM_FILES = 20_000 if LONG else 1000
FILES_A_TURN = 50 if LONG else 20
TURN_MAX_S = 0.4 if LONG else 0.04
STOP_MAX_S = 60 if LONG else 2
CONFIG = (f"connections: {CONNECTIONS}", "log_level: warning",
          "stall_timeout_seconds: 600")  # being stopped is no stall
# Done, some in failed/, some stay queued for whoever comes next.
GOOD_ENDS = (0, 1, 75)


# --- the producer ----------------------------------------------------------


class Producer:
    """Writes COUNT files by itself, in a process of its own. PATHS: how many
    paths are written again and again; 0: new ones, but for a few; TWICE: each
    twice, soon one after the other."""

    def __init__(self, world, count, paths):
        self.world = world
        self.count = count
        self.paths = paths
        fork = multiprocessing.get_context("fork")
        self.wanted = fork.Value("i", 0)
        self.process = fork.Process(
            target=self.work, args=(chance.randrange(2**32),), daemon=True)
        self.process.start()

    def go_on(self):
        """Lets it write some more; False: it has written all."""
        self.wanted.value += FILES_A_TURN
        return self.process.is_alive()

    def finish(self):
        """Lets it write all: a path that is taken is freed by clean passes."""
        self.wanted.value = self.count
        for _ in range(self.count):
            self.process.join(timeout=0.05)
            if not self.process.is_alive():
                break
            self.world.drain(passes=1)
        equal(self.process.exitcode, 0, "the producer goes through")

    def work(self, seed):
        self.chance = random.Random(seed)
        self.newest = {}  # path -> the number of its newest file
        with open(self.world.producer_log, "a", encoding="utf-8") as self.log:
            for number in range(1, self.count + 1):
                while number > self.wanted.value:
                    time.sleep(0.002)
                while not self.write(self.choose(number), number):
                    time.sleep(0.001)

    def choose(self, number):
        if self.paths == TWICE:
            number = (number - 1) // 40 * 20 + (number - 1) % 20
        elif self.paths:
            number = self.chance.randrange(self.paths)
        elif number > 1 and self.chance.random() < 0.03:
            number = self.chance.randrange(1, number)
        return f"room{number % 3}/2021/02/03/{number // 3 % 7:02}/00-{number}.dat"

    def write(self, path, number):
        """Both ways that a producer may take; False: PATH is there."""
        data = b"%d " % number + self.chance.randbytes(self.chance.randrange(400))
        by_rename = self.chance.random() < 0.5
        full = self.world.full(path)
        if self.paths == TWICE and os.path.lexists(full):
            return False
        while True:
            try:
                with open(full + ".part" if by_rename else full, "xb") as file:
                    file.write(data)
                break
            except FileNotFoundError:  # never made, or pruned
                with contextlib.suppress(FileNotFoundError):  # pruned meanwhile
                    os.makedirs(os.path.dirname(full), exist_ok=True)
            except FileExistsError:
                return False
        if by_rename:
            if os.path.lexists(full):
                self.write_log(file=self.newest[path], void=True)
            os.rename(full + ".part", full)
        self.newest[path] = number
        self.write_log(seq=number, file=number, path=path, size=len(data),
                       sha256=hashlib.sha256(data).hexdigest())
        return True

    def write_log(self, **line):
        self.log.write(json.dumps(line) + "\n")


# --- the programs, and what happens to them ----------------------------------


class Slot:
    """Runs one program after another."""

    def __init__(self, crowd, stage):
        self.crowd = crowd
        self.world = crowd.world
        self.stage = stage
        self.process = None
        self.killed = False
        self.stopped_until = None
        self.held = []  # when it was stopped
        self.log_size = 0

    def look(self, now):
        """Starts the next, or goes on with this one, if it is time."""
        if self.stopped_until is not None:
            if now >= self.stopped_until:
                self.go_on()
        elif self.process is None or self.process.poll() is not None:
            self.reap()
            self.process = self.begin()

    def begin(self):
        return self.world.start(self.stage)

    def reap(self):
        if self.process is not None and self.process.returncode is not None:
            status = self.process.returncode
            if status not in GOOD_ENDS and not self.killed:
                self.crowd.bad_ends.append(f"{self.stage} ended with {status}")
        self.process = None
        self.killed = False

    def stop(self, until):
        suspend(self.process)
        self.stopped_until = until
        self.held = self.world.held_by(self.process)
        self.log_size = os.stat(self.world.stub_log).st_size
        self.crowd.stops += 1

    def compare(self):
        """What a stopped run held is what it holds."""
        held = self.world.held_by(self.process)
        if held != self.held:
            self.crowd.taken.append(f"from {self.process.pid}: {self.held} -> {held}")
        # It says something where the others had work meanwhile.
        self.crowd.compared += (
            held != [] and os.stat(self.world.stub_log).st_size > self.log_size)

    def go_on(self):
        if self.process.poll() is None:
            self.compare()
        self.process.send_signal(signal.SIGCONT)
        self.stopped_until = None

    def kill(self):
        """Stopped before, if it isn't yet, to see what it held: only that may
        be stored again."""
        if self.stopped_until is None:
            self.stop(0)
        self.compare()
        self.crowd.orphans.update(path.split("/.spool/uploading/")[1].split("/", 1)[1]
                                  for path, _ in self.held)
        self.process.kill()
        self.process.wait()
        self.stopped_until = None
        self.killed = self.process.returncode == -signal.SIGKILL
        self.crowd.kills += self.killed

    def end(self):
        if self.stopped_until is not None:
            self.go_on()
        if self.process is not None:
            self.process.wait(timeout=120)
            self.reap()


class Operator(Slot):
    """Runs one errand after another, half of them as where RENAME_NOREPLACE is
    missing; what is KEPT in held/ it leaves alone."""

    def __init__(self, crowd):
        super().__init__(crowd, "upload")
        self.errands = collections.Counter()

    def begin(self):
        errand = chance.choice(("hold", "hold", "release", "release", "retry"))
        paths = [] if errand == "retry" else self.choose(
            "claimed" if errand == "hold" else "held")
        if not paths:
            errand = "retry"
        self.errands[errand] += 1
        return self.world.start(
            "upload", *(("--no-noreplace",) if chance.random() < 0.5 else ()),
            options=["--retry", "--all"] if errand == "retry" else ["--" + errand],
            arguments=paths)

    def choose(self, room):
        """Some of the paths that lie there."""
        paths = sorted(path for path in paths_in(self.world, room)
                       if not path.startswith(KEPT))
        return chance.sample(paths, min(len(paths), 20))


class Crowd:
    def __init__(self, world, kills, uploaders=UPLOADERS, operators=0):
        self.world = world
        self.may_kill = kills
        self.kills = self.stops = self.compared = 0
        self.orphans = collections.Counter()  # path -> how often a killed one held it
        self.taken, self.bad_ends = [], []
        self.slots = [Slot(self, stage) for stage, count in (
            ("upload", uploaders), ("scan", SCANNERS), ("reap", REAPERS))
            for _ in range(count)]
        self.operators = [Operator(self) for _ in range(operators)]
        self.slots += self.operators

    def torment(self, producer):
        """As long as the producer writes, or five times what that takes."""
        for _ in range(5 * producer.count // FILES_A_TURN):
            if not producer.go_on():
                break
            now = time.monotonic()
            for slot in self.slots:
                slot.look(now)
            slot = chance.choice(self.slots)
            what = chance.random()
            if slot.process.poll() is not None:
                pass
            elif what < 0.4 and self.may_kill:
                slot.kill()
            elif what < 0.55 and slot.stopped_until is None:
                slot.stop(now + chance.random() * STOP_MAX_S)
            time.sleep(chance.random() * TURN_MAX_S)
        for slot in self.slots:
            slot.end()


def paths_in(world, room):
    top = os.path.join(world.spool, room)
    return [os.path.relpath(path, top) for path, _ in oracle.find_files(top)]


def is_drained(world):
    if os.listdir(os.path.join(world.spool, "runs")):
        return False
    return not world.files_in("claimed", "uploading", "confirmed") and not any(
        path.endswith(".dat") and not path.startswith(world.spool + "/")
        for path, _ in oracle.find_files(world.base))


def drain(world):
    """A further file of a path may take another pass. What was killed before it
    had a run's name leaves litter, which is to be a day old."""
    for path, _ in oracle.find_files(os.path.join(world.spool, "tmp")):
        os.utime(path, (0, 0))
    for _ in range(20):
        ends = world.drain(passes=1)
        bad = [str(end) for end in ends if end.status not in GOOD_ENDS]
        if bad or is_drained(world):
            return bad
    return [f"not drained after 20 passes: {world.files_in('claimed', 'uploading')[:5]}"]


def let_go(world):
    """Everything is released: one that is in the way has to go first. And what
    has failed is tried again."""
    world.operate("retry", "--all")
    for _ in range(20):
        held = paths_in(world, "held")
        ends = [world.operate("release", *held)] if held else []
        bad = [str(end) for end in ends if end.status not in GOOD_ENDS] + drain(world)
        if bad or not paths_in(world, "held"):
            return bad
    return [f"not released after 20 passes: {paths_in(world, 'held')[:5]}"]


def sent_again(world):
    """(path, SHA-256) of each object that was stored, and of each receipt that
    was written, though there had been one before. (A line that is handed over
    to an heir is the same line.)"""
    stored = collections.Counter((line.key, line.sha256) for line in oracle.read_stub(
        world.stub_log, world.bucket))
    receipts = collections.Counter((line.path, line.sha256) for line in
                                   oracle.read_receipts(world.spool))
    return [[what for what, count in counter.items() for _ in range(count - 1)]
            for counter in (stored, receipts)]


def beyond(again, orphans):
    """What can't be explained by kills."""
    paths = collections.Counter(path for path, _ in again)
    return [f"{path}: {count} times again, in the hands of {orphans[path]} killed"
            for path, count in paths.items() if count > orphans[path]]


def crowd_at(*options, paths=0, kills, rules=(), config=(), **more):
    store = Store("--latency-ms", "20", *options, rules=rules)
    with World(store, *CONFIG, *config, **more) as world:
        producer = Producer(world, FILES if kills else CALM_FILES, paths)
        crowd = Crowd(world, kills)
        crowd.torment(producer)
        producer.finish()
        holds(crowd.bad_ends, "no program fails")
        holds(crowd.taken, "nothing is taken from runs that are stopped")
        holds(drain(world), "clean passes drain it")
        holds(world.check(drained=True), "nothing is lost")
        stored, receipted = sent_again(world)
        note(f"{producer.count} files, {crowd.kills} kills, {crowd.stops} stops "
             f"({crowd.compared} of runs that held something while others worked), "
             f"{sum(crowd.orphans.values())} held by killed ones, {len(stored)} stored "
             f"again, {len(world.files_in('failed'))} failed")
        holds(beyond(stored, crowd.orphans),
              "nothing is stored again but what a killed uploader held")
        holds(beyond(receipted, crowd.orphans), "and nothing else has two receipts")
        if not options and not paths:
            equal(stored, [], "with conditional writes nothing is stored again")
    store.stop()


def many_with_conditions():
    """kills and stops, on a store with conditional writes"""
    crowd_at(kills=True)


def many_without_conditions():
    """kills and stops, on a store without conditional writes"""
    crowd_at("--no-conditions", kills=True)


def keep(world):
    """Some files that a person holds back all the time; the producer doesn't
    know of them, and counts from one."""
    world.next_file = world.next_seq = 10**9
    for number in range(20):
        world.write(f"{KEPT}/2021/02/03/04/{number:02}-t.dat")
    world.scan()
    equal(world.operate("hold", *paths_in(world, "claimed")).status, 0,
          "some files are held")


def kept(world):
    """What is wrong with those."""
    for number in range(20):
        path = f"{KEPT}/2021/02/03/04/{number:02}-t.dat"
        if not os.path.exists(os.path.join(world.spool, "held", path)):
            yield f"it isn't there any more: {path}"
    for line in oracle.read_stub(world.stub_log, world.bucket):
        if line.key.startswith(KEPT):
            yield f"it was sent: {line.key}"


def operated(*options):
    store = Store("--latency-ms", "60", *options)
    with World(store, *CONFIG) as world:
        keep(world)
        crowd = Crowd(world, True, uploaders=3, operators=4)
        producer = Producer(world, CALM_FILES, 0)
        crowd.torment(producer)
        producer.finish()
        holds(crowd.bad_ends, "no program fails")
        holds(crowd.taken, "nothing is taken from runs that are stopped")
        holds(drain(world), "clean passes drain it")
        holds(world.check(drained=True), "nothing is lost")
        holds(list(kept(world)), "what is held all the time isn't sent")
        errands = sum((one.errands for one in crowd.operators), collections.Counter())
        note(f"{crowd.kills} kills, {crowd.stops} stops, {dict(errands)}; "
             f"{len(paths_in(world, 'held'))} are held")
        holds(let_go(world), "what is held is released")
        holds(world.check(drained=True), "and arrives")
        stored, _ = sent_again(world)
        holds(beyond(stored, crowd.orphans),
              "nothing is stored again but what a killed uploader held")
    store.stop()


def operated_with_conditions():
    """hold, release and retry in between, on a store with conditional writes"""
    operated()


def operated_without_conditions():
    """hold, release and retry in between, on a store without conditional writes"""
    operated("--no-conditions")


def many_overwriting():
    """kills and stops, under overwrite, the same paths all the time"""
    crowd_at(paths=300, overwrites=True, kills=True)


def calm_with_conditions():
    """stops, but no kills, on a store with conditional writes"""
    crowd_at(kills=False)


def calm_without_conditions():
    """stops, but no kills, on a store without conditional writes"""
    crowd_at("--no-conditions", kills=False)


def calm_overwriting():
    """stops, but no kills, under overwrite, the same paths all the time"""
    crowd_at(paths=50, overwrites=True, kills=False)


def overwriting_in_trouble():
    """under overwrite, given back again and again, each path twice"""
    crowd_at(paths=TWICE, overwrites=True, kills=False, config=("max_attempts: 1",),
             rules=[f"PUT op=PutObject n=-{CALM_FILES} chance=40 "
                    "status=503 code=SlowDown"])


def in_order():
    """under overwrite a newer file waits in claimed/ for an older one"""
    store = Store("--latency-ms", "100")
    with World(store, *CONFIG, overwrites=True) as world:
        path = "room/2021/02/03/04/05-t.dat"
        slot = hold_one(world, path)
        world.write(path)
        world.scan()
        newer = os.path.join(world.spool, "claimed", path)
        before = os.stat(newer)
        equal(world.upload().status, 0, "another uploader finds nothing to do")
        equal(os.stat(newer).st_ctime_ns, before.st_ctime_ns, "it wasn't even taken")
        slot.end()
        holds(slot.crowd.taken + slot.crowd.bad_ends, "the older one ends well")
        holds(drain(world), "then the newer one goes")
        holds(world.check(drained=True), "and is what the object is")
        equal(len(oracle.read_stub(world.stub_log, world.bucket)), 2, "after the older")
    store.stop()


def left_behind():
    """under overwrite a newer file waits for one that a live run couldn't store"""
    store = Store(rules=["PUT op=PutObject key=*-t.dat n=1 status=503 code=SlowDown",
                         "PUT op=PutObject key=*-slow.dat n=1 stall"])
    with World(store, *CONFIG, "max_attempts: 1", overwrites=True) as world:
        path, slow = ("room/2021/02/03/04/05-t.dat", "room/2021/02/03/04/05-slow.dat")
        world.write(path)
        world.write(slow)
        world.scan()
        suspend(store.process)
        one = world.start("upload")
        wait_until(lambda: len(world.held_by(one)) == 2, "it holds both", one)
        world.write(path)
        world.scan()
        store.process.send_signal(signal.SIGCONT)
        wait_until(lambda: "(SlowDown)" in world.said("upload"),
                   "it is given up", one)
        equal(world.upload().status, 0, "another uploader finds nothing to do")
        equal(oracle.read_stub(world.stub_log, world.bucket), [], "and sends nothing")
        one.kill()
        one.wait()
        holds(drain(world), "then both go")
        holds(world.check(drained=True), "and the newer one is what the object is")
    store.stop()


def hold_one(world, *paths):
    """An uploader that is stopped while it holds some of PATHS."""
    for path in paths:
        world.write(path)
    world.scan()
    slot = Slot(Crowd(world, False), "upload")
    slot.look(0)
    while True:
        wait_until(lambda: world.held_by(slot.process), "it holds files", slot.process)
        slot.stop(0)
        if slot.held:
            return slot
        slot.process.send_signal(signal.SIGCONT)


def a_stopped_one():
    """a stopped uploader keeps what it holds, whoever works beside it"""
    store = Store("--latency-ms", "100")
    with World(store, *CONFIG) as world:
        slot = hold_one(world, *(f"room/2021/02/03/04/05-{i}.dat" for i in range(200)))
        for _ in range(3):
            world.scan()
            others = [world.start("upload") for _ in range(3)]
            statuses = [other.wait(timeout=120) for other in others]
            equal(statuses, [0, 0, 0], "three others upload")
            world.reap()
        equal(world.files_in("claimed"), [], "all that was free is done")
        slot.end()
        holds(slot.crowd.taken + slot.crowd.bad_ends, "it kept its own, and ends well")
        equal(slot.crowd.compared, 1, "which were some")
        world.reap()
        holds(world.check(drained=True), "nothing is lost")
        equal(sent_again(world), [[], []], "nothing is sent twice")
    store.stop()


if __name__ == "__main__":
    main(many_with_conditions, many_without_conditions, many_overwriting,
         calm_with_conditions, calm_without_conditions, calm_overwriting,
         operated_with_conditions, operated_without_conditions,
         overwriting_in_trouble, a_stopped_one, in_order, left_behind)
