/* The words of the tool that this one replaces, to the letter where it had any;
 * see failure.h. */
#include "uploader/failure.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "uploader/abandon.h"

static const char *
operation_of(const struct job *job)
{
	switch (job->step) {
	case STEP_PUT:
		return "PutObject";
	case STEP_GET_REASON:
		return "GetObject";
	case STEP_CREATE:
		return "CreateMultipartUpload";
	case STEP_PART:
		return "UploadPart";
	case STEP_COMPLETE:
		return "CompleteMultipartUpload";
	case STEP_LIST:
	case STEP_ABORT_CHECK:
		return "ListParts";
	case STEP_ABORT:
		return "AbortMultipartUpload";
	default:
		return "HeadObject";
	}
}

/* The operation that the user asked for: questions that stand in for the
 * condition of a PUT are part of it. */
static const char *
purpose_of(const struct job *job)
{
	return job->step == STEP_HEAD_FIRST || job->step == STEP_GET_REASON
		   ? "PutObject"
		   : operation_of(job);
}

const char *
failure_words(const struct job *job)
{
	return job->error.message.length > 0 ? strbuf_text(&job->error.message)
					     : "the store says no more";
}

char *
failure_describe(const struct job *job, const struct transfer_result *result)
{
	if (result->fault != TRANSFER_ANSWERED)
		return mem_copy(result->message);
	if (job->error.code.length > 0)
		return mem_format("An error occurred (%s) when calling the %s "
				  "operation: %s",
		    strbuf_text(&job->error.code), purpose_of(job),
		    failure_words(job));
	return mem_format("An error occurred (%d) when calling the %s "
			  "operation: HTTP status %d",
	    job->reply.status, purpose_of(job), job->reply.status);
}

void
failure_log(const struct job *job, const char *description)
{
	const struct config *config = job->up->config;
	const char *key = strbuf_text(
	    job->abort != NULL ? &job->abort->state.key : &job->key);
	const char *code = strbuf_text(&job->error.code);
	const char *id = strbuf_text(&job->reply.request_id);
	const char *id_2 = strbuf_text(&job->reply.id_2);
	const struct log_field fields[] = {
	    {.name = "path", .text = strbuf_text(&job->path), .is_name = true},
	    {.name = "key", .text = key, .is_name = true},
	    {.name = "bucket", .text = config->bucket},
	    {.name = "code", .text = code},
	    {.name = "status", .number = job->reply.status},
	    {.name = "request_id", .text = id, .is_name = true},
	    {.name = "id_2", .text = id_2, .is_name = true},
	    {0},
	};

	if (job->abort != NULL)
		log_about(LOG_WARNING, fields,
		    "Failed to abort a multipart upload of %s/%s: %s",
		    config->bucket, key, description);
	else
		log_about(LOG_WARNING, fields,
		    "Failed to upload %s/%s to %s/%s: %s", config->base_dir,
		    strbuf_text(&job->path), config->bucket, key, description);
	/* In a line of its own: the one above is that of the tool that this
	 * one replaces, to the letter. */
	if (*id != '\0')
		log_about(LOG_WARNING, fields, "Request id of %s %s: %s %s",
		    operation_of(job), key, id, id_2);
}

void
failure_log_rejected(
    const struct job *job, const char *code, const char *message)
{
	const struct config *config = job->up->config;

	log_about(LOG_WARNING,
	    (const struct log_field[]){{.name = "path",
					   .text = strbuf_text(&job->path),
					   .is_name = true},
		{.name = "key",
		    .text = strbuf_text(&job->key),
		    .is_name = true},
		{.name = "bucket", .text = config->bucket},
		{.name = "code", .text = code}, {0}},
	    "Failed to upload %s/%s to %s/%s: %s (%s); moved to failed/",
	    config->base_dir, strbuf_text(&job->path), config->bucket,
	    strbuf_text(&job->key), message, code);
}

void
failure_log_refused(const struct job *job, const char *description)
{
	char *text = mem_format("%s; moved to failed/", description);

	failure_log(job, text);
	free(text);
}
