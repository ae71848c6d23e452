/* AWS Signature Version 4 (AWS, "Create a signed AWS API request").
 *
 *   canonical request  METHOD, URI, query, "name:value" lines, an empty line,
 *                      the names joined by ";", the payload's hash
 *   string to sign     AWS4-HMAC-SHA256, the time, the scope
 *                      (day/region/service/aws4_request), the hash of the
 *                      canonical request in hex
 *   signing key        an HMAC chain over the parts of the scope, begun with
 *                      "AWS4" + secret; it serves for a UTC day
 *
 * A signature is an HMAC of that string under that key. What two requests
 * have in common is hashed once: the two padded keys once a day, the string to
 * sign up to the last line once a second. So a request costs the hash of its
 * canonical form, the end of the string to sign, and one outer block. */
#include "uploader/sigv4.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "uploader/mbedtls_compat.h"

static const char algorithm[] = "AWS4-HMAC-SHA256";

enum { BLOCK_BYTES = 64, DAY_LENGTH = 8 };

struct sigv4_signer {
	char *secret; /* "AWS4" before it */
	char *access_key, *region, *service;

	/* Of the day that the key is for. */
	char day[DAY_LENGTH + 1]; /* "" before the first */
	struct strbuf scope;
	struct strbuf preamble; /* of Authorization, up to the names */
	mbedtls_sha256_context inner, outer;

	/* Of the second last asked for. */
	bool has_second;
	int64_t second;
	char date[TIMEFMT_MAX];
	mbedtls_sha256_context begun; /* inner, then all but the last line */

	struct strbuf canonical; /* reused */
	mbedtls_sha256_context work;
};

static void
wipe_and_free(char *text)
{
	if (text != NULL)
		mbedtls_platform_zeroize(text, strlen(text));
	free(text);
}

struct sigv4_signer *
sigv4_new(const char *access_key, const char *secret, const char *region,
    const char *service)
{
	struct sigv4_signer *signer = mem_zero(1, sizeof *signer);

	signer->secret = mem_format("AWS4%s", secret);
	signer->access_key = mem_copy(access_key);
	signer->region = mem_copy(region);
	signer->service = mem_copy(service);
	mbedtls_sha256_init(&signer->inner);
	mbedtls_sha256_init(&signer->outer);
	mbedtls_sha256_init(&signer->begun);
	mbedtls_sha256_init(&signer->work);
	return signer;
}

void
sigv4_free(struct sigv4_signer *signer)
{
	if (signer == NULL)
		return;
	wipe_and_free(signer->secret);
	free(signer->access_key);
	free(signer->region);
	free(signer->service);
	strbuf_done(&signer->scope);
	strbuf_done(&signer->preamble);
	/* These wipe, as the states stand for the key. */
	mbedtls_sha256_free(&signer->inner);
	mbedtls_sha256_free(&signer->outer);
	mbedtls_sha256_free(&signer->begun);
	mbedtls_sha256_free(&signer->work);
	/* The session token was in it. */
	if (signer->canonical.data != NULL)
		mbedtls_platform_zeroize(
		    signer->canonical.data, signer->canonical.capacity);
	strbuf_done(&signer->canonical);
	free(signer);
}

static void
hmac(const void *key, size_t key_length, const char *text,
    unsigned char ret_mac[SIGV4_HASH_BYTES])
{
	mbedtls_must(mbedtls_md_hmac(
	    mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, key_length,
	    (const unsigned char *)text, strlen(text), ret_mac));
}

/* Starts STATE with the one block that HMAC makes of KEY and PAD. */
static void
start_padded(mbedtls_sha256_context *state,
    const unsigned char key[SIGV4_HASH_BYTES], unsigned char pad)
{
	unsigned char block[BLOCK_BYTES];

	memset(block, pad, sizeof block);
	for (size_t i = 0; i < SIGV4_HASH_BYTES; i++)
		block[i] ^= key[i];
	mbedtls_must(mbedtls_sha256_starts(state, 0));
	mbedtls_must(mbedtls_sha256_update(state, block, sizeof block));
	mbedtls_platform_zeroize(block, sizeof block);
}

static void
start_day(struct sigv4_signer *signer)
{
	unsigned char key[SIGV4_HASH_BYTES];

	memcpy(signer->day, signer->date, DAY_LENGTH);
	signer->day[DAY_LENGTH] = '\0';
	strbuf_reset(&signer->scope);
	strbuf_printf(&signer->scope, "%s/%s/%s/aws4_request", signer->day,
	    signer->region, signer->service);
	strbuf_reset(&signer->preamble);
	strbuf_printf(&signer->preamble,
	    "%s Credential=%s/%s, SignedHeaders=", algorithm,
	    signer->access_key, strbuf_text(&signer->scope));

	hmac(signer->secret, strlen(signer->secret), signer->day, key);
	hmac(key, sizeof key, signer->region, key);
	hmac(key, sizeof key, signer->service, key);
	hmac(key, sizeof key, "aws4_request", key);
	start_padded(&signer->inner, key, 0x36);
	start_padded(&signer->outer, key, 0x5c);
	mbedtls_platform_zeroize(key, sizeof key);
}

