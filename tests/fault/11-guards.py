"""Each guard by itself.

What the other tests meet by chance, or in one case of thousands, is brought about
here at one certain moment: a writer between two calls, a store that lies, a sync
that fails, two runs at one key. For each guard there is a story that ends badly
without it; tests/run-mutants.py sees to that.
"""
import contextlib
import functools
import glob
import os
import shlex
import shutil

import oracle
from tap import chance, equal, holds, main, ok
from world import EX_CONFIG, EX_IOERR, KILLED, Store, World, s3, wait_until

PATH = "room/2021/02/03/04/05-t.dat"
OTHER = "room/2021/02/03/04/06-other.dat"
BIG = chance.randbytes((5 << 20) + 1234)
LATE = b"late bytes"
KILL = "kill -9 $SABOTEUR_PID"


@functools.cache
def plain():
    """A store without faults."""
    return Store()


@functools.cache
def without_conditions():
    return Store("--no-conditions")


# --- what others do meanwhile ------------------------------------------------

def interfere(world, stage, moment, command, *more):
    """Runs STAGE, and COMMAND while it stands still at MOMENT."""
    return world.run(stage, "--patience", "60000", *more, "--run-at",
                     f"{moment}={command}")


@contextlib.contextmanager
def one_core():
    """For what is started meanwhile."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def append(*paths):
    """A command: each of PATHS gets late bytes."""
    return "; ".join(f"printf '{LATE.decode()}' >>{path}" for path in paths)


def append_under_lease(world, path):
    """A command: somebody is on his way into PATH, held up by a lease."""
    written = shlex.quote(os.path.join(world.root, "written"))
    return (f"({append(shlex.quote(path))}; : >{written}) & until [ -e {written} ] || "
            f"grep -q 'BREAKING.*:{os.stat(path).st_ino} ' /proc/locks; "
            "do sleep 0.01; done")


def in_uploading(world):
    """For a command: the file, whichever run has it."""
    return shlex.quote(world.spool) + "/uploading/*/" + PATH


class Pause:
    """A program that stands still at MOMENT, once CONDITION (a command) holds."""

    def __init__(self, world, stage, moment, condition="true", then="true"):
        self.here = os.path.join(world.root, "here")
        self.go = os.path.join(world.root, "go")
        for path in glob.glob(self.here) + glob.glob(self.go):
            os.unlink(path)
        self.process = world.start(
            stage, "--patience", "60000", "--run-at",
            f"{moment}={condition} || exit 0; : >{shlex.quote(self.here)}; "
            f"until [ -e {shlex.quote(self.go)} ]; do sleep 0.01; done; {then}")
        wait_until(lambda: os.path.exists(self.here), "it stands still", self.process)

    def end(self):
        """Lets it go on; how it ended."""
        open(self.go, "w").close()
        return self.process.wait()


def rewritten(world, file, path, data):
    """FILE holds DATA now, at PATH, which is where the log has it."""
    world.void(file)
    return world.log_version(path, data, file)


def confirmed(world, data):
    """A file that is stored. Returns its number and where it lies."""
    file = world.write(PATH, data)
    world.scan()
    world.upload()
    return file, world.files_in("confirmed")[0]


def change(path, how, restore=True):
    """HOW, with the file open; then the times are as they were."""
    st = os.stat(path)
    with open(path, "r+b") as file:
        how(file)
    if restore:
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
    with open(path, "rb") as file:
        return file.read()


def lengthen(file):
    file.seek(0, os.SEEK_END)
    file.write(LATE)


def overwrite(file):
    file.write(LATE)


def put_other(world, data, path=PATH):
    """An object of somebody else's is there already."""
    source = os.path.join(world.root, "other")
    with open(source, "wb") as file:
        file.write(data)
    world.also_known.add(oracle.sha256_of(source))
    os.environ.update(world.store.environment)
    s3.put(world.bucket.encode(), path.encode(), source)


def stored(world):
    return oracle.read_stub(world.stub_log, world.bucket)


def receipts(world):
    return oracle.read_receipts(world.spool)


# --- the scanner --------------------------------------------------------------

def writer_at_the_claim():
    """Somebody opens the file between the lease and the rename."""
    with World(plain()) as world:
        data = chance.randbytes(1000)
        file = world.write(PATH, data)
        interfere(world, "scan", "renameat2:1:entry",
                  append_under_lease(world, world.full(PATH)))
        rewritten(world, file, PATH, data + LATE)
        equal(world.files_in("claimed"), [], "it isn't claimed")
        ok(os.path.exists(world.full(PATH)), "it is the producer's again")
        world.drain()
        holds(world.check(drained=True), "what was written is stored")


