"""The store misbehaves: answers are lost after storing, requests and answers cut
at every position, XML cut at every length, errors hidden in a 200, wrong ETags
and checksums, storms of 500 and 503, stalls, a day without a store, broken TLS,
and answers that nobody should give.

Promises 1, 3, 4, 6 and 10: whatever it says, nothing is lost, nothing else is
stored, a file goes only after a success for its bytes, and everything arrives
when the store is itself again. Memory stays bounded, and every run ends.
"""
import functools
import gzip
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import oracle
from tap import LONG, SEED, chance, equal, holds, main, note, ok, sample, skip
from world import (BUILD, EX_CONFIG, EX_NOPERM, EX_TEMPFAIL, HERE, SCRATCH,
                   Store, World, wait_until)

SMALL = 1000
MIDDLE = 100_000  # its body leaves apart from its headers
LARGE = 5 * (1 << 20) + 1000  # two parts
MEMORY_KIB = 64 * 1024
IMPATIENT = "stall_timeout_seconds: 1"  # where it doesn't matter who was too slow

BATCH = 12  # large files that a store holds in memory

# One for all, since its CRC takes Python a second.
large_bytes = chance.randbytes(LARGE)


# --- passes until nothing is left ------------------------------------------------

def waiting(world):
    return world.files_in("claimed", "uploading")


def drain(world, title, allowed=(EX_TEMPFAIL,), passes=30):
    """Passes of all three until nothing waits; each upload ends with 0 or as
    ALLOWED. Then judges."""
    number = 0
    while True:
        number += 1
        world.scan()
        upload = world.upload()
        world.reap()
        if upload.status not in (0, *allowed):
            ok(False, f"{title}: a pass ends as it may", upload)
            return
        if not waiting(world):
            break
        if number == passes:
            ok(False, f"{title}: it drains in {passes} passes", upload)
            return
    ended = world.reap()
    equal(ended.status, 0, f"{title}: drained in {number} passes", ended)
    arrived(world, title)


def arrived(world, title):
    """Each file is the object of its path, and the promises are kept."""
    objects = oracle.Evidence(world).objects
    versions, _ = oracle.read_producer(world.producer_log)
    holds(world.check(drained=True) + [
        f"NOT IN THE STORE: {version}" for version in versions
        if version.path not in objects or
        objects[version.path].sha256 != version.sha256]
        + [f"REFUSED: {path}" for path in world.files_in("failed")],
        f"{title}: everything arrives, and nothing else")


# --- what one request may meet -----------------------------------------------------

def cuts(action, last, quick):
    """ACTION at each byte up to LAST."""
    return [f"{action}={at}" for at in sample(range(last + 1), quick)]


