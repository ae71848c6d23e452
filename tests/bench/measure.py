"""What the benchmark and the instruction counts stand on: a directory in memory,
trees of files, stores that keep nothing, and programs with what they took.

environment:
    S3SPOOL_BUILD   where the programs are (default: the tree's build/)
    BENCH_DIR       where trees are made (default: in memory, if it can)
"""
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "servers"))

import s3  # noqa: E402

BUILD = os.path.abspath(os.environ.get("S3SPOOL_BUILD") or os.path.join(TREE, "build"))
STAGES = ("scan", "upload", "reap")
BUCKET = "s3spool-bench"
CHUNK = 1 << 20
KIB = 1024


def program(name):
    return os.path.join(BUILD, name)


def _scratch_parent():
    wanted = os.environ.get("BENCH_DIR")
    if wanted:
        return wanted
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()


SCRATCH = tempfile.mkdtemp(prefix="s3spool-bench.", dir=_scratch_parent())
_started = []


def _clean_up():
    for process in _started:
        if process.poll() is None:
            process.kill()
            process.wait()
    shutil.rmtree(SCRATCH, ignore_errors=True)


atexit.register(_clean_up)
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, lambda number, frame: sys.exit(128 + number))


def start_process(command, **more):
    """As subprocess.Popen; it ends with us."""
    process = subprocess.Popen(command, **more)
    _started.append(process)
    return process


class Failed(Exception):
    """What was to be measured didn't do what it should."""


# --- stores ----------------------------------------------------------------


class Server:
    """A store that prints its URL first, and on SIGTERM perhaps more."""

    def __init__(self, *command):
        self.process = start_process(command, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise Failed(f"{command[0]} doesn't listen")

    def stop(self):
        """Returns what else it said."""
        self.process.terminate()
        said = self.process.stdout.read()
        self.process.wait()
        _started.remove(self.process)
        return said


def start_sink(latency_ms=0):
    more = ("--latency-ms", str(latency_ms)) if latency_ms else ()
    return Server(program("tests/bench/sink"), *more)


def start_stub(*options):
    """s3stub, keeping nothing, with our bucket."""
    server = Server(program("tests/s3stub"), "--discard", "--no-digests",
                    "--no-auth", *options)
    os.environ.update(environment(server.url))
    s3.make_bucket(BUCKET.encode())
    return server


def environment(url):
    """What every client is run in: credentials, and no word of the user's own
    stores and proxies."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RCLONE_", "S3_"))
            and not name.lower().endswith("_proxy")}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": SCRATCH,
            "AWS_ENDPOINT_URL_S3": url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "stub-key", "AWS_SECRET_ACCESS_KEY": "stub-secret",
            "AWS_EC2_METADATA_DISABLED": "true"}


# --- trees -----------------------------------------------------------------


def make_tree(base, files, size, locations=20, hours=50):
    """FILES files of SIZE bytes, evenly over LOCATIONS and HOURS, as the
    producer names them; the directories' order is always the same."""
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(base)
    first = min(size, CHUNK)
    data = os.urandom(first)
    made = set()
    for number in range(files):
        location, hour = number % locations, number // locations % hours
        directory = f"{base}/site{location:02}/2024/03/{1 + hour // 24:02}/{hour % 24:02}"
        if directory not in made:
            os.makedirs(directory)
            made.add(directory)
        minute = number // locations // hours
        fd = os.open(f"{directory}/{minute % 60:02}-bench{minute}.dat",
                     os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        # No two files are the same.
        os.write(fd, ((b"%015d" % number)[-first:] + data[15:])[:first])
        for at in range(CHUNK, size, CHUNK):
            os.write(fd, data[:min(CHUNK, size - at)])
        os.close(fd)


def left_in(base):
    """What should be gone: files and empty directories, but for the ledger and
    the spool's own."""
    left = []
    for parent, directories, names in os.walk(base):
        path = os.path.relpath(parent, base)
        if path in (".spool/ledger", ".spool/locks"):
            directories.clear()
            continue
        left += [os.path.join(path, name) for name in names]
        if not directories and not names and not path.startswith(".") \
                and path.count("/") > 0:
            left.append(path)
    return left


def write_config(base, url, *lines):
    """Nothing is switched off that is on by default, but that files needn't
    rest first, and bodies aren't hashed for the signature; later LINES win."""
    values = dict(line.split(":", 1) for line in (
        f"base_dir: {base}", f"s3_bucket: {BUCKET}", f"endpoint_url: {url}",
        "settle_seconds: 0", "prune_after: 0", "payload_signing: never", *lines))
    path = os.path.join(SCRATCH, "s3spool.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{key}:{value}\n" for key, value in values.items())
    return path


# --- programs --------------------------------------------------------------


class Took:
    """What programs took, one after another or, by |, at once."""

    def __init__(self, wall, cpu, rss_mib):
        self.wall, self.cpu, self.rss_mib = wall, cpu, rss_mib

    def __add__(self, other):
        return Took(self.wall + other.wall, self.cpu + other.cpu,
                    max(self.rss_mib, other.rss_mib))

    def __or__(self, other):
        return Took(max(self.wall, other.wall), self.cpu + other.cpu,
                    max(self.rss_mib, other.rss_mib))


class Metered:
    """A program that runs, and is measured."""

    def __init__(self, command, env):
        self.command = command
        self.log = tempfile.TemporaryFile(dir=SCRATCH)
        read, write = os.pipe()
        self.process = start_process(
            [program("tests/bench/meter"), str(write), *command], env=env,
            pass_fds=[write], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, cwd=SCRATCH)
        os.close(write)
        self.result = read

    def wait(self, seconds=None):
        """Returns Took. SECONDS: then it is ended, and has failed."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.terminate()  # and its child with it
            self.process.wait()
            raise Failed(f"more than {seconds} s") from None
        finally:
            _started.remove(self.process)
            with os.fdopen(self.result, encoding="ascii") as result:
                numbers = result.read().split()
            with self.log:
                self.log.seek(0)
                said = self.log.read()[-600:].decode(errors="replace").strip()
        if numbers[3:] != ["0"]:
            raise Failed(f"{' '.join(self.command)} ended with "
                         f"{' '.join(numbers[3:])}: {said}")
        return Took(float(numbers[0]), float(numbers[1]), int(numbers[2]) / KIB)


def run(command, env, seconds=None):
    return Metered(command, env).wait(seconds)
