"""The figures besides the comparisons: https beside http, what an idle pass and a
tree that must rest yet cost, two uploaders, system calls, and the two plots'.

Each is a function of the plots' panels, to which it may add, and yields rows.
"""
import functools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

from contenders import Floor, Ours
from measure import (SCRATCH, STAGES, TREE, Failed, Metered, Took,
                     environment, left_in, make_tree, program, run, start_sink,
                     start_stub, write_config)
from table import Row

BASE = os.path.join(SCRATCH, "base")
KIB = 1 << 10
IDLE_PASSES = 10
UNSETTLED = 100_000
CALLS_FILES = 2000
CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LATENCY_MS = 20
TURNS = 60  # requests a connection, in the plot
BACKLOGS = (1000, 10_000, 100_000, 200_000)


def counts_of(sink):
    return json.loads(sink.stop())


def stage_command(stage, *lines, url):
    return [program("s3spool-" + stage), write_config(BASE, url, *lines)]


def require(condition, what):
    if not condition:
        raise Failed(what)


# --- https -----------------------------------------------------------------


def upload_to_stub(workload, log, tls, *options):
    """Returns (what the upload took, how many connections it made)."""
    workload.make(BASE)
    if os.path.exists(log):
        os.unlink(log)
    stub = start_stub("--log", log, *options)
    try:
        took = Ours(workload, *tls).move(BASE, stub.url)
    finally:
        stub.stop()
    require(not left_in(BASE), "s3spool left files behind")
    with open(log, encoding="utf-8") as lines:
        columns = [line.split("\t") for line in lines if not line.startswith("#")]
    arrived = [line for line in columns if line[4] == "200" and
               line[1] in ("PutObject", "CompleteMultipartUpload")]
    require(len(arrived) == workload.files,
            f"{len(arrived)} of {workload.files} files arrived")
    # The bucket was made over another.
    return took["upload"], len({line[9] for line in columns
                                if line[1] != "CreateBucket"})


def https(workloads, pairs, _panels):
    """On the stub, both ways: the sink speaks no TLS."""
    certificates = os.path.join(SCRATCH, "tls")
    subprocess.run([os.path.join(TREE, "tests/stub/make-cert.sh"), certificates],
                   check=True)
    ca, cert, key = (os.path.join(certificates, name + ".pem")
                     for name in ("ca", "server", "server-key"))
    os.environ["SSL_CERT_FILE"] = ca  # for s3.make_bucket
    log = os.path.join(SCRATCH, "stub.log")
    for name in ("W1", "W2", "W3"):
        http, secure, handshakes = [], [], 0
        for number in range(pairs):
            for way in (("http", "https"), ("https", "http"))[number % 2]:
                if way == "http":
                    http.append(upload_to_stub(workloads[name], log, ())[0])
                    continue
                took, handshakes = upload_to_stub(
                    workloads[name], log, (f"ca_bundle: {ca}",), "--cert", cert,
                    "--key", key)
                secure.append(took)
        yield Row(f"https: {name} on the stub", "upload, http", http)
        yield Row(f"https: {name} on the stub", "upload, https", secure, http,
                  handshakes, f"ratio to http; {handshakes} handshakes")


# --- what it costs when there is little to do ---------------------------------


def idle(_panels):
    """All three on a tree that is empty."""
    passes = []
    sink = start_sink()
    make_tree(BASE, 0, 0)
    for _ in range(IDLE_PASSES + 1):
        took = [run(stage_command(stage, url=sink.url), environment(sink.url))
                for stage in STAGES]
        passes.append(took[0] + took[1] + took[2])
    sink.stop()
    passes = passes[1:]  # the first makes the spool
    yield Row("idle: nothing there", "all three", passes)


def unsettled(scale, pairs, _panels):
    """A tree that must rest yet."""
    files = round(UNSETTLED / scale)
    make_tree(BASE, files, 64, hours=500)
    nowhere = "http://127.0.0.1:1"  # it doesn't ask
    passes = [run(stage_command("scan", "settle_seconds: 86400", url=nowhere),
                  environment(nowhere)) for _ in range(pairs)]
    waiting = sum(len(names) for parent, _, names in os.walk(BASE)
                  if "/.spool" not in parent)
    require(waiting == files, "the scanner claimed what was not settled")
    yield Row(f"unsettled: {files} files that must rest yet", "scan", passes)


# --- two at once ---------------------------------------------------------------


def upload_by(count, workload):
    """COUNT uploaders at once on what one scan claimed."""
    workload.make(BASE)
    sink = start_sink()
    config = write_config(BASE, sink.url, f"connections: {workload.connections}",
                          *workload.config)
    env = environment(sink.url)
    run([program("s3spool-scan"), config], env)
    uploaders = [Metered([program("s3spool-upload"), config], env)
                 for _ in range(count)]
    took = functools.reduce(Took.__or__, [one.wait() for one in uploaders])
    run([program("s3spool-reap"), config], env)
    counts = counts_of(sink)
    require(counts["objects"] == workload.files and not left_in(BASE),
            f"{counts['objects']} of {workload.files} files arrived, "
            f"{len(left_in(BASE))} are left")
    return took


