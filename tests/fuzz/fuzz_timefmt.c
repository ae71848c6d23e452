/* Times and durations as text. A time that can be read is written and read
 * once more, and is then the same but for fractions of a millisecond. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "common/clock.h"
#include "common/timefmt.h"
#include "common/units.h"

static void
check_again(int64_t time_ns)
{
	char written[TIMEFMT_MAX], other[TIMEFMT_MAX];
	int64_t again;

	timefmt_rfc3339(time_ns, written);
	FUZZ_CHECK(timefmt_parse(written, &again) == 0);
	/* The first and the last time there is may be saturated. */
	FUZZ_CHECK(again <= time_ns);
	FUZZ_CHECK((uint64_t)time_ns - (uint64_t)again < CLOCK_NS_PER_MS);
	FUZZ_CHECK(strlen(timefmt_day(time_ns, other)) == 10);
	FUZZ_CHECK(strncmp(other, written, 10) == 0);
	FUZZ_CHECK(strlen(timefmt_basic(time_ns, other)) == 16);
	FUZZ_CHECK(strlen(timefmt_local(time_ns, other)) == 23);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t nows[] = {
	    INT64_MIN, 0, INT64_C(1600000000000000000), INT64_MAX};
	char *text = fuzz_text(data, size);
	char written[UNITS_TEXT_MAX];
	int64_t value;

	if (timefmt_parse(text, &value) == 0)
		check_again(value);
	for (size_t i = 0; i < sizeof nows / sizeof *nows; i++)
		if (timefmt_parse_moment(text, nows[i], &value) == 0)
			check_again(value);
	if (units_parse_duration(text, &value) == 0) {
		FUZZ_CHECK(value >= 0 && value <= UNITS_DURATION_MAX_SECONDS);
		(void)units_format_duration(value, written);
	}
	if (units_parse_size(text, &value) == 0) {
		FUZZ_CHECK(value >= 0);
		(void)units_format_size(value, written);
	}
	free(text);
	return 0;
}
