/* Counting messages; see log_repeat.h.
 *
 * There are as many kinds as a program has messages with different reasons: a
 * few, so they are looked through. A store may invent reasons without end;
 * where there is no room for a kind, its messages are shown. */
#include "common/log_repeat.h"

#include <string.h>

#include "common/clock.h"

enum { SHOWN = 100, KINDS = 64 };
static const int64_t minute_ns = 60 * CLOCK_NS_PER_S;

struct kind {
	enum log_level level;
	struct strbuf text; /* empty: this place is free */
	struct strbuf last; /* of those that are hidden */
	int64_t began_ns;
	unsigned shown;
	uint64_t hidden;
};

static struct kind kinds[KINDS];
static size_t hiding; /* kinds */

static bool
is_over(const struct kind *kind, int64_t now_ns)
{
	return now_ns - kind->began_ns >= minute_ns;
}

static bool
is_same(
    const struct kind *kind, enum log_level level, const struct strbuf *text)
{
	return kind->level == level && kind->text.length == text->length &&
	       memcmp(strbuf_text(&kind->text), strbuf_text(text),
		   text->length) == 0;
}

/* The place of the kind, or one for it, or NULL. */
static struct kind *
find(enum log_level level, const struct strbuf *text, int64_t now_ns)
{
	struct kind *place = NULL;

	for (size_t i = 0; i < KINDS; i++) {
		struct kind *kind = &kinds[i];

		if (is_same(kind, level, text))
			return kind;
		if (kind->hidden == 0 &&
		    (kind->text.length == 0 || is_over(kind, now_ns)))
			place = kind;
	}
	if (place == NULL)
		return NULL;
	strbuf_reset(&place->text);
	strbuf_add(&place->text, strbuf_text(text), text->length);
	place->level = level;
	place->shown = 0;
	place->began_ns = now_ns;
	return place;
}

bool
log_repeat_hides(enum log_level level, const struct strbuf *text,
    const struct strbuf *message, int64_t now_ns)
{
	struct kind *kind;

	if (text->length == 0)
		return false;
	kind = find(level, text, now_ns);
	if (kind == NULL)
		return false;
	if (kind->hidden == 0 && is_over(kind, now_ns)) {
		kind->shown = 0;
		kind->began_ns = now_ns;
	}
	if (kind->shown < SHOWN) {
		kind->shown++;
		return false;
	}
	strbuf_reset(&kind->last);
	strbuf_add(&kind->last, strbuf_text(message), message->length);
	if (kind->hidden++ == 0)
		hiding++;
	return true;
}

bool
log_repeat_is_hiding(void)
{
	return hiding > 0;
}

bool
log_repeat_take(bool all, int64_t now_ns, enum log_level *ret_level,
    uint64_t *ret_count, struct strbuf *message)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct kind *kind = &kinds[i];

		if (kind->hidden == 0 || !(all || is_over(kind, now_ns)))
			continue;
		*ret_level = kind->level;
		*ret_count = kind->hidden;
		strbuf_reset(message);
		strbuf_add(
		    message, strbuf_text(&kind->last), kind->last.length);
		kind->hidden = 0;
		hiding--;
		return true;
	}
	return false;
}

void
log_repeat_done(void)
{
	for (size_t i = 0; i < KINDS; i++) {
		strbuf_done(&kinds[i].text);
		strbuf_done(&kinds[i].last);
		kinds[i] = (struct kind){.shown = 0};
	}
	hiding = 0;
}
