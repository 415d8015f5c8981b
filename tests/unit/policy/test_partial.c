#include "fields.h"

#include "base/mem.h"
#include "policy/partial.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

START_TEST(what_a_206_brings)
{
	static const struct {
		const char *what;
		int status;
		const char *fields;
		int64_t length;
		bool is_part;
		int64_t first, last, complete;
		bool reaches_end;
	} rows[] = {
	    {"RFC 9110 14.4: one run", 206, "Content-Range: bytes 2-4/10", 3, true, 2, 4, 10, false},
	    {"up to the end", 206, "Content-Range: bytes 2-9/10", 8, true, 2, 9, 10, true},
	    {"of unknown length", 206, "Content-Range: bytes 2-4/*", 3, true, 2, 4, -1, false},
	    {"its own length is not known before it ends", 206, "Content-Range: bytes 2-4/10", -1, true, 2, 4, 10,
		false},
	    {"shorter than it says: its end is not known", 206, "Content-Range: bytes 4-9/10", 5, true, 4, 8, -1, true},
	    {"shorter, and not at the end", 206, "Content-Range: bytes 4-9/20", 5, true, 4, 8, -1, false},
	    {"nothing at all", 206, "Content-Range: bytes 4-9/10", 0, false, 0, 0, 0, false},
	    {"longer than it says", 206, "Content-Range: bytes 4-9/20", 7, false, 0, 0, 0, false},
	    {"RFC 9110 14.4: ends before it begins", 206, "Content-Range: bytes 4-3/20", 1, false, 0, 0, 0, false},
	    {"RFC 9110 14.4: reaches beyond its length", 206, "Content-Range: bytes 4-20/20", 17, false, 0, 0, 0,
		false},
	    {"RFC 9111 3.3-1: a unit that is not understood", 206, "Content-Range: lines 2-4/10", 3, false, 0, 0, 0,
		false},
	    {"unsatisfied", 206, "Content-Range: bytes */10", 3, false, 0, 0, 0, false},
	    {"several parts", 206, "Content-Type: multipart/byteranges; boundary=x", 300, false, 0, 0, 0, false},
	    {"two fields", 206, "Content-Range: bytes 2-4/10\nContent-Range: bytes 2-4/10", 3, false, 0, 0, 0, false},
	    {"RFC 9110 14.4: no meaning for another status", 200, "Content-Range: bytes 2-4/10", 3, false, 0, 0, 0,
		false},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct http_response r = response_of(rows[i].status, rows[i].fields, &arena);
		struct partial p;
		bool is_part = policy_partial(&r, rows[i].length, &p);
		ck_assert_msg(is_part == rows[i].is_part, "%s", rows[i].what);
		ck_assert_msg(!is_part || (p.run.first == rows[i].first && p.run.last == rows[i].last &&
					      p.complete == rows[i].complete && p.reaches_end == rows[i].reaches_end),
		    "%s: %lld-%lld/%lld", rows[i].what, (long long)p.run.first, (long long)p.run.last,
		    (long long)p.complete);
	}
}
END_TEST

#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
#define OLD	"Last-Modified: " EARLIER "\nDate: " NOW_TEXT

static struct stored stored_of(const struct headers *h, int64_t complete)
{
	return (struct stored){
	    .status = 206,
	    .response_ms = NOW_MS,
	    .etag = headers_get(h, STR("ETag")),
	    .last_modified_s = headers_find(h, STR("Last-Modified")) ? NOW_S - 1 : -1,
	    .complete = complete,
	};
}

static const struct holes no_places;

