"""Hostile trees, with the programs as root and a producer who owns base_dir and
means ill: directories and files that turn into symbolic links while they are
looked at, hard links to what is outside, FIFOs, devices, sockets, holes of
100 G, all the bytes a name can have, and a spool that isn't ours alone. Nothing
outside base_dir and the spool is opened for writing, renamed, removed or
uploaded (8), and what is honest arrives all the same (1, 2, 6).
"""
import contextlib
import ctypes
import os
import random
import re
import shutil
import signal
import socket
import stat
import traceback

from tap import LONG, chance, equal, holds, main, ok, sample, skip
from world import EX_CONFIG, EX_TEMPFAIL, Store, World, wait_until

NOBODY = 65534
RENAME_EXCHANGE = 2
PR_SET_PDEATHSIG = 1
STAGES = ("scan", "upload", "reap")
HOUR = "2021/02/03/04"
libc = ctypes.CDLL(None, use_errno=True)


def exchange(dirfd, one, other):
    """True: the two names have changed places."""
    return libc.renameat2(dirfd, os.fsencode(one), dirfd, os.fsencode(other),
                          RENAME_EXCHANGE) == 0


@contextlib.contextmanager
def producing(step):
    """An ordinary user's process that calls STEP(its random numbers) without
    end. It ends with the block."""
    seed = chance.random()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            mine = random.Random(seed)
            while True:
                step(mine)
        finally:
            traceback.print_exc()
            os._exit(1)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    equal(os.waitstatus_to_exitcode(status), -signal.SIGKILL,
          "the producer was at it to the end")


def give_away(top):
    """TOP and all below it is the producer's."""
    for directory, directories, names in os.walk(top):
        if os.path.basename(directory) == ".spool":
            directories.clear()
            continue
        os.chown(directory, NOBODY, NOBODY)
        for name in names:
            os.chown(os.path.join(directory, name), NOBODY, NOBODY,
                     follow_symlinks=False)


def pass_by(world, times):
    """The three programs at once, some TIMES. Returns how they ended."""
    statuses = set()
    for _ in range(times):
        started = [world.start(stage, options=["-v"]) for stage in STAGES]
        statuses |= {process.wait() for process in started}
    return statuses


def logs(world):
    texts = []
    for stage in STAGES:
        with contextlib.suppress(FileNotFoundError), open(
                os.path.join(world.root, stage + ".log"), encoding="utf-8",
                errors="replace") as log:
            texts.append(log.read()[-2000:])
    return texts


class Traps:
    """A location whose directories and files each have a twin: a link, under
    the same name with a period before it, to what is its like outside."""

    def __init__(self, world, location):
        self.pairs = []  # (directory's descriptor, name)
        self.outside = os.path.join(world.outside, location)
        top = world.full(location)
        for hour in (HOUR, "2021/02/03/05", "2021/02/04/00"):
            for name in ("05-a.dat", "06-b.dat"):
                world.write(f"{location}/{hour}/{name}", size=200)
                self.put(f"{hour}/{name}")
        for path in ("2021/02/05/00", "2021/03"):  # to be pruned
            os.makedirs(os.path.join(top, path))
            os.makedirs(os.path.join(self.outside, path))
        for directory, directories, names in list(os.walk(top)):
            for name in directories + names:
                self.set(directory, name, os.path.relpath(directory, top))
        self.set(world.base, location, "..")
        self.pairs.reverse()
        give_away(top)
        for path in (top, os.path.join(world.base, "." + location)):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def put(self, path):
        path = os.path.join(self.outside, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"outside: " + os.fsencode(path))

    def set(self, directory, name, path):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        os.symlink(os.path.normpath(os.path.join(self.outside, path, name)),
                   "." + name, dir_fd=fd)
        self.pairs.append((fd, name))

    def spring(self, mine):
        fd, name = mine.choice(self.pairs)
        exchange(fd, name, "." + name)

    def undo(self):
        """What is honest lies under its name again."""
        for fd, name in self.pairs:
            twin = "." + name
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISLNK(os.stat(twin, dir_fd=fd,
                                        follow_symlinks=False).st_mode):
                    continue
                if not exchange(fd, name, twin):
                    os.rename(twin, name, src_dir_fd=fd, dst_dir_fd=fd)
        for fd, _ in self.pairs:
            os.close(fd)


