"""Every system call fails.

Each call that matters answers each error, at each place where it is made: then
no file is lost, the program ends by itself with a status that it is meant to
have, and passes afterwards drain everything (promises 1 to 4, 6). And calls that
happen and then lie, as a rename over NFS whose answer was lost; calls that do
less than they were asked; and a failing fsync, which is never believed later.
"""
import os

import oracle
from tap import LONG, chance, equal, holds, main, note, ok, sample
from world import EX_CONFIG, EX_IOERR, EX_NOPERM, EX_TEMPFAIL, NEVER_REACHED, Store, World

STAGES = ("scan", "upload", "reap")
CALLS = ("rename", "renameat", "renameat2", "linkat", "open", "openat", "openat2", "read",
         "pread64", "write", "fdatasync", "fsync", "mkdir", "mkdirat", "unlink",
         "unlinkat", "rmdir", "getdents64", "fstat", "newfstatat", "fcntl",
         "epoll_wait", "poll", "socket", "connect", "ftruncate", "utimensat")
ERRORS = ("EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "ESTALE", "EDQUOT")
# Out of memory and out of descriptors may end a program with what its
# allocator says (EX_OSERR); the spool survives, and starting up is recovery.
EX_SOFTWARE, EX_OSERR = 70, 71
MEANT = {0, 1, EX_SOFTWARE, EX_OSERR, EX_IOERR, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG}
BIG = chance.randbytes((5 << 20) + 1234)


def prepare(store, stage):
    world = World(store)
    world.write("room/2021/02/03/04/05-small.dat")
    world.write("room/2021/02/03/04/06-empty.dat", b"")
    world.write("hall/2021/02/04/00/00-big.dat", BIG)
    for earlier in STAGES[:STAGES.index(stage)]:
        world.run(earlier)
    return world


def judge(world, ended, what):
    """After the harm: nothing lost then, and everything drained afterwards."""
    found = world.check()
    if ended.status not in MEANT | {NEVER_REACHED}:
        found.append(f"ended with {ended.status}: {ended.err[-300:]}")
    passes = world.drain(2)
    found += [str(one) for one in passes[3:] if one.status != 0]
    found += world.check(drained=True)
    return [f"{what}: {text}" for text in found]


def made(world, stage, *how, status=0, **more):
    """Every (call, number) that the stage makes now, which ends with STATUS."""
    counts_file = os.path.join(world.root, "counts")
    ended = world.run(stage, *how, "--count", counts_file, **more)
    equal(ended.status, status, f"{stage} ends well by itself", ended)
    with open(counts_file, encoding="utf-8") as lines:
        counts = dict(line.split() for line in lines)
    return [(call, n) for call in CALLS for n in range(1, int(counts.get(call, 0)) + 1)]


def places(store, stage, *how):
    """Every (call, number) that the stage makes."""
    with prepare(store, stage) as world:
        return made(world, stage, *how)


def try_all(quick, option, errors, *how, calls=None, often=""):
    store = Store()
    for stage in STAGES:
        cases = [(call, n, error) for call, n in places(store, stage, *how)
                 for error in errors if calls is None or call in calls]
        chosen = sample(cases, quick)
        violations, missed = [], 0
        for call, n, error in chosen:
            with prepare(store, stage) as world:
                # A multipart upload's state that can't be removed stays until
                # multipart_abort_after.
                world.may_abandon = call == "unlinkat"
                ended = world.run(stage, *how, option, f"{call}:{n}{often}={error}")
                missed += ended.status == NEVER_REACHED
                violations += judge(world, ended, f"{stage}: {call} no. {n}{often}: {error}")
        ok(missed <= len(chosen) * 0.2, f"{stage}: {len(chosen) - missed} of "
           f"{len(chosen)} cases came to be")
        holds(violations, f"{stage}: {option} in {len(chosen)} of {len(cases)} cases")


def fails_once():
    """The n-th call isn't made, and answers an error."""
    try_all(25, "--fail", ERRORS)


def fails_from_then_on():
    """The n-th and all later ones of its name."""
    try_all(12, "--fail", ("EIO", "ENOSPC", "EMFILE", "ENOMEM"), often="+")


def fails_from_then_on_by_hand():
    """The same of the calls by which moves are made without RENAME_NOREPLACE."""
    try_all(3, "--fail", ("EIO", "ESTALE"), "--no-noreplace",
            calls=("renameat", "linkat", "unlinkat"), often="+")


def happens_and_lies():
    """A move that has happened answers an error, as over NFS."""
    try_all(10, "--lie", ("ENOENT", "EEXIST", "EIO", "ESTALE"),
            calls=("rename", "renameat", "renameat2", "mkdirat", "unlinkat", "linkat"))


def happens_and_lies_by_hand():
    """The same where moves are made without RENAME_NOREPLACE."""
    store = Store()
    for stage in STAGES:
        cases = [(call, n, error) for call in ("renameat", "rename", "linkat", "unlinkat")
                 for n in range(1, 9) for error in ("ENOENT", "EEXIST", "EIO")]
        violations, came = [], 0
        for call, n, error in sample(cases, 10):
            with prepare(store, stage) as world:
                ended = world.run(stage, "--no-noreplace", "--lie", f"{call}:{n}={error}")
                came += ended.status != NEVER_REACHED
                violations += judge(world, ended, f"{stage}: {call} no. {n}: {error}")
        ok(came > 0, f"{stage}: {came} cases came to be")
        holds(violations, f"{stage}: moves by hand that lie")


def does_less():
    """Reads and writes that do only a part."""
    store = Store()
    for stage in STAGES:
        cases = [(call, n, size) for call, n in places(store, stage)
                 if call in ("read", "pread64", "write") for size in (1, 7)]
        violations = []
        chosen = sample(cases, 10)
        for call, n, size in chosen:
            with prepare(store, stage) as world:
                ended = world.run(stage, "--short", f"{call}:{n}={size}")
                violations += judge(world, ended, f"{stage}: {call} no. {n}: {size} bytes")
        holds(violations, f"{stage}: short reads and writes in {len(chosen)} of "
              f"{len(cases)} cases")


def failed_sync_is_fatal():
    """A sync of receipts that fails: its lines are never believed."""
    store = Store()
    with prepare(store, "upload") as world:
        # The run's own file is synced for the first time by its receipts.
        ended = world.upload("--fail", "fdatasync:1+=EIO")
        equal(ended.status, EX_IOERR, "the uploader ends with 74", ended)
        ok("durable" in ended.err and "Input/output error" in ended.err,
           "it says what it could not make durable, and why", ended)
        equal(world.files_in("confirmed"), [], "nothing is confirmed")
        equal([receipt.path for receipt in oracle.read_receipts(world.spool)], [],
              "no receipt is left to be believed")
        equal(len(world.files_in("uploading", "claimed")), 3, "every file is still queued")
        world.drain(1)
        holds(world.check(drained=True), "the next pass finds them stored, and drains")
        equal(oracle.duplicates(world), 0, "nothing was sent twice")


def has_never_guesses():
    """A new file isn't what was stored, whatever can't be looked at."""
    path = "room/2021/02/03/04/05-small.dat"
    with World(Store()) as world:
        world.write(path)
        world.drain(1)
        world.write(path)
        question = {"options": ["--has"], "arguments": [path]}
        cases = [(call, n, error) for call, n in made(world, "reap", status=1, **question)
                 for error in (ERRORS if LONG else ("EIO",))]
        wrong = []
        for call, n, error in cases:
            ended = world.reap("--fail", f"{call}:{n}={error}", **question)
            if ended.status not in MEANT - {0} | {NEVER_REACHED}:
                wrong.append(f"{call} no. {n}: {error}: {ended}\n{ended.out}")
        holds(wrong, f"has: --fail in {len(cases)} cases")


def out_of_leases():
    """Leases that can't be had: by age and bytes alone."""
    store = Store()
    for error in ("EINVAL", "EACCES", "EAGAIN", "ENOLCK"):
        with World(store) as world:
            world.write("room/2021/02/03/04/05-small.dat")
            world.write("hall/2021/02/04/00/00-big.dat", BIG)
            passes = [world.run(stage, "--no-lease", error) for stage in STAGES]
            said = passes[0].err.count("No leases can be had")
            if error == "EAGAIN":
                # That is what a writer's file answers, too.
                equal(len(world.files_in("claimed")), 0, "EAGAIN: nothing is claimed")
                world.drain(1)
            else:
                equal(said, 1, f"{error}: said once", passes[0])
                note([one.status for one in passes])
            holds(world.check(drained=True), f"{error}: drained, nothing lost")


def leases_required():
    """Leases that can't be had, though settle_check: lease asks for them."""
    with World(Store(), "settle_check: lease") as world:
        for path in ("room/2021/02/03/04/05-a.dat", "room/2021/02/03/04/06-b.dat"):
            world.write(path)
        world.scan()
        ended = world.upload("--no-lease", "EINVAL")
        equal(ended.status, 0, "what can't be judged is left", ended)
        equal(len(world.files_in("claimed")), 2, "in the queue")
        equal(ended.err.count("with settle_check: lease none of them is uploaded"), 1,
              "it is said once why", ended)
        holds(world.check(), "nothing is lost")


if __name__ == "__main__":
    main(fails_once, fails_from_then_on, fails_from_then_on_by_hand, happens_and_lies,
         happens_and_lies_by_hand, does_less, failed_sync_is_fatal, has_never_guesses, out_of_leases,
         leases_required)