def writer_whose_name_is_taken():
    """Somebody opens the file between the lease and the rename, and then its path
    is made anew: it can't go back, and he needn't wait for the end of the scan."""
    with World(plain()) as world:
        world.write(OTHER)
        world.scan()  # so that the first rename is the one that claims
        data, anew = chance.randbytes(1000), chance.randbytes(600)
        file = world.write(PATH, data)
        other, back, asked, written, waited = (
            os.path.join(world.root, name) for name in
            ("other", "back", "asked", "written", "waited"))
        with open(other, "wb") as new:
            new.write(anew)
        with one_core():  # where it claims as it walks
            ended = interfere(
                world, "scan", "renameat2:1:entry",
                append_under_lease(world, world.full(PATH)),
                "--run-at", "renameat2:1:exit=mv " + shlex.join((other, world.full(PATH))),
                "--run-at", f"renameat2:2:exit=: >{shlex.quote(back)}",
                # It looks for further files.
                "--run-at", f"getdents64:1+:entry=mv {shlex.join((back, asked))} || exit 0; "
                # Once, and much less than a lease holds him up (45 s).
                "end=$(($(date +%s) + 15)); while [ $(date +%s) -lt $end ]; do "
                f"[ ! -e {shlex.quote(written)} ] || {{ : >{shlex.quote(waited)}; exit; }}; "
                "sleep 0.01; done")
        equal(ended.status, 0, "the scan ends well", ended)
        ok(os.path.exists(asked), "it has tried to give the file back")
        ok(os.path.exists(waited), "its writer goes on while the scan is at work")
        rewritten(world, file, PATH, data + LATE)
        world.log_version(PATH, anew)
        equal(len(world.files_in("claimed")), 2, "it stays in the queue")
        holds(world.check(), "nothing is lost")


def another_in_its_place():
    """Another file takes the name between the lease and the rename."""
    with World(plain(), "settle_seconds: 0") as world:
        file = world.write(PATH)
        other, data = os.path.join(world.root, "other"), chance.randbytes(700)
        with open(other, "wb") as new:
            new.write(data)
        world.void(file)
        world.log_version(PATH, data)
        interfere(world, "scan", "renameat2:1:entry",
                  f"mv {shlex.quote(other)} {shlex.quote(world.full(PATH))}")
        equal(world.files_in("claimed"), [], "what nobody has judged isn't claimed")
        holds(world.check(), "nothing is lost")


def linked_at_the_claim():
    """The file gets a second name between the lease and the rename."""
    with World(plain()) as world:
        world.links = True
        world.write(PATH)
        interfere(world, "scan", "renameat2:1:entry", "ln "
                  + shlex.join((world.full(PATH), os.path.join(world.root, "link"))))
        equal(world.files_in("claimed"), [], "it isn't claimed")


def written_before_the_scan_leases():
    """Somebody writes, and is gone when the lease is taken."""
    seconds = 3
    with World(plain(), f"settle_seconds: {seconds}") as world:
        world.write(PATH)
        wait_until(lambda: world.scan(options=["--explain"]).out.startswith("settled"),
                   "it has settled")
        interfere(world, "scan", "setlease:1:entry",
                  append(shlex.quote(world.full(PATH))))
        # The rename has set the change time.
        hasty = [path for path in world.files_in("claimed")
                 if os.stat(path).st_ctime_ns - os.stat(path).st_mtime_ns
                 < seconds * 10**9]
        equal(hasty, [], "nothing is claimed before it was left alone for a while")


def open_before_the_scan():
    """Somebody has it open for writing all the time."""
    with World(plain()) as world:
        world.write(PATH)
        with open(world.full(PATH), "ab"):
            world.scan()
            equal(world.files_in("claimed"), [], "it isn't claimed")


def too_young():
    """Written a moment ago, whatever its modification time says."""
    with World(plain(), "settle_seconds: 1h") as world:
        world.write(PATH)
        world.scan()
        equal(world.files_in("claimed"), [], "a new file isn't claimed")
        os.utime(world.full(PATH), (10**9, 10**9))
        world.scan()
        equal(world.files_in("claimed"), [], "nor one with an old modification time")


def second_of_a_path():
    """A file of the same path still waits."""
    with World(plain()) as world:
        for _ in range(2):
            world.write(PATH)
            world.scan()
        holds(world.check(), "neither replaces the other")


