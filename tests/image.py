#!/usr/bin/env python3
"""Makes an image of a container file without container tools or a registry: runs
each step that the file has, in a bare Debian in place of the image that FROM names.

usage: image.py lint FILE CONTEXT         say what is wrong with the file
       image.py build FILE CONTEXT ROOT   make ROOT, a directory, its last stage
       image.py run [-e NAME=VALUE] [-v PATH:INSIDE] FILE ROOT [COMMAND...]
                                          as its container would: ENTRYPOINT, with
                                          CMD or COMMAND, as its user, read-only
       image.py health [-e ...] [-v ...] FILE ROOT
                                          run HEALTHCHECK's command beside it
       image.py health FILE               print it

CONTEXT is the directory that COPY copies from. What it doesn't know in a file it
refuses. Needs what bare.py needs, but for lint.
"""
import argparse
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import bare

# What stands for the base images.
SUITES = {"docker.io/library/debian:12-slim": "bookworm",
          "docker.io/library/debian:13-slim": "trixie"}


class Fault(Exception):
    """Of the file, for a person."""


class Stage:
    """FROM, and what follows it."""

    def __init__(self, base, name):
        self.base, self.name = base, name
        self.steps = []         # (instruction, words or text), in order
        self.user = None        # the last that USER says, and so on
        self.health = self.entrypoint = self.command = None
        self.directory = "/"
        self.environment = []


def logical_lines(path):
    """(number, text) of each instruction, comments and continuations away."""
    text, begin = "", 0
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.lstrip().startswith("#") or (not text and
                                                 not line.strip()):
                continue
            begin = begin if text else number
            if line.endswith("\\"):
                text += line[:-1]
                continue
            yield begin, text + line
            text = ""
    if text:
        raise Fault("the last line ends with a backslash")


def exec_form(rest):
    """A JSON array's words, else None: the shell's form."""
    if not rest.startswith("["):
        return None
    words = json.loads(rest)
    if not words or not all(isinstance(word, str) for word in words):
        raise Fault(f"not a list of words: {rest}")
    return words


def words_of_copy(rest):
    words = shlex.split(rest)
    source_stage = None
    while words and words[0].startswith("--"):
        option = words.pop(0)
        if not option.startswith("--from="):
            raise Fault(f"COPY {option} isn't known")
        source_stage = option.removeprefix("--from=")
    if len(words) < 2:
        raise Fault("COPY wants a source and a destination")
    return source_stage, words[:-1], words[-1]


def take(stage, name, rest):
    """One instruction of STAGE, but FROM."""
    if name == "RUN":
        stage.steps.append((name, exec_form(rest) or ["/bin/sh", "-c", rest]))
    elif name == "COPY":
        stage.steps.append((name, words_of_copy(rest)))
    elif name == "WORKDIR":
        stage.directory = os.path.join(stage.directory, rest)
        stage.steps.append((name, stage.directory))
    elif name == "USER":
        stage.user = rest
        stage.steps.append((name, rest))
    elif name == "ENV":
        pairs = shlex.split(rest)
        if not all("=" in pair for pair in pairs):
            raise Fault("ENV wants NAME=VALUE")
        stage.environment += pairs
        stage.steps.append((name, pairs))
    elif name == "HEALTHCHECK":
        match = re.fullmatch(r"((?:--[a-z-]+=\S+\s+)*)CMD\s+(.*)", rest)
        if match is None:
            raise Fault("HEALTHCHECK wants options and CMD")
        stage.health = exec_form(match[2]) or ["/bin/sh", "-c", match[2]]
    elif name in ("ENTRYPOINT", "CMD"):
        words = exec_form(rest)
        if words is None:
            raise Fault(f"{name} in the shell's form gets no signal")
        if name == "CMD":
            stage.command = words
        else:
            stage.entrypoint = words
    else:
        raise Fault(f"{name} isn't known here")


def read(path):
    """The stages of a file."""
    stages = []
    for number, text in logical_lines(path):
        name, _, rest = text.strip().partition(" ")
        name, rest = name.upper(), rest.strip()
        try:
            if name == "FROM":
                match = re.fullmatch(r"(\S+)(?:\s+AS\s+(\S+))?", rest)
                if match is None:
                    raise Fault(f"FROM {rest}")
                stages.append(Stage(match[1], match[2]))
            elif not stages:
                raise Fault(f"{name} before FROM")
            else:
                take(stages[-1], name, rest)
        except (Fault, ValueError) as fault:
            raise Fault(f"{path}:{number}: {fault}") from fault
    if not stages:
        raise Fault(f"{path}: no FROM")
    return stages


def user_ids(user):
    if user is None:
        return None
    match = re.fullmatch(r"(\d+):(\d+)", user)
    if match is None:
        raise Fault(f"USER {user}: by numbers, so that it can be seen not to "
                    "be root")
    return match[1], match[2]


# --- lint ------------------------------------------------------------------