def swapped():
    """Directories and files turn into links to their like outside, in a loop."""
    store = Store()
    for turn in range(12 if LONG else 3):
        with World(store) as world:
            os.chown(world.base, NOBODY, NOBODY)
            traps = Traps(world, "room")
            world.outside_before = world.look_outside()
            with producing(traps.spring):
                statuses = pass_by(world, 12 if LONG else 4)
            ok(statuses <= {0, 1}, f"turn {turn}: the programs get along",
               statuses, *logs(world))
            holds(world.check(), "nothing is lost, and nothing outside is touched")
            traps.undo()
            world.drain()
            holds(world.check(drained=True), "what is honest arrives")


def swapped_spool():
    """The spool itself turns into a link to one outside, in a loop."""
    store = Store()
    with World(store) as world:
        os.chown(world.base, NOBODY, NOBODY)
        for minute in range(20):
            world.write(f"room/{HOUR}/{minute:02}-t.dat", size=100)
        world.scan()
        target = os.path.join(world.outside, "spool")
        shutil.copytree(world.spool, target)
        for directory, _, _ in os.walk(target):
            os.chmod(directory, 0o700)
        os.makedirs(os.path.join(target, "claimed/room", HOUR), exist_ok=True)
        with open(os.path.join(target, "claimed/room", HOUR, "59-x.dat"), "wb") as file:
            file.write(b"somebody else's")
        os.symlink(target, os.path.join(world.base, ".twin"))
        world.outside_before = world.look_outside()
        base = os.open(world.base, os.O_RDONLY | os.O_DIRECTORY)
        with producing(lambda mine: exchange(base, ".spool", ".twin")):
            statuses = pass_by(world, 30 if LONG else 8)
        ok(statuses <= {0, EX_CONFIG}, "the programs work, or refuse it", statuses,
           *logs(world))
        if os.path.islink(world.spool):
            exchange(base, ".spool", ".twin")
        os.close(base)
        world.drain()
        holds(world.check(drained=True), "all arrives, and nothing outside is touched")


def hard_links():
    """Hard links to files outside, and second names that come and go."""
    store = Store()
    with World(store) as world:
        world.links = True
        os.chown(world.base, NOBODY, NOBODY)
        for name in ("base", "claimed", "raced"):
            path = os.path.join(world.outside, name)
            with open(path, "wb") as file:
                file.write(b"outside: " + os.fsencode(name))
            os.chown(path, NOBODY, NOBODY)
            world.linked.add(path)
        for minute in range(10):
            world.write(f"room/{HOUR}/{minute:02}-t.dat", size=100)
        world.scan()  # makes the spool; what follows is new
        os.link(os.path.join(world.outside, "base"), world.full("plain-link"))
        os.makedirs(world.full(f"attic/{HOUR}"))
        os.rename(world.full("plain-link"), world.full(f"attic/{HOUR}/01-l.dat"))
        os.makedirs(os.path.join(world.spool, "claimed/attic", HOUR))
        os.link(os.path.join(world.outside, "claimed"),
                os.path.join(world.spool, "claimed/attic", HOUR, "02-l.dat"))
        for minute in range(10, 20):
            world.write(f"room/{HOUR}/{minute:02}-t.dat", size=100)
        give_away(world.base)
        world.outside_before = world.look_outside()
        outside = os.open(world.outside, os.O_RDONLY | os.O_DIRECTORY)
        os.chmod(world.outside, 0o755)
        world.outside_before = world.look_outside()
        room = os.open(world.full(f"room/{HOUR}"), os.O_RDONLY | os.O_DIRECTORY)

        def step(mine):
            """A name in the tree for what is outside, and a second one for
            what is in the tree."""
            name = f"{mine.randrange(10, 20)}-t.dat"
            for source, old, new in ((outside, "raced", "30-l.dat"),
                                     (room, name, "." + name)):
                with contextlib.suppress(FileNotFoundError, FileExistsError):
                    os.link(old, new, src_dir_fd=source, dst_dir_fd=room)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(new, dir_fd=room)

        with producing(step):
            statuses = pass_by(world, 30 if LONG else 8)
        os.close(outside)
        os.close(room)
        ok(statuses <= {0, 1}, "the programs get along", statuses, *logs(world))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(world.full(f"room/{HOUR}/30-l.dat"))
        world.drain()
        equal(len(world.files_in("failed")) >= 1, True,
              "what a script linked into claimed/ was refused")
        ok(os.path.exists(world.full(f"attic/{HOUR}/01-l.dat")),
           "a link in base_dir was left alone")
        holds(world.check(drained=True), "nothing outside is touched or uploaded")


