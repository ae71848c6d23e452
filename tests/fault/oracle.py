"""The ten promises, judged from evidence alone: what the producer says that it
wrote, what the stub says that it stored, and what lies on the disk.

The producer's log has a line a version of a file, JSON:
    {"seq": 7, "file": 3, "path": "a/2021/...", "sha256": ..., "size": ...,
     "crc32c": ...}
written once the version is whole (the CRC is needed for files that go in parts,
whose receipts have no SHA-256). A later version of the same FILE (the same
inode, written again) supersedes it; {"file": 3, "void": true} says that
somebody is about to write it again, so the old bytes may go. Whoever makes a
directory once and never tries again logs each ENOENT that he meets in it:
    {"missing": "a/2021/...", "at": ..., "changed": ...}
CHANGED: when anybody but us last changed that directory; seconds, both.
"""
import calendar
import hashlib
import json
import os
import re
import stat
import urllib.parse

ROOMS = ("claimed", "uploading", "confirmed", "failed", "held")
HOUR = 3600
PRUNE_AFTER = 26 * HOUR


class Version:
    def __init__(self, line):
        self.seq = line["seq"]
        self.file = line["file"]
        self.path = line["path"]
        self.sha256 = line["sha256"]
        self.crc32c = line.get("crc32c")
        self.size = line["size"]

    def __str__(self):
        return f"version {self.seq} of {self.path} ({self.size} bytes, {self.sha256[:12]})"


class Stored:
    """A line of the stub's log about an object that was stored."""

    def __init__(self, key, sha256, size):
        self.key = key
        self.sha256 = sha256
        self.size = size


class Receipt:
    def __init__(self, columns, source):
        self.key = urllib.parse.unquote(columns[2])
        self.path = urllib.parse.unquote(columns[3])
        self.size = int(columns[4])
        self.crc32c = columns[5]
        self.sha256 = columns[6]
        self.inode = int(columns[9])
        self.source = source


def read_producer(log):
    """All versions in order, and those that must survive."""
    versions, last = [], {}
    with open(log, encoding="utf-8", errors="surrogateescape") as lines:
        for text in lines:
            line = json.loads(text)
            if "missing" in line:
                continue
            if line.get("void"):
                last.pop(line["file"], None)
                continue
            version = Version(line)
            versions.append(version)
            last[version.file] = version
    return versions, list(last.values())


def read_missing(log):
    """What was not there, as the lines say."""
    with open(log, encoding="utf-8", errors="surrogateescape") as lines:
        return [line for line in map(json.loads, lines) if "missing" in line]


def read_stub(log, bucket):
    """What was stored in the bucket, in order."""
    stored = []
    with open(log, encoding="utf-8") as lines:
        for text in lines:
            columns = text.rstrip("\n").split("\t")
            if (len(columns) < 12 or columns[2] != bucket or columns[5] != "yes" or
                    columns[1] not in ("PutObject", "CompleteMultipartUpload")):
                continue
            stored.append(Stored(urllib.parse.unquote(
                columns[3], errors="surrogateescape"), columns[7], int(columns[6])))
    return stored


def read_receipts(spool):
    """Every whole receipt in runs/ and in the ledger, each run once."""
    receipts, seen = [], set()
    for top in ("runs", "ledger"):
        for directory, _, names in sorted(os.walk(os.path.join(spool, top))):
            for name in sorted(names):
                _read_receipts(os.path.join(directory, name), receipts, seen)
    return receipts


def _read_receipts(path, receipts, seen):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for text in file:
            columns = text.rstrip("\n").split("\t")
            if text.startswith("#") or not text.endswith("\n") or len(columns) < 11:
                continue
            # The same line in a piece and in its merged day is one receipt.
            if text not in seen:
                seen.add(text)
                receipts.append(Receipt(columns, path))


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def find_files(top):
    """(path, lstat) of everything below TOP that is no directory."""
    for directory, directories, names in os.walk(top):
        for name in directories + names:
            path = os.path.join(directory, name)
            try:
                st = os.lstat(path)
                if not stat.S_ISDIR(st.st_mode):
                    yield path, st
            except FileNotFoundError:
                pass  # a writer of the scenario is still at work


