"""What a person does to the queue: hold, release, retry, drain.

Each is killed at each system call, and meets each error at each place; uploader,
scanner and reaper work, and the producer writes the same path anew, at each of its
calls, and it comes at each of theirs. Then no file is lost or has two names, what
was said to have been done was, what is held isn't sent, and a clean pass and what
is left of the errand drain everything (promises 1 to 6, 10). And names with all the
bytes there are, links that lead elsewhere, and reasons that make no sense.
"""
import functools
import glob
import hashlib
import os
import shlex
import shutil
import unicodedata

import oracle
from tap import chance, equal, holds, main, ok, sample
from world import (EX_CONFIG, EX_IOERR, EX_NOPERM, EX_TEMPFAIL, HERE, KILLED,
                   NEVER_REACHED, PROGRAMS, SABOTEUR, Store, World)

HOUR = "room/2021/02/03/04"
# Two of one directory, and one of another; none of the last is asked for.
PATHS = (f"{HOUR}/05-a.dat", f"{HOUR}/06-b.dat", "hall/2021/02/03/04/05-c.dat")
OTHER = f"{HOUR}/07-other.dat"
ERRANDS = ("hold", "release", "retry")
ROOM_AFTER = {"hold": "held", "release": "claimed", "retry": "claimed"}
CALLS = ("rename", "renameat", "renameat2", "open", "openat", "openat2", "read",
         "write", "fsync", "mkdir", "mkdirat", "unlinkat", "linkat", "getdents64",
         "fstat", "newfstatat", "fcntl")
