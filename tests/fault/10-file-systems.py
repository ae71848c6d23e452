"""File systems: ext4, xfs, btrfs, tmpfs, overlayfs and FUSE (bindfs), each where
this machine can mount it. On each: an open writer is seen, small files and
large ones go through, a killed uploader's are taken over, a second file of a
path waits or is refused, empty directories go, and where no lease can be had
that is said once. What rename can't cross is named: bind mounts, subvolumes, a
spool elsewhere. And files that an overlay has in its lower layer hold as well,
though their inodes may change as they are copied up. (1-7)
"""
import contextlib
import os
import signal
import subprocess

import filesystems
import oracle
from tap import LONG, equal, holds, main, ok, skip
from world import EX_CONFIG, Store, World, wait_until

STAGES = ("scan", "upload", "reap")
HOUR = "2021/02/03/04"
LARGE = bytes(5 << 20) + b"the end"  # in two parts
# Those that need no lease: root alone has it, of files that aren't its own.
WITHOUT_LEASES = ("setpriv", "--bounding-set=-lease", "--inh-caps=-lease")

WHY_NOT = ("loop devices and bind mounts need root" if os.geteuid() != 0
           else filesystems.enter())
oracle.crc32c(LARGE)


@contextlib.contextmanager
def over_tmpfs():
    with filesystems.tmpfs("size=64m") as top:
        lower = os.path.join(top, "lower")
        os.mkdir(lower)
        with filesystems.overlay(lower) as merged:
            yield merged


@contextlib.contextmanager
def through_fuse():
    with filesystems.tmpfs("size=64m") as top, filesystems.bindfs(top) as view:
        yield view


def write_large(world, path):
    os.makedirs(os.path.dirname(world.full(path)), exist_ok=True)
    with open(world.full(path), "xb") as file:
        file.write(LARGE)
    world.log_version(path, LARGE)


def open_writer(world):
    """Who writes is waited for, whatever the age says."""
    path = f"room/{HOUR}/30-w.dat"
    file = world.write(path, b"begun\n")
    with open(world.full(path), "ab", buffering=0) as writer:
        for minute in range(3):
            world.write(f"room/{HOUR}/{minute:02}-t.dat")
        equal(world.scan().status, 0, "a scan beside a writer")
        ok(os.path.exists(world.full(path)) and len(world.files_in("claimed")) == 3,
           "what is open for writing stays, the others are claimed")
        world.void(file)
        writer.write(b"and ended\n")
    world.log_version(path, b"begun\nand ended\n", file)
    holds(world.check(), "nothing is lost so far")


def kill_between_parts(world):
    """The first part of the large file is stored, the second one stalls."""
    def has_parts():
        with open(world.stub_log, encoding="utf-8") as log:
            return {1, 2} <= {number for line in log for number in (1, 2)
                              if f"\t{world.bucket}\t" in line and
                              "\tUploadPart\t" in line and
                              f"partNumber={number}&" in line}

    upload = world.start("upload")
    wait_until(has_parts, "both parts are sent", upload)
    upload.kill()
    equal(upload.wait(), -signal.SIGKILL, "the uploader is killed between two parts")


def killed(world):
    """Who comes next takes over what a killed uploader had."""
    write_large(world, f"attic/{HOUR}/06-large.dat")
    equal(world.scan().status, 0, "small files and a large one are claimed")
    kill_between_parts(world)
    ok(world.files_in("uploading"), "files are in the killed one's hands")
    holds(world.check(), "nothing is lost")
    ended = world.drain()
    ok(all(one.status == 0 for one in ended), "the next pass goes through", *ended)
    holds(world.check(drained=True), "and takes over what it had")


def second_file(world):
    """A second file of a path: the same bytes are known, others are refused."""
    path = f"room/{HOUR}/40-again.dat"
    for data, status, what in ((b"one", 0, "a file"), (b"one", 0, "the same again"),
                               (b"two", 1, "another of its path")):
        world.write(path, data)
        ended = [world.scan(), world.upload()]
        equal([one.status for one in ended], [0, status], what, *ended)
    world.drain(passes=3)
    equal(len(world.files_in("failed")), 1, "only the other one is refused")
    holds(world.check(drained=True), "the rest drains")