# --- the uploader and the file ------------------------------------------------

def open_before_the_upload():
    """Somebody has the claimed file open for writing."""
    with World(plain()) as world:
        world.write(PATH)
        world.scan()
        with open(world.files_in("claimed")[0], "ab"):
            world.upload()
            equal(len(world.files_in("claimed")), 1, "it waits")
            equal(stored(world), [], "it isn't sent")


def written_before_the_upload_leases():
    """Somebody writes it anew, and is gone when the lease is taken."""
    with World(plain()) as world:
        file = world.write(PATH)
        world.scan()
        interfere(world, "upload", "setlease:1:entry",
                  f"for f in {in_uploading(world)}; do printf %5000s x >$f; done")
        rewritten(world, file, PATH, b" " * 4999 + b"x")
        holds(world.check(), "no part of it is sent as the whole")
        world.drain()
        holds(world.check(drained=True), "what was written is stored")


def written_while_it_is_sent():
    """Somebody appends after it was read, before the store has answered."""
    with World(plain()) as world:
        data = chance.randbytes(1000)
        file = world.write(PATH, data)
        world.scan()
        interfere(world, "upload", "connect:1:entry",
                  f"for f in {in_uploading(world)}; do {append('$f')}; done")
        rewritten(world, file, PATH, data + LATE)
        equal(world.files_in("confirmed"), [], "it isn't confirmed")
        equal(receipts(world), [], "there is no receipt for it")
        holds(world.check(), "nothing is lost")


def written_between_parts():
    """Somebody writes to both parts when the first one has been sent."""
    with World(plain(), "connections: 1") as world:
        file = world.write(PATH, BIG)
        world.scan()
        changed = os.path.join(world.root, "changed")
        put = f"printf '{LATE.decode()}' | dd conv=notrunc status=none bs=1"
        interfere(world, "upload", "pread64:1+:entry",
                  f"[ ! -e {changed} ] && grep -q 'UploadPart.{world.bucket}' "
                  f"{world.stub_log} || exit 0; : >{changed}; "
                  f"for f in {in_uploading(world)}; do {put} of=$f; "
                  f"{put} of=$f seek={len(BIG) - len(LATE)}; done")
        ok(os.path.exists(changed), "it was changed between two parts")
        rewritten(world, file, PATH, LATE + BIG[len(LATE):-len(LATE)] + LATE)
        holds(world.check(), "no mixture of two states is stored")
        world.drain()
        holds(world.check(drained=True), "what was written is stored")


def linked_in_the_queue():
    """The claimed file has a second name."""
    with World(plain()) as world:
        world.links = True
        world.write(PATH)
        world.scan()
        os.link(world.files_in("claimed")[0], os.path.join(world.root, "link"))
        world.upload()
        equal(len(world.files_in("failed")), 1, "it is refused")
        equal(stored(world), [], "it isn't sent")


# --- the uploader and the store -----------------------------------------------

def object_of_others():
    """Objects of the same size, with other bytes, are there."""
    for store in plain(), without_conditions():
        # The first file finds out whether there are conditions.
        with World(store, "connections: 1") as world:
            for path in PATH, OTHER:
                put_other(world, chance.randbytes(1000), path)
                world.write(path)
            world.drain()
            holds(world.check(drained=True), "the objects and files are as they were")
            equal(len(world.files_in("failed")), 2, "the files are refused")


def absent_without_a_lock():
    """A store turns out to know no conditions while HEAD, without a lock on the key,
    says that nothing is there."""
    with World(Store("--no-conditions", rules=[
            f"PUT key={PATH} n=2 status=412 code=PreconditionFailed",
            f"HEAD key={PATH} n=1 status=404 delay=3000"]),
            "connections: 2") as world:
        put_other(world, chance.randbytes(1000))
        world.write(PATH)
        world.write(OTHER)
        world.drain()
        holds(world.check(drained=True), "the object and the file are as they were")
        equal(len(world.files_in("failed")), 1, "the file is refused")


def object_comes_meanwhile():
    """The same for a file in parts, when HEAD has said that nothing is there."""
    with World(Store(rules=["HEAD n=1-2 status=404"])) as world:
        put_other(world, chance.randbytes(1000))
        world.write(PATH, BIG)
        world.drain()
        holds(world.check(drained=True), "the object and the file are as they were")
        equal(len(world.files_in("failed")), 1, "the file is refused")