def faults_of_step(step, context, names):
    name, what = step
    if name == "COPY":
        source_stage, sources, _ = what
        if source_stage is not None and source_stage not in names:
            yield f"COPY --from={source_stage}: no such stage before it"
        for source in sources if source_stage is None else []:
            if not glob.glob(os.path.join(context, source)):
                yield f"COPY {source}: there is no such file"
            if os.path.normpath(source) == ".":
                yield "COPY . takes .git and build/ along"
    elif name == "RUN" and "apt-get install" in what[-1]:
        if "--no-install-recommends" not in what[-1]:
            yield "apt-get install without --no-install-recommends"
        if "rm -rf /var/lib/apt/lists/*" not in what[-1]:
            yield "apt's lists stay in the image"


def lint(path, context):
    stages = read(path)
    last = stages[-1]
    names = []
    for stage in stages:
        if stage.base not in SUITES:
            yield f"FROM {stage.base}: not one that image.py knows"
        for step in stage.steps:
            yield from faults_of_step(step, context, names)
        names.append(stage.name)
    if last.user is None or user_ids(last.user)[0] == "0":
        yield "the container is root's"
    if last.health is None:
        yield "there is no HEALTHCHECK"
    if last.entrypoint is None and last.command is None:
        yield "there is nothing to run"


# --- build -----------------------------------------------------------------

def inside(root, path):
    """PATH below ROOT; stays there for the files of ours that it is for."""
    return os.path.join(root, os.path.normpath("/" + path).lstrip("/"))


def copy(what, context, roots, root, directory):
    source_stage, sources, destination = what
    start = context if source_stage is None else roots[source_stage]
    target = inside(root, os.path.join(directory, destination))
    paths = [path for source in sources
             for path in sorted(glob.glob(os.path.join(start,
                                                       source.lstrip("/"))))]
    into = destination.endswith("/") or destination == "." or len(paths) > 1
    for path in paths:
        if os.path.isdir(path):
            shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)
        elif into:
            os.makedirs(target, exist_ok=True)
            shutil.copy2(path, target)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(path, target)
    # What is copied is root's, whoever's it was.
    subprocess.run(["chown", "-R", "0:0", target], check=True)


def run_steps(stage, context, roots, root):
    user, directory, environment = None, "/", []
    for name, what in stage.steps:
        print("+", name, what if isinstance(what, str) else
              " ".join(str(word) for word in what), flush=True)
        if name == "RUN":
            subprocess.run(
                bare.command_in(root, what, user_ids(user), directory,
                                environment, keeps_packages=True),
                env=bare.TOOLS, stdin=subprocess.DEVNULL, check=True)
        elif name == "COPY":
            copy(what, context, roots, root, directory)
        elif name == "WORKDIR":
            directory = what
            os.makedirs(inside(root, directory), exist_ok=True)
        elif name == "USER":
            user = what
        elif name == "ENV":
            environment += what


def build(path, context, root):
    stages = read(path)
    roots = {}
    with tempfile.TemporaryDirectory(prefix="s3spool-image.") as scratch:
        for number, stage in enumerate(stages):
            is_last = stage is stages[-1]
            its_root = root if is_last else os.path.join(scratch, str(number))
            bare.make(its_root, SUITES[stage.base])
            run_steps(stage, context, roots, its_root)
            roots[stage.name] = roots[str(number)] = its_root


# --- run -------------------------------------------------------------------

def become(stage, root, command, options):
    """What a container's runtime does, at its strictest."""
    home = "/"
    with open(inside(root, "/etc/passwd"), encoding="utf-8") as users:
        for line in users:
            fields = line.rstrip("\n").split(":")
            if fields[2] == user_ids(stage.user)[0]:
                home = fields[5]
    line = bare.command_in(
        root, command, user_ids(stage.user), stage.directory,
        ["HOME=" + home] + stage.environment + options.environment,
        [tuple(volume.split(":")) for volume in options.volumes],
        read_only=True)
    os.execvpe(line[0], line, bare.TOOLS)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["lint", "build", "run", "health"])
    parser.add_argument("-e", dest="environment", action="append", default=[])
    parser.add_argument("-v", dest="volumes", action="append", default=[])
    parser.add_argument("file")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    rest = options.rest
    wanted = {"lint": 1, "build": 2}.get(options.what)
    if (len(rest) != wanted if wanted is not None
            else options.what == "run" and not rest):
        parser.error("see --help")
    try:
        if options.what == "lint":
            faults = list(lint(options.file, rest[0]))
            print(*faults, sep="\n", end="\n" if faults else "")
            return 1 if faults else 0
        if options.what == "build":
            build(options.file, rest[0], rest[1])
            return 0
        stage = read(options.file)[-1]
        if options.what == "run":
            become(stage, rest[0], (stage.entrypoint or []) +
                   (rest[1:] or stage.command or []), options)
        elif rest:
            become(stage, rest[0], stage.health, options)
        print(stage.health[-1] if stage.health[:2] == ["/bin/sh", "-c"]
              else shlex.join(stage.health))
    except Fault as fault:
        print(f"image.py: {fault}", file=sys.stderr)
        return 65
    except subprocess.CalledProcessError as error:
        print(f"image.py: a step ended with {error.returncode}",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