START_TEST(which_are_of_one_representation)
{
	static const struct {
		const char *what, *a, *b;
		int64_t complete_a, complete_b;
		bool same;
	} rows[] = {
	    {"RFC 9111 3.4: the same strong tag", "ETag: \"a\"", "ETag: \"a\"", 10, 10, true},
	    {"another tag", "ETag: \"a\"", "ETag: \"b\"", 10, 10, false},
	    {"RFC 9111 3.4: a weak tag", "ETag: W/\"a\"", "ETag: W/\"a\"", 10, 10, false},
	    {"RFC 9111 3.4: no validator", "", "", 10, 10, false},
	    {"one of two", "ETag: \"a\"", "", 10, 10, false},
	    {"RFC 9110 8.8.2.2: a strong date", OLD, OLD, 10, 10, true},
	    {"a date beside a weak tag is none", OLD "\nETag: W/\"a\"", OLD "\nETag: W/\"a\"", 10, 10, false},
	    {"RFC 9110 8.8.2.2: a date without Date", "Last-Modified: " EARLIER, "Last-Modified: " EARLIER, 10, 10,
		false},
	    {"another length", "ETag: \"a\"", "ETag: \"a\"", 10, 11, false},
	    {"of unknown length", "ETag: \"a\"", "ETag: \"a\"", -1, -1, false},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct headers a = fields_of(rows[i].a, &arena), b = fields_of(rows[i].b, &arena);
		struct stored x = stored_of(&a, rows[i].complete_a), y = stored_of(&b, rows[i].complete_b);
		struct partial_of p = {&x, &a}, q = {&y, &b};
		ck_assert_msg(policy_may_combine(&p, &q) == rows[i].same, "%s", rows[i].what);
		ck_assert_msg(policy_may_combine(&q, &p) == rows[i].same, "%s", rows[i].what);
		y.holes = &no_places; /* its bytes differ by visitor */
		ck_assert_msg(!policy_may_combine(&p, &q), "%s: with a page that has holes", rows[i].what);
		ck_assert_uint_eq(policy_strong_validator(&y, &b).n, 0);
	}
}
END_TEST

START_TEST(runs_grow_together)
{
	static const struct {
		const char *what;
		struct range have[3], add, want[4];
		bool whole;
	} rows[] = {
	    {"the first", {{-1, -1}}, {2, 3}, {{2, 3}, {-1, -1}}, false},
	    {"all at once", {{-1, -1}}, {0, 9}, {{0, 9}, {-1, -1}}, true},
	    {"behind", {{2, 3}, {-1, -1}}, {5, 6}, {{2, 3}, {5, 6}, {-1, -1}}, false},
	    {"before", {{2, 3}, {-1, -1}}, {0, 0}, {{0, 0}, {2, 3}, {-1, -1}}, false},
	    {"right behind", {{2, 3}, {-1, -1}}, {4, 6}, {{2, 6}, {-1, -1}}, false},
	    {"right before", {{2, 3}, {-1, -1}}, {0, 1}, {{0, 3}, {-1, -1}}, false},
	    {"over the end", {{2, 5}, {-1, -1}}, {4, 8}, {{2, 8}, {-1, -1}}, false},
	    {"within", {{2, 5}, {-1, -1}}, {3, 4}, {{2, 5}, {-1, -1}}, false},
	    {"around", {{2, 3}, {5, 6}, {-1, -1}}, {1, 8}, {{1, 8}, {-1, -1}}, false},
	    {"in a gap", {{0, 1}, {8, 9}, {-1, -1}}, {4, 5}, {{0, 1}, {4, 5}, {8, 9}, {-1, -1}}, false},
	    {"that closes the gap", {{0, 3}, {6, 9}, {-1, -1}}, {4, 5}, {{0, 9}, {-1, -1}}, true},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stored s = {.runs = rows[i].have};
		struct range out[PARTIAL_RUNS_MAX];
		unsigned want = 0;
		while (rows[i].have[s.n_runs].first >= 0)
			s.n_runs++;
		while (rows[i].want[want].first >= 0)
			want++;
		unsigned n = policy_runs_with(&s, rows[i].add, out);
		ck_assert_msg(n == want, "%s: %u runs", rows[i].what, n);
		for (unsigned k = 0; k < n; k++)
			ck_assert_msg(out[k].first == rows[i].want[k].first && out[k].last == rows[i].want[k].last,
			    "%s: run %u is %lld-%lld", rows[i].what, k, (long long)out[k].first,
			    (long long)out[k].last);
		ck_assert_msg(policy_runs_are_whole(out, n, 10) == rows[i].whole, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(runs_are_bounded)
{
	struct range have[PARTIAL_RUNS_MAX], out[PARTIAL_RUNS_MAX];
	for (int i = 0; i < PARTIAL_RUNS_MAX; i++)
		have[i] = (struct range){10 * i, 10 * i + 4};
	struct stored s = {.runs = have, .n_runs = PARTIAL_RUNS_MAX};
	ck_assert_uint_eq(policy_runs_with(&s, (struct range){1000, 1001}, out), 0);
	ck_assert_uint_eq(policy_runs_with(&s, (struct range){5, 9}, out), PARTIAL_RUNS_MAX - 1);
	ck_assert_uint_eq(policy_runs_with(&s, (struct range){0, 2000}, out), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/partial");
	TCase *t = tcase_create("partial");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_a_206_brings);
	tcase_add_test(t, which_are_of_one_representation);
	tcase_add_test(t, runs_grow_together);
	tcase_add_test(t, runs_are_bounded);
	suite_add_tcase(s, t);
	return suite_run(s);
}