def make_odd_ones(directory, outside):
    """What is no plain file, under names that the pattern takes."""
    os.makedirs(directory)
    os.mkfifo(os.path.join(directory, "01-fifo.dat"))
    os.mknod(os.path.join(directory, "02-null.dat"), 0o666 | stat.S_IFCHR,
             os.makedev(1, 3))
    os.mknod(os.path.join(directory, "03-disk.dat"), 0o666 | stat.S_IFBLK,
             os.makedev(7, 0))
    with socket.socket(socket.AF_UNIX) as sock:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        sock.bind(f"/proc/self/fd/{handle}/04-sock.dat")
        os.close(handle)
    os.symlink(os.path.join(outside, "secret"), os.path.join(directory, "05-l.dat"))
    os.symlink(outside, os.path.join(directory, "06-l.dat"))
    os.symlink("/nowhere", os.path.join(directory, "07-l.dat"))
    os.mkdir(os.path.join(directory, "08-d.dat"))
    os.mkdir(os.path.join(directory, "09-d.dat"))
    os.symlink(os.path.join(outside, "secret"),
               os.path.join(directory, "09-d.dat", "10-l.dat"))
    with open(os.path.join(directory, "11-hole.dat"), "wb") as file:
        file.truncate(100 << 30)
    os.link(os.path.join(directory, "11-hole.dat"),
            os.path.join(directory, "hole"))


def odd_world(store):
    """A world with odd ones in base_dir and in claimed/, and honest files."""
    world = World(store)
    world.links = True
    os.chown(world.base, NOBODY, NOBODY)
    with open(os.path.join(world.outside, "secret"), "wb") as file:
        file.write(b"outside")
    os.mkdir(os.path.join(world.outside, "2021"))
    equal(world.scan().status, 0, "the spool is made")
    make_odd_ones(world.full(f"odd/{HOUR}"), world.outside)
    make_odd_ones(os.path.join(world.spool, "claimed/odd", HOUR), world.outside)
    os.symlink(world.outside, world.full("link"))
    os.symlink(world.outside, world.full("odd/2022"))
    os.symlink(world.outside, os.path.join(world.spool, "claimed", "link"))
    for minute in range(5):
        world.write(f"room/{HOUR}/{minute:02}-t.dat", size=100)
    world.write(f"room/{HOUR}/08-large.dat", bytes(5 << 20) + b"end")
    give_away(world.base)
    world.outside_before = world.look_outside()
    return world


def names_of(world, *rooms):
    return {os.path.basename(path) for path in world.files_in(*rooms)}


def check_odd(world):
    """That the hole has two names in failed/ is the script's doing."""
    return [text for text in world.check(drained=True)
            if not ("TWO NAMES" in text and "hole" in text)]


