#!/usr/bin/python3
"""Counts the instructions of each program on a fixed small run, by valgrind's
callgrind, and compares them with those recorded in instructions.txt.

usage: instructions.py [--record]

Unlike times they are the same in each run, within a percent or so. Speaks TAP: a
program that needs more than 5 % more than recorded fails. They depend on compiler,
libraries and processor, too, so these are recorded with them, and where they are
others nothing is compared. --record (`make instructions`) writes the file anew.

environment:
    CC, CFLAGS      what the programs were built with
    S3SPOOL_BUILD   where the programs are (default: the tree's build/)
"""
import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys

from measure import (BUILD, HERE, SCRATCH, STAGES, Failed, environment, left_in,
                     make_tree, program, start_stub, write_config)

RECORD = os.path.join(HERE, "instructions.txt")
UNKNOWN_CALLS = os.path.join(BUILD, "valgrind", "syscalls.so")
LIMIT = 1.05
SECONDS = 600
KIB, MIB = 1 << 10, 1 << 20
# What valgrind's processor has if the real one does.
FEATURES = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "rdrand", "rdseed"}
# One connection: with several, it is chance which of them are ready together.
CONFIG = ("connections: 1", "multipart_threshold: 5M", "part_size: 5M")


# --- what the numbers depend on ------------------------------------------------


def first_line(*command):
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                           stderr=subprocess.DEVNULL)
    return ended.stdout.splitlines()[0]


def processor():
    """The machine, with those features by which libraries choose their code."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        flags = re.search(r"^flags\s*:(.*)$", lines.read(), re.MULTILINE)
    found = FEATURES.intersection(flags[1].split()) if flags else ()
    return " ".join([platform.machine(), *sorted(found)])


def libraries():
    """Those that the uploader is linked with, and libcurl, which it loads by the
    name that it holds: the real names of most end in versions, but for libc's and
    libcurl's."""
    listed = subprocess.run(["ldd", program("s3spool-upload")], text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    paths = dict(re.findall(r"^\s*(lib\w+)\S* => (\S+)", listed, re.MULTILINE))
    with open(program("s3spool-upload"), "rb") as file:
        curl = ctypes.CDLL(
            re.search(rb"\0(libcurl[\w.-]*\.so[\w.]*)\0", file.read())[1].decode())
    curl.curl_version.restype = ctypes.c_char_p
    return {"libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "libcurl": curl.curl_version().decode().split()[0],
            **{name: os.path.basename(os.path.realpath(paths[name])) for name in
               ("libmbedcrypto", "libisal", "libyaml", "libexpat", "libjansson")
               if name in paths}}


def surroundings():
    return {"machine": processor(),
            "compiler": first_line(*(os.environ.get("CC") or "cc").split(), "--version"),
            "flags": os.environ.get("CFLAGS", "").strip() or "none",
            **libraries(),
            "valgrind": first_line("valgrind", "--version")}


# --- counting ------------------------------------------------------------------


def make_files(base):
    """Small ones, middling ones, and one that goes in parts."""
    make_tree(base, 600, 4 * KIB, locations=5, hours=10)
    for name, files, size in (("middling", 20, 256 * KIB), ("large", 1, 12 * MIB)):
        one = os.path.join(SCRATCH, name)
        make_tree(one, files, size, locations=1, hours=4)
        os.rename(os.path.join(one, "site00"), os.path.join(base, name))


def count(stage, config, url):
    """The instructions of one program."""
    out = os.path.join(SCRATCH, "callgrind")
    env = {**environment(url), "LD_PRELOAD": UNKNOWN_CALLS}
    env.pop("VALGRIND_OPTS", None)
    ended = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
         program("s3spool-" + stage), config], env=env, timeout=SECONDS, cwd=SCRATCH,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace", check=False)
    if ended.returncode != 0:
        raise Failed(f"s3spool-{stage} ended with {ended.returncode}: "
                     f"{ended.stderr[-600:]}")
    with open(out, encoding="utf-8") as file:
        return int(re.search(r"^totals: (\d+)$", file.read(), re.MULTILINE)[1])


def count_all():
    # On one core: how many threads there are depends on their number.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    base = os.path.join(SCRATCH, "base")
    stub = start_stub()
    make_files(base)
    config = write_config(base, stub.url, *CONFIG)
    counts = {"s3spool-" + stage: count(stage, config, stub.url) for stage in STAGES}
    stub.stop()
    left = left_in(base)
    if left:
        raise Failed(f"{len(left)} files are left: {left[:5]}")
    return counts


# --- the record ------------------------------------------------------------------


def record():
    lines = [f"{name}: {value}" for name, value in surroundings().items()]
    lines += [f"{name} {number}" for name, number in count_all().items()]
    with open(RECORD, "w", encoding="utf-8") as file:
        file.write("# Instructions on the run of instructions.py, and what they "
                   "depend on.\n# `make instructions` writes this anew.\n"
                   + "".join(line + "\n" for line in lines))
    print("\n".join(lines))


def read_record():
    """Returns (what they depend on, the numbers)."""
    with open(RECORD, encoding="utf-8") as file:
        text = file.read()
    return (dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE)),
            {name: int(number) for name, number in
             re.findall(r"^(s3spool-\w+) (\d+)$", text, re.MULTILINE)})


def why_not():
    """Why nothing can be compared here, or None."""
    if not os.path.exists(RECORD):
        return "nothing is recorded"
    if not shutil.which("valgrind") or not os.path.exists(UNKNOWN_CALLS):
        return "there is no valgrind"
    recorded, _ = read_record()
    others = [f"{name} is '{value}', recorded with '{recorded.get(name)}'"
              for name, value in surroundings().items()
              if value != recorded.get(name)]
    return "; ".join(others) or None


def check():
    """Returns how many have failed."""
    reason = why_not()
    if reason:
        for number, stage in enumerate(STAGES, 1):
            print(f"ok {number} - instructions of s3spool-{stage} # SKIP {reason}")
        print(f"1..{len(STAGES)}\n0 passed, 0 failed")
        return 0
    _, recorded = read_record()
    failed = 0
    for number, (name, counted) in enumerate(count_all().items(), 1):
        ratio = counted / recorded[name]
        failed += ratio > LIMIT
        print(f"{'not ok' if ratio > LIMIT else 'ok'} {number} - {name}: "
              f"{recorded[name]} instructions recorded, {counted} counted, "
              f"ratio {ratio:.3f}", flush=True)
    print(f"1..{len(recorded)}")
    if failed:
        print(f"# Above {LIMIT} it fails. Where that is meant, `make instructions` "
              "records it.")
    print(f"{len(recorded) - failed} passed, {failed} failed")
    return failed


def main():
    if sys.argv[1:] == ["--record"]:
        record()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    elif check():
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except (Failed, subprocess.TimeoutExpired) as failure:
        print(f"not ok 1 - {failure}\n1..1\n0 passed, 1 failed")
        sys.exit(1)