def faults(size, document):
    """What may happen to a request with a body of SIZE bytes that is answered
    by a document, or by headers alone."""
    errors = ["status=500", "status=503 code=SlowDown", "status=503 early",
              "status=400 code=RequestTimeout", "status=409 code=OperationAborted",
              "status=429 code=TooManyRequests", "status=502 body=\"\""]
    found = ["lose", "drop", "stall", "store stall", "delay=3000", *errors,
             *("store " + error for error in errors if "early" not in error),
             "error-in-200 code=InternalError", "store error-in-200 code=InternalError",
             "store error-in-200 code=SlowDown"]
    found += [f"cut-request={at}" for at in sorted({0, 1, size // 2, size - 1, size})
              if size > 0]
    found += [f"{store}status=500 {cut}" for store in ("", "store ")
              for cut in cuts("cut-response", 250, 4)]
    if document:
        found += cuts("cut-response", document, 12)
        found += cuts("truncate-xml", document, 12)[1:]
    return found


HEAD_FAULTS = ["lose", "drop", "stall", "delay=3000", "status=500", "status=503",
               "status=404", "status=429"]


class Script:
    """Rules for files, each of which has its own."""

    def __init__(self):
        self.rules = []
        self.count = 0

    def add(self, *rules):
        """For one more file. Returns its path."""
        self.count += 1
        name = f"05-c{self.count}.dat"
        for rule in rules:
            method, rest = rule.split(" ", 1)
            self.rules.append(f"{method} key=*/{name} {rest}")
        return f"room{self.count % 3}/2021/02/03/04/{name}"


def acted_unheard(rules):
    """How many of the rules let the store act without being understood."""
    return sum(" op=HeadObject " not in rule and any(
        word in rule for word in ("lose", "store ", "delay=", "cut-response", "wrong"))
        for rule in rules)


def small_files():
    """PutObject and the questions after it: every fault, and others after it."""
    put = [(fault, SMALL) for fault in faults(SMALL, 0)]
    put += [(fault, MIDDLE) for fault in faults(MIDDLE, 0)
            if fault.startswith(("cut-request", "stall", "lose", "status=503"))]
    put += [(fault, SMALL) for fault in ("wrong-etag", "wrong-checksum")]
    again = ["", *(fault for fault in faults(SMALL, 0) if "cut-response" not in fault)]
    heads = ["", *HEAD_FAULTS]

    def make(attempts, options, chosen):
        script = Script()
        files = []
        for fault, size, second, head in chosen:
            rules = [f"PUT op=PutObject n=1 {fault}"]
            if second:
                rules.append(f"PUT op=PutObject n=2 {second}")
            if head:
                rules.append(f"HEAD op=HeadObject n=1 {head}")
            files.append((script.add(*rules), size))
        store = Store("--discard", *options, rules=script.rules)
        world = World(store, f"max_attempts: {attempts}", "checksum: crc32c", IMPATIENT)
        for path, size in files:
            world.write(path, size=size)
        return Job("small files", attempts, options, script, world)

    makers = []
    for attempts, options in itertools.product((1, 3), ((), ("--no-conditions",))):
        chosen = [(*first, chance.choice(again), chance.choice(heads))
                  for first in sample(put, 60)]
        chance.shuffle(chosen)
        makers += [functools.partial(make, attempts, options, chosen[at:at + 150])
                   for at in range(0, len(chosen), 150)]
    at_once(makers)


class Job:
    """Files with a script of faults, and where to send them."""

    def __init__(self, what, attempts, options, script, world):
        self.title = (f"{what}, {attempts} attempts"
                      + (", without conditions" if options else ""))
        self.script = script
        self.world = world
        self.is_conditional = not options

    def __call__(self):
        with self.world as world:
            drain(world, self.title, passes=60)
            judge_duplicates(world, self.title, self.script.rules,
                             not self.is_conditional)
        self.world.store.stop()


def at_once(makers):
    """Makes the jobs and does them: side by side, since most of the time they
    wait; or one after another, where there are too many for that."""
    if LONG:
        for make in makers:
            make()()
        return
    jobs = [make() for make in makers]
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda job: job(), jobs))


def judge_duplicates(world, title, rules, may_be):
    """With conditions nothing is stored twice. Without them an answer that was
    lost may cost a second time, and no other does."""
    again = oracle.duplicates(world)
    if not may_be:
        equal(again, 0, f"{title}: nothing is stored twice")
        return
    unheard = acted_unheard(rules)
    note(f"{title}: {again} objects were stored again, of {unheard} unheard answers")
    ok(again <= unheard, f"{title}: only what was unheard is stored again")


def large_files():
    """Multipart uploads: every file meets faults in each of its requests."""
    create = ["", *faults(0, 350)]
    part = ["", *faults(LARGE - (5 << 20), 0), "wrong-etag", "header=ETag:",
            "status=400 code=BadDigest"]
    first = ["", *faults(5 << 20, 0)]
    listed = ["", "lose", "drop", "stall", "status=500", "status=503 early",
              "error-in-200 code=InternalError", "wrong-etag",
              *cuts("cut-response", 800, 10), *cuts("truncate-xml", 800, 10)[1:]]
    complete = ["", *faults(300, 500), "wrong-etag", "wrong-checksum",
                "status=409 code=ConditionalRequestConflict",
                "status=400 code=InvalidPart", "status=404 code=NoSuchUpload"]
    columns = {"POST op=CreateMultipartUpload": create,
               "PUT op=UploadPart part=1": first, "PUT op=UploadPart part=2": part,
               "GET op=ListParts": listed, "POST op=CompleteMultipartUpload": complete,
               "HEAD op=HeadObject": ["", *HEAD_FAULTS]}
    for faults_of in columns.values():
        chance.shuffle(faults_of)

    def make(attempts, options, rows):
        script = Script()
        offset = 0 if LONG else chance.randrange(1000)
        paths = [script.add(*(
            f"{request} n=1 {column[(row + offset) % len(column)]}"
            for request, column in columns.items()
            if column[(row + offset) % len(column)])) for row in rows]
        store = Store(*options, rules=script.rules)
        world = World(store, f"max_attempts: {attempts}", "checksum: crc32c",
                      "connections: 8", IMPATIENT)
        for path in paths:
            world.write(path, large_bytes)
        return Job("large files", attempts, options, script, world)

    everything = max(map(len, columns.values()))
    makers = [functools.partial(make, attempts, options, range(at, at + BATCH))
              for attempts, options, count in (
                  (1, (), everything), (3, (), 8 * BATCH),
                  (1, ("--no-conditions",), 8 * BATCH))
              for at in range(0, count if LONG else BATCH, BATCH)]
    at_once(makers)