def kinds():
    """FIFOs, devices, sockets, links, and holes of 100 G, twice each."""
    with odd_world(Store()) as world:
        in_base = sorted(os.listdir(world.full(f"odd/{HOUR}")))
        scan, upload, reap = (world.run(stage, options=["-v"]) for stage in STAGES)
        equal(scan.status, 0, "what is left alone in base_dir is no failure", scan)
        equal(upload.status, 1, "what lay in claimed/ goes to failed/", upload)
        equal(reap.status, 0, "the reaper goes through", reap)
        equal(sorted(os.listdir(world.full(f"odd/{HOUR}"))), in_base,
              "all of it is still in base_dir")
        wanted = set(in_base) - {"08-d.dat", "09-d.dat"} | {"10-l.dat", "link"}
        equal(names_of(world, "failed"), wanted, "and in failed/", upload)
        kinds_said = {"a FIFO", "a device", "a socket", "a symbolic link"}
        equal({kind for kind in kinds_said if kind in upload.err}, kinds_said,
              "each with what it is", upload)
        world.drain()
        holds(check_odd(world), "what is honest arrives")


CALLS = ("open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,"
         "link,linkat,symlink,symlinkat,mkdir,mkdirat,mknod,mknodat,truncate,ftruncate,"
         "chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,setxattr,"
         "fsetxattr")
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
HELD = re.compile(r'(AT_FDCWD|\d+)<([^>]*)>, "((?:[^"\\]|\\.)*)"')


def traced(world, stage):
    """What a program asked of the kernel, a list of lines."""
    prefix = os.path.join(world.root, "trace." + stage)
    ended = world.run_command(
        ["strace", "-ff", "-y", "-qq", "-s", "9999", "-e", "trace=" + CALLS,
         "-o", prefix, *world.command(stage)])
    lines = []
    for name in sorted(os.listdir(world.root)):
        if name.startswith("trace." + stage):
            with open(os.path.join(world.root, name), encoding="utf-8",
                      errors="surrogateescape") as file:
                lines += [line for line in file.read().splitlines() if "(" in line]
    return lines, ended


def trespasses(world, lines):
    """The calls that could reach beyond base_dir and the spool."""
    def is_ours(path):
        return path == world.base or path.startswith(world.base + "/")

    for line in lines:
        call = line.split("(")[0]
        if call in ("openat", "openat2", "open", "creat") and (
                call != "creat" and not WRITES.search(line)):
            if re.search(r"fifo|null\.dat|disk|sock|-l\.dat|secret", line):
                yield "opened what it should have looked at: " + line
            continue
        if call in ("fchmod", "fchown", "ftruncate", "fsetxattr", "utimensat") and \
                not HELD.search(line):
            held = re.match(r"\w+\(\d+<([^>]*)>", line)
            if not held or not is_ours(held.group(1)):
                yield "changed: " + line
            continue
        names = HELD.findall(line)
        if len(names) != 1 + call.startswith(("rename", "link")):
            yield "not relative to a directory it holds: " + line
        for fd, directory, name in names:
            if (fd == "AT_FDCWD" or not is_ours(directory) or name.startswith("/") or
                    ".." in name.split("/")):
                yield "outside: " + line


def calls():
    """Each call that writes, renames or removes is beneath a held directory of
    ours."""
    if shutil.which("strace") is None:
        skip("strace is missing", "what the programs ask of the kernel")
        return
    with odd_world(Store()) as world:
        for stage in STAGES:
            lines, ended = traced(world, stage)
            if not lines:
                skip("strace can't trace here: " + ended.err[-200:], stage)
                continue
            changing = [line for line in lines
                        if re.match("rename|unlink|mkdirat", line)]
            ok(changing, f"{stage} is seen at work ({len(changing)} changes)", ended)
            holds(list(trespasses(world, lines)), f"{stage} stays beneath what is ours")
        world.drain()
        holds(check_odd(world), "what is honest arrives")


