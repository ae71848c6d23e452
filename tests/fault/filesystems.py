"""File systems of a test's own: in a mount namespace, so that nothing stays
mounted, however the test ends.

    why_not = filesystems.enter()          # None, or why there can be none here
    with filesystems.tmpfs("size=64k") as top:
        ...

Each raises Cannot, with the reason, where it can't be had. As an ordinary user
the namespace comes with a user namespace in which we are root; loop devices
can't be had there.
"""
import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile

import world

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
libc = ctypes.CDLL(None, use_errno=True)


class Cannot(Exception):
    """This file system can't be had here; the text says why."""


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def enter():
    """Into a mount namespace. Returns None, or why it can't be."""
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | (CLONE_NEWUSER if uid != 0 else 0)
    if libc.unshare(flags) < 0:
        return "no mount namespace: " + os.strerror(ctypes.get_errno())
    try:
        if uid != 0:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"0 {uid} 1")
            _write("/proc/self/gid_map", f"0 {gid} 1")
    except OSError as error:
        return f"no user namespace: {error}"
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) < 0:
        return "no private mounts: " + os.strerror(ctypes.get_errno())
    return None


def _do(*command):
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, check=False)
    except FileNotFoundError:
        raise Cannot(f"{command[0]} is missing") from None
    if ended.returncode != 0:
        raise Cannot(f"{' '.join(command[:3])}: {ended.stderr.strip()}")


@contextlib.contextmanager
def mounted(*arguments, at=None):
    """What `mount ARGUMENTS DIRECTORY` mounts; the directory is a new one
    unless AT is given."""
    top = at or tempfile.mkdtemp(prefix="mnt", dir=world.SCRATCH)
    _do("mount", *arguments, top)
    try:
        yield top
    finally:
        # What still runs there is ended by its own clean-up.
        _do("umount", "-l", top)


def tmpfs(*options):
    return mounted("-t", "tmpfs", "-o", ",".join(("mode=755", *options)), "tmpfs")


def bind(source, target):
    return mounted("--bind", source, at=target)


@contextlib.contextmanager
def image(kind, size, *mkfs, options="rw"):
    """A file system of KIND in a file of SIZE bytes, without holes filled."""
    if os.getuid() != 0:
        raise Cannot("loop devices need root")
    handle, name = tempfile.mkstemp(prefix=kind, dir=world.SCRATCH)
    os.truncate(handle, size)
    os.close(handle)
    try:
        _do("mkfs." + kind, "-q", *mkfs, name)
        # Such a loop device goes with its mount.
        with mounted("-o", "loop," + options, name) as top:
            yield top
    finally:
        os.unlink(name)


@contextlib.contextmanager
def overlay(lower, options="", parent=None, at=None):
    """An overlay on the directory LOWER; the upper layer is in PARENT, or
    beside LOWER, and stays for the next overlay of the two."""
    parent = parent or os.path.dirname(lower)
    upper, work = os.path.join(parent, "upper"), os.path.join(parent, "work")
    os.makedirs(upper, exist_ok=True)
    os.makedirs(work, exist_ok=True)
    with mounted("-t", "overlay", "-o",
                 f"lowerdir={lower},upperdir={upper},workdir={work}"
                 + ("," + options if options else ""), "overlay", at=at) as top:
        yield top


@contextlib.contextmanager
def bindfs(source, *options):
    """SOURCE through FUSE."""
    top = tempfile.mkdtemp(prefix="fuse", dir=world.SCRATCH)
    if shutil.which("bindfs") is None:
        raise Cannot("bindfs is missing")
    before = os.stat(top).st_dev
    with open(os.path.join(world.SCRATCH, "bindfs.log"), "ab") as log:
        daemon = world.start_process(
            ["setpriv", "--pdeathsig", "KILL", "bindfs", "-f", *options, source, top],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    world.wait_until(lambda: daemon.poll() is not None or
                     os.stat(top).st_dev != before, "bindfs mounts")
    if daemon.poll() is not None:
        with open(log.name, encoding="utf-8", errors="replace") as text:
            raise Cannot("bindfs: " + text.read().strip())
    try:
        yield top
    finally:
        _do("umount", "-l", top)
        daemon.terminate()
        daemon.wait()


def sync(directory):
    """What lies in DIRECTORY's file system has its place on the disk."""
    handle = os.open(directory, os.O_RDONLY)
    libc.syncfs(handle)
    os.close(handle)


def remove(directory):
    """A world's base_dir that lies on one of these; the next one's place."""
    shutil.rmtree(directory)
