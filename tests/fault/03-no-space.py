"""No space, no inodes: a tmpfs of 64 KiB, one with few inodes, and a small ext4
that is full of data or out of inodes. Before each program, and while files are
under way, the disk is filled up to the last K pages or inodes, for K = 0, 1, 2
... until they suffice. Each program says what it couldn't do, to what, and that
no space is left, and ends with 74; no file is lost (1, 2); and once there is
space again a clean pass drains everything (6).
"""
import contextlib
import os
import re
import signal

import filesystems
import oracle
from tap import equal, holds, main, ok, sample, skip
from world import EX_IOERR, Store, World, wait_until

PAGE = 4096
LONG_NAME = "05-" + "\u00fc" * 120 + ".dat"  # its receipts take 1,500 bytes
STAGES = ("scan", "upload", "reap")
MESSAGE = re.compile(r"Cannot [a-z][^']* '[^']+'.*: No space left on device")

WHY_NOT = filesystems.enter()
LARGE = bytes(5 << 20) + b"end"  # in two parts; a hole where there are holes
oracle.crc32c(LARGE)


class Pages:
    """What fills a file system with data, but for so many blocks."""

    def __init__(self, top, size=PAGE):
        self.top = top
        self.size = size
        self.path = os.path.join(top, "filler")

    def fill(self, free):
        """False: more than FREE blocks aren't free, so there is nothing to
        fill."""
        filesystems.sync(self.top)
        with open(self.path, "wb", buffering=0) as file:
            blocks = 0
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), blocks * self.size, self.size)
                    blocks += 1
            file.truncate(max(blocks - free, 0) * self.size)
        return blocks >= free

    def free(self):
        os.unlink(self.path)


class Inodes:
    """The same with empty files."""

    def __init__(self, top):
        self.path = os.path.join(top, "fillers")
        os.mkdir(self.path)

    def fill(self, free):
        names = []
        with contextlib.suppress(OSError):
            while True:
                name = os.path.join(self.path, str(len(names)))
                open(name, "xb").close()
                names.append(name)
        for name in names[len(names) - free:]:
            os.unlink(name)
        return len(names) >= free

    def free(self):
        for name in os.listdir(self.path):
            os.unlink(os.path.join(self.path, name))


def produce(world):
    """A few small files, a large one, and one that the store refuses."""
    for path in ("room/2021/02/03/04/05-a.dat", "room/2021/02/03/05/06-b.dat",
                 "attic/2021/02/03/04/05-bad.dat"):
        world.write(path, size=500)
    path = "attic/2021/02/03/04/06-large.dat"
    with open(world.full(path), "xb") as file:
        file.seek(len(LARGE) - 3)
        file.write(b"end")
    world.log_version(path, LARGE)


def complain(ended):
    """What is wrong with how a program ended that met a full disk."""
    short = "No space left on device" in ended.err
    if short and not MESSAGE.search(ended.err):
        yield f"which object isn't said: {ended}"
    if short and ended.status != EX_IOERR:
        yield f"no space, and the status isn't 74: {ended}"
    if not short and ended.status not in (0, 1):
        yield f"failed without a word about space: {ended}"


def try_with(store, top, filler, stage, free):
    """A world of which STAGE and the programs after it find FREE units.
    Returns the violations, and whether anything was short; None: so many
    weren't there."""
    with World(store, base=os.path.join(top, "base")) as world:
        produce(world)
        for earlier in STAGES[:STAGES.index(stage)]:
            world.run(earlier)
        enough = filler.fill(free)
        ended = [world.run(later) for later in STAGES[STAGES.index(stage):]]
        violations = [text for one in ended for text in complain(one)]
        violations += world.check()
        filler.free()
        drained = world.drain()
        violations += [f"with space again: {one}" for one in drained
                       if one.status not in (0, 1)]
        violations += world.check(drained=True)
        filesystems.remove(world.base)
        return violations, any("No space" in one.err for one in ended), enough


def count_down(store, top, filler, what, most, quick):
    """K = 0, 1, 2 ... until they suffice, for each stage."""
    short = False
    for stage in STAGES:
        for free in sorted({0, *sample(range(1, most + 1), quick)}):
            violations, was_short, enough = try_with(store, top, filler, stage, free)
            if not enough:
                break
            holds(violations, f"{stage} and what follows with {free} free {what}: "
                  + ("said, nothing lost, goes on" if was_short else "enough"))
            short |= was_short
            if not was_short:
                break
    ok(short, f"there were too few {what}")


def refusing_store():
    return Store(rules=["PUT key=*bad* status=400 code=InvalidTag message=No"])


def pages():
    """A tmpfs of 64 KiB."""
    with filesystems.tmpfs("size=64k") as top:
        count_down(refusing_store(), top, Pages(top), "pages", 8, 3)


def inodes():
    """A tmpfs with 120 inodes."""
    with filesystems.tmpfs("size=4m", "nr_inodes=120") as top:
        count_down(refusing_store(), top, Inodes(top), "inodes", 50, 5)


