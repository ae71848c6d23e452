/* What the store does, found out by trying.
 *
 * That a store refuses If-None-Match (501) does no harm: uploads ask it first.
 * One that takes the header and overwrites all the same is what this is for,
 * as nothing tells an uploader of it, and two of them could replace each
 * other's objects. So it is with checksums that nobody looks at.
 *
 * Whatever may have been stored is removed at the end, also after a lost
 * answer, a fault or a signal. */
#include "uploader/check_store.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/mem.h"
#include "uploader/chance.h"
#include "uploader/check_report.h"
#include "uploader/checksum.h"
#include "uploader/compare.h"
#include "uploader/s3_xml.h"

static const char other_body[] = "Other bytes of s3spool check\n";

enum { PROBE_OBJECT, PROBE_CHECKSUM, PROBE_PARTS, PROBES, HOST_MAX = 100 };

struct store {
	struct check_ask *ask;
	struct stage *stage;
	const struct config *config;
	char *body;
	struct probe {
		char *key;
		bool may_exist;
	} probes[PROBES];
	struct strbuf upload_id; /* "": there is none */
	bool no_conditions;	 /* 501 */
	bool has_versions;
};

static const struct verdict_row *
put(struct store *store, int probe, const char *body, const char *claimed,
    bool conditional)
{
	const struct verdict_row *row;
	bool may_exist = store->probes[probe].may_exist;

	store->probes[probe].may_exist = true; /* whatever happens to us */
	row = check_ask(store->ask, &(const struct check_question){
					.op = CHECK_PUT,
					.key = store->probes[probe].key,
					.body = body,
					.claimed = claimed,
					.conditional = conditional,
				    });
	/* Refused is not stored; without an answer it may well be, and what
	 * exists there is our own. */
	if (store->ask->fault == TRANSFER_ANSWERED &&
	    row->verdict != VERDICT_EXISTS && store->ask->reply.status >= 400 &&
	    store->ask->reply.status < 500)
		store->probes[probe].may_exist = may_exist;
	if (row->verdict == VERDICT_OK &&
	    store->ask->reply.version_id.length > 0 &&
	    strcmp(strbuf_text(&store->ask->reply.version_id), "null") != 0)
		store->has_versions = true;
	return row;
}

/* The first object, in the way that uploads would find for it. */
static bool
check_put(struct store *store)
{
	static const char item[] = "PutObject";
	struct check_ask *ask = store->ask;
	struct uploader *up = &ask->up;
	const struct verdict_row *row;

	for (;;) {
		row = put(store, PROBE_OBJECT, store->body, store->body,
		    !store->no_conditions);
		if (up->stopping)
			return false;
		if (row->verdict == VERDICT_NO_CONDITIONS) {
			store->no_conditions = true;
		} else if (row->verdict != VERDICT_OK &&
			   store->config->checksum == CHECKSUM_AUTO &&
			   up->checksum == CHECKSUM_CRC32C &&
			   !up->endpoint->is_aws &&
			   verdict_refuses_checksum(ask->reply.status,
			       strbuf_text(&ask->error.code))) {
			up->checksum = CHECKSUM_MD5;
			store->no_conditions = false;
		} else {
			break;
		}
	}
	/* Nobody else knows the key: the answer to an earlier try was lost. */
	if (row->verdict == VERDICT_EXISTS ||
	    (row->verdict == VERDICT_OK && ask->reply.etag.length > 0)) {
		check_ok(item, "allowed: '%s' stored",
		    store->probes[PROBE_OBJECT].key);
		return true;
	}
	if (row->verdict == VERDICT_OK)
		check_fail(store->stage, EX_CONFIG, item,
		    "HTTP status 200 without an ETag is no S3 API's answer; "
		    "is endpoint_url that of one?");
	else
		check_ask_fail(ask, item, row);
	return false;
}

static void
report_head_refused(struct store *store)
{
	static const char item[] = "HeadObject";

	if (store->no_conditions &&
	    store->config->on_conflict != CONFLICT_OVERWRITE)
		check_fail(store->stage, EX_NOPERM, item,
		    "not allowed, and needed here: this store knows no "
		    "conditional writes, so uploads ask first; grant "
		    "s3:GetObject and s3:ListBucket, or set on_conflict: "
		    "overwrite");
	else
		check_warn(item,
		    "not allowed (s3:GetObject): a file whose object exists "
		    "already, as after a lost answer, can't be compared with "
		    "it and goes to failed/");
}

