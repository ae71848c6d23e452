"""Who moves a tree into the bucket: our three programs, the plain libcurl program
beside which they are measured, and whichever other tools are installed, each as
fast as its documentation says how to make it.

Each move() returns what it took, by stage.
"""
import os
import shutil

from measure import (BUCKET, SCRATCH, STAGES, environment, program, run,
                     write_config)

PEER_SECONDS = float(os.environ.get("BENCH_PEER_SECONDS") or 120)


class Floor:
    name = "floor"

    def __init__(self, workload):
        self.arguments = [str(workload.floor_connections), str(workload.floor_buffer)]

    def move(self, base, url):
        return {"floor": run([program("tests/bench/floor"), *self.arguments,
                              f"{url}/{BUCKET}", base], environment(url))}


class Ours:
    name = "s3spool"

    def __init__(self, workload, *config):
        self.config = (f"connections: {workload.connections}", *workload.config,
                       *config)

    def move(self, base, url):
        config = write_config(base, url, *self.config)
        took = {stage: run([program("s3spool-" + stage), config], environment(url))
                for stage in STAGES}
        took["all three"] = took["scan"] + took["upload"] + took["reap"]
        return took


class Peer:
    """Another tool: one command, its settings from the workload."""

    name = ""

    def __init__(self, workload):
        self.connections = workload.connections

    def command(self, base, url):
        raise NotImplementedError

    def variables(self):
        return {}

    def move(self, base, url):
        return {self.name: run(self.command(base, url),
                               {**environment(url), **self.variables()},
                               PEER_SECONDS)}


class Rclone(Peer):
    """No question of any object before or after, no listing."""

    name = "rclone"

    def command(self, base, url):
        return ["rclone", "move", "--config", "/dev/null", "--s3-provider", "Other",
                "--s3-endpoint", url, "--s3-env-auth", "--s3-no-check-bucket",
                "--s3-no-head", "--s3-disable-checksum", "--no-check-dest",
                "--no-traverse", "--ignore-checksum", "--use-server-modtime",
                "--transfers", str(self.connections), "--checkers", "16",
                "--max-backlog", "1000000", "--s3-chunk-size", "16M",
                "--s3-upload-concurrency", "4", "--s3-upload-cutoff", "64M",
                "--delete-empty-src-dirs", "--retries", "1",
                base, f":s3:{BUCKET}"]

    def variables(self):
        # Versions that don't know it yet don't mind it here.
        return {"RCLONE_S3_USE_UNSIGNED_PAYLOAD": "true"}


class S5cmd(Peer):
    name = "s5cmd"

    def command(self, base, url):
        return ["s5cmd", "--endpoint-url", url, "--log", "error", "--numworkers",
                str(self.connections), "mv", "--concurrency", "4", "--part-size",
                "16", f"{base}/*", f"s3://{BUCKET}/"]


class Aws(Peer):
    name = "aws"

    def command(self, base, url):
        return ["aws", "s3", "mv", "--endpoint-url", url, "--recursive",
                "--only-show-errors", base, f"s3://{BUCKET}/"]

    def variables(self):
        path = os.path.join(SCRATCH, "aws.config")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[default]\ns3 =\n"
                       f"  max_concurrent_requests = {self.connections}\n"
                       "  max_queue_size = 10000\n  multipart_threshold = 64MB\n"
                       "  multipart_chunksize = 16MB\n  addressing_style = path\n")
        return {"AWS_CONFIG_FILE": path,
                "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}


class S3cmd(Peer):
    """One connection is all that it has; and it can't move, which spares it the
    removing."""

    name = "s3cmd"

    def command(self, base, url):
        host = url.partition("://")[2]
        return ["s3cmd", "--config", "/dev/null", "--access_key", "stub-key",
                "--secret_key", "stub-secret", "--host", host, "--host-bucket", host,
                "--no-ssl", "--quiet", "--no-check-md5", "--no-preserve",
                "--no-progress", "--multipart-chunk-size-mb", "64", "--recursive",
                "put", f"{base}/", f"s3://{BUCKET}/"]


PEERS = (Rclone, S5cmd, Aws, S3cmd)


def installed_peers():
    """Returns those that are here; says which aren't."""
    wanted = os.environ.get("BENCH_PEERS", " ".join(peer.name for peer in PEERS)).split()
    asked = [peer for peer in PEERS if peer.name in wanted]
    here = [peer for peer in asked if shutil.which(peer.name)]
    missing = [peer.name for peer in asked if peer not in here]
    if missing:
        print("not installed, and left out:", ", ".join(missing), flush=True)
    return here