def page_for_an_answer():
    """Something answers 200 to a PUT, with a page or with nothing."""
    for rule, what in (
            ('body="<html>Log in</html>" header="ETag: 0123"', "a page with an ETag"),
            ("body=", "no ETag")):
        with World(Store(rules=["PUT op=PutObject status=200 " + rule])) as world:
            world.write(PATH)
            world.scan()
            ended = world.upload()
            equal(ended.status, EX_CONFIG, f"{what}: that is no store", ended)
            world.reap()
            holds(world.check(), f"{what}: the file is kept")


def page_for_a_completion():
    """Something answers 200 to the last request of an upload in parts."""
    rule = 'POST op=CompleteMultipartUpload status=200 body="<html>Log in</html>"'
    with World(Store(rules=[rule]), "max_attempts: 1") as world:
        world.write(PATH, BIG)
        world.scan()
        world.upload()
        world.reap()
        holds(world.check(), "the file is kept")


def checksum_of_other_bytes():
    """The store says of what it has stored that it is something else."""
    for data, rules in ((chance.randbytes(1000), ["PUT wrong-checksum"]),
                        (BIG, ["POST op=Complete* wrong-checksum"])):
        with World(Store(rules=rules + ["HEAD wrong-checksum"]),
                   "payload_signing: never", "checksum: crc32c") as world:
            world.write(PATH, data)
            world.scan()
            world.upload()
            equal(receipts(world), [], f"{len(data)} bytes: no receipt is written")


# --- what is durable, and when ------------------------------------------------

def moved_before_its_receipt():
    """Killed when the receipt isn't durable yet."""
    with World(plain()) as world:
        world.write(PATH)
        world.scan()
        ended = interfere(world, "upload", "fdatasync:1:entry", KILL)
        equal(ended.status, KILLED, "it is killed at the sync", ended)
        equal(world.files_in("confirmed"), [], "nothing is confirmed yet")


def run_without_a_name():
    """The name of the run's file can't be made durable."""
    with World(plain()) as world:
        world.write(PATH)
        world.scan()
        ended = world.upload("--fail", "fsync:1+=EIO")
        equal(ended.status, EX_IOERR, "the run doesn't begin", ended)
        equal(len(world.files_in("claimed")), 1, "the file waits")


def moved_before_its_reason():
    """A refused file whose reason can't be made durable."""
    with World(plain()) as world:
        put_other(world, b"other")
        world.write(PATH)
        world.scan()
        ended = world.upload("--fail", "fdatasync:1+=EIO")
        equal(ended.status, EX_IOERR, "the uploader ends with 74", ended)
        equal(world.files_in("failed"), [], "nothing is in failed/")


def unsynced_file():
    """On a store where a PUT may replace, a file that can't be synced."""
    for data in chance.randbytes(1000), BIG:
        with World(without_conditions()) as world:
            world.write(PATH, data)
            world.scan()
            world.upload("--fail", "fdatasync:1+=EIO")
            equal(stored(world), [], f"{len(data)} bytes: it isn't sent")


def merge_that_fails():
    """The syncs and the rename fail by which a day's ledger becomes one file."""
    with World(plain()) as world:
        confirmed(world, b"bytes")
        world.reap()
        ledger = os.path.join(world.spool, "ledger")
        day = os.path.join(ledger, "2021-02-03")
        os.rename(glob.glob(ledger + "/*")[0], day)
        ended = world.reap("--fail", "fsync:1=EIO")
        equal(ended.status, EX_IOERR, "the file's: it ends with 74", ended)
        ok(not os.path.exists(day + ".tsv"), "the file isn't given its name")
        ended = world.reap("--fail", "rename,renameat,renameat2:1=EIO")
        equal(ended.status, EX_IOERR, "the rename: it ends with 74", ended)
        equal(len(glob.glob(day + "/*")), 1, "the piece is kept")
        ended = world.reap("--fail", "fsync:2=EIO")
        equal(ended.status, EX_IOERR, "the name's: it ends with 74", ended)
        equal(len(glob.glob(day + "/*")), 1, "the piece is kept")


# --- who takes over -----------------------------------------------------------

def stored_by_the_dead(world, data):
    """A run dies when its receipt is durable, and the file not yet moved."""
    file = world.write(PATH, data)
    world.scan()
    ended = interfere(world, "upload", "fdatasync:1:exit", KILL)
    equal(ended.status, KILLED, "it is killed when the receipt is on disk", ended)
    return file, world.files_in("uploading")[0]