def receipts():
    """The disk fills while files are under way: no receipt, no reason fits."""
    store = refusing_store()
    with filesystems.tmpfs("size=64k") as top:
        for name, why in ((LONG_NAME, "receipts"), ("05-bad.dat", "reasons")):
            filler = Pages(top)
            with World(store, base=os.path.join(top, "base")) as world:
                for hour in range(4):
                    world.write(f"room/2021/02/03/{hour:02}/{name}", size=100)
                equal(world.scan().status, 0, f"{why}: files are claimed")
                store.process.send_signal(signal.SIGSTOP)
                upload = world.start("upload", options=["-v"])
                wait_until(lambda world=world: len(world.files_in("uploading")) == 4,
                           "all are under way", upload)
                filler.fill(0)
                store.process.send_signal(signal.SIGCONT)
                equal(upload.wait(), EX_IOERR, f"{why} can't be made durable: 74")
                with open(os.path.join(world.root, "upload.log"), encoding="utf-8",
                          errors="replace") as log:
                    text = log.read()
                ok(MESSAGE.search(text) and "stay in uploading/" in text,
                   "it says so, and where the files are", text)
                equal(len(world.files_in("uploading")), 4,
                      "no file has left uploading/ without its line")
                holds(world.check(), "nothing is lost")
                filler.free()
                drained = world.drain()
                ok(all(one.status in (0, 1) for one in drained),
                   "with space again all goes on", *drained)
                holds(world.check(drained=True), "everything has drained")
                filesystems.remove(world.base)


def ledger():
    """A day of the ledger can't be merged: its pieces stay, and are listed."""
    store = refusing_store()
    with filesystems.tmpfs("size=64k") as top:
        filler = Pages(top)
        with World(store, base=os.path.join(top, "base")) as world:
            for hour in range(3):
                world.write(f"room/2021/02/03/{hour:02}/05-t.dat", size=100)
                for stage in STAGES:
                    world.run(stage)
            days = os.path.join(world.spool, "ledger")
            for day in os.listdir(days):  # as if it were over
                os.rename(os.path.join(days, day), os.path.join(days, "2021-02-03"))
            before = world.reap(options=["--list"]).out.splitlines()
            equal(len(before), 3, "three uploads are listed")
            filler.fill(0)
            ended = world.reap()
            equal(ended.status, EX_IOERR, "the day can't be merged: 74", ended)
            ok(re.search(r"Cannot merge the ledger of '.*/2021-02-03': "
                         "No space left on device", ended.err), "it says so", ended)
            equal(world.reap(options=["--list"]).out.splitlines(), before,
                  "the same uploads are listed")
            holds(world.check(), "nothing is lost")
            filler.free()
            equal(world.reap().status, 0, "with space again it is merged")
            equal(world.reap(options=["--list"]).out.splitlines(), before,
                  "the same uploads are listed then")
            equal(sorted(os.listdir(days)), ["2021-02-03.tsv"],
                  "in one file, without pieces")
            holds(world.check(drained=True), "nothing is lost then")


def ext4():
    """A small ext4: its blocks, then its inodes run out."""
    store = refusing_store()
    for what, filler, most, quick in (("blocks", Pages, 40, 3),
                                      ("inodes", Inodes, 50, 2)):
        try:
            with filesystems.image("ext4", 8 << 20, "-m", "0", "-b", "4096",
                                   "-N", "128", "-O", "^has_journal") as top:
                count_down(store, top, filler(top), what, most, quick)
        except filesystems.Cannot as error:
            skip(error, f"ext4 without {what}")


def queue_filled_it():
    """The disk is full of what waits, and nobody makes space: a spool that was
    at work before has a reserve, by which the queue empties itself."""
    store = Store()
    for kind, where in (("tmpfs", lambda: filesystems.tmpfs("size=96m")),
                        ("ext4", lambda: filesystems.image("ext4", 96 << 20, "-m", "0"))):
        try:
            with where() as top, World(store, base=os.path.join(top, "base")) as world:
                world.drain(passes=1)
                equal(os.stat(os.path.join(world.spool, "locks/reserve")).st_size, 1 << 20,
                      f"{kind}: the reaper has made a reserve")
                for hour in range(4):
                    world.write(f"room/2021/02/03/{hour:02}/05-claimed.dat", size=9000)
                world.scan()
                for hour in range(4):
                    world.write(f"room/2021/02/04/{hour:02}/05-not-yet.dat", size=9000)
                filler = Pages(top)
                filler.fill(0)
                passes = world.drain(passes=3)
                ok(any("No space was left: going on" in one.err for one in passes),
                   f"{kind}: it was short of space", *passes)
                equal([one.status for one in passes[-3:]], [0, 0, 0],
                      f"{kind}: in the end all is well", *passes)
                holds(world.check(drained=True), f"{kind}: and all has arrived")
                equal(os.stat(filler.path).st_size > 64 << 20, True,
                      f"{kind}: though nobody made space")
                filler.free()
                world.reap()
                equal(os.stat(os.path.join(world.spool, "locks/reserve")).st_blocks, 2048,
                      f"{kind}: when there is some again it is kept for the next time")
                filesystems.remove(world.base)
        except filesystems.Cannot as error:
            skip(error, f"{kind} that the queue has filled")


if __name__ == "__main__":
    if WHY_NOT is not None:
        skip(WHY_NOT, "a tmpfs without space or inodes, and an ext4")
        main()
    main(pages, inodes, receipts, ledger, ext4, queue_filled_it)
