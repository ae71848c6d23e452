"""What a fault test is about: a tree, a spool, a scripted store, a producer
that writes down what it wrote, and the three programs.

    store = Store()                      # a stub server, for many worlds
    with World(store) as world:          # a tree and a bucket of its own
        world.write("room/2021/02/03/04/05-t.dat", b"...")
        world.scan(); world.upload("--kill-at", "17"); world.drain()
        holds(world.check(drained=True), "nothing is lost")

Arguments of scan, upload and reap are saboteur's; without any the program runs
by itself. Nothing here measures time.
"""
import atexit
import glob
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "servers"))

import oracle  # noqa: E402
import s3  # noqa: E402
from tap import chance  # noqa: E402

BUILD = os.environ.get("S3SPOOL_BUILD") or os.path.abspath(
    os.path.join(HERE, "..", "..", "build"))
SABOTEUR = os.path.join(BUILD, "tests", "saboteur")
PROGRAMS = {stage: os.path.join(BUILD, "s3spool-" + stage)
            for stage in ("scan", "upload", "reap")}

EX_IOERR, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 74, 75, 77, 78
KILLED = 128 + signal.SIGKILL
NEVER_REACHED = 126  # saboteur: there was no such call


def _scratch_parent():
    """Memory, where there is some: a fault test syncs thousands of times. What
    is about real file systems makes its own (filesystems.py)."""
    wanted = os.environ.get("S3SPOOL_FAULT_DIR")
    if wanted:
        return wanted
    shm = "/dev/shm"
    if os.access(shm, os.W_OK):
        fs = os.statvfs(shm)
        if fs.f_bavail * fs.f_frsize > 1 << 30:
            return shm
    return tempfile.gettempdir()


SCRATCH = tempfile.mkdtemp(prefix="s3spool-fault.", dir=_scratch_parent())
_started = []


def _clean_up():
    for process in _started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
    if os.environ.get("S3SPOOL_TEST_KEEP"):
        print("# kept:", SCRATCH)
    else:
        shutil.rmtree(SCRATCH, ignore_errors=True)


atexit.register(_clean_up)
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, lambda number, frame: sys.exit(128 + number))


def start_process(command, **more):
    """As subprocess.Popen; it ends with the test."""
    process = subprocess.Popen(command, **more)
    _started.append(process)
    return process


def wait_until(condition, what, process=None):
    """Polls for a state; the bound is one that only a broken program reaches."""
    for _ in range(3000):
        if condition():
            return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError("never came true: " + what)


def suspend(process):
    """Stops it; it has stopped, or ended, when this returns."""
    def is_still():
        if process.returncode is not None:
            return True
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] in "TZ"

    process.send_signal(signal.SIGSTOP)
    wait_until(is_still, "it stops")


class Store:
    """The scripted stub. RULES are lines of its script (s3stub --help)."""

    count = 0
    WORLDS = 50  # whose objects and log it keeps at most, if no rules count them

    def __init__(self, *options, rules=()):
        Store.count += 1
        self.directory = os.path.join(SCRATCH, f"store{Store.count}")
        os.mkdir(self.directory)
        self.log = os.path.join(self.directory, "log")
        self.script = os.path.join(self.directory, "script")
        self.obey(*rules)
        self.options = [*options, "--script", self.script]
        self.worlds = self.worlds_open = self.worlds_forgotten = 0
        self.port = "0"
        self.start()

    def obey(self, *rules):
        """Rules for the next start."""
        self.has_rules = bool(rules)
        with open(self.script, "w", encoding="utf-8") as file:
            file.writelines(rule + "\n" for rule in rules)

    def start(self):
        """Also again, after stop: on the same port, with the same log."""
        with open(os.path.join(self.directory, "url"), "w+", encoding="utf-8") as url:
            self.process = start_process(
                [os.path.join(BUILD, "tests", "s3stub"), "--log", self.log,
                 "--port", self.port, *self.options],
                stdout=url, stdin=subprocess.DEVNULL)
            wait_until(lambda: os.fstat(url.fileno()).st_size > 0,
                       "the stub listens", self.process)
            url.seek(0)
            self.url = url.read().strip()
        self.port = self.url.rsplit(":", 1)[1]
        self.environment = {
            "AWS_ENDPOINT_URL_S3": self.url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "stub-key", "AWS_SECRET_ACCESS_KEY": "stub-secret",
            "AWS_EC2_METADATA_DISABLED": "true"}
        os.environ.update(self.environment)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def leave(self):
        """A world has ended. Its objects would fill the stub's memory sooner or
        later, and the log takes time to read."""
        self.worlds_open -= 1
        if (self.worlds_open == 0 and not self.has_rules and
                self.process.poll() is None and
                self.worlds - self.worlds_forgotten >= self.WORLDS):
            self.worlds_forgotten = self.worlds
            self.stop()
            os.unlink(self.log)
            self.start()

    def asked(self):
        """The lines of the log so far, as lists of their columns."""
        with open(self.log, encoding="utf-8") as lines:
            return [line.rstrip("\n").split("\t") for line in lines
                    if not line.startswith("#")]

    def make_bucket(self, name):
        os.environ.update(self.environment)
        s3.make_bucket(name.encode())