def changed_after_a_death():
    """A dead run's receipt is no longer about the file that it held."""
    data = chance.randbytes(1000)

    def another(path):
        shutil.copy2(path, path + ".new")
        os.replace(path + ".new", path)
        return change(path, overwrite)

    for what, how in (
            ("longer, with its old time", lambda path: change(path, lengthen)),
            ("other bytes, as many", lambda path: change(path, overwrite, False)),
            ("another file, as long and as old", another)):
        with World(plain()) as world:
            file, path = stored_by_the_dead(world, data)
            now = how(path)
            rewritten(world, file, PATH, now)
            world.upload()
            equal(world.files_in("confirmed"), [], f"{what}: it isn't confirmed")
            equal(len(world.files_in("failed")), 1, f"{what}: it meets its object")


def believed_without_a_sync():
    """A dead run's receipt may be in the cache alone, and can't be synced."""
    with World(plain()) as world:
        stored_by_the_dead(world, b"bytes")
        ended = world.upload("--fail", "fdatasync:1=EIO")
        equal(ended.status, EX_IOERR, "the uploader ends with 74", ended)
        equal(world.files_in("confirmed"), [], "nothing is confirmed")


def receipts_of_the_dead():
    """The reaper comes before the heir."""
    with World(plain()) as world:
        stored_by_the_dead(world, b"bytes")
        world.reap()
        world.upload()
        equal(len(world.files_in("confirmed")), 1, "the heir finds the receipt")
        world.drain(1)
        holds(world.check(drained=True), "all is well")
        equal(len(receipts(world)), 1, "it is on record once")


def live_run():
    """A run that lives, however long it stands still."""
    with World(plain()) as world:
        world.write(PATH)
        world.scan()
        pause = Pause(world, "upload", "connect:1:entry")
        held = world.files_in("uploading")
        world.reap()
        world.upload()
        equal((len(held), world.files_in("uploading")), (1, held),
              "nobody takes its file")
        equal(stored(world), [], "nobody sends it")
        equal(pause.end(), 0, "it goes on")
        equal(len(world.files_in("confirmed")), 1, "and has stored it")


def rename_that_lies():
    """A move that has happened is said to have failed."""
    with World(plain()) as world:
        world.write(PATH)
        world.scan()
        # The first takes it, the second confirms it.
        for n in (1, 2):
            ended = world.upload("--lie", f"renameat2:{n}=ENOENT")
            equal(ended.status, 0, f"move {n}: the uploader ends well", ended)
            equal(len(world.files_in("confirmed")), 1, f"move {n}: it is confirmed")
            world.reap()
            world.write(OTHER)
            world.scan()


def unlink_that_fails():
    """Without RENAME_NOREPLACE the names that a scanner has of its own stay, as
    none of them can be removed."""
    with World(plain()) as world:
        world.write(PATH)
        ended = world.scan("--no-noreplace", "--fail", "unlinkat:1+=EIO")
        equal(ended.status, EX_IOERR, "it says so", ended)
        world.drain(3)
        holds(world.check(drained=True), "the others remove them")
        equal(len(stored(world)), 1, "and the file has arrived")


def taken_for_nothing():
    """Without RENAME_NOREPLACE a file whose path is in the queue stays where its
    producer may go on with it."""
    with World(plain()) as world:
        world.write(PATH)
        world.scan()
        world.write(PATH)
        counts = os.path.join(world.root, "counts")
        ended = world.scan("--no-noreplace", "--count", counts)
        equal(ended.status, 0, "it waits", ended)
        with open(counts, encoding="utf-8") as lines:
            made = dict(line.split() for line in lines)
        equal([call for call in ("renameat", "rename", "linkat") if call in made], [],
              "it isn't moved, not even to and fro")
        equal(made["renameat2"], "1", "it would have been, but for the other")
        world.drain(2)
        holds(world.check(drained=True), "and has its turn")


def two_of_a_key():
    """Two dead runs have left files of one path, and two heirs come at once, on
    a store where the later of two PUTs wins."""
    with World(without_conditions()) as world:
        world.write(PATH)
        world.scan()
        first = Pause(world, "upload", "connect:1:entry", then=KILL)
        world.write(PATH)
        world.scan()
        interfere(world, "upload", "setlease:1:entry", KILL)
        first.end()
        equal(len(world.files_in("uploading")), 2, "two dead runs have one each")
        heir = Pause(world, "upload", "sendto:1+:entry",
                     f"grep -q 'HeadObject.{world.bucket}' {world.stub_log}")
        world.upload()
        heir.end()
        equal(len(stored(world)), 1, "one of them is stored")
        holds(world.check(), "it isn't overwritten by the other")


