/* See libraries.h. The names of the files (SONAMEs) are those that the linker
 * would have noted; GNUmakefile asks for them. What takes arguments of any
 * number and type (curl_easy_setopt) is handed on by the type that libcurl
 * codes into the option's number (curl/curl.h, CURLOPTTYPE_*). */
#include "uploader/libraries.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#ifdef HAVE_LIBCRYPTO
#include <openssl/evp.h>
#endif

#include "common/mem.h"

/* LIBCURL(FUNCTION) for each that we call. */
#define EACH_OF_LIBCURL(LIBCURL) \
	LIBCURL(curl_easy_cleanup) \
	LIBCURL(curl_easy_getinfo) \
	LIBCURL(curl_easy_init) \
	LIBCURL(curl_easy_pause) \
	LIBCURL(curl_easy_setopt) \
	LIBCURL(curl_easy_strerror) \
	LIBCURL(curl_free) \
	LIBCURL(curl_getdate) \
	LIBCURL(curl_global_cleanup) \
	LIBCURL(curl_global_init) \
	LIBCURL(curl_multi_add_handle) \
	LIBCURL(curl_multi_cleanup) \
	LIBCURL(curl_multi_info_read) \
	LIBCURL(curl_multi_init) \
	LIBCURL(curl_multi_perform) \
	LIBCURL(curl_multi_poll) \
	LIBCURL(curl_multi_remove_handle) \
	LIBCURL(curl_multi_setopt) \
	LIBCURL(curl_multi_socket_action) \
	LIBCURL(curl_url) \
	LIBCURL(curl_url_cleanup) \
	LIBCURL(curl_url_get) \
	LIBCURL(curl_url_set) \
	LIBCURL(curl_version_info)
#ifdef HAVE_LIBCRYPTO
#define EACH_OF_LIBCRYPTO(LIBCRYPTO) \
	LIBCRYPTO(EVP_DigestFinal_ex) \
	LIBCRYPTO(EVP_DigestInit_ex) \
	LIBCRYPTO(EVP_DigestUpdate) \
	LIBCRYPTO(EVP_MD_CTX_free) \
	LIBCRYPTO(EVP_MD_CTX_new) \
	LIBCRYPTO(EVP_sha256)
#else
#define EACH_OF_LIBCRYPTO(LIBCRYPTO)
#endif

#define MEMBER(function) __typeof__(function) *(function);
static struct {
	EACH_OF_LIBCURL(MEMBER)
	EACH_OF_LIBCRYPTO(MEMBER)
} functions;

static bool is_loaded;

/* A pointer to a function: POSIX lets dlsym's be one, ISO C alone doesn't. */
static bool
find(void *library, const char *name, void *ret_function)
{
	void *found = dlsym(library, name);

	memcpy(ret_function, &found, sizeof found);
	return found != NULL;
}

