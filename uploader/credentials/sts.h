/* Credentials of a role: AWS Security Token Service. */
#ifndef UPLOADER_CREDENTIALS_STS_H
#define UPLOADER_CREDENTIALS_STS_H

#include <stddef.h>

#include "uploader/credentials/credentials.h"
#include "uploader/credentials/profile.h"

struct sts_role {
	const char *arn;
	const char *session_name;     /* NULL: "s3spool" */
	const char *external_id;      /* NULL: none */
	const char *duration_seconds; /* NULL: STS's default, an hour */
};

/* AssumeRole, signed with BASE; and AssumeRoleWithWebIdentity, unsigned, with
 * the token in the file, which is read each time. PROFILES may be NULL; it
 * gives what the environment doesn't (ca_bundle, use_fips_endpoint). Return as
 * credentials_load, but never -ENOENT. */
int sts_assume_role(const struct credentials_context *context,
    const struct profiles *profiles, const struct sts_role *role,
    const struct credentials *base, struct credentials **ret_credentials,
    char **ret_error);
int sts_assume_web_identity(const struct credentials_context *context,
    const struct profiles *profiles, const struct sts_role *role,
    const char *token_file, struct credentials **ret_credentials,
    char **ret_error);

/* A source of chain.c: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN,
 * AWS_ROLE_SESSION_NAME; as env_load. */
int sts_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);

/* Reads the LENGTH bytes of an answer, which may be anything. Returns 0 and
 * *ret_credentials (the caller's), or -EINVAL and in *ret_error (the caller's
 * to free) the error that it tells, or what is wrong with it. */
int sts_parse(const char *xml, size_t length,
    struct credentials **ret_credentials, char **ret_error);

#endif