# --- storms ------------------------------------------------------------------------

STORM = ["* key=?* chance=30 status=503", "PUT key=?* chance=8 lose",
         "* key=?* chance=5 drop", "PUT key=?* chance=5 cut-request=500",
         "* key=?* chance=5 store status=500", "* key=?* chance=3 cut-response=100",
         "POST key=?* chance=10 truncate-xml", "POST key=?* chance=5 lose",
         "GET key=?* chance=10 truncate-xml", "* key=?* chance=1 stall",
         "PUT key=?* chance=5 error-in-200 code=InternalError",
         "POST key=?* chance=5 error-in-200 code=InternalError"]


def kill_some(world, times, dice):
    """Ends the uploader wherever it is, TIMES times."""
    killed = 0
    for _ in range(times):
        world.scan()
        process = world.start("upload")
        begun = len(world.store.asked())
        until = begun + dice.randrange(1, 150)
        wait_until(lambda: process.poll() is not None or
                   len(world.store.asked()) >= until, "the store is asked")
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        world.reap()
    return killed


def storms():
    """All of it at once, by chance, over many files; with kills in between."""
    kinds = [(kills, options, round_number)
             for round_number in range(6 if LONG else 1)
             for kills in (False, True) for options in ((), ("--no-conditions",))]

    def make(kills, options, number):
        store = Store("--seed", str(SEED + number), *options, rules=STORM)
        world = World(store, "max_attempts: 1", IMPATIENT)
        for at in range(300):
            world.write(f"room{at % 3}/2021/02/03/{at % 7:02}/{at % 60:02}-{at}.dat",
                        size=chance.choice([0, 1, SMALL, SMALL, MIDDLE]))
        for at in range(4):
            world.write(f"room/2021/02/03/04/05-large{at}.dat", large_bytes)
        return functools.partial(weather, world, kills, options,
                                 random.Random(SEED + number))

    at_once([functools.partial(make, *kind)
             for kind in (kinds if LONG else (kinds[0], kinds[3]))])


def weather(world, kills, options, dice):
    title = ("a storm" + (", with kills" if kills else "")
             + (", without conditions" if options else ""))
    with world:
        if kills:
            ok(kill_some(world, 8, dice) > 2, f"{title}: uploaders were killed")
        drain(world, title, passes=100)
        again = oracle.duplicates(world)
        note(f"{title}: {again} objects were stored again")
        if not options:
            equal(again, 0, f"{title}: nothing is stored twice")
    world.store.stop()


# --- a day without a store -----------------------------------------------------------

def queue(world):
    """Everything in the spool but what waits, to see that it doesn't grow."""
    found = []
    for directory, names, files in os.walk(world.spool):
        if directory == world.spool:
            names.remove("claimed")
        found += [os.path.join(directory, name) for name in names + files]
    return sorted(found)


# A process inherits its parent's peak of memory: a small one must be between.
MEASURE = """if True:
    import os, sys
    pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(pid, 0)
    with open(sys.argv[1], "w") as file:
        print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=file)
"""


def measured(world, environment=()):
    """Uploads: how that ended, what it said, and its memory's peak in KiB."""
    result = os.path.join(world.root, "measured")
    ended = subprocess.run(
        [sys.executable, "-ISc", MEASURE, result, *world.command("upload")],
        stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=120,
        env={**os.environ, **world.store.environment, **dict(environment)})
    with open(result, encoding="ascii") as file:
        status, memory = map(int, file.read().split())
    return status, ended.stderr.decode(errors="replace"), memory


