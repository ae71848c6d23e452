"""Hosts whose clocks are wrong by years, or jump: nothing is claimed, reaped,
pruned, aborted or recovered early (2, 5, 7, 9), no receipt gets lost, and
requests are signed all the same.

libfaketime gives one program another clock than the kernel has. Its times of
files stay the kernel's, and so does the clock that never steps: that is a host
with a wrong clock at a file server with a right one. (Where the wrong clock is
the file system's own, all times are wrong together.)"""
import calendar
import os
import re
import shutil
import subprocess
import time

import oracle
from tap import chance, equal, holds, main, ok, skip
from world import SCRATCH, Store, World, suspend, wait_until

CLOCKS = ("-60y", "-10y", "-2d", "+2d", "+10y", "+100y")
RIGHT = "+0"
YEAR_S = 365 * 86400
# 1969, 1970, 2100, the last and the first second beyond what nanoseconds in 64
# bits can tell, and the year 9999.
ODD_TIMES = (-YEAR_S, 0, 1, 4102444800, 9223372036, 9223372037, 253402300799)
PATH = "room/2021/02/03/04/05-t.dat"


def start_faketime():
    """faketime makes what its programs share, and removes it when the one that
    it runs ends, which is when we do. (By themselves they would make, but,
    killed or confined, not remove it.) Returns what it gives them; None: it
    can't be had."""
    if shutil.which("faketime") is None:
        return None
    for _ in range(10):  # a killed one's of the same number may lie about
        holder = subprocess.Popen(
            ["faketime", "-m", "-f", RIGHT, "sh", "-c",
             'echo "$LD_PRELOAD"; echo "$FAKETIME_SHARED"; read -r end'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        library, shared = (holder.stdout.readline().strip() for _ in range(2))
        if shared:
            return {"LD_PRELOAD": library, "FAKETIME_SHARED": shared,
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        holder.wait()
    return None


def find_faketime():
    """The environment that gives a program another clock, but for what FAKETIME
    says; None: it can't be had. What leaves futimens(2) to the kernel depends
    on libfaketime's version, so it is tried."""
    environment = start_faketime()
    touched = os.path.join(SCRATCH, "touched")
    for fake_utime in "01" if environment else "":
        environment["FAKE_UTIME"] = fake_utime
        subprocess.run(["touch", touched], check=True,
                       env={**os.environ, **environment, "FAKETIME": "+10y"})
        if os.stat(touched).st_mtime < time.time() + YEAR_S:
            return environment
    return None


FAKETIME = find_faketime()


def clock(offset=None, file=None):
    """The environment of a program whose clock is wrong by OFFSET, or by what
    FILE says at the time."""
    wrong = {"FAKETIME": offset} if offset else {
        "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1"}
    return {**FAKETIME, **wrong}


def requests(world, operation, status=None):
    """The columns of the stub's log about OPERATION in the world's bucket."""
    with open(world.stub_log, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return [columns for columns in lines if columns[1] == operation and
            columns[2] == world.bucket and (status is None or columns[4] == status)]


def set_mtime(path, seconds):
    os.utime(path, (seconds, seconds))


def seconds_of(text):
    """Of an RFC 3339 time in UTC, or of a day."""
    return calendar.timegm(time.strptime(f"{text}T00:00:00"[:19], "%Y-%m-%dT%H:%M:%S"))


def clocks_are_wrong():
    """the programs have the clock that these tests give them, and believe it
    where the store doesn't object to its signatures"""
    store = Store("--no-auth")
    for offset in CLOCKS:
        with World(store) as world:
            world.write(PATH)
            world.scan()
            equal(world.upload(environment=clock(offset)).status, 0, f"{offset}: uploads")
            listed = world.reap(options=("--list",)).out.split("\t")
            number, unit = re.match(r"(.\d+)(.)", offset).groups()
            wanted = int(number) * (YEAR_S if unit == "y" else 86400)
            told = seconds_of(listed[0])
            ok(abs(told - time.time() - wanted) < 40 * 86400,
               f"{offset}: and is believed", listed[0])
            mtime_ns = os.stat(world.files_in("confirmed")[0]).st_mtime_ns
            equal(listed[10], f"{mtime_ns}\n", f"{offset}: files have the kernel's times")
    store.stop()


def settled():
    """a file is settled by the file system's clock"""
    store = Store()
    for check in ("auto", "age"):
        with World(store, "settle_seconds: 300", f"settle_check: {check}") as world:
            for number, mtime in enumerate((time.time(), *ODD_TIMES)):
                path = f"room/2021/02/03/04/05-{number}.dat"
                world.write(path)
                set_mtime(world.full(path), mtime)
            for offset in CLOCKS:
                world.scan(environment=clock(offset))
                equal(world.files_in("claimed"), [],
                      f"{check}, {offset}: nothing is claimed early")
            world.configure("settle_seconds: 1", f"settle_check: {check}")
            for offset in CLOCKS:
                world.write(f"other/2021/02/03/04/05-{offset}.dat")
                wait_until(lambda: world.scan(environment=clock(offset)).status == 0 and
                           not os.path.exists(world.full(
                               f"other/2021/02/03/04/05-{offset}.dat")),
                           f"{offset}: it is claimed in time")
            equal(len(world.files_in("claimed")), 1 + len(ODD_TIMES) + len(CLOCKS),
                  f"{check}: all is claimed in time")
            holds(world.check(), "nothing is lost")
    store.stop()


def settled_without_leases():
    """what a script has put into claimed/ is settled by that clock, too"""
    store = Store()
    with World(store, "settle_seconds: 300", "settle_check: age") as world:
        world.scan()
        world.write(PATH)
        claimed = os.path.join(world.spool, "claimed", PATH)
        os.makedirs(os.path.dirname(claimed))
        os.rename(world.full(PATH), claimed)
        for offset in CLOCKS:
            world.upload(environment=clock(offset))
            equal((world.files_in("claimed"), requests(world, "PutObject")),
                  ([claimed], []), f"{offset}: it isn't sent early")
        set_mtime(claimed, time.time() - 301)
        world.upload(environment=clock("-10y"))
        equal(world.files_in("claimed"), [], "it is sent in time")
    store.stop()


def retained():
    """retain counts by the file system's clock"""
    store = Store()
    with World(store, "retain: 1h") as world:
        for offset in (*CLOCKS, RIGHT):
            world.write(f"room/2021/02/03/04/05-{offset}.dat")
            world.scan()
            world.upload(environment=clock(offset))
        confirmed = world.files_in("confirmed")
        equal(len(confirmed), len(CLOCKS) + 1, "all are stored")
        for offset in CLOCKS:
            world.reap(environment=clock(offset))
            equal(world.files_in("confirmed"), confirmed,
                  f"{offset}: nothing is deleted early")
        world.configure("retain: 1s")
        wait_until(lambda: world.reap(environment=clock("-10y")).status == 0 and
                   not world.files_in("confirmed"), "all are deleted in time")
        world.reap()
        holds(world.check(drained=True), "nothing is lost")
    store.stop()


def pruned():
    """directories are pruned by the file system's clock"""
    store = Store()
    with World(store, "prune_after: 26h") as world:
        world.scan()
        now = time.time()
        live = [time.strftime("room/%Y/%m/%d/%H", time.gmtime(now + hours * 3600))
                for hours in (-1, 0, 1)]
        idle, fresh, young = ("room/2021/02/03/04", "room/2021/02/04/05",
                              "room/2021/02/x5/06")

        def make(*paths, age):
            for path in paths:
                os.makedirs(world.full(path), exist_ok=True)
                set_mtime(world.full(path), now - age)

        def are_there(*paths):
            return [path for path in paths if os.path.isdir(world.full(path))]

        litter = os.path.join(world.spool, "tmp", "of-today")
        old_litter = os.path.join(world.spool, "tmp", "of-the-day-before")
        for offset in CLOCKS:
            make(*live, idle, age=7200)
            make(young, age=25 * 3600)
            make(fresh, age=60)
            for path, age in ((litter, 23 * 3600), (old_litter, 25 * 3600)):
                open(path, "w").close()
                set_mtime(path, now - age)
            world.reap(environment=clock(offset))
            equal(are_there(*live, idle, fresh, young), [*live, fresh, young],
                  f"{offset}: what is old goes, the live hours stay")
            equal(os.listdir(os.path.dirname(litter)), ["of-today"],
                  f"{offset}: what is old goes from tmp/, what is new stays")
    store.stop()


def recovered():
    """a live run is left alone, and a dead one taken up, whatever the clocks"""
    store = Store("--latency-ms", "100")
    with World(store, "connections: 4") as world:
        for number in range(40):
            world.write(f"room/2021/02/03/04/05-{number}.dat")
        world.scan()
        held = []
        while not held:
            one = world.start("upload", environment=clock("-10y"))
            wait_until(lambda: world.held_by(one) or one.poll() is not None,
                       "it holds files")
            suspend(one)
            held = world.held_by(one)
            if not held:
                one.kill()
                one.wait()
        for offset in CLOCKS:
            world.upload(environment=clock(offset))
            world.reap(environment=clock(offset))
            equal(world.held_by(one), held, f"{offset}: nothing is taken from it")
        equal(world.files_in("claimed"), [], "all else is uploaded")
        one.kill()
        one.wait()
        world.upload(environment=clock("-60y"))
        equal(world.files_in("uploading"), [], "once it is dead, it is taken up")
        world.reap(environment=clock("+10y"))
        holds(world.check(drained=True), "nothing is lost")
    store.stop()


def gone_on_with():
    """an unfinished multipart upload of today isn't aborted"""
    pairs = [(RIGHT, "+10y"), ("-10y", RIGHT), ("+100y", "-60y")]
    store = Store(rules=[f"PUT op=UploadPart part=2 key=*05-{number}.dat n=1 stall"
                         for number in range(len(pairs))])
    data = chance.randbytes((5 << 20) + 1)
    for number, (before, after) in enumerate(pairs):
        with World(store, "multipart_abort_after: 7d") as world:
            world.write(f"room/2021/02/03/04/05-{number}.dat", data)
            world.scan()
            one = world.start("upload", environment=clock(before))
            wait_until(lambda: requests(world, "UploadPart", "200"),
                       "a part is stored", one)
            one.kill()
            one.wait()
            ended = world.upload(environment=clock(after))
            equal(ended.status, 0, f"{before}, then {after}: it is uploaded", ended)
            equal((len(requests(world, "CreateMultipartUpload", "200")),
                   requests(world, "AbortMultipartUpload")), (1, []),
                  f"{before}, then {after}: by the upload that was begun")
            world.reap()
            holds(world.check(drained=True), "nothing is lost")
    store.stop()


def aborted():
    """one that nobody goes on with is aborted in time"""
    store = Store(rules=["PUT op=UploadPart part=2 stall"])
    with World(store, "multipart_abort_after: 1s") as world:
        world.write(PATH, size=(5 << 20) + 1)
        world.scan()
        one = world.start("upload", environment=clock("+10y"))
        wait_until(lambda: requests(world, "UploadPart", "200"), "a part is stored", one)
        one.kill()
        one.wait()
        os.unlink(world.files_in("uploading")[0])
        wait_until(lambda: world.upload(environment=clock("-10y")).status == 0 and
                   requests(world, "AbortMultipartUpload", "204"), "it is aborted")
        equal(os.listdir(os.path.join(world.spool, "multipart")), [], "and forgotten")
    store.stop()


def ledger():
    """every receipt is kept, whatever day the reaper believes it is"""
    store = Store("--no-auth")  # else all would be of today
    with World(store) as world:
        clocks = [RIGHT, *CLOCKS]
        count = 0
        for up in clocks:
            for down in chance.sample(clocks, 3):
                count += 1
                world.write(f"room/2021/02/03/04/05-{count}.dat")
                world.scan()
                world.upload(environment=clock(up))
                ended = world.reap(environment=clock(down))
                equal(ended.status, 0, f"uploaded at {up}, reaped at {down}", ended)
        for offset in ("-60y", "+100y"):
            ended = world.reap(environment=clock(offset))
            equal((ended.status, ended.err), (0, ""), f"{offset}: nothing is to be done")
        merged = [name for name in os.listdir(os.path.join(world.spool, "ledger"))
                  if name.endswith(".tsv")]
        # All but the last, which isn't over by any clock.
        ok(len(merged) >= len(clocks) - 1, "the days are merged", merged)
        keys = sorted(receipt.key for receipt in oracle.read_receipts(world.spool))
        equal(len(keys), count, "the ledger has all")
        for at in clocks:
            listed = world.reap(options=("--list",), environment=clock(at)).out
            equal(sorted(line.split("\t")[2] for line in listed.splitlines()), keys,
                  f"{at}: the list has each once")
        holds(world.check(drained=True), "nothing is lost")
    store.stop()


def recorded():
    """what is on record is the store's time, and no clock removes old days"""
    for options in ((), ("--no-auth",)):
        store = Store(*options)
        for offset in CLOCKS:
            with World(store, "ledger_retention: 365d") as world:
                world.reap()  # makes the spool
                old = [time.strftime("%Y-%m-%d.tsv", time.gmtime(time.time() - days * 86400))
                       for days in (9, 8, 7)]
                for name in old:
                    open(os.path.join(world.spool, "ledger", name), "w").close()
                began = time.time()
                for number in range(2):
                    world.write(f"room/2021/02/03/04/05-{number}.dat")
                    world.scan()
                    world.upload(environment=clock(offset))
                    ended = world.reap(environment=clock(offset))
                    equal((ended.status, "removed" in ended.err), (0, False),
                          f"{options}, {offset}: nothing is removed", ended)
                ended = world.reap()
                kept = os.listdir(os.path.join(world.spool, "ledger"))
                equal(sorted(set(old) - set(kept)), [],
                      f"{options}, {offset}: nor when it is right again", ended)
                for line in world.reap(options=("--list",)).out.splitlines():
                    ok(options or began - 60 < seconds_of(line) < time.time() + 60,
                       f"{offset}: on record is the store's time", line)
        store.stop()


def odd_times():
    """files from 1970, 2100 and beyond go through"""
    store = Store()
    for offset in (RIGHT, *CLOCKS):
        for check in ("lease", "age"):
            with World(store, f"settle_check: {check}") as world:
                for mtime in ODD_TIMES:
                    path = f"room/1970/01/01/00/00-{mtime}.dat"
                    world.write(path)
                    set_mtime(world.full(path), mtime)
                ends = [world.run(stage, environment=clock(offset))
                        for stage in ("scan", "upload", "reap")]
                equal([end.status for end in ends], [0, 0, 0],
                      f"{check}, {offset}: they go through", *ends)
                holds(world.check(drained=True), f"{check}, {offset}: nothing is lost")
    store.stop()


def signed():
    """requests are signed by the store's clock"""
    store = Store()
    for offset in CLOCKS:
        with World(store, "connections: 4", "max_attempts: 2") as world:
            for number in range(20):
                world.write(f"room/2021/02/03/04/05-{number}.dat")
            ends = [world.run(stage, environment=clock(offset))
                    for stage in ("scan", "upload", "reap")]
            equal([end.status for end in ends], [0, 0, 0],
                  f"{offset}: it goes through", *ends)
            refused = len(requests(world, "PutObject", "403"))
            ok(1 <= refused <= 4, f"{offset}: the store's clock is learnt once",
               f"{refused} refused")
            holds(world.check(drained=True), f"{offset}: nothing is lost")
    store.stop()


def jumping():
    """the clock jumps while programs run"""
    store = Store("--latency-ms", "20")
    with World(store, "connections: 4") as world:
        says = os.path.join(world.base, "clock")  # a confined program reads there

        def set_clock(offset):
            with open(says + ".new", "w", encoding="utf-8") as file:
                file.write(offset + "\n")
            os.rename(says + ".new", says)

        set_clock(RIGHT)
        for number in range(400):
            world.write(f"room/2021/02/03/04/05-{number}.dat")
        world.scan(environment=clock(file=says))
        one = world.start("upload", environment=clock(file=says))
        for stored, offset in enumerate(chance.sample(CLOCKS, len(CLOCKS)), 1):
            wait_until(lambda: len(requests(world, "PutObject", "200")) >= 50 * stored,
                       f"{50 * stored} are stored", one)
            set_clock(offset)
            world.reap(environment=clock(file=says))
        equal(one.wait(timeout=120), 0, "it goes through")
        ok(requests(world, "PutObject", "403"), "though its clock was wrong")
        world.reap(environment=clock(file=says))
        world.reap()
        holds(world.check(drained=True), "nothing is lost")
    store.stop()


def credentials():
    """credentials that expire, by a clock that is wrong"""
    store = Store("--credential", "role-key:role-secret:role-token")
    source = Store("--face", "container", "--access-key", "role-key", "--secret",
                   "role-secret", "--token", "role-token", "--expiry", "3600")
    for offset in CLOCKS:
        with World(store) as world:
            world.write(PATH)
            world.scan()
            ended = world.upload(environment={
                **clock(offset), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": source.url + "/x"})
            equal(ended.status, 0, f"{offset}: they serve", ended)
    store.stop()
    source.stop()


STORIES = (clocks_are_wrong, settled, settled_without_leases, retained, pruned, recovered,
           gone_on_with, aborted, ledger, recorded, odd_times, signed, jumping,
           credentials)


def without_faketime():
    """nothing of this can be tried without faketime"""
    skip("no faketime that leaves the files' times alone", "clocks")


if __name__ == "__main__":
    main(*(STORIES if FAKETIME else (without_faketime,)))
