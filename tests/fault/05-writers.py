"""Writers that come at the wrong moment.

While a program stands still at one of its system calls, somebody writes to a
file that it is about: through its name, through a descriptor that was opened for
reading and is opened anew by /proc, through a hard link, through a mapping; he
appends, truncates, overwrites and restores the modification time, or puts
another file under the name. Whatever the moment, every byte is in an object or in
a kept file (promises 3, 4, 7).
"""
import ctypes
import errno
import mmap
import os
import threading

import filesystems
import tap
from tap import chance, holds, main, ok, sample, skip
from world import NEVER_REACHED, SCRATCH, Store, World

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
STAGES = ("scan", "upload", "reap")
PATH = "room/2021/02/03/04/05-t.dat"
OTHER = "room/2021/02/03/04/06-other.dat"
BIG = chance.randbytes((5 << 20) + 1234)
SIZE = 5000


class Writer:
    """Waits at a pipe until saboteur has stopped the program, acts, and says
    that it has; if it must wait for a lease, saboteur lets the program go on."""

    def __init__(self, world, file, route, action):
        self.world = world
        self.file = file
        self.route = route
        self.action = action
        self.failure = None
        self.call = os.path.join(world.root, "call")
        self.done = os.path.join(world.root, "done")
        os.mkfifo(self.call)
        os.mkfifo(self.done)
        self.link = os.path.join(world.root, "link")
        self.own_names = 0  # which he removes himself
        self.reader = os.open(world.full(PATH), os.O_RDONLY)
        if route == "link":
            world.links = True
        self.came = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def command(self):
        """For saboteur's sh: a word through the one pipe, a word from the other."""
        return f"echo now >{self.call}; read answer <{self.done}"

    def _run(self):
        with open(self.call, encoding="ascii") as call:
            self.came = call.read() != ""
        try:
            if self.came:
                self.action(self)
        except OSError as error:
            # The name may have gone: then there is nothing to write to.
            if error.errno != errno.ENOENT:
                self.failure = repr(error)
        finally:
            try:
                with open(self.done, "w", encoding="ascii") as done:
                    done.write("done\n")
            except BrokenPipeError:
                pass  # nobody waits any more

    def finish(self):
        """Joins it: it has acted, or was never called."""
        for pipe, mode in ((self.call, os.O_WRONLY), (self.done, os.O_RDONLY)):
            # Opens what it may be waiting at.
            try:
                os.close(os.open(pipe, mode | os.O_NONBLOCK))
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
        while self.thread.is_alive():
            self.thread.join(0.05)
            try:
                fd = os.open(self.done, os.O_RDONLY | os.O_NONBLOCK)
                os.close(fd)
            except OSError:
                pass
        os.close(self.reader)

    def open(self, flags):
        """Opens the file for writing by the route."""
        if self.route == "name":
            return os.open(self.world.full(PATH), flags)
        return os.open(f"/proc/self/fd/{self.reader}", flags)

    def is_ours(self, fd):
        """Whether FD is the file that the log calls FILE."""
        return os.path.samestat(os.fstat(fd), os.fstat(self.reader))

    def log(self, fd):
        """What FD holds now is whole. A file without any name is nobody's."""
        data = os.pread(fd, 1 << 26, 0)
        if os.fstat(fd).st_nlink <= self.own_names:
            return
        self.world.log_version(PATH, data, self.file if self.is_ours(fd) else None)

    def void(self, fd):
        if self.is_ours(fd):
            self.world.void(self.file)


def restore_times(fd, st):
    os.utime(fd, ns=(st.st_atime_ns, st.st_mtime_ns))


def change(writer, how, restore=True):
    """Opens, changes, logs, closes."""
    fd = writer.open(os.O_RDWR)
    try:
        st = os.fstat(fd)
        if st.st_nlink <= writer.own_names:
            return  # deleted, and stored: what is written now goes nowhere
        writer.void(fd)
        how(fd, st)
        if restore:
            restore_times(fd, st)
        writer.log(fd)
    finally:
        os.close(fd)


def append(writer):
    change(writer, lambda fd, st: os.pwrite(fd, b"appended", st.st_size), False)


def append_secretly(writer):
    change(writer, lambda fd, st: os.pwrite(fd, b"appended", st.st_size))