def _make_crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_crc_table = _make_crc_table()
_crcs = {}


def crc32c(data):
    """As in receipts. Slow, so each text's is remembered."""
    crc = _crcs.get(data)
    if crc is None:
        crc = 0xFFFFFFFF
        for byte in data:
            crc = crc >> 8 ^ _crc_table[(crc ^ byte) & 255]
        crc = _crcs[data] = f"{crc ^ 0xFFFFFFFF:08x}"
    return crc


class Evidence:
    def __init__(self, world):
        self.world = world
        self.versions, self.alive = read_producer(world.producer_log)
        self.missing = read_missing(world.producer_log)
        self.stored = read_stub(world.stub_log, world.bucket)
        self.objects = {line.key: line for line in self.stored}  # as they are now
        self.receipts = read_receipts(world.spool)
        self.sizes = {version.size for version in self.versions}
        self.of_path, self.of_crc32c = {}, {}  # -> versions
        for version in self.versions:
            self.of_path.setdefault(version.path, []).append(version)
            self.of_crc32c.setdefault((version.crc32c, version.size), []).append(version)
        self.on_disk = {}  # sha256 -> paths
        self.names = {}  # (device, inode) -> paths
        self.in_room = {room: [] for room in ROOMS}
        self._look(world.base)
        if not world.spool.startswith(world.base + "/"):
            self._look(world.spool)

    def _look(self, top):
        spool = self.world.spool + "/"
        for path, st in find_files(top):
            if not stat.S_ISREG(st.st_mode):
                continue
            room = path[len(spool):].split("/")[0] if path.startswith(spool) else None
            if room is not None and room not in ROOMS:
                continue
            if room == "failed" and path.endswith(".tsv") and path.count(
                    "/") == spool.count("/") + 1:
                continue
            if room is not None:
                self.in_room[room].append(path)
            self.names.setdefault((st.st_dev, st.st_ino), []).append(path)
            if st.st_size in self.sizes:  # a hole may be too large to read
                self.on_disk.setdefault(sha256_of(path), []).append(path)

    def bytes_of(self, receipt):
        """The SHA-256 of what the receipt is about (of each that it may be)."""
        if receipt.sha256 != "-":
            return {receipt.sha256}
        return {version.sha256 for version in
                self.of_crc32c.get((receipt.crc32c, receipt.size), ())}

    def is_key_of(self, key, path):
        whole = self.world.key_prefix + path
        return key == whole or key.startswith(whole + "~")


def _survival(evidence):
    """1, 7: every byte that was finished is in an object or on the disk."""
    by_sha = {}
    for key, stored in evidence.objects.items():
        by_sha.setdefault(stored.sha256, []).append(key)
    ever_stored = {line.sha256 for line in evidence.stored}
    for version in evidence.alive:
        if version.sha256 in evidence.on_disk:
            continue
        keys = by_sha.get(version.sha256, [])
        if any(evidence.is_key_of(key, version.path) for key in keys):
            continue
        if (evidence.world.overwrites and version.sha256 in ever_stored and
                _was_replaced(evidence, version)):
            continue
        yield f"LOST: {version} is neither on the disk nor in the store"


def _was_replaced(evidence, version):
    """Under overwrite a later version of the path may take its object's
    place, and nothing else may."""
    now = evidence.objects.get(evidence.world.key_prefix + version.path)
    return now is not None and any(
        later.seq > version.seq and later.sha256 == now.sha256
        for later in evidence.of_path[version.path])