def a_day():
    """A day without a store, and another on which it refuses everything, while
    the programs come again and again, and files, too."""
    store = Store("--discard")
    connections = 4
    # Files given up in a row before a run ends, and what is on its way then.
    requests_max = 64 + 3 * connections
    with World(store, "max_attempts: 1", f"connections: {connections}") as world:
        def produce(day, number, count):
            for at in range(count):
                world.write(f"room{day}/2021/02/{number % 28 + 1:02}/{number // 28:02}/"
                            f"05-{number}-{at}.dat", size=100)

        produce(0, 0, 5)
        drain(world, "before the outage")
        first = None
        for day, title, passes in ((1, "nobody listens", 300 if LONG else 20),
                                   (2, "503 to everything", 300 if LONG else 12)):
            bad = []
            if day == 1:
                store.stop()
            else:
                store.obey("* key=?* status=503")
                store.start()
            for number in range(passes):
                produce(day, number, 10)
                asked = len(store.asked())
                world.scan()
                status, said, memory = measured(world)
                ended = world.reap()
                asked = len(store.asked()) - asked
                first = first or queue(world)
                if (status != EX_TEMPFAIL or ended.status != 0 or
                        queue(world) != first or memory > MEMORY_KIB):
                    bad.append(f"pass {number}: {status}, {memory} KiB, "
                               f"{set(queue(world)) ^ set(first)}\n{said}")
                if day == 1 and (said.count("\n") > 4 or said.count("ERROR") != 1):
                    bad.append(f"pass {number} says too much:\n{said}")
                if asked > requests_max or said.count("\n") > 2 * requests_max + 4:
                    bad.append(f"pass {number} asks {asked} times:\n{said}")
            holds(bad, f"{title}: each pass ends soon, says so, and leaves no litter")
            holds(world.check(), f"{title}: everything stays queued")
        store.stop()
        store.obey()
        store.start()
        store.make_bucket(world.bucket)
        drain(world, "after the outage", allowed=())
        equal(oracle.duplicates(world), 0, "after the outage: each is stored once")
    store.stop()


def forbidden_for_a_while():
    """403 AccessDenied, and then no more: everything stays queued, with 77."""
    for request, data, options in (
            ("PUT op=PutObject", None, ()),
            ("POST op=CreateMultipartUpload", large_bytes, ()),
            ("PUT op=UploadPart", large_bytes, ()),
            ("POST op=CompleteMultipartUpload", large_bytes, ()),
            ("* op=?e[at]*Object", None, ("--no-conditions",))):
        title = f"403 to {request}"
        rule = f"{request} n=1-6 status=403 code=AccessDenied"
        store = Store(*options, rules=[rule])
        with World(store, "connections: 2") as world:
            for at in range(5):
                world.write(f"room/2021/02/03/04/05-{at}.dat", data, SMALL)
            world.scan()
            bad, refused = [], 0
            while (ended := world.upload()).status != 0:
                refused += 1
                if (ended.status != EX_NOPERM or world.files_in("failed", "uploading") or
                        ended.err.count("ERROR") != 1 or refused > 6):
                    bad.append(str(ended))
                    break
            holds(bad, f"{title}: everything stays queued, and that is said once")
            ok(refused > 0, f"{title}: it was refused")
            drain(world, title, allowed=())
        store.stop()


# --- answers that nobody should give ---------------------------------------------------

class Server:
    """A listener; each connection is a thread's."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return  # closed
            self.connections += 1
            threading.Thread(target=self.guard, args=(connection,), daemon=True).start()

    def guard(self, connection):
        with connection:
            try:
                self.serve(connection)
            except OSError:
                pass  # the client has gone

    def serve(self, connection):
        """A trap: only counts."""

    def close(self):
        self.listener.close()


def read_until(connection, end):
    text = b""
    while end not in text:
        block = connection.recv(65536)
        if not block:
            raise ConnectionError
        text += block
    return text.split(end, 1)


class Meddler(Server):
    """Passes requests on to the store, and its answers back; but those of one
    operation are first put into ANSWER(head, body), bytes or parts of them."""

    def __init__(self, store, operation, answer, acts=True):
        self.acts = acts
        self.upstream = int(store.port)
        self.operation = operation
        self.answer = answer
        self.met = 0
        super().__init__()

    def serve(self, connection):
        head, body = read_until(connection, b"\r\n\r\n")
        lines = head.split(b"\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in lines[1:] if b": " in line)
        if b"expect" in fields and not body:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left = int(fields.get(b"content-length", b"0")) - len(body)
        while left > 0:
            block = connection.recv(65536)
            if not block:
                return
            body += block
            left -= len(block)
        is_met = operation_of(lines[0]) == self.operation
        self.met += is_met
        if is_met and not self.acts:
            return
        lines = [line for line in lines if not line.lower().startswith(b"expect:")]
        with socket.create_connection(("127.0.0.1", self.upstream)) as store:
            store.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
            head, body = read_until(store, b"\r\n\r\n")
            while block := store.recv(65536):
                body += block
        if not is_met:
            connection.sendall(head + b"\r\n\r\n" + body)
            return
        answer = self.answer(head, body)
        for part in (answer,) if isinstance(answer, bytes) else answer:
            connection.sendall(part)


def operation_of(line):
    method, target, _ = line.split(b" ")
    if b"uploads=" in target:
        return "CreateMultipartUpload"
    if b"partNumber=" in target and method == b"PUT":
        return "UploadPart"
    if b"uploadId=" in target:
        return {b"POST": "CompleteMultipartUpload", b"GET": "ListParts"}.get(method, "")
    return {b"PUT": "PutObject", b"HEAD": "HeadObject"}.get(method, "")


def header(*lines):
    """The answer with these in place of its own."""
    def answer(head, body):
        names = {line.split(b":")[0].lower() for line in lines}
        kept = [line for line in head.split(b"\r\n")
                if line.split(b":")[0].lower() not in names]
        return b"\r\n".join([*kept, *lines, b"", b""]) + body
    return answer


def raw(text, *again):
    """This in its place; AGAIN: without end."""
    def answer(_head, _body):
        yield text
        while again:
            yield again[0]
    return answer


def document(text, status=b"200 OK", more=b""):
    return raw(b"HTTP/1.1 %s\r\nContent-Type: application/xml\r\nETag: \"e\"\r\n%s"
               b"Content-Length: %d\r\n\r\n%s" % (status, more, len(text), text))


def before(text):
    return lambda head, body: text + head + b"\r\n\r\n" + body


def changed(old, new):
    """The answer's own document with OLD (up to the next tag) made NEW."""
    def answer(head, body):
        tag = b"<" + old + b">"
        if tag in body:  # it may be an error's by now
            begin = body.index(tag) + len(tag)
            body = body[:begin] + new + body[body.index(b"<", begin):]
        return header(b"Content-Length: %d" % len(body))(head, body)
    return answer