def pruned(world):
    equal([path for path, _, _ in os.walk(world.base)
           if "/2021" in path and not path.startswith(world.spool)], [],
          "empty directories are gone from base_dir")


def without_leases(world):
    """Files that aren't ours, without the right to have leases on them."""
    for minute in range(50, 54):
        path = f"room/{HOUR}/{minute}-t.dat"
        world.write(path)
        os.chown(world.full(path), 65534, 65534)
    warned = []
    for stage in STAGES:
        ended = world.run_command([*WITHOUT_LEASES, *world.command(stage)])
        equal(ended.status, 0, f"{stage} without leases", ended)
        warned.append(ended.err.count("No leases can be had"))
    equal(warned, [1, 0, 0], "the scan says so once")
    holds(world.check(drained=True), "age and CRC do")


def everything(top):
    store = Store(rules=["PUT op=UploadPart part=2 n=1 stall"])
    with World(store, base=os.path.join(top, "base")) as world:
        open_writer(world)
        killed(world)
        second_file(world)
        pruned(world)
        without_leases(world)
        pruned(world)
    store.stop()
    filesystems.remove(os.path.join(top, "base"))


def on(name, make):
    """EVERYTHING on the file system that MAKE mounts, or why not."""
    with contextlib.ExitStack() as stack:
        try:
            top = stack.enter_context(make())
        except filesystems.Cannot as error:
            skip(str(error), name)
            return
        everything(top)


def tmpfs():
    """tmpfs."""
    on("tmpfs", lambda: filesystems.tmpfs("size=64m"))


def ext4():
    """ext4."""
    on("ext4", lambda: filesystems.image("ext4", 64 << 20))


def xfs():
    """xfs."""
    on("xfs", lambda: filesystems.image("xfs", 300 << 20))


def btrfs():
    """btrfs."""
    on("btrfs", lambda: filesystems.image("btrfs", 110 << 20))


def overlayfs():
    """overlayfs."""
    on("overlayfs", over_tmpfs)


def fuse():
    """FUSE, by bindfs: no RENAME_NOREPLACE, and leases that see its own
    writers."""
    on("FUSE (bindfs)", through_fuse)


def lower_layer():
    """Files in an overlay's lower layer are copied up as they are claimed."""
    variants = [(options, through) for through in (True, False) for options in (
        "xino=off", "metacopy=on,redirect_dir=on", "xino=on", "redirect_dir=on", "")]
    for options, through in variants if LONG else variants[:1] + variants[6:8]:
        try:
            _lower_layer(options, through)
        except filesystems.Cannot as error:
            skip(str(error), f"overlay, {options}, {through}")


def _lower_layer(options, through):
    """THROUGH: the lower layer lies behind FUSE, so that an overlay can't know
    what it has copied up, and gives it another inode. Mounted anew before each
    step, as inodes are kept in memory."""
    what = f"overlay ({options or 'as it comes'}{', on FUSE' if through else ''})"
    with contextlib.ExitStack() as stack:
        lower = stack.enter_context(filesystems.tmpfs("size=64m"))
        other = stack.enter_context(filesystems.tmpfs("size=64m"))
        low, top = os.path.join(lower, "low"), os.path.join(lower, "top")
        os.makedirs(os.path.join(low, "base", "room", HOUR))
        os.mkdir(top)
        files = {f"room/{HOUR}/{minute:02}-t.dat": os.urandom(500)
                 for minute in range(4)}
        files[f"room/{HOUR}/30-large.dat"] = LARGE
        for path, data in files.items():
            with open(os.path.join(low, "base", path), "wb") as file:
                file.write(data)
        if through:
            low = stack.enter_context(filesystems.bindfs(low))

        def mounted():
            return filesystems.overlay(low, options, parent=other, at=top)

        store = Store(rules=["PUT op=UploadPart part=2 n=1 stall"])
        with mounted():
            world = World(store, base=os.path.join(top, "base"))
            for path, data in files.items():
                world.log_version(path, data)
            inode = os.stat(world.full(f"room/{HOUR}/00-t.dat")).st_ino
            with open(world.full(f"room/{HOUR}/01-t.dat"), "ab"):
                ended = world.scan()
                ok(ended.status == 0 and
                   os.path.exists(world.full(f"room/{HOUR}/01-t.dat")),
                   f"{what}: a writer is seen", ended)
        with mounted():
            claimed = os.path.join(world.spool, "claimed/room", HOUR, "00-t.dat")
            changed = "another" if os.stat(claimed).st_ino != inode else "the same"
            kill_between_parts(world)
            holds(world.check(), f"{what}: nothing is lost")
        with mounted():
            ended = world.drain()
            ok(all(one.status == 0 for one in ended),
               f"{what}: the next pass goes through ({changed} inode)", *ended)
            holds(world.check(drained=True), f"{what}: everything has drained")
        store.stop()