def overwrite(writer):
    change(writer, lambda fd, st: os.pwrite(fd, b"overwritten", st.st_size // 2))


def truncate(writer):
    change(writer, lambda fd, st: os.ftruncate(fd, st.st_size // 2), False)


def _store(fd, st):
    with mmap.mmap(fd, st.st_size) as mapping:
        # Read first: then the store is no fault, and tmpfs sets no time.
        ok_byte = mapping[10]
        mapping[10:16] = bytes((ok_byte ^ 0xFF,)) + b"store"


def store_by_mapping(writer):
    change(writer, _store, False)


def replace(writer):
    """Another file is renamed onto the name."""
    world = writer.world
    data = tap.random.Random(tap.SEED).randbytes(777)
    with open(world.full(PATH) + ".tmp", "xb") as file:
        file.write(data)
    had_name = os.path.exists(world.full(PATH)) and os.path.samestat(
        os.stat(world.full(PATH)), os.fstat(writer.reader))
    if had_name:
        world.void(writer.file)
    os.replace(world.full(PATH) + ".tmp", world.full(PATH))
    world.log_version(PATH, data)


def recreate(writer):
    """The name is removed, if it is there, and written anew."""
    world = writer.world
    data = tap.random.Random(tap.SEED + 1).randbytes(888)
    try:
        if os.path.samestat(os.stat(world.full(PATH)), os.fstat(writer.reader)):
            world.void(writer.file)
        os.unlink(world.full(PATH))
    except FileNotFoundError:
        pass
    with open(world.full(PATH), "xb") as file:
        file.write(data)
    world.log_version(PATH, data)


def link_for_a_moment(writer):
    """A hard link is made, written through, and removed."""
    path = f"/proc/self/fd/{writer.reader}".encode()
    if libc.linkat(AT_FDCWD, path, AT_FDCWD, writer.link.encode(), AT_SYMLINK_FOLLOW) < 0:
        if ctypes.get_errno() == errno.ENOENT:
            return  # it has no name any more
        raise OSError(ctypes.get_errno(), "linkat")
    writer.own_names = 1
    try:
        change(writer, lambda fd, st: os.pwrite(fd, b"by a link", st.st_size // 3))
    finally:
        writer.own_names = 0
        os.unlink(writer.link)


ACTIONS = [("name", append), ("name", overwrite), ("name", replace), ("name", recreate),
           ("descriptor", append_secretly), ("descriptor", overwrite),
           ("descriptor", truncate), ("descriptor", store_by_mapping),
           ("descriptor", link_for_a_moment)]


def act_at(world, stage, n, how, route, action):
    """The writer acts at call N of STAGE. Returns (came, violations)."""
    file = world.write(PATH, world.data)
    world.write(OTHER)
    world.may_abandon = True
    writer = Writer(world, file, route, action)
    for earlier in STAGES[:STAGES.index(stage)]:
        world.run(earlier, *how)
    ended = world.run(stage, "--skip-uninteresting", *how, "--run-at",
                      f"any:{n}:exit={writer.command()}")
    writer.finish()
    found = [writer.failure] if writer.failure else []
    found += world.check()
    # Each file of the path waits for the one before it.
    world.drain(3)
    found += world.check(drained=True)
    return (ended.status != NEVER_REACHED and writer.came,
            [f"{stage}, call {n}, {action.__name__} by {route}: {text}" for text in found])


def count_calls(store, stage, data, how, parent):
    with World(store, parent=parent) as world:
        world.write(PATH, data)
        world.write(OTHER)
        for earlier in STAGES[:STAGES.index(stage)]:
            world.run(earlier, *how)
        return world.count_calls(stage, *how)[0]["total"]


def at_every_call(store, quick, data, *how, parent=None, actions=ACTIONS, where=""):
    for stage in STAGES:
        total = count_calls(store, stage, data, how, parent)
        cases = [(n, route, action) for n in range(1, total + 1)
                 for route, action in actions]
        chosen = sample(cases, quick)
        violations, came = [], 0
        for n, route, action in chosen:
            with World(store, parent=parent) as world:
                world.data = data
                reached, found = act_at(world, stage, n, how, route, action)
            came += reached
            violations += found
        ok(came >= len(chosen) * 0.7, f"{where}{stage}: in {came} of {len(chosen)} cases "
           "the writer came")
        holds(violations, f"{where}{stage}: {len(chosen)} of {len(cases)} moments and "
              "manners: every byte is stored or kept")


def small_file():
    """One that is read into memory."""
    at_every_call(Store(), 30, chance.randbytes(SIZE))


def large_file():
    """One that goes in parts."""
    at_every_call(Store(), 10, BIG)


def without_conditions():
    """On a store that knows no If-None-Match."""
    at_every_call(Store("--no-conditions"), 10, chance.randbytes(SIZE))


def without_leases():
    """Where neither leases nor RENAME_NOREPLACE can be had, producers that put
    another file under the name: a writer in place can't be seen there."""
    at_every_call(Store(), 10, chance.randbytes(SIZE), "--no-lease", "EINVAL",
                  "--no-noreplace", actions=[("name", replace), ("name", recreate)])


def on_file_systems():
    """On overlayfs, which shows least of mappings, and on ext4; needs root."""
    if os.geteuid() != 0:
        skip("mounting needs root", "on overlayfs and ext4")
        return
    why_not = filesystems.enter()
    if why_not:
        skip(why_not, "on overlayfs and ext4")
        return
    lower = os.path.join(SCRATCH, "lower")
    os.mkdir(lower)
    for name, make in (("overlayfs", lambda: filesystems.overlay(lower)),
                       ("ext4", lambda: filesystems.image("ext4", 64 << 20))):
        try:
            with make() as top:
                at_every_call(Store(), 10, chance.randbytes(SIZE), parent=top,
                              where=name + ", ")
        except filesystems.Cannot as reason:
            skip(str(reason), name)


if __name__ == "__main__":
    main(small_file, large_file, without_conditions, without_leases, on_file_systems)