VALUES = {
    "1 MB": b"\"" + b"a" * (1 << 20) + b"\"", "60 KB": b"\"" + b"a" * 60000 + b"\"",
    "a tab": b"\"a\tb\"", "a NUL": b"\"a\0b\"", "a CR": b"\"a\rb\"",
    "a DEL": b"\"a\x7fb\"", "a control": b"\"a\x01b\"", "folded": b"\"a\r\n\t2021\tb\"",
    "bytes": b"\"" + bytes(range(128, 256)) + b"\"", "percents": b"\"%09%0A%00%\"",
    "none": b"", "a dash": b"-", "quotes": b"\"\"\"\"", "blanks": b"  \t ",
    "a receipt": b"2021-01-01T00:00:00Z b k p 1 00000000 - e - 1 1"}
TEXTS = {
    "whitespace": b"a&#9;b&#10;c&#13;d", "60 KB": b"a" * 60000, "nothing": b"",
    "another line": b"e&#10;2021-01-01T00:00:00Z&#9;b&#9;k", "not UTF-8": b"\xff\xfe",
    "UTF-8": "\u00e9\u2028".encode(), "markup": b"&lt;&amp;&quot;&gt;",
    "slashes": b"../../x?y=z&amp;w",
    "a NUL": b"a&#0;b", "percents": b"%09%0A%"}
LAUGHS = (b"<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"ha\">" + b"".join(
    b"<!ENTITY a%d \"%s\">" % (i, b"&a%d;" % (i - 1) * 10 if i > 1 else b"&a;" * 10)
    for i in range(1, 12)) + b"]><Error><Code>&a11;</Code></Error>")
BOMB = gzip.compress(b"\0" * (32 << 20))


