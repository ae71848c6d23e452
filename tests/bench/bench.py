#!/usr/bin/python3
"""Measures the three programs beside the plain libcurl program (floor.c) and
whatever other tools are installed, over loopback and in memory.

usage: bench.py

What is compared runs in rounds, one after the other, forwards and backwards by
turns, on a tree made anew each time; figures are medians over the rounds, ratios
those of each round. Judge ratios, never seconds. After each of our passes all
files must have arrived, once, and none may be left, or it ends with 1. Writes
build/bench/bench.md (also to stdout) and bench.svg.

environment:
    BENCH_WORKLOADS       which of W1 W2 W3 W3-signed W4 W5 https unsettled idle
                          pair calls connections backlog (default: all)
    BENCH_PAIRS           rounds (default: 3)
    BENCH_SCALE           divides all numbers of files, for a quick look
    BENCH_CONFIG          further lines of configuration, parted by newlines or ;
    BENCH_DIR             where trees are made (default: in memory, if it can)
    BENCH_PEERS           other tools that may take part (default: all there are)
    BENCH_PEER_SECONDS    after which another tool is given up (default: 120)
"""
import os
import re
import sys

import figures
import plot
from contenders import Floor, Ours, installed_peers
from measure import BUILD, SCRATCH, Failed, left_in, make_tree, start_sink
from table import Row, Table

PAIRS = int(os.environ.get("BENCH_PAIRS") or 3)
SCALE = float(os.environ.get("BENCH_SCALE") or 1)
CONFIG = [line for line in re.split(r"[\n;]|\\n", os.environ.get("BENCH_CONFIG", ""))
          if line.strip()]
KIB, MIB = 1 << 10, 1 << 20


def scaled(number):
    return max(1, round(number / SCALE))


class Workload:
    """FILES of SIZE bytes over CONNECTIONS of a store that takes LATENCY_MS.
    FLOOR: its connections and its buffer, where others serve it better."""

    def __init__(self, title, files, size, connections, latency_ms=0, hours=50,
                 floor=(None, 0), config=()):
        self.title = title.format(files)
        self.files = files
        self.size = size
        self.connections = connections
        self.latency_ms = latency_ms
        self.hours = hours
        self.floor_connections = floor[0] or connections
        self.floor_buffer = floor[1]
        self.config = [*config, *CONFIG]

    def make(self, base):
        make_tree(base, self.files, self.size, hours=self.hours)


# Of the four large files it is the size that is scaled, as far as they still go
# in parts.
LARGE = max(96, scaled(1024)) * MIB
WORKLOADS = {
    "W1": Workload("{} files of 4 KiB, 16 connections", scaled(20_000), 4 * KIB, 16),
    "W2": Workload("{} files of 256 KiB, 16 connections", scaled(2000), 256 * KIB, 16),
    "W3": Workload(f"{{}} files of {LARGE // MIB} MiB in parts, 8 connections", 4,
                   LARGE, 8, floor=(4, 2 * MIB)),
    "W3-signed": Workload(f"{{}} files of {LARGE // MIB} MiB in parts, bodies signed",
                          4, LARGE, 8, floor=(4, 2 * MIB),
                          config=["payload_signing: always"]),
    "W4": Workload("{} files of 4 KiB, 256 connections, 20 ms", scaled(20_000),
                   4 * KIB, 256, latency_ms=20),
    "W5": Workload("{} files of 64 B, 16 connections", scaled(200_000), 64, 16,
                   hours=500),
}


def move_once(contender, workload, base):
    """Returns (what each stage took, what the store counted)."""
    workload.make(base)
    sink = start_sink(workload.latency_ms)
    try:
        took = contender.move(base, sink.url)
    finally:
        counts = figures.counts_of(sink)
    wanted = (workload.files, workload.files * workload.size)
    got = (counts["objects"], counts["bytes"])
    if got != wanted:
        raise Failed(f"{contender.name}: {got[0]} objects, {got[1]} bytes arrived; "
                     f"{wanted[0]} and {wanted[1]} should have")
    left = left_in(base)
    if left and isinstance(contender, Ours):
        raise Failed(f"{contender.name} left {len(left)} behind: {left[:5]}")
    return took, counts


def compare(name, workload, peers):
    """The rounds of one workload; yields its rows."""
    base = os.path.join(SCRATCH, "base")
    contenders = [Floor(workload), Ours(workload), *(peer(workload) for peer in peers)]
    rounds = []
    for number in range(PAIRS):
        took, connections = {}, {}
        for contender in contenders[::-1 if number % 2 else 1]:
            try:
                stages, counts = move_once(contender, workload, base)
            except Failed as failure:
                if isinstance(contender, (Floor, Ours)):
                    raise
                contenders = [other for other in contenders if other is not contender]
                print(f"{name}: {contender.name} is left out: {failure}", flush=True)
                continue
            took.update(stages)
            connections.update(dict.fromkeys(stages, counts["connections"]))
        rounds.append((took, connections))
    title = f"{name}: {workload.title}"
    for stage in rounds[0][0]:
        own = [(took, connections) for took, connections in rounds if stage in took]
        yield Row(title, stage, [took[stage] for took, _ in own],
                  reference=[took["floor"] for took, _ in own],
                  connections=None if stage in ("scan", "reap")
                  else own[-1][1][stage])


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    extras = figures.all_of(WORKLOADS, PAIRS, SCALE, CONFIG)
    names = [*WORKLOADS, *extras]
    wanted = (os.environ.get("BENCH_WORKLOADS") or " ".join(names)).split()
    unknown = [name for name in wanted if name not in names]
    if unknown:
        sys.exit(f"bench.py: no such workload: {' '.join(unknown)}")
    peers = installed_peers()
    table, panels = Table(), {}
    for name in wanted:
        print(f"... {name}", file=sys.stderr, flush=True)
        if name in WORKLOADS:
            table.add(compare(name, WORKLOADS[name], peers))
        else:
            table.add(extras[name](panels))
    directory = os.path.join(BUILD, "bench")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "bench.md"), "w", encoding="utf-8") as file:
        file.write(str(table))
    print(table)
    if panels:
        with open(os.path.join(directory, "bench.svg"), "w", encoding="utf-8") as file:
            file.write(plot.draw(panels))


if __name__ == "__main__":
    try:
        main()
    except Failed as reason:
        sys.exit(f"bench.py: {reason}")
