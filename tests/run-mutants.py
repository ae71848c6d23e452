#!/usr/bin/python3
"""Breaks one guard after another, and sees that a test fails each time.

usage: run-mutants.py [TEXT...]

Takes the mutants (tests/mutants.py) whose names contain one of the TEXTs; all, if
there is none. Each is built in a copy of the tree and of the build directory, and
its test is run, which must fail, and not by itself; before, each test must pass
on what is unbroken. A text that isn't there any more, a mutant that doesn't
compile, and one that survives count as failed. Closes with `N passed, N failed`.

environment:
    S3SPOOL_BUILD      where all is built (default: the tree's build/)
    S3SPOOL_TEST_JOBS  mutants at once (default: 2)
"""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from mutants import MUTANTS

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("S3SPOOL_BUILD") or os.path.join(TREE, "build"))
SECONDS = 300


def environment(build):
    """Without what make has said to us, and what the user says about stores."""
    kept = {name: value for name, value in os.environ.items()
            if not re.fullmatch(r"MAKE.*|MFLAGS|AWS_.*|(?i:.*_proxy)|CK_.*", name)}
    return {**kept, "S3SPOOL_BUILD": build, "TZ": "UTC"}


class Running:
    """Programs that must not outlive us."""

    processes = set()
    over = False

    @classmethod
    def run(cls, command, directory, build):
        """Returns (status, output)."""
        if cls.over:
            raise RuntimeError("ended by a signal")
        with subprocess.Popen(
                command, cwd=directory, env=environment(build), text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, errors="replace") as process:
            cls.processes.add(process)
            try:
                output, _ = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
                return "no end", process.communicate()[0]
            finally:
                cls.processes.discard(process)
        return process.returncode, output

    @classmethod
    def end(cls, number, _):
        """What waits for them goes on, and finds that all is over."""
        cls.over = True
        for process in list(cls.processes):
            process.terminate()
        sys.exit(128 + number)


def judge_story(status, output):
    """(passed, how it failed); neither: something else is wrong."""
    failures = re.findall(r"^not ok .*$", output, re.MULTILINE)
    if status == 0 and not failures and re.search(
            r"^ok (?!.*# SKIP)", output, re.MULTILINE):
        return True, None
    # What the test's own exception says.
    if status == 1 and failures and not failures[0].endswith(" goes through"):
        return False, failures[0]
    return False, None


def judge_unit_test(status, output, name):
    """The same."""
    failures = re.findall(rf"^[^:]*:\d+:F:[^:]*:({name}:.*)$", output, re.MULTILINE)
    if status == 0 and re.search(r"^100%: Checks: [1-9]", output, re.MULTILINE):
        return True, None
    return False, failures[0] if status == 1 and failures else None


def run_test(test, directory, build):
    """Returns (passed, how it failed, output)."""
    program, name = test.split()
    if program.endswith(".py"):
        command = ["/usr/bin/python3", os.path.join(directory, program), name]
        status, output = Running.run(command, directory, build)
        return *judge_story(status, output), output
    command = [os.path.join(build, program)]
    status, output = Running.run(command, directory, build)
    return *judge_unit_test(status, output, name), output


def files():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [name for name in listed.split("\0")
            if name and os.path.isfile(os.path.join(TREE, name))]


def copy_tree(directory, names):
    """With all times, so that only what is changed then is compiled anew."""
    for name in names:
        target = os.path.join(directory, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(TREE, name), target)
    shutil.copytree(BUILD, os.path.join(directory, "build"), symlinks=True,
                    ignore=shutil.ignore_patterns("sanitize", "fuzz"))


def apply(mutant, directory):
    """None, or what is wrong with it."""
    path = os.path.join(directory, mutant.file)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for old, new in mutant.edits:
        if text.count(old) != 1:
            return f"stale: {mutant.file} holds {text.count(old)} times {old!r}"
        text = text.replace(old, new)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return None


def last_lines(output, count=30):
    return "".join(f"    {line}\n" for line in output.splitlines()[-count:])


def try_mutant(mutant, names):
    """Returns (whether all is as it should be, what there is to say)."""
    directory = tempfile.mkdtemp(dir=SCRATCH)
    build = os.path.join(directory, "build")
    try:
        copy_tree(directory, names)
        wrong = apply(mutant, directory)
        if wrong:
            return False, f"{mutant.name}: {wrong}"
        targets = ["all"]
        if mutant.test and not mutant.test.split()[0].endswith(".py"):
            targets = [os.path.join("build", mutant.test.split()[0])]
        status, output = Running.run(
            ["make", "-s", "BUILD=build", *targets], directory, build)
        if status != 0:
            return False, f"{mutant.name}: doesn't compile\n{last_lines(output)}"
        if mutant.equivalent:
            return True, f"equivalent  {mutant.name}: {mutant.equivalent}"
        passed, failure, output = run_test(mutant.test, directory, build)
        if passed:
            return False, f"SURVIVED  {mutant.name}, in spite of {mutant.test}"
        if failure is None:
            return False, (f"{mutant.name}: {mutant.test} ended otherwise than by a "
                           f"failed test\n{last_lines(output)}")
        return True, f"killed  {mutant.name}  by {mutant.test} (\"{failure}\")"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main():
    if sys.argv[1:] and sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    chosen = [mutant for mutant in MUTANTS
              if not sys.argv[1:] or any(text in mutant.name for text in sys.argv[1:])]
    tests = sorted({mutant.test for mutant in chosen if mutant.test})
    jobs = int(os.environ.get("S3SPOOL_TEST_JOBS") or 2)
    names = files()
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        broken = [(test, output) for test, (good, _, output) in zip(
            tests, pool.map(lambda test: run_test(test, TREE, BUILD), tests)) if not good]
        for test, output in broken:
            print(f"{test} fails without any mutant\n{last_lines(output)}", end="")
        failed += len(broken)
        for good, text in pool.map(lambda mutant: try_mutant(mutant, names), chosen):
            print(text.rstrip("\n"), flush=True)
            passed += good
            failed += not good
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


SCRATCH = tempfile.mkdtemp(prefix="s3spool-mutants.")
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, Running.end)
try:
    sys.exit(main())
finally:
    shutil.rmtree(SCRATCH, ignore_errors=True)