def hostile_answers(trap):
    """name -> answer, to whatever is asked."""
    found = {f"{name}: {kind}": header(name + b": " + value)
             for name in (b"ETag", b"x-amz-version-id") for kind, value in VALUES.items()}
    found = {name.replace("b'", "").replace("'", ""): answer
             for name, answer in found.items()}
    found.update({
        "5000 headers": header(*(b"x-amz-meta-%d: %s" % (i, b"m" * 90)
                                 for i in range(5000))),
        "headers without a colon": header(b"nonsense", b": nothing", b"\xff\xfe: x"),
        "headers without end": raw(b"HTTP/1.1 200 OK\r\n", b"x-amz-meta-a: b\r\n" * 100),
        "a header without end": raw(b"HTTP/1.1 200 OK\r\nETag: \"", b"a" * 1000),
        "a body without end": raw(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\n\r\n",
                                  b" " * 65536),
        "a chunked body without end": raw(
            b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"400\r\n" + b" " * 1024 + b"\r\n"),
        "trailers without end": raw(
            b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"x-amz-meta-a: b\r\n" * 100),
        "a chunk of 2^64": raw(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: "
                               b"chunked\r\n\r\nffffffffffffffffff\r\nxx"),
        "a chunk's extension": raw(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-"
                                   b"Encoding: chunked\r\n\r\n1;", b"x" * 65536),
        "100000 elements deep": document(b"<a>" * 100000, b"500 No"),
        "20000 elements deep": document(b"<a>" * 20000, b"500 No"),
        "nested to the end": document(b"<a>" * 9000 + b"</a>" * 9000, b"503 No"),
        "nested in a 200": document(b"<a>" * 9000 + b"</a>" * 9000),
        "laughs": document(LAUGHS, b"503 No"),
        "laughs in a 200": document(LAUGHS),
        "an attribute of 60 KB": document(b"<Error a=\"" + b"x" * 60000 + b"\"/>",
                                          b"500 No"),
        "a code of 60 KB": document(b"<Error><Code>" + b"x" * 60000 + b"</Code></Error>",
                                    b"500 No"),
        "lines in a message": document(
            b"<Error><Code>SlowDown</Code><Message>a&#10;ERROR - b&#27;[2J&#7;</Message>"
            b"</Error>", b"503 No"),
        "UTF-16": document("<Error><Code>SlowDown</Code></Error>".encode("utf-16"),
                           b"503 No"),
        "a gzip bomb": document(BOMB, b"200 OK", b"Content-Encoding: gzip\r\n"),
        "a gzip bomb as an error": document(BOMB, b"500 No",
                                            b"Content-Encoding: gzip\r\n"),
        "a length too long": header(b"Content-Length: 100000"),
        "a length of -1": header(b"Content-Length: -1"),
        "a length of 2^70": header(b"Content-Length: 1180591620717411303424"),
        "two lengths": header(b"Content-Length: 5", b"Content-Length: 7"),
        "10000 interim answers": before(b"HTTP/1.1 103 Early Hints\r\nETag: \"x\"\r\n\r\n"
                                        * 10000),
        "interim answers without end": raw(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
        "HTTP/0.9": raw(b"<html>It works!</html>"),
        "HTTP/2": raw(b"HTTP/2 200 \r\nETag: \"e\"\r\n\r\n"),
        "HTTP/1.9": raw(b"HTTP/1.9 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n"),
        "101": raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        "status 600": raw(b"HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n"),
        "status 099": raw(b"HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n"),
        "204 without more": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "nothing but line ends": raw(b"\r\n" * 1000),
    })
    for status in (301, 302, 303, 307, 308):
        found[f"{status} to another host"] = raw(
            b"HTTP/1.1 %d Elsewhere\r\nLocation: %s/bucket/key\r\nx-amz-bucket-region: "
            b"%s\r\nContent-Length: 0\r\n\r\n" % (status, trap.encode(),
                                                  trap.split("//")[1].encode()))
    found["307 with another endpoint"] = document(
        b"<Error><Code>TemporaryRedirect</Code><Endpoint>%s</Endpoint><Region>%s</Region>"
        b"</Error>" % (trap.encode(), trap.encode()), b"307 Elsewhere")
    return found


def hostile_documents():
    """(operation, name, answer): for where a document is awaited."""
    def parts(*numbers, more=b""):
        return document(b"<ListPartsResult>" + b"".join(
            b"<Part><PartNumber>%s</PartNumber><ETag>\"e\"</ETag><Size>5242880</Size>"
            b"</Part>" % number for number in numbers) + more + b"</ListPartsResult>")

    found = [("CreateMultipartUpload", f"UploadId: {name}", changed(b"UploadId", text))
             for name, text in TEXTS.items()]
    found += [("CompleteMultipartUpload", f"ETag: {name}", changed(b"ETag", text))
              for name, text in TEXTS.items()]
    found += [("ListParts", f"ETag: {name}", changed(b"ETag", text))
              for name, text in TEXTS.items()]
    found += [
        ("ListParts", "no parts", parts()),
        ("ListParts", "parts that there are not", parts(b"0", b"-1", b"3", b"10001",
                                                        b"99999999999999999999", b"x")),
        ("ListParts", "one part a thousand times", parts(*[b"1"] * 500)),
        ("ListParts", "more of it for ever", parts(
            b"1", more=b"<IsTruncated>true</IsTruncated><NextPartNumberMarker>1"
            b"</NextPartNumberMarker>")),
        ("ListParts", "a marker out of reach", parts(
            b"1", more=b"<IsTruncated>true</IsTruncated><NextPartNumberMarker>"
            b"9223372036854775807</NextPartNumberMarker>")),
        ("CompleteMultipartUpload", "another result", document(
            b"<InitiateMultipartUploadResult><ETag>x</ETag>"
            b"</InitiateMultipartUploadResult>")),
        ("HeadObject", "a page", raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                     b"Content-Length: 300\r\n\r\n")),
        ("CompleteMultipartUpload", "a result in an error", document(
            b"<Error><CompleteMultipartUploadResult/></Error>"))]
    return found