ERRORS = ("EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "ESTALE", "EDQUOT")
LASTING = ("EIO", "ENOSPC", "EMFILE", "ENOMEM", "ESTALE")
# None of these says that something isn't there, or that all was done.
HONEST = {70, 71, EX_IOERR, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG}
BY_HAND = ("--no-noreplace",)


def fail(world, *paths):
    """These are refused, for their second names, and have lost those since."""
    world.scan()
    names = []
    for path in paths:
        names.append(os.path.join(world.root, f"name{len(names)}"))
        os.link(os.path.join(world.spool, "claimed", path), names[-1])
    world.upload()
    for name in names:
        os.unlink(name)


class Scene:
    """PATHS lie where ERRAND finds them; OTHER is in the queue."""

    def __init__(self, store, errand, *config, **more):
        self.errand = errand
        self.world = world = World(store, *config, **more)
        self.room = os.path.join(world.spool, ROOM_AFTER[errand])
        for path in PATHS[:2]:
            world.write(path)
        if errand == "retry":
            fail(world, *PATHS[:2])
        world.write(PATHS[2])
        if errand == "retry":
            fail(world, PATHS[2])  # of another run
        world.write(OTHER)
        world.scan()
        if errand == "release":
            world.operate("hold", *PATHS)
        self.what = ("--reason=HardLink",) if errand == "retry" else PATHS

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.world.__exit__(*error)

    def act(self, *sabotage):
        return self.world.operate(self.errand, *self.what, sabotage=sabotage)

    def undone(self, ended):
        """What ENDED says that it has done, and hasn't."""
        for line in ended.out.splitlines():
            path = line.split("  ", 1)[1].strip().split(": ")[0]
            if not self.is_there(path):
                yield f"said to be done: {line}"
        if ended.status == 0:
            for path in PATHS:
                if not self.is_there(path):
                    yield f"0, and not done: {path}"

    def is_there(self, path):
        return os.path.lexists(os.path.join(self.room, path))

    def clean_up(self, *how):
        """What is violated now, after a pass, and when all has been sent."""
        world = self.world
        found = world.check()
        held = world.files_in("held")
        passes = world.drain(1, *how)
        found += world.check(drained=True)
        if world.files_in("held") != held:
            found.append(f"held: {held} -> {world.files_in('held')}")
        sent = {line.sha256 for line in oracle.read_stub(world.stub_log, world.bucket)}
        found += [f"held, and sent: {path}" for path in held
                  if oracle.sha256_of(path) in sent]
        left = [os.path.relpath(path, os.path.join(world.spool, "held"))
                for path in held]
        if left:
            passes.append(world.operate("release", *left))
        passes += [world.operate("retry", "--all"), *world.drain(1, *how)]
        found += [str(one) for one in passes if one.status != 0]
        found += world.check(drained=True)
        found += [f"never arrived: {path}" for path in world.files_in("failed", "held")]
        return found

    def move(self):
        """The shell's words for the errand, by somebody else."""
        return shlex.join(self.world.command(
            "upload", options=["--" + self.errand], arguments=PATHS))


@functools.cache
def plain():
    """A store without faults."""
    return Store()


@functools.cache
def counted(errand, *how):
    """What calls it makes, and how many: name -> number."""
    with Scene(plain(), errand) as scene:
        file = os.path.join(scene.world.root, "counts")
        ended = scene.act("--skip-uninteresting", *how, "--count", file)
        ok(ended.status == 0 and not list(scene.undone(ended)),
           f"{' '.join((errand, *how))} does it", ended)
        with open(file, encoding="utf-8") as lines:
            return {name: int(number) for name, number in map(str.split, lines)}


# --- killed --------------------------------------------------------------------

def kill_at(errand, n, *how):
    """Returns (reached, violations)."""
    with Scene(plain(), errand) as scene:
        ended = scene.act("--skip-uninteresting", *how, "--kill-at", str(n))
        if ended.status not in (KILLED, NEVER_REACHED):
            return False, [f"{errand}, kill at {n}: {ended}"]
        found = [*scene.undone(ended), *scene.clean_up(*how)]
        return ended.status == KILLED, [
            f"{errand} {' '.join(how)} killed at {n}: {text}" for text in found]


def kill_everywhere(quick, *how):
    for errand in ERRANDS:
        total = counted(errand, *how)["total"]
        chosen = sample(range(1, total + 1), quick)
        violations, reached = [], 0
        for n in chosen:
            was_reached, found = kill_at(errand, n, *how)
            reached += was_reached
            violations += found
        ok(reached >= len(chosen) * 0.9, f"{errand}: {reached} kills hit it")
        holds(violations, f"{errand}, killed at {len(chosen)} of {total} calls: "
              "drained by one pass, nothing lost")


def killed():
    """At each call."""
    kill_everywhere(2)


def killed_by_hand():
    """The same where RENAME_NOREPLACE is missing, as on NFS and FUSE."""
    kill_everywhere(3, *BY_HAND)


def link_without_unlink():
    """The names by which files are ours can't be removed, any of them."""
    for errand in ERRANDS:
        with Scene(plain(), errand) as scene:
            ended = scene.act(*BY_HAND, "--fail", "unlinkat:1+=EIO")
            equal(ended.status, EX_IOERR, f"{errand} says so", ended)
            holds(scene.clean_up(*BY_HAND), "others remove them")


def between_link_and_unlink():
    """Killed when a file has both names, the one by which it was ours and the
    one by which it is held, or in the queue."""
    for errand in ERRANDS:
        with Scene(plain(), errand) as scene:
            # The first link may only have found that a directory is missing.
            new = shlex.quote(os.path.join(scene.room, PATHS[0]))
            ended = scene.act(*BY_HAND, "--patience", "60000", "--run-at", "linkat:1+:"
                              f"exit=[ ! -e {new} ] || kill -9 $SABOTEUR_PID")
            equal(ended.status, KILLED, f"{errand} is killed there", ended)
            ok(scene.is_there(PATHS[0]), "it has its new name")
            holds(scene.clean_up(*BY_HAND), "which is the one that counts")
    with Scene(plain(), "hold") as scene:
        scene.act(*BY_HAND, "--run-at", "unlinkat:1:entry=kill -9 $SABOTEUR_PID")
        scene.world.operate("release", PATHS[0], sabotage=BY_HAND)
        holds(scene.clean_up(*BY_HAND), "as it is, where it is released then")


# --- failing calls ---------------------------------------------------------------

def try_all(quick, option, errors, *how, calls=CALLS, often=""):
    for errand in ERRANDS:
        counts = counted(errand, *how)
        cases = [(call, n, error) for call in calls
                 for n in range(1, counts.get(call, 0) + 1) for error in errors]
        chosen = sample(cases, quick)
        violations = []
        for call, n, error in chosen:
            with Scene(plain(), errand) as scene:
                ended = scene.act(*how, option, f"{call}:{n}{often}={error}")
                found = [*scene.undone(ended), *scene.clean_up()]
                if ended.status not in HONEST | {0, NEVER_REACHED}:
                    found.append(f"ended with {ended.status}")
                if (ended.status not in (0, NEVER_REACHED) and not ended.err and
                        call != "write"):
                    found.append("and said nothing")
                violations += [f"{errand}: {call} no. {n}{often}: {error}: {text}\n"
                               f"{ended.err[-300:]}" for text in found]
        holds(violations, f"{errand}: {' '.join((option, *how))} in {len(chosen)} of "
              f"{len(cases)} cases")


def fails():
    """The n-th call isn't made, and answers an error; so do all later ones."""
    try_all(2, "--fail", ERRORS)
    try_all(2, "--fail", LASTING, often="+")


def fails_by_hand():
    """The same where RENAME_NOREPLACE is missing."""
    try_all(2, "--fail", ERRORS, *BY_HAND)
    try_all(2, "--fail", LASTING, *BY_HAND, often="+")


def last_look_fails():
    """What can't be looked at isn't said to be missing."""
    for errand in ERRANDS:
        last = counted(errand)["openat2"]
        with Scene(plain(), errand) as scene:
            ended = scene.act("--fail", f"openat2:{last}=EIO")
            equal((ended.status, len(ended.out.splitlines())), (EX_IOERR, 2),
                  f"{errand} does the others, and says so", ended)
            ok("Input/output error" in ended.err, "and why", ended)
            holds(scene.clean_up(), "nothing is lost")


def unreadable_reasons():
    """Nor is it said that nothing has failed for a reason that can't be read."""
    with Scene(plain(), "retry") as scene:
        ended = scene.act("--fail", "read:1+=EIO")
        equal(ended.status, EX_IOERR, "they can't be read", ended)
        holds(scene.clean_up(), "the files are still there")


def happens_and_lies():
    """A move that has happened answers an error, as over NFS."""
    moves = ("renameat", "renameat2", "linkat", "unlinkat", "mkdirat")
    errors = ("ENOENT", "EEXIST", "EIO", "ESTALE")
    try_all(1, "--lie", errors, calls=moves)
    try_all(1, "--lie", errors, *BY_HAND, calls=moves)


# --- at the same time --------------------------------------------------------------

def again(scene):
    """A command: the first path's next file comes, as if by the producer. Returns
    it, and what is to be done when it has."""
    world, data = scene.world, chance.randbytes(900)
    new, came = os.path.join(world.root, "new"), os.path.join(world.root, "came")
    with open(new, "xb") as file:
        file.write(data)
    full = world.full(PATHS[0])
    command = (f"mkdir -p {shlex.quote(os.path.dirname(full))} && "
               f"mv -n {shlex.quote(new)} {shlex.quote(full)} && : >{shlex.quote(came)}")
    return command, lambda: os.path.exists(came) and world.log_version(PATHS[0], data)


def programs(world, *stages):
    return "; ".join(shlex.join(world.command(stage)) for stage in stages)


def opposite(scene):
    return shlex.join(scene.world.command(
        "upload", options=["--release" if scene.errand == "hold" else "--hold"],
        arguments=PATHS))


# What somebody else does at the same time: name -> its command.
OTHERS = {
    "all three": lambda scene: programs(scene.world, "scan", "upload", "reap"),
    "an uploader": lambda scene: programs(scene.world, "upload"),
    "a reaper": lambda scene: programs(scene.world, "reap"),
    "the same": Scene.move,
    "the opposite": opposite,
}


def settle(scene):
    """Everything is released and retried until it has arrived; a further file of
    a path takes another pass. What is in failed/ then differs from its object."""
    world = scene.world
    found = world.check()
    for _ in range(5):
        world.drain(1)
        held = [os.path.relpath(path, os.path.join(world.spool, "held"))
                for path in world.files_in("held")]
        if held:
            world.operate("release", *held)
        world.operate("retry", "--all")
    world.drain(2)
    found += world.check(drained=True)
    return found + [f"still held: {path}" for path in world.files_in("held")]


def meet(errand, n, what, *how):
    """WHAT happens at the errand's call N."""
    with Scene(plain(), errand) as scene:
        came, note = again(scene)
        command = OTHERS[what](scene)
        ended = scene.act(
            "--skip-uninteresting", "--patience", "60000", *how, "--run-at",
            f"any:{n}:exit=({command}; {came}; {command}) >/dev/null 2>&1")
        note()
        found = settle(scene)
        if ended.status not in (0, 1, EX_TEMPFAIL, NEVER_REACHED):
            found.append(str(ended))
        return [f"{errand} {' '.join(how)}, call {n}, {what}: {text}" for text in found]


def beside_others():
    """Others are at work, and the first path's next file comes, at each call."""
    for errand in ERRANDS:
        cases = []
        for how in (), BY_HAND:
            total = counted(errand, *how)["total"]
            cases += [(n, what, *how) for n in range(1, total + 1) for what in OTHERS]
        chosen = sample(cases, 2)
        holds([text for case in chosen for text in meet(errand, *case)],
              f"{errand} beside others, {len(chosen)} of {len(cases)} moments and "
              "manners: nothing lost")


def come_to(errand, stage, n, *how):
    """The errand comes at STAGE's call N."""
    with Scene(plain(), errand) as scene:
        world = scene.world
        came, note = again(scene)
        if stage == "reap":
            world.upload()
        ended = world.run(
            stage, "--skip-uninteresting", "--patience", "60000", *how, "--run-at",
            f"any:{n}:exit=({came}; {scene.move()}) >/dev/null 2>&1")
        note()
        found = settle(scene)
        if ended.status not in (0, 1, EX_TEMPFAIL, NEVER_REACHED):
            found.append(str(ended))
        return [f"{errand} {' '.join(how)} at call {n} of {stage}: {text}"
                for text in found]


def comes_between():
    """The errands come at each call of scanner, uploader and reaper."""
    cases = []
    for stage in ("scan", "upload", "reap"):
        with Scene(plain(), "hold") as scene:
            if stage == "reap":
                scene.world.upload()
            total = scene.world.count_calls(stage)[0]["total"]
        cases += [(errand, stage, n, *how) for errand in ERRANDS
                  for n in range(1, total + 1) for how in ((), BY_HAND)]
    chosen = sample(cases, 5)
    holds([text for case in chosen for text in come_to(*case)],
          f"errands between calls, {len(chosen)} of {len(cases)} moments: nothing lost")


# --- drain ------------------------------------------------------------------------

def drain_command(world, *more):
    """The front door, beside the programs that are tested."""
    door = os.path.join(world.root, "bin")
    if not os.path.exists(door):
        os.mkdir(door)
        shutil.copy(os.path.join(HERE, "..", "..", "deploy", "s3spool"), door)
        for program in PROGRAMS.values():
            os.symlink(program, os.path.join(door, os.path.basename(program)))
    return [os.path.join(door, "s3spool"), "drain", "--timeout", "10m", *more,
            world.config_file]


def drain():
    """The shell that drains is killed, or one of the programs that it runs."""
    with Scene(plain(), "hold") as scene:
        file = os.path.join(scene.world.root, "counts")
        ended = scene.world.run_command(
            [SABOTEUR, "--skip-uninteresting", "--count", file, "--",
             *drain_command(scene.world)])
        equal(ended.status, 0, "it drains", ended)
        with open(file, encoding="utf-8") as lines:
            total = int(next(lines).split()[1])
    violations, reached = [], 0
    chosen = sample(range(1, total + 1), 2)
    for n in chosen:
        with Scene(plain(), "hold") as scene:
            world = scene.world
            world.write(f"{HOUR}/08-late.dat")
            world.operate("hold", PATHS[1])
            ended = world.run_command(
                [SABOTEUR, "--skip-uninteresting", "--kill-at", str(n), "--",
                 *drain_command(world)])
            # Not each of its children is one without which it can't go on.
            reached += ended.status != NEVER_REACHED
            found = world.check()
            ended = world.run_command(drain_command(world))
            if ended.status != 0:
                found.append(f"the next one: {ended}")
            found += world.check(drained=True)
            if world.files_in("held") != [os.path.join(world.spool, "held", PATHS[1])]:
                found.append(f"held: {world.files_in('held')}")
            violations += [f"drain killed at {n}: {text}" for text in found]
    ok(reached >= len(chosen) * 0.7, f"{reached} of {len(chosen)} kills hit it")
    holds(violations, f"drain, killed at {len(chosen)} of {total} calls: the next one "
          "drains it")


def drain_without_count():
    """What is left can't be counted, at first or later on."""
    for times in 0, 1:
        with Scene(plain(), "hold") as scene:
            world = scene.world
            command = drain_command(world)
            program = os.path.join(os.path.dirname(command[0]), "s3spool-upload")
            counted_once = shlex.quote(os.path.join(world.root, "counted"))
            os.unlink(program)
            with open(program, "w", encoding="utf-8") as script:
                script.write(f"""#!/bin/sh
case $1 in
--status) [ -e {counted_once} ] || exit 3; rm {counted_once} ;;
esac
exec {shlex.quote(PROGRAMS["upload"])} "$@"
""")
            os.chmod(program, 0o755)
            if times == 1:
                open(os.path.join(world.root, "counted"), "w").close()
            # Nobody waits for it: it is open.
            with open(world.full(OTHER), "ab"):
                ended = world.run_command(command)
            equal(ended.status, EX_IOERR, "it says that it couldn't", ended)
            ok("s3spool: what is left can't be told" in ended.err and
               "drained" not in ended.err, "and not that nothing is left", ended)
            holds(world.check(), "nothing is lost")


# --- several files of one path ----------------------------------------------------

def oldest_first():
    """Two runs have failed with files of one path; the later of two PUTs wins."""
    with World(plain(), overwrites=True) as world:
        world.write(PATHS[0])
        fail(world, PATHS[0])
        for path in glob.glob(os.path.join(world.spool, "failed", "*")):
            os.rename(path, os.path.join(os.path.dirname(path), "zzz.1.0"
                                         + ".tsv" * path.endswith(".tsv")))
        world.write(PATHS[0])
        fail(world, PATHS[0])
        ended = world.operate("retry", "--all")
        equal((ended.status, len(ended.out.splitlines())), (EX_TEMPFAIL, 1),
              "one of them is retried", ended)
        world.drain()
        equal(world.operate("retry", "--all").status, 0, "then the other one")
        world.drain()
        holds(world.check(drained=True), "the newer one's object is there in the end")
        equal(len(oracle.read_stub(world.stub_log, world.bucket)), 2, "after the older")


def name_taken_meanwhile():
    """Without RENAME_NOREPLACE another file comes when one has left its place."""
    for errand in ERRANDS:
        with Scene(plain(), errand) as scene:
            world, data = scene.world, chance.randbytes(600)
            other = os.path.join(world.root, "other")
            with open(other, "xb") as file:
                file.write(data)
            new = os.path.join(scene.room, PATHS[0])
            # The first is that of the run's file, the next finds that a directory
            # is missing; retry goes by path, and another comes before.
            n = 4 if errand == "retry" else 2
            ended = scene.act(
                *BY_HAND, "--patience", "60000", "--run-at", f"renameat:{n}:exit="
                f"mkdir -p {shlex.quote(os.path.dirname(new))}; "
                f"mv -n {shlex.quote(other)} {shlex.quote(new)}")
            world.log_version(PATHS[0], data)
            equal(oracle.sha256_of(new), hashlib.sha256(data).hexdigest(),
                  "it came, and is still there")
            if errand == "hold":
                equal(ended.status, EX_TEMPFAIL, "one that can't be held", ended)
                ok(os.path.exists(os.path.join(world.spool, "claimed", PATHS[0])),
                   "is in the queue again")
            else:
                equal(ended.status, 0, f"{errand}: it is in the queue, too", ended)
                equal(len(world.files_in("uploading")), 1, "a dead run's")
            holds(settle(scene), "both go on")


def held_twice():
    """Holding what is held is harmless, whatever has become of earlier files."""
    with World(plain(), "retain: 1h") as world:
        for _ in range(2):
            world.write(PATHS[0])
            world.scan()
            world.upload()  # the first is stored, the second differs and fails
        world.write(PATHS[0])
        world.scan()
        for _ in range(2):
            ended = world.operate("hold", PATHS[0])
            equal(ended.status, 0, "it is held", ended)
        world.write(PATHS[0])
        equal(world.operate("hold", PATHS[0]).status, 0, "still")
        world.scan()
        ended = world.operate("hold", PATHS[0])
        equal(ended.status, EX_TEMPFAIL, "another can't be held beside it", ended)
        ended = world.operate("release", PATHS[0])
        equal(ended.status, EX_TEMPFAIL, "nor is it released over that", ended)
        equal(len(world.files_in("held", "claimed", "failed", "confirmed")), 4,
              "all are there")
        holds(world.check(), "nothing is lost")


# --- names, links and reasons -------------------------------------------------------

def hostile_names():
    """All the bytes a name can have; half of them are no UTF-8, and fail."""
    with World(plain()) as world:
        paths = [f"ro{byte}om/2021/02/03/04/05-{byte}.dat" for byte in (
            os.fsdecode(bytes([number])) for number in range(1, 256)
            if number != ord("/"))]
        paths += ["line\nbreak/2021/02/03/04/05-\n\t\r.dat", f"-rf/{HOUR}/05-%2e%00.dat",
                  f"{HOUR}/05-{'y' * 248}.dat",
                  f"~/{HOUR[5:]}/05- $(true) `true` ;: .dat",
                  f"\u202e/{HOUR[5:]}/05-\U0001f600\ufeff.dat"]
        world.configure("pattern: ['*/2021/02/03/04/*', '*/*/2021/02/03/04/*']")
        for path in paths:
            world.write(path, size=20)
        equal(world.scan().status, 0, "they are claimed")
        for errand, verb, room in (("hold", "held", "held"),
                                   ("release", "released", "claimed")):
            ended = world.operate(errand, "--print0", *paths)
            equal(ended.status, 0, f"{errand} takes them", ended)
            equal(sorted(ended.out.split("\0")[:-1]), sorted(paths),
                  "and tells them as they are")
            equal(len(world.files_in(room)), len(paths), f"they are in {room}/")
            one_line_each(world.operate("release" if errand == "hold" else "hold",
                                               *paths), len(paths))
            world.operate(errand, *paths)
        world.upload()
        failed = sorted(os.path.join(*path[len(world.spool) + 1:].split("/")[2:])
                        for path in world.files_in("failed"))
        equal(len(failed), 128, "half of the bytes are no text")
        ended = world.operate("retry", *failed)
        equal(ended.status, 0, "each can be told by its name", ended)
        one_line_each(ended, len(failed))
        equal(len(world.files_in("failed")), 0, "all are in the queue")
        world.upload()
        one_line_each(world.operate("retry", "--all"), len(failed))
        world.drain()
        holds(world.check(drained=True), "the others have arrived")


def one_line_each(ended, count):
    equal(len(ended.out.splitlines()), count, "a line each")
    odd = [character for character in ended.out
           if character != "\n" and unicodedata.category(character) in ("Cc", "Cs")]
    equal(odd, [], "of what can be printed")


def led_astray():
    """Names that lead out of the queue: by links, by dots, to directories."""
    with World(plain()) as world:
        world.write(PATHS[0])
        world.scan()
        secret = os.path.join(world.outside, "secret.dat")
        with open(secret, "wb") as file:
            file.write(b"outside")
        for room in "claimed", "held":
            os.symlink(world.outside, os.path.join(world.spool, room, "link"))
        os.symlink(secret, os.path.join(world.spool, "claimed", "05-l.dat"))
        world.outside_before = world.look_outside()
        for errand in "hold", "release":
            for what in ("link/secret.dat", "../../../outside/secret.dat", secret, "..",
                         ".", "", "/", "room", HOUR + "/", PATHS[0] + "/x",
                         "../claimed/" + PATHS[0]):
                ended = world.operate(errand, what)
                equal((ended.status, ended.out), (1, ""), f"{errand} '{what}'", ended)
                ok(ended.err.startswith("2") and ended.err.count("\n") == 1,
                   "says so", ended)
        equal(world.operate("hold", "05-l.dat").status, 0, "a link itself can be held")
        ok(os.path.islink(os.path.join(world.spool, "held", "05-l.dat")), "as it is")
        equal(world.operate("release", "05-l.dat").status, 0, "and released")
        equal(world.upload().status, 1, "it is refused")
        for top in "claimed", "held":
            with_link = os.path.join(world.spool, top, "link")
            if os.path.islink(with_link):
                os.unlink(with_link)
        world.reap()
        holds(world.check(drained=True), "nothing outside is touched")


def odd_reasons():
    """failed/<run>.tsv is cut off, or says nonsense: files stay, and come back."""
    texts = (b"", b"\n\n\t\n", b"\0" * 5000, chance.randbytes(3000) + b"\n",
             b"2020-01-01T00:00:00.000Z\t" + PATHS[0].encode() + b"\tHardL",
             b"t\t%00%zz%\tHardLink\tm\n", b"x" * 100000)
    for text in sample(texts, 3):
        with Scene(plain(), "retry") as scene:
            world = scene.world
            for path in glob.glob(os.path.join(world.spool, "failed", "*.tsv")):
                with open(path, "wb") as file:
                    file.write(text)
            ended = world.operate("retry", "--reason=HardLink")
            equal(ended.status, 1, f"no such reason: {text[:20]}", ended)
            ended = world.operate("retry", "--reason=Unknown")
            equal((ended.status, len(ended.out.splitlines())), (0, 3), "none is known",
                  ended)
            holds(scene.clean_up(), "all arrive")


if __name__ == "__main__":
    main(killed, killed_by_hand, between_link_and_unlink, link_without_unlink, fails,
         fails_by_hand, last_look_fails, unreadable_reasons, happens_and_lies,
         beside_others, comes_between, drain, drain_without_count, oldest_first,
         name_taken_meanwhile, held_twice, hostile_names, led_astray, odd_reasons)