def hole():
    """A hole of 100 G that is settled: it doesn't hold up the others."""
    store = Store(rules=["PUT op=UploadPart stall"])
    with World(store, "multipart_threshold: 64M", "part_size: 16M") as world:
        os.makedirs(world.full(f"attic/{HOUR}"))
        with open(world.full(f"attic/{HOUR}/00-hole.dat"), "wb") as file:
            file.truncate(100 << 30)
        for minute in range(40):
            world.write(f"room/{HOUR}/{minute:02}-t.dat", size=100)
        equal(world.scan().status, 0, "it is claimed")
        upload = world.start("upload")
        wait_until(lambda: len(names_of(world, "confirmed")) == 40,
                   "the others are stored", upload)
        with open(f"/proc/{upload.pid}/status", encoding="ascii") as status:
            peak = int(re.search(r"VmHWM:\s*(\d+) kB", status.read()).group(1))
        ok(peak < 256 << 10, f"in {peak} kB of memory")
        upload.send_signal(signal.SIGTERM)
        upload.send_signal(signal.SIGTERM)
        wait_until(lambda: upload.poll() is not None, "it ends")
        equal(upload.returncode, EX_TEMPFAIL, "and it stays queued")
        equal(names_of(world, "claimed"), {"00-hole.dat"}, "in claimed/")
        holds(world.check(), "nothing is lost")


def vast():
    """holes of 8 EiB: together larger than any number"""
    store = Store()
    with World(store) as world:
        for name in ("05-a.dat", "06-b.dat"):
            world.write(f"room/{HOUR}/{name}", b"")
            try:
                os.truncate(world.full(f"room/{HOUR}/{name}"), 2 ** 63 - 1)
            except OSError as error:
                skip(f"no such file can be made: {error}", "holes of 8 EiB")
                return
        for options, says in ((("--status",), r"2 files, 8\.0 EiB"),
                              ((), r"2 claimed.*8\.0 EiB")):
            ended = world.scan(options=options)
            equal(ended.status, 0, f"scan {options} ends with 0", ended)
            ok(re.search(says, ended.out + ended.err),
               "it tells as many bytes as it can", ended, ended.out)
        ended = world.upload(options=("--status",))
        ok(re.search(r"claimed +2 files, 8\.0 EiB", ended.out),
           "and so does the uploader", ended, ended.out)
    store.stop()


def names():
    """All the bytes a name can have, and all the length."""
    with World(Store()) as world:
        os.chown(world.base, NOBODY, NOBODY)
        bytes_of = [number for number in range(1, 256) if number != ord("/")]
        for number in bytes_of:
            byte = os.fsdecode(bytes([number]))
            world.write(f"ro{byte}om/{HOUR}/05-{byte}.dat", size=20)
        long_name = "05-" + "y" * 248 + ".dat"
        long_path = "x" * 255 + f"/2021/02/03/04/{long_name}"
        paths = [f"line\nbreak/{HOUR}/05-\n\t\r.dat", f"-rf/{HOUR}/05-%2e%00.dat",
                 f"room../{HOUR}/05-...dat", f"~/{HOUR}/05- $(true) `true` ;.dat",
                 f"room/{HOUR}/{long_name}", long_path,
                 "/".join(("x" * 255, "2" * 255, "2" * 255, "2" * 255, "2" * 255,
                           long_name)),
                 f"\u00e9/{HOUR}/05-\u202e\U0001f600\ufeff.dat",
                 f"e\u0301/{HOUR}/05-\u00a0.dat"]
        for path in paths:
            world.write(path, size=20)
        give_away(world.base)
        ended = [world.run(stage) for stage in STAGES]
        ok(all(one.status in (0, 1) for one in ended), "the programs get along", *ended)
        strange = [line for one in ended for line in one.err.splitlines()
                   if line and not re.match(r"\d{4}-\d\d-\d\d ", line)]
        equal(strange, [], "no name makes a line of its own in the log")
        failed = names_of(world, "failed")
        reasons = []
        for name in os.listdir(os.path.join(world.spool, "failed")):
            if name.endswith(".tsv"):
                with open(os.path.join(world.spool, "failed", name), "rb") as file:
                    reasons += file.read().splitlines()
        equal(len(reasons), len(world.files_in("failed")),
              "what is refused has a line each")
        ok(all(name.isascii() is False or len(name) > 200 for name in failed),
           "only what is no UTF-8, or too long a key, is refused", failed)
        listed = world.reap(options=["--list"]).out.splitlines()
        equal(len(listed) + len(reasons), len(bytes_of) + len(paths),
              "the others are on record, a line each")
        world.drain()
        holds(world.check(drained=True), "each arrives under its name, or is in failed/")