def meet(store, operation, name, answer):
    """One answer to one file's OPERATION, then a store that is itself. Returns
    what is wrong."""
    is_large = operation != "PutObject"  # HEAD comes before all of it
    path = "room/2021/02/03/04/05-t.dat"
    bad = []
    with World(store, "max_attempts: 1", "connections: 1",
               "stall_timeout_seconds: 20") as world:
        world.write(path, large_bytes if is_large else f"{SEED} {name}".encode())
        world.scan()
        if operation == "ListParts":
            # What a run has left that got no further.
            other = Meddler(store, "CompleteMultipartUpload", None, acts=False)
            measured(world, environment={"AWS_ENDPOINT_URL_S3": other.url})
            other.close()
        meddler = Meddler(store, operation, answer)
        status, said, memory = measured(
            world, environment={"AWS_ENDPOINT_URL_S3": meddler.url})
        meddler.close()
        if meddler.met == 0:
            bad.append("it was not asked")
        if status not in (0, EX_TEMPFAIL, EX_CONFIG):
            bad.append(f"it ended with {status}")
        if memory > MEMORY_KIB:
            bad.append(f"it took {memory} KiB")
        if any(len(line) > 20000 or not line.isprintable() for line in said.split("\n")):
            bad.append("its log has strange lines")
        if world.files_in("failed") or not (waiting(world) if status else
                                            world.files_in("confirmed")):
            bad.append("the file is neither queued nor confirmed")
        for _ in range(4):
            drained = [world.upload(), world.reap()]
            if not waiting(world) and not world.files_in("confirmed"):
                break
        bad += [str(ended) for ended in drained if ended.status != 0]
        bad += world.check(drained=True)
        listed = world.reap(options=["--list"])
        lines = listed.out.splitlines()
        if listed.status != 0 or len(lines) != 1 or len(lines[0].split("\t")) != 11:
            bad.append(f"the record has other lines than one: {lines}")
        if bad:
            bad.append(f"{operation}, {name}: {said[-1500:]}")
    return bad


def hostile():
    """Answers that nobody should give, to each operation: the file stays queued
    or is stored, memory stays bounded, the receipts keep their format, nothing
    is sent elsewhere, and it ends."""
    trap = Server()
    operations = ("PutObject", "CreateMultipartUpload", "UploadPart",
                  "CompleteMultipartUpload", "ListParts")
    answers = hostile_answers(trap.url)
    cases = sample([("PutObject", *item) for item in answers.items()], 30)
    cases += sample([(operation, *item) for operation in operations[1:]
                     for item in answers.items()], 10)
    documents = hostile_documents()
    cases += sample(documents, 10)
    cases += [case for case in documents if case[0] == "HeadObject" and case not in cases]
    for at in range(0, len(cases), 50):  # what a store holds in memory
        some = cases[at:at + 50]
        store = Store()
        with ThreadPoolExecutor(4) as pool:
            for case, bad in zip(some, pool.map(lambda case: meet(store, *case), some)):
                holds(bad, f"to {case[0]}: {case[1]}")
        store.stop()
    equal(trap.connections, 0, "nothing was sent to where an answer pointed")
    trap.close()


def waits_asked_for():
    """Retry-After in all its forms: nonsense is ignored, an endless wait ends
    by a signal."""
    for value in ("-1", "1e99", "99999999999999999999999", "soon",
                  "Fri, 31 Dec 9999 23:59:59 GMT"):
        store = Store("--discard", rules=[
            f'PUT op=PutObject n=1 status=503 header="Retry-After: {value}"'])
        with World(store, "max_attempts: 2") as world:
            world.write("room/2021/02/03/04/05-t.dat")
            drain(world, f"Retry-After: {value}", passes=1)
        store.stop()
    store = Store("--discard", rules=[
        "PUT op=PutObject n=1 status=503 retry-after=4000000000"])
    with World(store, "max_attempts: 2") as world:
        world.write("room/2021/02/03/04/05-t.dat")
        world.scan()
        process = world.start("upload")
        wait_until(lambda: len(store.asked()) > 1, "it was asked to wait", process)
        process.terminate()
        equal(process.wait(), EX_TEMPFAIL, "a signal ends the wait")
        equal(len(world.files_in("claimed")), 1, "the file stays queued")
        drain(world, "after the wait", passes=1)
    store.stop()


# --- below HTTP -------------------------------------------------------------------------