def older_goes_first():
    """A second file of a path, while an heir is about to take the first from a dead
    run; the later of two PUTs wins."""
    with World(plain(), overwrites=True) as world:
        world.write(PATH)
        world.scan()
        interfere(world, "upload", "setlease:1:entry", KILL)
        world.write(PATH)
        world.scan()
        # It has the dead run's lock, and makes its receipts durable.
        heir = Pause(world, "upload", "fdatasync:1:entry")
        world.upload()
        equal(stored(world), [], "it isn't stored before the first one")
        heir.end()
        world.drain()
        holds(world.check(drained=True), "the second one's object is there in the end")


# --- the reaper ---------------------------------------------------------------

def reaped_after(how, what):
    """HOW changes the confirmed file, given its path, and returns what it holds
    then; it must be kept."""
    with World(plain()) as world:
        file, path = confirmed(world, chance.randbytes(1000))
        rewritten(world, file, PATH, how(path))
        world.reap()
        equal(len(world.files_in("claimed", "confirmed")), 1, f"{what}: it is kept")
        holds(world.check(), f"{what}: nothing is lost")


def longer_when_reaped():
    """It has grown, and its time was restored."""
    reaped_after(lambda path: change(path, lengthen), "longer")


def other_bytes_when_reaped():
    """As many other bytes, and its time was restored."""
    reaped_after(lambda path: change(path, overwrite), "other bytes")


def touched_when_reaped():
    """Its time is another: somebody has been at it."""
    def touch(path):
        os.utime(path)
        return change(path, lambda file: None)

    reaped_after(touch, "touched")


def another_when_reaped():
    """A copy lies in its place, of which the receipt says nothing."""
    def replace(path):
        shutil.copy2(path, path + ".new")
        os.replace(path + ".new", path)
        return change(path, lambda file: None)

    reaped_after(replace, "another file")


def open_before_the_deletion():
    """Somebody has the confirmed file open for writing."""
    with World(plain()) as world:
        _, path = confirmed(world, b"bytes")
        with open(path, "ab"):
            world.reap()
            ok(os.path.exists(path), "it is kept as long as he may write")


def reap_meanwhile(moment, command, what, *more):
    with World(plain()) as world:
        data = chance.randbytes(1000)
        file, path = confirmed(world, data)
        interfere(world, "reap", moment, command(world, path), *more)
        rewritten(world, file, PATH, data + LATE)
        holds(world.check(), what)


def written_before_the_reaper_leases():
    """Somebody appends, and is gone when the lease is taken."""
    reap_meanwhile("setlease:1:entry", lambda world, path: append(shlex.quote(path)),
                   "what was appended is kept")


def writer_at_the_deletion():
    """Somebody opens it while its bytes are compared."""
    reap_meanwhile("pread64:1:exit", append_under_lease,
                   "what he writes isn't written to a deleted file")


def growing_without_a_lease():
    """Somebody appends while its bytes are compared, where no lease holds him."""
    reap_meanwhile("pread64:1:entry", lambda world, path: append(shlex.quote(path)),
                   "what was appended is kept", "--no-lease", "EINVAL")


def retained():
    """Confirmed files are to be kept for an hour."""
    with World(plain(), "retain: 1h") as world:
        _, path = confirmed(world, b"bytes")
        world.reap()
        ok(os.path.exists(path), "it is still there, confirmed")


if __name__ == "__main__":
    main(writer_at_the_claim, writer_whose_name_is_taken, another_in_its_place, linked_at_the_claim,
         written_before_the_scan_leases, open_before_the_scan, too_young,
         second_of_a_path, open_before_the_upload, written_before_the_upload_leases,
         written_while_it_is_sent, written_between_parts, linked_in_the_queue,
         object_of_others, absent_without_a_lock, object_comes_meanwhile,
         page_for_an_answer, page_for_a_completion, checksum_of_other_bytes, moved_before_its_receipt,
         run_without_a_name, moved_before_its_reason, unsynced_file,
         merge_that_fails, changed_after_a_death, believed_without_a_sync,
         receipts_of_the_dead, live_run, rename_that_lies, unlink_that_fails,
         taken_for_nothing, two_of_a_key, older_goes_first,
         longer_when_reaped, other_bytes_when_reaped, touched_when_reaped,
         another_when_reaped, open_before_the_deletion,
         written_before_the_reaper_leases, writer_at_the_deletion,
         growing_without_a_lease, retained)