static void
check_head(struct store *store)
{
	static const char item[] = "HeadObject";
	struct check_ask *ask = store->ask;
	size_t length = strlen(store->body);
	struct digest digest = {0};
	const struct verdict_row *row = check_ask(
	    ask, &(const struct check_question){
		     .op = CHECK_HEAD, .key = store->probes[PROBE_OBJECT].key});

	if (ask->up.stopping)
		return;
	if (check_ask_is_denied(ask)) {
		report_head_refused(store);
		return;
	}
	if (row->verdict != VERDICT_OK) {
		check_warn(item, "%s, of an object just stored",
		    strbuf_text(&ask->message));
		return;
	}
	digest_begin(&digest, DIGEST_CRC32C | DIGEST_SHA256 | DIGEST_MD5);
	digest_update(&digest, store->body, length);
	digest_finish(&digest);
	switch (compare_object(&ask->reply, (int64_t)length, &digest)) {
	case COMPARE_SAME:
		check_ok(item, "allowed, and tells whether an object has a "
			       "file's bytes");
		break;
	case COMPARE_OTHER:
		check_warn(item, "allowed, but tells of other bytes than "
				 "those just stored");
		break;
	default:
		check_warn(item, "allowed, but tells nothing to compare by: "
				 "a file whose object exists already goes to "
				 "failed/");
		break;
	}
	digest_done(&digest);
}

static void
check_conditions(struct store *store)
{
	static const char item[] = "If-None-Match";
	const struct verdict_row *row;

	if (!store->no_conditions) {
		row = put(store, PROBE_OBJECT, other_body, other_body, true);
		if (store->ask->up.stopping)
			return;
		if (row->verdict == VERDICT_EXISTS) {
			check_ok(item,
			    "honoured (%d): no object is "
			    "overwritten",
			    store->ask->reply.status);
			return;
		}
		if (row->verdict == VERDICT_OK) {
			check_warn(item,
			    "SILENTLY IGNORED: the store overwrote the probe "
			    "in spite of it; uploaders on different machines, "
			    "or with different spools, can overwrite each "
			    "other's objects; give each a key_prefix of its "
			    "own");
			return;
		}
		if (row->verdict != VERDICT_NO_CONDITIONS) {
			check_warn(item, "unknown: %s",
			    strbuf_text(&store->ask->message));
			return;
		}
	}
	check_warn(item, "not known to the store (501): uploads ask with HEAD "
			 "before each PUT; two machines that send one key at "
			 "the same moment can overwrite each other's object");
}

/* A body and the checksum of another one. */
static void
check_checksum(struct store *store)
{
	static const char item[] = "checksum";
	struct check_ask *ask = store->ask;
	const char *kind = checksum_header(ask->up.checksum);
	const struct verdict_row *row;

	if (kind == NULL && !ask->up.sign_payload) {
		check_warn(item, "none is sent: checksum is none, and bodies "
				 "are not signed");
		return;
	}
	if (kind == NULL)
		kind = "the signed x-amz-content-sha256";
	row = put(store, PROBE_CHECKSUM, store->body, other_body, false);
	if (ask->up.stopping)
		return;
	if (row->verdict == VERDICT_OK)
		check_warn(item,
		    "NOT VERIFIED: the store took a body that %s doesn't fit; "
		    "what is garbled on its way is found only where the ETag "
		    "is an MD5%s",
		    kind,
		    ask->up.sign_payload ? ""
					 : "; try payload_signing: always");
	else if (ask->fault == TRANSFER_ANSWERED && ask->reply.status >= 400 &&
		 ask->reply.status < 500 && !check_ask_is_denied(ask))
		check_ok(item, "%s is verified", kind);
	else
		check_warn(item, "unknown: %s", strbuf_text(&ask->message));
}

/* --- multipart uploads --------------------------------------------------- */

/* Aborts the probe upload and looks whether it is gone. */
static const struct verdict_row *
abort_upload(struct store *store)
{
	struct check_question question = {
	    .op = CHECK_ABORT,
	    .key = store->probes[PROBE_PARTS].key,
	    .upload_id = strbuf_text(&store->upload_id),
	};
	const struct verdict_row *row = check_ask(store->ask, &question);

	/* Gone already is gone. */
	if (row->verdict != VERDICT_OK && store->ask->reply.status != 404)
		return row;
	question.op = CHECK_LIST_PARTS;
	return check_ask(store->ask, &question);
}