def _deletion(evidence):
    """2: what is gone from the disk has a receipt."""
    receipted = {(receipt.path, sha256) for receipt in evidence.receipts
                 for sha256 in evidence.bytes_of(receipt)}
    for version in evidence.alive:
        if (version.sha256 not in evidence.on_disk and
                (version.path, version.sha256) not in receipted):
            yield f"DELETED WITHOUT A RECEIPT: {version}"


def _receipts(evidence):
    """3: a receipt means that the store has had exactly these bytes."""
    stored = {(line.key, line.sha256, line.size) for line in evidence.stored}
    for receipt in evidence.receipts:
        if not any((receipt.key, sha256, receipt.size) in stored
                   for sha256 in evidence.bytes_of(receipt)):
            yield (f"RECEIPT WITHOUT AN OBJECT: {receipt.key} "
                   f"({receipt.sha256[:12]}, {receipt.size} bytes) in {receipt.source}")


def _overwriting(evidence):
    """4: no object is overwritten with other bytes, and none holds bytes that
    the producer never finished."""
    known = {version.sha256 for version in evidence.versions} | evidence.world.also_known
    now = {}
    for stored in evidence.stored:
        before = now.get(stored.key)
        if before not in (None, stored.sha256) and not evidence.world.overwrites:
            yield f"OVERWRITTEN: {stored.key}, {before[:12]} by {stored.sha256[:12]}"
        now[stored.key] = stored.sha256
        if stored.sha256 not in known:
            yield f"A REMNANT WAS STORED: {stored.key} ({stored.size} bytes)"


def _names(evidence):
    """5: no file is in two places, but where the producer linked it."""
    for paths in evidence.names.values():
        rooms = [path for path in paths if path.startswith(evidence.world.spool + "/")]
        if len(rooms) > 1 or (rooms and len(paths) > 1 and not evidence.world.links):
            yield f"TWO NAMES: {paths}"


def _drained(evidence):
    """6: everything is gone, in failed/, or held back by a person."""
    spool = evidence.world.spool
    for room in ("claimed", "uploading", "confirmed"):
        for path in evidence.in_room[room]:
            yield f"NOT DRAINED: {path}"
    # What a killed program leaves in tmp/ is litter, which goes after a day.
    for room in ("runs",) if evidence.world.may_abandon else ("runs", "multipart"):
        for path, _ in find_files(os.path.join(spool, room)):
            yield f"LEFT BEHIND: {path}"
    for room in ("uploading", "confirmed"):
        for name in sorted(os.listdir(os.path.join(spool, room))):
            yield f"LEFT BEHIND: {room}/{name}"


def _outside(evidence):
    """8: nothing outside is touched."""
    before, now = evidence.world.outside_before, evidence.world.look_outside()
    for path in sorted(before.keys() | now.keys()):
        if before.get(path) != now.get(path):
            yield f"TOUCHED OUTSIDE: {path}: {before.get(path)} -> {now.get(path)}"


def _directories(evidence):
    """9: nobody meets ENOENT where the hour may still be alive in some zone,
    or where the directory was changed within the last hour."""
    for line in evidence.missing:
        date = re.search(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/", line["missing"])
        ended = calendar.timegm((*map(int, date.groups()), 0, 0)) + HOUR
        if line["at"] - ended < PRUNE_AFTER or line["at"] - line["changed"] < HOUR:
            yield f"THE DIRECTORY WAS GONE: {line['missing']}"


def check(world, drained=False):
    """The violated promises, as texts."""
    evidence = Evidence(world)
    judges = [_survival, _deletion, _receipts, _overwriting, _outside,
              _directories]
    if drained:
        judges += [_names, _drained]
    return [text for judge in judges for text in judge(evidence)]


def duplicates(world):
    """How many objects were stored again, though they were there."""
    seen, again = set(), 0
    for stored in read_stub(world.stub_log, world.bucket):
        again += (stored.key, stored.sha256) in seen
        seen.add((stored.key, stored.sha256))
    return again