class Ended:
    """How a program ended."""

    def __init__(self, arguments, status, out, err):
        self.arguments = arguments
        self.status = status
        self.out = out
        self.err = err

    def __str__(self):
        return (f"{' '.join(self.arguments)}\nended with {self.status}\n"
                + self.err[-3000:])


class World:
    """A tree and a bucket. CONFIG: further lines of the configuration. BASE:
    base_dir, where that is to lie elsewhere, such as on a full disk."""

    def __init__(self, store, *config, overwrites=False, key_prefix="",
                 parent=None, base=None, spool=None, bucket=None):
        store.worlds += 1
        store.worlds_open += 1
        self.store = store
        self.bucket = bucket or f"fault-{Store.count}-{store.worlds}"
        self.root = tempfile.mkdtemp(prefix="w", dir=parent or SCRATCH)
        self.base = base or os.path.join(self.root, "base")
        self.outside = os.path.join(self.root, "outside")
        self.spool = spool or os.path.join(self.base, ".spool")
        self.producer_log = os.path.join(self.root, "producer.log")
        self.config_file = os.path.join(self.root, "s3spool.yaml")
        self.stub_log = store.log
        self.overwrites = overwrites
        self.key_prefix = key_prefix
        self.links = False  # the producer makes hard links
        # A file that is changed while it goes in parts leaves an upload, which
        # is aborted after multipart_abort_after.
        self.may_abandon = False
        self.linked = set()  # files outside to which the producer makes links
        self.also_known = set()  # SHA-256 of states in between that may be stored
        self.next_file = 0
        self.next_seq = 0
        os.makedirs(self.base, exist_ok=True)
        os.mkdir(self.outside)
        open(self.producer_log, "w").close()
        self.configure(*config)
        store.make_bucket(self.bucket)
        self.outside_before = self.look_outside()

    def configure(self, *lines):
        """Writes the configuration: the least that is needed, then LINES,
        whose keys win."""
        values = dict(line.split(":", 1) for line in (
            f"base_dir: {self.base}", f"s3_bucket: {self.bucket}",
            "settle_seconds: 0", "prune_after: 0", "payload_signing: always",
            "multipart_threshold: 5M", "part_size: 5M", *lines))
        if self.spool != os.path.join(self.base, ".spool"):
            values["spool_dir"] = " " + self.spool
        if self.overwrites:
            values["on_conflict"] = " overwrite"
        if self.key_prefix:
            values["key_prefix"] = " " + self.key_prefix
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.writelines(f"{key}:{value}\n" for key, value in values.items())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not os.environ.get("S3SPOOL_TEST_KEEP"):
            shutil.rmtree(self.root, ignore_errors=True)
        self.store.leave()

    # --- the producer ------------------------------------------------------

    def log(self, **line):
        """A line of the producer's log."""
        if "file" in line and not line.get("void"):
            self.next_seq += 1
            line = {"seq": self.next_seq, **line}
        with open(self.producer_log, "a", encoding="utf-8",
                  errors="surrogateescape") as file:
            file.write(json.dumps(line) + "\n")

    def log_version(self, path, data, file=None):
        """What is whole now. FILE: the earlier version's, if it is that inode.
        Returns the file's number."""
        if file is None:
            self.next_file += 1
            file = self.next_file
        self.log(file=file, path=path, size=len(data),
                 sha256=hashlib.sha256(data).hexdigest(), crc32c=oracle.crc32c(data))
        return file

    def void(self, file):
        """Somebody is about to write FILE again."""
        self.log(file=file, void=True)

    def log_missing(self, path, changed):
        """PATH could not be made, since its directory was gone; CHANGED: when
        anybody but us last changed that, in seconds."""
        self.log(missing=path, at=time.time(), changed=changed)

    def full(self, path):
        return os.path.join(self.base, path)

    def write(self, path, data=None, size=1000):
        """A whole file, random unless DATA is given. Returns its number."""
        if data is None:
            data = chance.randbytes(size)
        os.makedirs(os.path.dirname(self.full(path)), exist_ok=True)
        with open(self.full(path), "xb") as file:
            file.write(data)
        return self.log_version(path, data)

    # --- what must stay as it is --------------------------------------------

    def look_outside(self):
        """What is outside, in all that a program of ours could change."""
        seen = {}
        for directory, directories, names in os.walk(self.outside):
            for name in directories + names:
                path = os.path.join(directory, name)
                st = os.lstat(path)
                own = (st.st_nlink, st.st_ctime_ns) if path not in self.linked else ()
                seen[path] = (st.st_mode, *own, st.st_uid, st.st_ino,
                              st.st_size, st.st_mtime_ns,
                              oracle.sha256_of(path) if stat.S_ISREG(st.st_mode) and
                              st.st_size < 1 << 24 else None)
        return seen

    # --- the programs --------------------------------------------------------

    def command(self, stage, *sabotage, options=(), arguments=()):
        """The command line of a program, under saboteur if there is something
        for that to do."""
        command = [PROGRAMS[stage], *options, self.config_file, *arguments]
        if sabotage:
            command = [SABOTEUR, "--from", "umask", *sabotage, "--", *command]
        return command

    def run(self, stage, *sabotage, options=(), arguments=(), environment=(),
            seconds=120):
        return self.run_command(
            self.command(stage, *sabotage, options=options, arguments=arguments),
            environment, seconds)

    def run_command(self, command, environment=(), seconds=120):
        """COMMAND as the programs are run."""
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, cwd=self.root,
            env={**os.environ, **self.store.environment, "LC_ALL": "C.UTF-8",
                 **dict(environment)},
            timeout=seconds, check=False)
        status = ended.returncode
        # Not as text, in which other line ends would become newlines.
        return Ended(command, status if status >= 0 else 128 - status,
                     os.fsdecode(ended.stdout), os.fsdecode(ended.stderr))

    def scan(self, *sabotage, **more):
        return self.run("scan", *sabotage, **more)

    def upload(self, *sabotage, **more):
        return self.run("upload", *sabotage, **more)

    def reap(self, *sabotage, **more):
        return self.run("reap", *sabotage, **more)

    def start(self, stage, *sabotage, options=(), arguments=(), environment=()):
        """Runs it in the background; what it says goes to STAGE.log."""
        with open(os.path.join(self.root, stage + ".log"), "ab") as log:
            return start_process(
                self.command(stage, *sabotage, options=options, arguments=arguments),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root,
                env={**os.environ, **self.store.environment, **dict(environment)})

    def said(self, stage):
        """What those have said that were started in the background."""
        with open(os.path.join(self.root, stage + ".log"), encoding="utf-8",
                  errors="surrogateescape") as log:
            return log.read()

    def operate(self, errand, *what, sabotage=()):
        """What a person asks for: hold, release or retry, of WHAT: options
        such as --all, then paths."""
        options = [one for one in what if one.startswith("--")]
        return self.run("upload", *sabotage, options=["--" + errand, *options, "--"],
                        arguments=what[len(options):])

    def drain(self, passes=2, *sabotage):
        """Clean passes of the three programs. A second file of the same path
        takes a second pass. Returns how each program ended."""
        return [self.run(stage, *sabotage) for _ in range(passes)
                for stage in ("scan", "upload", "reap")]

    def count_calls(self, stage, *sabotage, **more):
        """How many system calls STAGE makes now. It is run to find out."""
        counts = os.path.join(self.root, "counts")
        ended = self.run(stage, "--skip-uninteresting", "--count", counts, *sabotage,
                         **more)
        with open(counts, encoding="utf-8") as file:
            return dict((name, int(number)) for name, number in
                        (line.split() for line in file)), ended

    # --- what came of it -----------------------------------------------------

    def check(self, drained=False):
        return oracle.check(self, drained)

    def held_by(self, process):
        """(path, inode) of what a live uploader's runs hold: those of its name
        (a number can be used again) that it has open."""
        runs = set()
        for fd in glob.glob(f"/proc/{process.pid}/fd/*"):
            try:
                run, suffix = os.path.splitext(os.path.basename(os.readlink(fd)))
            except FileNotFoundError:
                continue
            if suffix == ".tsv" and f".{process.pid}." in run:
                runs.add(run)
        return sorted((path, st.st_ino) for run in runs for path, st in
                      oracle.find_files(os.path.join(self.spool, "uploading", run)))

    def files_in(self, *rooms):
        """What lies in these rooms, as full paths."""
        return sorted(path for room in rooms for path, _ in oracle.find_files(
            os.path.join(self.spool, room))
            if not (room == "failed" and path.endswith(".tsv")))
