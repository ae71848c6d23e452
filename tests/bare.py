#!/usr/bin/env python3
"""A bare Debian in a directory, to install and run things in as on a new machine.

Nothing in it is this machine's but kernel and network. What is mounted in there
is so in a namespace of its own, and ends with the command.

usage: bare.py can [SUITE]        exit with 0 where one can be had, else say why
       bare.py up ROOT [SUITE]    make the directory ROOT one
       bare.py run [OPTION...] ROOT COMMAND...
                                  run COMMAND in ROOT, as process 1, and exit
                                  with its status; `run --help` tells the options

SUITE is Debian's, by default bookworm.

environment:
    S3SPOOL_BARE      where what was downloaded is kept (default: build/bare)
    S3SPOOL_MIRROR    Debian's (default: http://deb.debian.org/debian)
"""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = os.environ.get("S3SPOOL_BARE") or os.path.join(TREE, "build", "bare")
MIRROR = (os.environ.get("S3SPOOL_MIRROR")
          or "http://deb.debian.org/debian")
SUITE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The tools are the distribution's, whatever else stands in front of PATH.
TOOLS = dict(os.environ, PATH=PATH)
NAMESPACES = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]


def is_quiet(command):
    return subprocess.run(command, env=TOOLS, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False).returncode == 0


def obstacle(suite=SUITE):
    """Why there can be none here, or None."""
    if os.geteuid() != 0:
        return "only root can make a bare Debian"
    if shutil.which("mmdebstrap", path=PATH) is None:
        return "no mmdebstrap is installed"
    if not is_quiet(NAMESPACES + ["true"]):
        return "this machine gives no namespaces"
    with tempfile.TemporaryDirectory() as directory:
        release = os.path.join(directory, "Release")
        if not is_quiet(["/usr/lib/apt/apt-helper", "download-file",
                         f"{MIRROR}/dists/{suite}/Release", release]):
            return f"{MIRROR} can't be reached"
    return None


def make(root, suite=SUITE):
    """Makes ROOT a bare Debian, from a tarball that the first call keeps."""
    tar = os.path.join(KEPT, suite + ".tar")
    if not os.path.exists(tar):
        os.makedirs(KEPT, exist_ok=True)
        # Half of one must not look like one.
        part = os.path.join(KEPT, f".{suite}.{os.getpid()}.tar")
        try:
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase",
                 "--dpkgopt=force-unsafe-io", suite, part, MIRROR],
                env=TOOLS, stdin=subprocess.DEVNULL, check=True)
            os.rename(part, tar)
        finally:
            if os.path.exists(part):
                os.unlink(part)
    os.makedirs(root, exist_ok=True)
    subprocess.run(["tar", "-C", root, "-xf", tar], env=TOOLS, check=True)


def place_for(source, root, inside):
    """Makes what SOURCE can be mounted on."""
    target = os.path.join(root, inside.lstrip("/"))
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="ascii"):
            pass
    return target


def command_in(root, command, user=None, directory="/", environment=(),
               volumes=(), keeps_packages=False, read_only=False):
    """The command line that runs COMMAND, a list, in ROOT. USER is (uid, gid):
    without any capability; ENVIRONMENT, of NAME=VALUE, is all but PATH; VOLUMES
    are (directory or file, where inside)."""
    root = os.path.abspath(root)
    binds = [("/dev/" + name, "/dev/" + name) for name in DEVICES]
    if os.path.exists("/etc/resolv.conf"):
        binds.append((os.path.realpath("/etc/resolv.conf"),
                      "/etc/resolv.conf"))
    if keeps_packages:
        archives = os.path.join(KEPT, "archives")
        os.makedirs(os.path.join(archives, "partial"), exist_ok=True)
        binds.append((archives, "/var/cache/apt/archives"))
    binds.extend(volumes)
    targets = [place_for(source, root, inside) for source, inside in binds]

    steps = [["mount", "--bind", root, root]]
    if read_only:
        steps.append(["mount", "-o", "remount,bind,ro", root])
    steps.extend(["mount", "--bind", source, target]
                 for (source, _), target in zip(binds, targets))
    steps.append(["mount", "-t", "proc", "proc", os.path.join(root, "proc")])
    last = ["exec", "chroot", root]
    if user is not None:
        uid, gid = user
        last += ["setpriv", f"--reuid={uid}", f"--regid={gid}",
                 "--clear-groups", "--no-new-privs", "--bounding-set=-all",
                 "--inh-caps=-all"]
    last += ["env", "-i", "-C", directory, "PATH=" + PATH, *environment,
             *command]
    script = " && ".join(shlex.join(step) for step in steps + [last])
    line = NAMESPACES + ["sh", "-c", script]
    if keeps_packages:
        # apt has them for itself, and doesn't wait for another apt.
        line = ["flock", "--no-fork", os.path.join(KEPT, "lock")] + line
    return line


def run(arguments):
    parser = argparse.ArgumentParser(prog="bare.py run")
    parser.add_argument("-u", metavar="UID:GID", dest="user",
                        help="as this user, without any capability")
    parser.add_argument("-w", metavar="DIR", dest="directory", default="/",
                        help="in this directory")
    parser.add_argument("-e", metavar="NAME=VALUE", dest="environment",
                        action="append", default=[],
                        help="with this in the environment, besides PATH")
    parser.add_argument("-v", metavar="PATH:INSIDE", dest="volumes",
                        action="append", default=[],
                        help="with PATH, a file or directory, there")
    parser.add_argument("-a", dest="keeps_packages", action="store_true",
                        help="with the packages kept that apt downloads")
    parser.add_argument("-r", dest="read_only", action="store_true",
                        help="with all else read-only")
    parser.add_argument("root")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    line = command_in(
        options.root, options.command,
        tuple(options.user.split(":")) if options.user else None,
        options.directory, options.environment,
        [tuple(volume.split(":")) for volume in options.volumes],
        options.keeps_packages, options.read_only)
    os.execvpe(line[0], line, TOOLS)


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["can"] and len(arguments) <= 2:
        why = obstacle(*arguments[1:])
        if why is not None:
            print(why)
            return 1
    elif arguments[:1] == ["up"] and 2 <= len(arguments) <= 3:
        make(*arguments[1:])
    elif arguments[:1] == ["run"]:
        run(arguments[1:])
    else:
        print(__doc__, file=sys.stderr)
        return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
