/* The walk through base_dir: each candidate once, nothing outside, and no
 * trace of us but what was moved. */
#include "scanner/walk.h"

#include "tests/unit/scratch.h"

static char default_text[] = "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat";
static char log_text[] = "*.log";
static char *patterns[] = {default_text, log_text};

struct seen {
	struct strbuf candidates, problems; /* "PATH " or "PATH:ERROR " */
	int count;
	bool moves;		 /* the candidate away, and */
	enum walk_result result; /* the answer: for the candidate RESULT_FOR, */
	const char *result_for;	 /* NULL: for all */
};

static enum walk_result
on_candidate(void *context, const struct walk_entry *entry)
{
	struct seen *seen = context;
	const char *name = entry->name, *path = entry->path;
	int dirfd = entry->dir->fd;
	const char *slash = strrchr(path, '/');
	struct stat there, named;
	char full[512];

	/* NAME in DIRFD is what PATH names. */
	ck_assert_str_eq(name, slash != NULL ? slash + 1 : path);
	(void)snprintf(full, sizeof full, "base/%s", path);
	ck_assert_int_eq(fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_int_eq(lstat(full, &named), 0);
	ck_assert_uint_eq(there.st_ino, named.st_ino);
	strbuf_printf(&seen->candidates, "%s ", path);
	seen->count++;
	if (seen->result_for != NULL && strcmp(seen->result_for, path) != 0)
		return WALK_ON;
	if (seen->moves) {
		ck_assert_int_eq(unlinkat(dirfd, name, 0), 0);
		entry->dir->moved = true;
	}
	return seen->result;
}

static void
on_problem(void *context, const char *path, int error)
{
	struct seen *seen = context;

	strbuf_printf(&seen->problems, "%s:%s ", path, strerror(-error));
}

/* Walks base, leaving out SKIP (NULL: nothing). */
static void
walk(struct seen *seen, const char *skip)
{
	const struct config config = {.patterns = {patterns, LENGTH(patterns)},
	    .prune_after_seconds = 26 * 3600};
	struct walk walk = {
	    .config = &config,
	    .now_ns = clock_realtime_ns(),
	    .base_fd = open("base", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    .context = seen,
	    .candidate = on_candidate,
	    .problem = on_problem,
	};
	struct stat st;

	ck_assert_int_ge(walk.base_fd, 0);
	if (skip != NULL) {
		ck_assert_int_eq(stat(skip, &st), 0);
		walk.skip_device = st.st_dev;
		walk.skip_inode = st.st_ino;
	}
	strbuf_reset(&seen->candidates);
	strbuf_reset(&seen->problems);
	seen->count = 0;
	walk_base(&walk);
	ck_assert_int_eq(close(walk.base_fd), 0);
}

static void
seen_done(struct seen *seen)
{
	strbuf_done(&seen->candidates);
	strbuf_done(&seen->problems);
}

static const struct row {
	const char *path;
	bool found;
} rows[] = {
    {"b/2020/11/15/20/46-topic.dat", true},
    {"b/2020/13/29/20/46-topic.dat", true},
    {"b/2020/11/15/6/46-topic.dat", true},
    {"b/2020/11/15/20/46-a b\n\xc3\xa9\xff.dat", true},
    {"a location/2020/11/15/20/46-topic.dat", true},
    {"top.log", true},				 /* the second pattern */
    {"b/2020/11/15/20/46-topic.dat.tmp", false}, /* not finished */
    {"b/2020/11/15/20/.46-topic.dat", false},	 /* hidden */
    {"b/2020/11/15/20/46/46-topic.dat", false},	 /* too deep */
    {"b/2020/11/15/46-topic.dat", false},	 /* not deep enough */
    {"b/year/11/15/20/46-topic.dat", false},	 /* no date's place */
    {".b/2020/11/15/20/46-topic.dat", false},	 /* hidden above */
    {"b/other.log", false},			 /* "*" is one component */
};

START_TEST(finds_candidates)
{
	struct seen seen = {0};
	struct strbuf path = {0};
	int found = 0;

	for (int i = 0; i < LENGTH(rows); i++) {
		strbuf_reset(&path);
		strbuf_printf(&path, "base/%s", rows[i].path);
		scratch_write(strbuf_text(&path), "text");
		found += rows[i].found;
	}
	walk(&seen, NULL);
	for (int i = 0; i < LENGTH(rows); i++) {
		strbuf_reset(&path);
		strbuf_printf(&path, "%s ", rows[i].path);
		ck_assert_msg(
		    (strstr(strbuf_text(&seen.candidates),
			 strbuf_text(&path)) != NULL) == rows[i].found,
		    "%s", rows[i].path);
	}
	ck_assert_int_eq(seen.count, found);
	ck_assert_str_eq(strbuf_text(&seen.problems), "");
	strbuf_done(&path);
	seen_done(&seen);
}
END_TEST

/* Whatever bears a matching name is a candidate; what it is, is not ours to
 * say. A directory by that name isn't looked into. */
START_TEST(candidates_of_any_kind)
{
	struct seen seen = {0};

	scratch_make_dirs("base/b/2020/11/15/20/1-directory.dat/2-below.dat");
	ck_assert_int_eq(symlink("x", "base/b/2020/11/15/20/3-link.dat"), 0);
	ck_assert_int_eq(mkfifo("base/b/2020/11/15/20/4-fifo.dat", 0600), 0);
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 3);
	ck_assert_ptr_null(strstr(strbuf_text(&seen.candidates), "below"));
	ck_assert_str_eq(strbuf_text(&seen.problems), "");
	seen_done(&seen);
}
END_TEST

/* A link on the way is reported where a pattern leads through it, at every
 * depth, and never followed. */
static const struct link {
	const char *path, *target;
	bool is_reported;
} links[] = {
    {"linked", "../outside", true},			 /* a location */
    {"linked", ".", true},				 /* a circle */
    {"linked", "b", true},				 /* even inside */
    {"linked", "nowhere", true},			 /* leading nowhere */
    {"b/2021", "../../outside/2020", true},		 /* a year */
    {"b/2020/11/15/21", "../../../../../outside", true}, /* an hour */
    {"b/notes", "../../outside", false},		 /* no pattern's */
    {".linked", "../outside", false},			 /* nor this */
};

START_TEST(follows_no_link)
{
	const struct link *row = &links[_i];
	struct seen seen = {0};
	char text[256];

	scratch_write("base/b/2020/11/15/20/1-t.dat", "text");
	scratch_write("outside/2020/11/15/20/2-t.dat", "text");
	scratch_write("outside/11/15/20/3-t.dat", "text");
	scratch_write("outside/4-t.dat", "text");
	(void)snprintf(text, sizeof text, "base/%s", row->path);
	ck_assert_int_eq(symlink(row->target, text), 0);
	walk(&seen, NULL);
	ck_assert_str_eq(
	    strbuf_text(&seen.candidates), "b/2020/11/15/20/1-t.dat ");
	(void)snprintf(text, sizeof text, "%s:%s ", row->path, strerror(ELOOP));
	ck_assert_str_eq(
	    strbuf_text(&seen.problems), row->is_reported ? text : "");
	seen_done(&seen);
}
END_TEST

START_TEST(leaves_the_spool_out)
{
	static const char *const places[] = {
	    "base/spool", "base/b/2020", "base/b/2020/11/15/20"};
	struct seen seen = {0};

	scratch_write("base/spool/2020/11/15/20/1-t.dat", "text");
	scratch_write("base/b/2020/11/15/20/2-t.dat", "text");
	scratch_write("base/c/2020/11/15/20/3-t.dat", "text");
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 3);
	for (int i = 0; i < LENGTH(places); i++) {
		walk(&seen, places[i]);
		ck_assert_int_eq(seen.count, 2);
		ck_assert_ptr_null(strstr(strbuf_text(&seen.candidates),
		    i == 0 ? "1-t.dat" : "2-t.dat"));
		ck_assert_str_eq(strbuf_text(&seen.problems), "");
	}
	seen_done(&seen);
}
END_TEST