def rawstub(world, mode, *options):
    """A process that spoils connections; and its URL."""
    with open(os.path.join(world.root, "raw.url"), "w+", encoding="utf-8") as url:
        process = subprocess.Popen(
            [os.path.join(BUILD, "tests", "rawstub"), mode, *options],
            stdin=subprocess.DEVNULL, stdout=url)
        wait_until(lambda: os.fstat(url.fileno()).st_size > 0, "it listens", process)
        url.seek(0)
        return process, url.read().strip()


def meet_raw(store, mode, environment):
    """MODE for whatever is asked, then for some connections only. Returns what
    is wrong."""
    bad = []
    with World(store, "max_attempts: 1", "connections: 3", IMPATIENT) as world:
        for at in range(2):
            world.write(f"room/2021/02/03/04/05-{at}.dat",
                        f"{SEED} {mode} {at} ".encode() * 5000)
        world.write("room/2021/02/03/04/05-large.dat", large_bytes)
        world.scan()
        for more in ((), ("--first", "2", "--upstream", store.port)):
            process, url = rawstub(world, mode, "--delay-ms", "3000", *more)
            status, said, memory = measured(
                world, environment={**environment, "AWS_ENDPOINT_URL_S3": url})
            process.terminate()
            process.wait()
            if status not in ((0, EX_TEMPFAIL, EX_CONFIG) if more else
                              (EX_TEMPFAIL, EX_CONFIG)):
                bad.append(f"it ended with {status}")
            if memory > MEMORY_KIB:
                bad.append(f"it took {memory} KiB")
            if not more and len(world.files_in("claimed")) != 3:
                bad.append("not everything is queued")
            if bad:
                bad.append(said[-1500:])
        world.configure()  # and with more patience
        bad += [str(ended) for ended in [world.upload(environment=environment),
                                         world.reap()] if ended.status != 0]
        bad += world.check(drained=True)
    return bad


def below_http():
    """Answers at a snail's pace, without end, or cut within 100 Continue; first
    for all connections, then for the first two."""
    modes = ("no-read", "slow-read", "cut-100", "two-lengths", "extra",
             "endless-header", "endless-headers", "endless-100", "slow-loris", "trickle",
             "reset", "silent")
    store = Store()
    with ThreadPoolExecutor(len(modes)) as pool:  # they wait, mostly
        for mode, bad in zip(modes, pool.map(
                lambda mode: meet_raw(store, mode, {}), modes)):
            holds(bad, f"{mode}: everything stays queued, and arrives")
    store.stop()


def tls():
    """Handshakes that fail, and certificates that aren't the store's."""
    directory = os.path.join(SCRATCH, "cert")
    made = subprocess.run(["sh", os.path.join(HERE, "..", "stub", "make-cert.sh"),
                           directory], capture_output=True, check=False)
    if made.returncode != 0:
        skip("no certificates can be made here", "TLS")
        return

    def certificate(name):
        return os.path.join(directory, name + ".pem")

    trusting = {"AWS_CA_BUNDLE": certificate("ca")}
    os.environ["SSL_CERT_FILE"] = certificate("ca")  # Python's
    store = Store("--cert", certificate("server"), "--key", certificate("server-key"))
    modes = ("tls-cut", "tls-plain", "tls-alert", "tls-half")
    with ThreadPoolExecutor(4) as pool:
        for mode, bad in zip(modes, pool.map(
                lambda mode: meet_raw(store, mode, trusting), modes)):
            holds(bad, f"{mode}: everything stays queued, and arrives")
    for title, cert, key, environment in (
            ("of an unknown authority", "server", "server-key", {}),
            ("that is no server's", "client", "client-key", trusting),
            ("that has expired", "expired", "server-key", trusting)):
        if not os.path.exists(certificate(cert)):
            skip("it can't be made here", f"a certificate {title}")
            continue
        with World(store, "max_attempts: 1") as world:
            other = subprocess.Popen(
                [os.path.join(BUILD, "tests", "s3stub"), "--cert", certificate(cert),
                 "--key", certificate(key), "--log", os.path.join(world.root, "log")],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            url = other.stdout.readline().strip()
            world.write("room/2021/02/03/04/05-t.dat")
            world.scan()
            ended = world.upload(
                environment={**environment, "AWS_ENDPOINT_URL_S3": url})
            other.terminate()
            other.communicate()
            with open(os.path.join(world.root, "log"), encoding="utf-8") as log:
                asked = [line for line in log if not line.startswith("#")]
            equal((ended.status, asked, len(world.files_in("claimed"))),
                  (EX_TEMPFAIL, [], 1), f"a certificate {title}: nothing is sent", ended)
    store.stop()


if __name__ == "__main__":
    main(hostile, small_files, large_files, storms, a_day, forbidden_for_a_while,
         waits_asked_for, below_http, tls)
