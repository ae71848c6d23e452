"""The guards that keep the promises, each broken in one way.

A mutant is a name, a file, the texts to be replaced, each of which the file holds
once, and the test that must fail: a story of a fault test, or a test of a unit
test. Where nobody could tell the difference, a reason stands in its place.
"""


class Mutant:
    def __init__(self, name, file, *edits, test=None, story=None, equivalent=None):
        self.name = name
        self.file = file
        self.edits = edits
        self.test = test or (f"tests/fault/11-guards.py {story}" if story else None)
        self.equivalent = equivalent


CLAIM = "scanner/claim.c"
JOB = "uploader/job.c"
KEYLOCK = "uploader/keylock.c"
REAP = "reaper/reap.c"
RUN = "common/run.c"
SPOOL = "common/spool.c"
HEIR = "uploader/heir.c"
LEDGER = "reaper/ledger.c"
COMMIT = "uploader/commit.c"
MULTI = "uploader/multi.c"
EXCHANGE = "uploader/exchange.c"
VERDICT = "uploader/verdict.c"
COMPARE = "uploader/compare.c"

MUTANTS = [
    # --- the scanner --------------------------------------------------------
    Mutant("scan: no lease question after the rename", CLAIM,
           ("(!leased || settle_lease_stands(fd))", "(!leased || fd >= 0)"),
           story="writer_at_the_claim"),
    Mutant("scan: a file without a name counts as the one that was renamed", CLAIM,
           ("st.st_nlink == 1;", "st.st_nlink <= 1;"),
           story="another_in_its_place"),
    Mutant("scan: no question for a second name after the rename", CLAIM,
           ("st.st_nlink == 1;", "st.st_nlink >= 1;"),
           story="linked_at_the_claim"),
    Mutant("scan: fstat before the lease", CLAIM,
           ("	lease = settle_take_lease(", "	int seen = fstat(fd, &st);\n"
            "	lease = settle_take_lease("),
           ("	if (fstat(fd, &st) < 0) {", "	if (seen < 0) {"),
           story="written_before_the_scan_leases"),
    Mutant("settle: a writer is no reason to wait", "common/settle.c",
           ("return SETTLE_WRITER;", "return SETTLE_SETTLED;"),
           story="open_before_the_scan"),
    Mutant("settle: any age will do", "common/settle.c",
           ("age >= config->settle_seconds", "age >= 0"),
           story="too_young"),
    Mutant("settle: the change time isn't looked at", "common/settle.c",
           ("clock_from_timespec(&st->st_ctim)", "clock_from_timespec(&st->st_mtim)"),
           story="too_young"),
    Mutant("walk: the spool isn't left out", "scanner/walk.c",
           ("st.st_ino != walk->skip_inode", "true"),
           test="tests/unit/test_walk leaves_the_spool_out"),

    # --- moves --------------------------------------------------------
    Mutant("move: RENAME_NOREPLACE is left out", SPOOL,
           ("m->path, RENAME_NOREPLACE)", "m->path, 0)"),
           story="second_of_a_path"),
    Mutant("move: by hand, without a look whether the name is free", SPOOL,
           ("return -EEXIST;", "errno = ENOENT;"),
           test="tests/unit/test_spool never_replaces"),
    Mutant("move: by hand, from a shared room", SPOOL,
           ("	if (!m->from_private)\n		return -ENOTSUP;", ""),
           test="tests/unit/test_spool moves"),
    Mutant("move: any file at the target is taken for the one that was moved", SPOOL,
           ("(inode == 0 || st.st_ino == inode)", "true"),
           test="tests/unit/test_spool never_replaces"),
    Mutant("move: the error is believed, the inode isn't asked", SPOOL,
           ("if (from->inode != 0 &&", "if (false && from->inode != 0 &&"),
           story="rename_that_lies"),
    Mutant("spool: anybody may own it", SPOOL,
           ("st.st_uid == geteuid() && ", ""),
           equivalent="only root can make one to see it by: test_spool must_be_ours, "
                      "which does, there"),
    Mutant("spool: it may be open to others", SPOOL,
           (" && (st.st_mode & 077) == 0", ""),
           test="tests/unit/test_spool must_be_closed"),
    Mutant("open: links are followed", "common/fsio.c",
           ("RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |", "RESOLVE_BENEATH |"),
           test="tests/unit/test_walk follows_no_link"),
    Mutant("open: paths lead out by dots", "common/fsio.c",
           ("RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |", "RESOLVE_NO_SYMLINKS |"),
           test="tests/unit/test_fsio opens_beneath"),

    # --- runs --------------------------------------------------------
    Mutant("run: every run is dead", RUN,
           ("fd < 0 ? fd : fsio_lock(fd, 0, 0);", "fd < 0 ? fd : 0;"),
           story="live_run"),
    Mutant("run: its file's name isn't synced", RUN,
           ("rc = fsio_sync_dir(spool->runs_fd);", "rc = 0;"),
           story="run_without_a_name"),
    Mutant("run: receipts aren't synced", RUN,
           ("if (fdatasync(run->fd) < 0) {", "if (false) {"),
           test="tests/fault/02-system-calls.py failed_sync_is_fatal"),
    Mutant("run: the failure of that sync is ignored", RUN,
           ("if (fdatasync(run->fd) < 0) {", "if (fdatasync(run->fd) < -1) {"),
           test="tests/fault/02-system-calls.py failed_sync_is_fatal"),
    Mutant("run: after it the lines are left to be believed", RUN,
           ("		(void)!ftruncate(run->fd, (off_t)run->good_bytes);\n"
            "		return -error;", "		return -error;"),
           test="tests/fault/02-system-calls.py failed_sync_is_fatal"),
    Mutant("run: reasons aren't synced", RUN,
           ("fdatasync(run->reasons_fd) < 0", "false"),
           story="moved_before_its_reason"),
    Mutant("commit: files are moved before their receipts are durable", COMMIT,
           ("if (commit->receipts.length > 0)", "if (false)"),
           ("	commit->count = 0;", "	rc = run_append(commit->run,\n"
            "	    strbuf_text(&commit->receipts), commit->receipts.length,\n"
            "	    commit->receipt_count);\n	commit->count = 0;"),
           story="moved_before_its_receipt"),
    Mutant("heir: the inode isn't compared", HEIR,
           ("receipt->inode == file->inode &&", "true &&"),
           ("S_ISREG(st.st_mode) && st.st_ino == receipt->inode &&", ""),
           story="changed_after_a_death"),
    Mutant("heir: the size isn't compared", HEIR,
           ("st.st_size == receipt->size &&", ""),
           story="changed_after_a_death"),
    Mutant("heir: the modification time isn't compared", HEIR,
           ("clock_from_timespec(&st.st_mtim) == receipt->mtime_ns", "true"),
           story="changed_after_a_death"),
    Mutant("heir: a receipt is believed before it is synced", HEIR,
           ("fdatasync(heir->lock_fd) < 0", "false"),
           story="believed_without_a_sync"),

    # --- the uploader and the file --------------------------------------------------------
    Mutant("upload: a writer is no reason to wait", JOB,
           ("if (lease == LEASE_WRITER) {", "if (false) {"),
           story="open_before_the_upload"),
    Mutant("upload: fstat before the lease", JOB,
           ("	lease = settle_take_lease(", "	int looked = fstat(job->fd, &job->st);\n"
            "	lease = settle_take_lease("),
           ("	if (fstat(job->fd, &job->st) < 0) {", "	if (looked < 0) {"),
           story="written_before_the_upload_leases"),
    Mutant("upload: no stat after the PUT", JOB,
           ("if (!is_unchanged(job))", "if (false)"),
           story="written_while_it_is_sent"),
    Mutant("upload: no stat before an upload in parts is completed", MULTI,
           ("if (job_has_changed(lead)) {", "if (false) {"),
           story="written_between_parts"),
    Mutant("upload: a second name is no reason to refuse it", JOB,
           ("return st.st_nlink == 1 || is_alone(job);",
            "return st.st_nlink >= 1 || is_alone(job);"),
           story="linked_in_the_queue"),
    Mutant("upload: what may replace an object isn't synced", EXCHANGE,
           ("if (!put.if_none_match && fdatasync(job->fd) < 0) {", "if (false) {"),
           story="unsynced_file"),
    Mutant("upload: nor what replaces one by parts", MULTI,
           ("if (!complete.if_none_match && fdatasync(lead->fd) < 0) {", "if (false) {"),
           story="unsynced_file"),
    Mutant("upload: a part that is listed is believed", "uploader/parts.c",
           ("	if (!part->was_listed)\n		return false;\n",
            "	if (part->was_listed)\n		return true;\n"),
           test="tests/unit/test_parts believes_bytes_alone"),

    # --- the uploader and the store --------------------------------------------------------
    Mutant("upload: If-None-Match isn't sent", EXCHANGE,
           (".if_none_match = is_conditional(job),", ".if_none_match = false,"),
           story="object_of_others"),
    Mutant("upload: If-None-Match isn't sent with the last request of parts", MULTI,
           (".if_none_match = !uploader_is_unconditional(up),",
            ".if_none_match = false,"),
           story="object_comes_meanwhile"),
    Mutant("upload: no lock on the key", KEYLOCK,
           ("rc = fsio_lock(up->commits.keys_fd, hash, 1);", "rc = 0;"),
           story="two_of_a_key"),
    Mutant("upload: a newer file doesn't wait for an older one of its path", KEYLOCK,
           ("return rc == 0 ? -EAGAIN : 0;", "return 0;"),
           story="older_goes_first"),
    Mutant("upload: a newer file is taken before it is its turn", KEYLOCK,
           ("if (up->config->on_conflict == CONFLICT_OVERWRITE)",
            "if (gate.context == NULL)"),
           test="tests/fault/06-many.py in_order"),
    Mutant("upload: without conditions the first PUT is sent unasked", EXCHANGE,
           ("STEP_HEAD_COMPLETE : STEP_HEAD_FIRST;", "STEP_HEAD_COMPLETE : STEP_PUT;"),
           story="object_of_others"),
    Mutant("upload: without conditions the later PUTs are sent unasked", JOB,
           ("			? STEP_HEAD_FIRST\n", "			? STEP_PUT\n"),
           story="object_of_others"),
    Mutant("upload: an object of the same size is the same", COMPARE,
           ("!= size_bytes)\n		return COMPARE_OTHER;",
            "!= size_bytes)\n		return COMPARE_OTHER;\n"
            "	if (reply->content_length >= 0)\n		return COMPARE_SAME;"),
           story="object_of_others"),
    Mutant("upload: a page with an ETag is an answer", EXCHANGE,
           ("if (*body != '<' && job->reply.etag.length > 0) {",
            "if (job->reply.etag.length > 0) {"),
           story="page_for_an_answer"),
    Mutant("upload: an answer needs no ETag", EXCHANGE,
           ("if (*body != '<' && job->reply.etag.length > 0) {", "if (*body != '<') {"),
           story="page_for_an_answer"),
    Mutant("upload: any answer completes an upload in parts", MULTI,
           ("if (!s3_xml_completed(", "if (false && !s3_xml_completed("),
           story="page_for_a_completion"),
    Mutant("upload: 200 is a success, with an error in it, too", VERDICT,
           ("if (*code != '\\0') {", "if (*code != '\\0' && !success) {"),
           test="tests/unit/test_verdict table"),
    Mutant("upload: another checksum in the answer to a PUT is passed over", EXCHANGE,
           ("if (!compare_contradicts(&job->reply, &job->digest)) {", "if (true) {"),
           story="checksum_of_other_bytes"),
    Mutant("upload: another checksum in the answer for parts is passed over", MULTI,
           ("if (compare_contradicts(&job->reply, &job->digest)) {", "if (false) {"),
           story="checksum_of_other_bytes"),

    # --- the reaper --------------------------------------------------------
    Mutant("reap: the inode isn't compared", REAP,
           ("st.st_ino != receipt->inode ||", ""),
           story="another_when_reaped"),
    Mutant("reap: the size isn't compared", REAP,
           ("st.st_size != receipt->size ||", ""),
           story="longer_when_reaped"),
    Mutant("reap: the modification time isn't compared", REAP,
           ("clock_from_timespec(&st.st_mtim) != receipt->mtime_ns", "false"),
           story="touched_when_reaped"),
    Mutant("reap: the CRC isn't compared", REAP,
           (" && crc == receipt->crc32c", ""),
           story="other_bytes_when_reaped"),
    Mutant("reap: without a lease, what follows the bytes isn't looked for", REAP,
           ("receipt->size + may_grow", "receipt->size"),
           story="growing_without_a_lease"),
    Mutant("reap: a writer is no reason to wait", REAP,
           ("if (lease == LEASE_WRITER)\n		return 0;", ""),
           equivalent="before the deletion the lease is asked once more, and one that "
                      "was never had doesn't stand; open_before_the_deletion"),
    Mutant("reap: no lease question before the deletion", REAP,
           ("lease == LEASE_NONE || settle_lease_stands(fd)", "true"),
           story="writer_at_the_deletion"),
    Mutant("reap: fstat before the lease", REAP,
           ("	lease = settle_take_lease(", "	int looked = fstat(fd, &st);\n"
            "	lease = settle_take_lease("),
           ("	if (fstat(fd, &st) < 0)\n", "	if (looked < 0)\n"),
           story="written_before_the_reaper_leases"),
    Mutant("reap: nothing is retained", REAP,
           ("config->retain_seconds > 0 &&", "false &&"),
           story="retained"),
    Mutant("reap: retained files go back to the queue", REAP,
           ("if (is_kept(reaper, st.st_ino)) {", "if (false) {"),
           story="retained"),
    Mutant("reap: a run is archived while its heir needs its receipts", REAP,
           ("rc = fsio_remove_empty(spool->uploading_fd, name);", "rc = 0;"),
           story="receipts_of_the_dead"),
    Mutant("ledger: pieces are dropped before they are merged", LEDGER,
           ("	if (rc == 0 && added &&\n", "	if (rc == 0)\n"
            "		rc = drop_pieces(spool, day, &pieces);\n"
            "	if (rc == 0 && added &&\n"),
           story="merge_that_fails"),
    Mutant("ledger: a day's file isn't synced", LEDGER,
           ("fsync(fileno(out)) < 0", "false"),
           story="merge_that_fails"),
    Mutant("ledger: its name isn't synced", LEDGER,
           ("rc = fsio_sync_dir(spool->ledger_fd);", "rc = 0;"),
           story="merge_that_fails"),
    Mutant("receipt: a line that is cut off counts", "common/receipt.c",
           ("if (reader->line[n - 1] != '\\n') {", "if (n == 0) {"),
           test="tests/unit/test_receipt torn_tails"),
    Mutant("prune: directories of others go, too", "reaper/prune.c",
           ("	if (!is_ours(prune) ||\n	    !pruning", "	if (!pruning"),
           test="tests/unit/test_prune at_once"),
    Mutant("prune: the spool goes, too", "reaper/prune.c",
           ("st.st_ino == spool->inode", "false"),
           test="tests/unit/test_prune keeps_the_spool"),
    Mutant("prune: a directory of this hour may go", "common/pruning.c",
           ("changed_ns <= now_ns - hour_ns", "true"),
           test="tests/unit/test_prune after_26_hours"),
]