def goes_on_without(world, what):
    """Location attic can't be renamed from; room can."""
    ended = world.scan()
    equal(ended.status, EX_CONFIG, f"{what}: 78", ended)
    said = [line for line in ended.err.splitlines() if "different mounts" in line]
    ok(len(said) == 1 and f"'{world.base}/attic/" in said[0] and
       f"'{world.spool}'" in said[0], f"{what}: said once, with both directories", ended)
    equal([path.split("/claimed/")[1] for path in world.files_in("claimed")],
          [f"room/{HOUR}/05-t.dat"], f"{what}: the other location is claimed")
    ended = [world.upload(), world.reap()]
    ok(all(one.status == 0 for one in ended), f"{what}: and goes through", *ended)
    equal(len(os.listdir(world.full(f"attic/{HOUR}"))), 3, f"{what}: nothing has gone")
    holds(world.check(), f"{what}: nothing is lost")


def produce_two(world):
    for minute in range(5, 8):
        world.write(f"attic/{HOUR}/{minute:02}-t.dat")
    world.write(f"room/{HOUR}/05-t.dat")


def bind_mount():
    """A location is a bind mount of a directory of the same file system."""
    with World(Store()) as world:
        source = os.path.join(world.root, "elsewhere")
        os.mkdir(source)
        os.mkdir(world.full("attic"))
        with filesystems.bind(source, world.full("attic")):
            produce_two(world)
            goes_on_without(world, "bind mount")


def subvolume():
    """A location is a subvolume of btrfs."""
    try:
        with filesystems.image("btrfs", 110 << 20) as top:
            with World(Store(), base=os.path.join(top, "base")) as world:
                subprocess.run(["btrfs", "-q", "subvolume", "create",
                                world.full("attic")], check=True)
                produce_two(world)
                goes_on_without(world, "subvolume")
    except filesystems.Cannot as error:
        skip(str(error), "a location that is a subvolume")


def spool_elsewhere():
    """spool_dir is on another mount: nothing can be claimed."""
    with filesystems.tmpfs("size=4m") as other:
        with World(Store(), spool=os.path.join(other, "spool")) as world:
            produce_two(world)
            ended = world.scan()
            equal(ended.status, EX_CONFIG, "the scan ends with 78", ended)
            said = [line for line in ended.err.splitlines() if "different mounts" in line]
            equal(len(said), 2, "each location is said once", ended)
            ok(all(f"'{world.base}/" in line and f"'{world.spool}'" in line
                   for line in said), "with both directories", ended)
            equal([one.status for one in (world.upload(), world.reap())], [0, 0],
                  "there is nothing to do for the others")
            holds(world.check(), "nothing is lost")
            equal(len(list(oracle.find_files(world.base))), 4, "all is in base_dir")


if __name__ == "__main__":
    if WHY_NOT is not None:
        skip(WHY_NOT, "file systems")
        main()
    main(tmpfs, ext4, xfs, btrfs, overlayfs, fuse, lower_layer, bind_mount, subvolume,
         spool_elsewhere)