/* What can't be read is said, and the walk goes on beside it. */
START_TEST(goes_on_after_problems)
{
	struct seen seen = {0};
	char expected[128];

	scratch_write("base/b/2020/11/15/20/1-t.dat", "text");
	scratch_write("base/c/2020/11/15/20/2-t.dat", "text");
	ck_assert_int_eq(chmod("base/b/2020/11", 0), 0);
	/* But for the one that fsck makes, and only at the top. */
	scratch_make_dirs("base/lost+found");
	ck_assert_int_eq(chmod("base/lost+found", 0), 0);
	/* root would read everything. */
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	walk(&seen, NULL);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_str_eq(
	    strbuf_text(&seen.candidates), "c/2020/11/15/20/2-t.dat ");
	(void)snprintf(
	    expected, sizeof expected, "b/2020/11:%s ", strerror(EACCES));
	ck_assert_str_eq(strbuf_text(&seen.problems), expected);
	ck_assert_int_eq(chmod("base/b/2020/11", 0700), 0);
	ck_assert_int_eq(chmod("base/lost+found", 0700), 0);
	seen_done(&seen);
}
END_TEST

static int64_t
mtime_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return clock_from_timespec(&st.st_mtim);
}

/* Our moves don't make a directory look lately used. */
START_TEST(keeps_times)
{
	const int64_t then_ns = INT64_C(1605472290123456789);
	struct seen seen = {.moves = true};

	for (int i = 0; i < 5; i++) {
		char path[64];

		(void)snprintf(
		    path, sizeof path, "base/b/2020/11/15/20/%d-t.dat", i);
		scratch_write(path, "text");
	}
	scratch_write("base/b/2020/11/15/21/1-t.dat", "text");
	scratch_touch("base/b/2020/11/15/20", then_ns);
	scratch_touch("base/b/2020/11/15/21", then_ns + 1);
	scratch_touch("base/b/2020/11/15", then_ns + 2);
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 6);
	ck_assert_int_eq(mtime_of("base/b/2020/11/15/20"), then_ns);
	ck_assert_int_eq(mtime_of("base/b/2020/11/15/21"), then_ns + 1);
	ck_assert_int_eq(mtime_of("base/b/2020/11/15"), then_ns + 2);
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 0);
	seen_done(&seen);
}
END_TEST