def refused(world, what, inside=None):
    """All three programs refuse the spool, and leave INSIDE as it is."""
    before = sorted(os.listdir(inside)) if inside else None
    for stage in STAGES:
        ended = world.run(stage)
        ok(ended.status == EX_CONFIG and f"'{world.spool}" in ended.err,
           f"{stage} refuses {what}", ended)
    if inside:
        equal(sorted(os.listdir(inside)), before, "nothing is made in it")
    holds(world.check(), "nothing is lost, and nothing outside is touched")


def spool_root():
    """A spool directory that isn't ours alone."""
    store = Store()

    def link(world):
        os.mkdir(os.path.join(world.outside, "private"), 0o700)
        os.symlink(os.path.join(world.outside, "private"), world.spool)

    def foreign(world):
        os.mkdir(world.spool, 0o700)
        os.chown(world.spool, NOBODY, NOBODY)

    def opened(mode):
        def make(world):
            os.mkdir(world.spool)
            os.chmod(world.spool, mode)
        return make

    for what, make in (("a symbolic link to a directory of ours", link),
                       ("somebody else's directory", foreign),
                       ("one that the group may write", opened(0o770)),
                       ("one that others may read", opened(0o705))):
        with World(store) as world:
            os.chown(world.base, NOBODY, NOBODY)
            world.write(f"room/{HOUR}/05-t.dat")
            make(world)
            os.chown(world.spool, os.lstat(world.spool).st_uid, -1,
                     follow_symlinks=False)
            world.outside_before = world.look_outside()
            refused(world, what, world.spool)


def spool_behind_a_link():
    """A spool_dir below base_dir, on whose way somebody has put a link."""
    with World(Store()) as world:
        os.chown(world.base, NOBODY, NOBODY)
        world.write(f"room/{HOUR}/05-t.dat")
        inside = os.path.join(world.outside, "private")
        os.mkdir(inside, 0o700)
        os.symlink(inside, world.full("sub"))
        world.spool = world.full("sub/spool")
        world.configure()
        world.outside_before = world.look_outside()
        refused(world, "one behind a symbolic link", inside)


def spool_parts():
    """Parts of the spool that aren't ours alone."""
    store = Store()
    parts = ("claimed", "uploading", "confirmed", "failed", "runs", "ledger",
             "multipart", "locks", "tmp",
             "held")

    def link(world, path):
        target = os.path.join(world.outside, "part")
        os.rename(path, target)
        os.symlink(target, path)

    def foreign(world, path):
        os.chown(path, NOBODY, NOBODY)

    def opened(world, path):
        os.chmod(path, 0o770)

    for part in sample(parts, 3):
        for what, change in (("a symbolic link", link), ("somebody else's", foreign),
                             ("open to the group", opened)):
            with World(store) as world:
                world.scan()
                world.write(f"room/{HOUR}/05-t.dat")
                path = os.path.join(world.spool, part)
                change(world, path)
                world.outside_before = world.look_outside()
                refused(world, f"{part}/ that is {what}", path)
    for lock in ("scan", "reap"):
        with World(store) as world:
            world.drain()
            path = os.path.join(world.spool, "locks", lock)
            target = os.path.join(world.outside, "file")
            os.rename(path, target)
            os.symlink(target, path)
            world.outside_before = world.look_outside()
            ended = world.run(lock)
            ok(ended.status != 0 and path in ended.err,
               f"{lock} takes no lock through a symbolic link", ended)
            holds(world.check(), "nothing outside is touched")


if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("only root can play both the programs and another user", "hostile trees")
        main()
    main(swapped, swapped_spool, hard_links, kinds, calls, hole, vast, names,
         spool_root, spool_behind_a_link, spool_parts)