static void
update(mbedtls_sha256_context *state, const void *bytes, size_t length)
{
	mbedtls_must(mbedtls_sha256_update(state, bytes, length));
}

const char *
sigv4_date(struct sigv4_signer *signer, int64_t now_ns)
{
	int64_t second = now_ns / CLOCK_NS_PER_S;

	if (signer->has_second && second == signer->second)
		return signer->date;
	(void)timefmt_basic(now_ns, signer->date); /* it is its argument */
	assert(strlen(signer->date) > DAY_LENGTH);
	if (strncmp(signer->day, signer->date, DAY_LENGTH) != 0)
		start_day(signer);
	mbedtls_sha256_clone(&signer->begun, &signer->inner);
	update(&signer->begun, algorithm, sizeof algorithm - 1);
	update(&signer->begun, "\n", 1);
	update(&signer->begun, signer->date, strlen(signer->date));
	update(&signer->begun, "\n", 1);
	update(&signer->begun, signer->scope.data, signer->scope.length);
	update(&signer->begun, "\n", 1);
	signer->second = second;
	signer->has_second = true;
	return signer->date;
}

static void
to_hex(const unsigned char hash[SIGV4_HASH_BYTES], char hex[SIGV4_HASH_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SIGV4_HASH_BYTES; i++) {
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 15];
	}
	hex[SIGV4_HASH_HEX - 1] = '\0';
}

const char *
sigv4_hash_hex(const void *bytes, size_t length, char hex[SIGV4_HASH_HEX])
{
	unsigned char hash[SIGV4_HASH_BYTES];

	mbedtls_must(mbedtls_sha256(bytes, length, hash, 0));
	to_hex(hash, hex);
	return hex;
}

/* Writes the canonical request; returns where in it the names of the signed
 * headers begin, and their length in *ret_length. */
static size_t
write_canonical(struct strbuf *buf, const char *method, const char *uri,
    const char *query, const struct sigv4_header *headers, size_t count,
    const char *payload_hash, size_t *ret_length)
{
	size_t names_at;

	strbuf_reset(buf);
	strbuf_puts(buf, method);
	strbuf_putc(buf, '\n');
	strbuf_puts(buf, uri);
	strbuf_putc(buf, '\n');
	strbuf_puts(buf, query);
	strbuf_putc(buf, '\n');
	for (size_t i = 0; i < count; i++) {
		assert(
		    i == 0 || strcmp(headers[i - 1].name, headers[i].name) < 0);
		strbuf_puts(buf, headers[i].name);
		strbuf_putc(buf, ':');
		strbuf_puts(buf, headers[i].value);
		strbuf_putc(buf, '\n');
	}
	strbuf_putc(buf, '\n');
	names_at = buf->length;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			strbuf_putc(buf, ';');
		strbuf_puts(buf, headers[i].name);
	}
	*ret_length = buf->length - names_at;
	strbuf_putc(buf, '\n');
	strbuf_puts(buf, payload_hash);
	return names_at;
}

void
sigv4_sign(struct sigv4_signer *signer, int64_t now_ns, const char *method,
    const char *uri, const char *query, const struct sigv4_header *headers,
    size_t count, const char *payload_hash, struct strbuf *authorization)
{
	static const char signature[] = ", Signature=";
	unsigned char mac[SIGV4_HASH_BYTES];
	char hex[SIGV4_HASH_HEX];
	size_t names_at, names_length;

	(void)sigv4_date(signer, now_ns); /* brings the key to this second */
	names_at = write_canonical(&signer->canonical, method, uri, query,
	    headers, count, payload_hash, &names_length);
	(void)sigv4_hash_hex(
	    signer->canonical.data, signer->canonical.length, hex);

	mbedtls_sha256_clone(&signer->work, &signer->begun);
	update(&signer->work, hex, SIGV4_HASH_HEX - 1);
	mbedtls_must(mbedtls_sha256_finish(&signer->work, mac));
	mbedtls_sha256_clone(&signer->work, &signer->outer);
	update(&signer->work, mac, sizeof mac);
	mbedtls_must(mbedtls_sha256_finish(&signer->work, mac));
	to_hex(mac, hex);

	strbuf_add(
	    authorization, signer->preamble.data, signer->preamble.length);
	strbuf_add(
	    authorization, signer->canonical.data + names_at, names_length);
	strbuf_add(authorization, signature, sizeof signature - 1);
	strbuf_add(authorization, hex, SIGV4_HASH_HEX - 1);
}
