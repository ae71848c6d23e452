/* IAM policies (AWS, "Actions, resources, and condition keys for Amazon S3"):
 * radosgw and MinIO take the same. */
#include "uploader/check_policy.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "uploader/partition.h"

/* The ARN of the bucket, or of the objects whose keys begin with PREFIX, as it
 * stands in JSON. */
static void
add_arn(struct strbuf *arn, const struct config *config, const char *region,
    const char *prefix)
{
	bool is_arn = strncmp(config->bucket, "arn:", 4) == 0;

	if (!is_arn)
		strbuf_printf(arn, "arn:%s:s3:::", partition_of(region)->name);
	log_escape_json(arn, config->bucket);
	if (prefix == NULL)
		return;
	strbuf_puts(arn, is_arn ? "/object/" : "/");
	/* What a policy takes for a pattern or a variable. */
	for (const char *p = prefix; *p != '\0'; p++) {
		char one[2] = {*p, '\0'};

		if (strchr("*?$", *p) != NULL)
			strbuf_printf(arn, "${%c}", *p);
		else if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\')
			log_escape_json(arn, one);
		else
			strbuf_putc(arn, *p);
	}
	strbuf_putc(arn, '*');
}

/* Those beyond the two that depend on what objects are to carry. */
static void
add_actions(struct strbuf *text, const struct config *config)
{
	strbuf_puts(text, "\"s3:PutObject\", \"s3:AbortMultipartUpload\"");
	if (config->tags.count > 0)
		strbuf_puts(text, ", \"s3:PutObjectTagging\"");
	if (config->acl != NULL)
		strbuf_puts(text, ", \"s3:PutObjectAcl\"");
	if (config->object_lock_mode != LOCK_NONE)
		strbuf_puts(text, ", \"s3:PutObjectRetention\"");
}

void
check_policy(const struct config *config, const char *region)
{
	struct strbuf actions = {0}, objects = {0}, bucket = {0};

	if (region == NULL)
		region = "";
	add_actions(&actions, config);
	add_arn(&objects, config, region, config->key_prefix);
	add_arn(&bucket, config, region, NULL);
	/* Errors stay in the stream; stage_end asks for them. */
	(void)printf("\nThe least IAM policy that uploading needs:\n"
		     "{\n"
		     "  \"Version\": \"2012-10-17\",\n"
		     "  \"Statement\": [\n"
		     "    {\n"
		     "      \"Effect\": \"Allow\",\n"
		     "      \"Action\": [%s],\n"
		     "      \"Resource\": \"%s\"\n"
		     "    }\n"
		     "  ]\n"
		     "}\n",
	    strbuf_text(&actions), strbuf_text(&objects));
	if (config->server_side_encryption == ENCRYPTION_KMS ||
	    config->server_side_encryption == ENCRYPTION_KMS_DSSE)
		(void)puts("and on the KMS key kms:GenerateDataKey and "
			   "kms:Decrypt.");
	(void)printf(
	    "Further rights would add:\n"
	    "  s3:GetObject     on %s\n"
	    "                   objects that exist already are compared with "
	    "the file, not reported\n"
	    "  s3:ListBucket    on %s\n"
	    "                   with it: \"no such object\" is told from \"not "
	    "allowed\"; stores without\n"
	    "                   conditional writes need both\n"
	    "  s3:DeleteObject  on %s\n"
	    "                   this check removes its probe objects; uploads "
	    "never delete\n",
	    strbuf_text(&objects), strbuf_text(&bucket), strbuf_text(&objects));
	strbuf_done(&actions);
	strbuf_done(&objects);
	strbuf_done(&bucket);
}