def pair(workloads, pairs, _panels):
    one, two = [], []
    for number in range(pairs):
        for count in ((1, 2), (2, 1))[number % 2]:
            (one if count == 1 else two).append(upload_by(count, workloads["W2"]))
    yield Row("pair: two uploaders on W2", "one", one)
    yield Row("pair: two uploaders on W2", "two at once", two, one,
              remark="ratio to one")


# --- system calls ----------------------------------------------------------------


def count_calls(stage, url, counts):
    subprocess.run(["strace", "-f", "-c", "-o", counts,
                    *stage_command(stage, "connections: 16", url=url)],
                   env=environment(url), stdin=subprocess.DEVNULL, check=True,
                   stderr=subprocess.DEVNULL, cwd=SCRATCH)
    with open(counts, encoding="utf-8") as table:
        # The columns before are percentages and times; errors may stand between.
        total = re.search(r"^\s*100\.00\s+\S+\s+(?:\S+\s+)?(\d+)(?:\s+\d+)?\s+total$",
                          table.read(), re.MULTILINE)
    require(total, "strace counted nothing")
    return int(total[1])


def calls(_panels):
    """Those of an idle pass are taken away."""
    if not shutil.which("strace"):
        print("calls: strace is not installed, and left out", file=sys.stderr)
        return
    counts = os.path.join(SCRATCH, "calls")
    sink = start_sink()
    made = []
    for files in (0, CALLS_FILES):
        make_tree(BASE, files, 4 * KIB, hours=5)
        if files == 0:  # the first pass makes the spool
            for stage in STAGES:
                run(stage_command(stage, url=sink.url), environment(sink.url))
        made.append([count_calls(stage, sink.url, counts) for stage in STAGES])
    require(counts_of(sink)["objects"] == CALLS_FILES, "not all files arrived")
    each = [(busy - rest) / CALLS_FILES for rest, busy in zip(*made)]
    yield Row("calls: system calls a file of 4 KiB", "all three", [],
              remark=f"{sum(each):.1f}: " + ", ".join(
                  f"{stage} {number:.1f}" for stage, number in zip(STAGES, each)))


# --- the plots --------------------------------------------------------------------


class Load:
    """Like W1, for one point of a plot."""

    def __init__(self, files, size, connections, config):
        self.files, self.size, self.config = files, size, config
        self.connections = self.floor_connections = connections
        self.floor_buffer = 0

    def upload(self, contender, latency_ms):
        """Returns what each stage took."""
        make_tree(BASE, self.files, self.size, hours=500)
        sink = start_sink(latency_ms)
        took = contender(self).move(BASE, sink.url)
        require(counts_of(sink)["objects"] == self.files, "not all files arrived")
        return took


def connections_plot(scale, pairs, config, panels):
    """Files a second over the number of connections."""
    lines = {"floor": [], "s3spool-upload": []}
    for connections in CONNECTIONS:
        files = max(connections, round(connections * TURNS / scale))
        load = Load(files, 4 * KIB, connections, config)
        for name, contender, stage in (("floor", Floor, "floor"),
                                       ("s3spool-upload", Ours, "upload")):
            walls = [load.upload(contender, LATENCY_MS)[stage].wall
                     for _ in range(pairs)]
            lines[name].append((connections, files / statistics.median(walls)))
    panels["connections"] = lines
    best = lines["s3spool-upload"][-1]
    yield Row("connections: 4 KiB over 20 ms", "upload", [], None, best[0],
              f"{best[1]:.0f} files/s; with one connection "
              f"{lines['s3spool-upload'][0][1]:.0f}")


def backlog_plot(scale, config, panels):
    """Peak memory of each stage over the number of files that wait."""
    lines = {"s3spool-" + stage: [] for stage in STAGES}
    for backlog in BACKLOGS:
        files = round(backlog / scale)
        took = Load(files, 64, 16, config).upload(Ours, 0)
        for stage in STAGES:
            lines["s3spool-" + stage].append((files, took[stage].rss_mib))
    panels["backlog"] = lines
    for name, points in lines.items():
        yield Row("backlog: files of 64 B", name[len("s3spool-"):], [],
                  remark=", ".join(f"{rss:.1f} MiB with {files}"
                                   for files, rss in points))


def all_of(workloads, pairs, scale, config):
    """By name."""
    partial = functools.partial
    return {"https": partial(https, workloads, pairs), "idle": idle,
            "unsettled": partial(unsettled, scale, pairs),
            "pair": partial(pair, workloads, pairs), "calls": calls,
            "connections": partial(connections_plot, scale, pairs, config),
            "backlog": partial(backlog_plot, scale, config)}