static void
check_abort(struct store *store)
{
	static const char item[] = "multipart";
	struct check_ask *ask = store->ask;
	const struct verdict_row *row = abort_upload(store);

	if (ask->up.stopping)
		return;
	if (ask->fault == TRANSFER_ANSWERED && ask->reply.status == 404) {
		check_ok(item, "allowed; the probe upload is aborted and gone");
		strbuf_reset(&store->upload_id);
	} else if (row->verdict != VERDICT_OK && check_ask_is_denied(ask) &&
		   strstr(strbuf_text(&ask->message), "ListParts") != NULL) {
		check_ok(item, "allowed, and so is aborting; no right to "
			       "verify it (s3:ListMultipartUploadParts)");
		strbuf_reset(&store->upload_id);
	} else {
		check_warn(item,
		    "allowed, but aborting isn't, or does nothing: %s; the "
		    "upload of '%s' stays, as unfinished ones would, and "
		    "costs; needs s3:AbortMultipartUpload",
		    row->verdict == VERDICT_OK ? "it is still there"
					       : strbuf_text(&ask->message),
		    store->probes[PROBE_PARTS].key);
	}
}

static void
check_multipart(struct store *store)
{
	static const char item[] = "multipart";
	struct check_ask *ask = store->ask;
	const struct strbuf *body = &ask->reply.body;
	const struct verdict_row *row = check_ask(
	    ask, &(const struct check_question){.op = CHECK_CREATE,
		     .key = store->probes[PROBE_PARTS].key});

	if (ask->up.stopping)
		return;
	if (row->verdict != VERDICT_OK)
		check_ask_fail(ask, item, row);
	else if (!s3_xml_created(
		     strbuf_text(body), body->length, &store->upload_id))
		check_fail(store->stage, EX_CONFIG, item,
		    "the answer to CreateMultipartUpload is no S3 API's");
	else
		check_abort(store);
}

/* --- before and after ---------------------------------------------------- */

static void
name_probes(struct store *store)
{
	static const char *const endings[PROBES] = {"", ".checksum", ".parts"};
	char host[HOST_MAX + 1] = "";
	uint32_t random[2] = {chance_u32(), chance_u32()};

	if (gethostname(host, HOST_MAX) < 0 || *host == '\0')
		strcpy(host, "host"); /* fits */
	for (char *p = host; *p != '\0'; p++)
		if (strchr("/\t\n ", *p) != NULL)
			*p = '-';
	for (int i = 0; i < PROBES; i++)
		store->probes[i].key = mem_format(
		    "%s.s3spool-check/%s.%08x%08x%s", store->config->key_prefix,
		    host, random[0], random[1], endings[i]);
	store->body = mem_format("A probe of s3spool check, from %s, %08x\n"
				 "It can be deleted.\n",
	    host, random[0]);
}

/* Removes one object. False: it stays, and it was said so. */
static bool
delete_probe(struct store *store, const char *key)
{
	struct check_ask *ask = store->ask;
	const struct verdict_row *row = check_ask(ask,
	    &(const struct check_question){.op = CHECK_DELETE, .key = key});

	if (row->verdict == VERDICT_OK ||
	    (ask->fault == TRANSFER_ANSWERED && ask->reply.status == 404))
		return true;
	check_warn("DeleteObject", "%s: '%s' stays in the bucket; delete it%s",
	    strbuf_text(&ask->message), key,
	    check_ask_is_denied(ask) ? " (uploads don't need s3:DeleteObject)"
				     : "");
	return false;
}

static void
clean_up(struct store *store)
{
	bool interrupted = store->ask->up.stopping;
	bool any = false, deleted = true;

	check_ask_tolerate(store->ask);
	if (store->upload_id.length > 0 && interrupted)
		(void)abort_upload(store); /* best effort */
	for (int i = 0; i < PROBES; i++) {
		if (!store->probes[i].may_exist)
			continue;
		any = true;
		deleted = delete_probe(store, store->probes[i].key) && deleted;
	}
	if (any && deleted && store->has_versions)
		check_warn("DeleteObject", "allowed; but the bucket keeps "
					   "versions, so the probes stay as "
					   "old ones");
	else if (any && deleted)
		check_ok("DeleteObject", "allowed: the probe objects are "
					 "gone");
	store->ask->up.stopping = interrupted;
}

void
check_objects(struct check_ask *ask)
{
	static void (*const steps[])(struct store * store) = {
	    check_head, check_conditions, check_checksum, check_multipart};
	struct store store = {
	    .ask = ask, .stage = ask->up.stage, .config = ask->up.config};

	name_probes(&store);
	if (check_put(&store))
		for (size_t i = 0;
		     i < sizeof steps / sizeof *steps && !ask->up.stopping; i++)
			steps[i](&store);
	clean_up(&store);
	for (int i = 0; i < PROBES; i++)
		free(store.probes[i].key);
	free(store.body);
	strbuf_done(&store.upload_id);
}