/* A location that can't be claimed from is left, the others are walked; or
 * all is stopped. */
START_TEST(leaves_and_stops)
{
	static const char *const locations[] = {"a", "b", "c"};
	struct seen seen = {.result = WALK_LEAVE};
	char path[64];

	for (int i = 0; i < 30; i++) {
		(void)snprintf(path, sizeof path,
		    "base/%s/2020/11/%d/20/%d-t.dat", locations[i % 3],
		    1 + i % 2, i);
		scratch_write(path, "text");
	}
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 3); /* one of each */
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof path, "%s/", locations[i]);
		ck_assert_ptr_nonnull(
		    strstr(strbuf_text(&seen.candidates), path));
	}
	seen.result = WALK_STOP;
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 1);
	seen.result = WALK_ON;
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 30);
	seen_done(&seen);
}
END_TEST

/* A file in base_dir itself has no location to leave. */
START_TEST(leaves_a_file_at_the_top)
{
	struct seen seen = {.result = WALK_LEAVE};

	scratch_write("base/1.log", "text");
	scratch_write("base/2.log", "text");
	scratch_write("base/b/2020/11/15/20/1-t.dat", "text");
	walk(&seen, NULL);
	ck_assert_int_eq(seen.count, 3);
	seen_done(&seen);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("walk");
	TCase *tcase = tcase_create("walk");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, finds_candidates);
	tcase_add_test(tcase, candidates_of_any_kind);
	tcase_add_loop_test(tcase, follows_no_link, 0, LENGTH(links));
	tcase_add_test(tcase, leaves_the_spool_out);
	tcase_add_test(tcase, goes_on_after_problems);
	tcase_add_test(tcase, keeps_times);
	tcase_add_test(tcase, leaves_and_stops);
	tcase_add_test(tcase, leaves_a_file_at_the_top);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
