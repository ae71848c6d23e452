/* What a program's --status says: its rooms, for people or as one JSON object,
 * and how well it is, as a monitor wants it (Monitoring Plugins, "Development
 * Guidelines": exit status 0 to 3, the first line says it all). */
#ifndef COMMON_HEALTH_H
#define COMMON_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stage.h"
#include "common/strbuf.h"
#include "common/tally.h"

/* In the order in which one hides another. */
enum health_level {
	HEALTH_OK,
	HEALTH_UNKNOWN,
	HEALTH_WARNING,
	HEALTH_CRITICAL
};

struct health_options {
	bool wanted; /* --status */
	bool json;
	const char *warn_age, *crit_age; /* durations; NULL: 10m and 1h */
};

struct health {
	struct stage *stage;
	bool is_json;
	int64_t now_ns; /* what ages are counted to */
	int64_t warn_seconds, crit_seconds;
	enum health_level level;
	struct strbuf summary;	/* of the rooms */
	struct strbuf problems; /* the same as text ... */
	struct strbuf faults;	/* ... and as a JSON array */
	struct strbuf text;	/* the lines after the first */
	struct strbuf json;	/* the object's members */
};

/* Reads the thresholds. False: one of them is no duration; it was said. */
bool health_begin(struct health *health, struct stage *stage,
    const struct health_options *options);
/* What is wrong, for a person, and how much it matters. */
void health_problem(struct health *health, enum health_level level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* ROOM can't be looked at. */
void health_unknown(struct health *health, const char *room, int error);
/* A line of its own, indented below the room's. Text alone. */
void health_line(struct health *health, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Begins a room: its numbers as a line, and as an object in the JSON, to which
 * more may be added until it is closed with json_close(&health->json, '}'). */
void health_open_room(
    struct health *health, const char *room, const struct tally *tally);
/* What lies in ROOM for too long is a problem. */
void health_judge_age(
    struct health *health, const char *room, const struct tally *tally);
/* Adds files, bytes and oldest_seconds to the object at hand. */
void health_add_tally(struct health *health, const struct tally *tally);
/* "3 files, 1.2 MiB, oldest 5 min". */
void health_describe(const struct health *health, const struct tally *tally,
    struct strbuf *text);
/* Prints it; the level is the stage's exit status: 0 OK, 1 WARNING, 2
 * CRITICAL, 3 UNKNOWN. */
void health_end(struct health *health);

/* For tests: what --warn-age and --crit-age make of an age. */
enum health_level health_of_age(
    const struct health *health, int64_t age_seconds);

#endif