static bool
load(void)
{
	void *library;

	(void)dlerror(); /* that of another */
	library = dlopen(LIBCURL_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return false;
#define FIND(function) \
	if (!find(library, #function, &functions.function)) \
		return false;
	EACH_OF_LIBCURL(FIND)
#ifdef HAVE_LIBCRYPTO
	library = dlopen(LIBCRYPTO_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return false;
	EACH_OF_LIBCRYPTO(FIND)
#endif
	return true;
}

int
libraries_load(char **ret_error)
{
	const char *reason;

	if (is_loaded)
		return 0;
	is_loaded = load();
	if (is_loaded)
		return 0;
	reason = dlerror();
	*ret_error = mem_format("Cannot load libcurl: %s",
	    reason != NULL ? reason : "it lacks a function");
	return -ENOENT;
}

static void
need(void)
{
	char *error;

	if (libraries_load(&error) == 0)
		return;
	/* Nothing is left to do if even this can't be written. */
	(void)fprintf(stderr, "s3spool: %s\n", error);
	exit(EX_SOFTWARE);
}

#define CALL(function) (need(), functions.function)

/* --- libcurl -------------------------------------------------------------- */

/* These macros check types, for callers. */
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

CURL *
curl_easy_init(void)
{
	return CALL(curl_easy_init)();
}

void
curl_easy_cleanup(CURL *easy)
{
	CALL(curl_easy_cleanup)(easy);
}

CURLcode
curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	va_list value;
	CURLcode code;
	curl_off_t size;
	void *pointer;
	long number;

	va_start(value, option);
	if (option < CURLOPTTYPE_OBJECTPOINT) {
		number = va_arg(value, long);
		code = CALL(curl_easy_setopt)(easy, option, number);
	} else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB) {
		size = va_arg(value, curl_off_t);
		code = CALL(curl_easy_setopt)(easy, option, size);
	} else {
		pointer = va_arg(value, void *);
		code = CALL(curl_easy_setopt)(easy, option, pointer);
	}
	va_end(value);
	return code;
}

/* Whatever is asked, the answer goes where a pointer points to. */
CURLcode
curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	va_list arguments;
	CURLcode code;

	va_start(arguments, info);
	code = CALL(curl_easy_getinfo)(easy, info, va_arg(arguments, void *));
	va_end(arguments);
	return code;
}

CURLcode
curl_easy_pause(CURL *easy, int directions)
{
	return CALL(curl_easy_pause)(easy, directions);
}

const char *
curl_easy_strerror(CURLcode code)
{
	return CALL(curl_easy_strerror)(code);
}

void
curl_free(void *memory)
{
	CALL(curl_free)(memory);
}

time_t
curl_getdate(const char *text, const time_t *unused)
{
	return CALL(curl_getdate)(text, unused);
}

CURLcode
curl_global_init(long flags)
{
	return CALL(curl_global_init)(flags);
}

void
curl_global_cleanup(void)
{
	CALL(curl_global_cleanup)();
}

CURLM *
curl_multi_init(void)
{
	return CALL(curl_multi_init)();
}

CURLMcode
curl_multi_cleanup(CURLM *multi)
{
	return CALL(curl_multi_cleanup)(multi);
}

CURLMcode
curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
	va_list value;
	CURLMcode code;
	void *pointer;
	long number;

	va_start(value, option);
	if ((int)option < CURLOPTTYPE_OBJECTPOINT) {
		number = va_arg(value, long);
		code = CALL(curl_multi_setopt)(multi, option, number);
	} else {
		pointer = va_arg(value, void *);
		code = CALL(curl_multi_setopt)(multi, option, pointer);
	}
	va_end(value);
	return code;
}

CURLMcode
curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	return CALL(curl_multi_add_handle)(multi, easy);
}

CURLMcode
curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
	return CALL(curl_multi_remove_handle)(multi, easy);
}

CURLMcode
curl_multi_perform(CURLM *multi, int *running)
{
	return CALL(curl_multi_perform)(multi, running);
}

CURLMcode
curl_multi_poll(CURLM *multi, struct curl_waitfd fds[], unsigned count,
    int timeout_ms, int *ready)
{
	return CALL(curl_multi_poll)(multi, fds, count, timeout_ms, ready);
}

CURLMcode
curl_multi_socket_action(
    CURLM *multi, curl_socket_t fd, int events, int *running)
{
	return CALL(curl_multi_socket_action)(multi, fd, events, running);
}

CURLMsg *
curl_multi_info_read(CURLM *multi, int *left)
{
	return CALL(curl_multi_info_read)(multi, left);
}

CURLU *
curl_url(void)
{
	return CALL(curl_url)();
}

void
curl_url_cleanup(CURLU *url)
{
	CALL(curl_url_cleanup)(url);
}

/* const since 8.0.0. */
#if LIBCURL_VERSION_NUM >= 0x080000
#define URL_READ const CURLU
#else
#define URL_READ CURLU
#endif
CURLUcode
curl_url_get(URL_READ *url, CURLUPart part, char **ret_text, unsigned flags)
{
	return CALL(curl_url_get)(url, part, ret_text, flags);
}

CURLUcode
curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags)
{
	return CALL(curl_url_set)(url, part, text, flags);
}

curl_version_info_data *
curl_version_info(CURLversion version)
{
	return CALL(curl_version_info)(version);
}

/* --- libcrypto ------------------------------------------------------------ */

#ifdef HAVE_LIBCRYPTO

EVP_MD_CTX *
EVP_MD_CTX_new(void)
{
	return CALL(EVP_MD_CTX_new)();
}

void
EVP_MD_CTX_free(EVP_MD_CTX *context)
{
	CALL(EVP_MD_CTX_free)(context);
}

const EVP_MD *
EVP_sha256(void)
{
	return CALL(EVP_sha256)();
}

int
EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *type, ENGINE *engine)
{
	return CALL(EVP_DigestInit_ex)(context, type, engine);
}

int
EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t length)
{
	return CALL(EVP_DigestUpdate)(context, bytes, length);
}

int
EVP_DigestFinal_ex(
    EVP_MD_CTX *context, unsigned char *ret_digest, unsigned *ret_length)
{
	return CALL(EVP_DigestFinal_ex)(context, ret_digest, ret_length);
}

#endif
