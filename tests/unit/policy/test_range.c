#include "fields.h"

#include "base/mem.h"
#include "policy/range.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"

/* "206 0-1 4-5/10", "200", "416" or "not here". */
static const char *verdict_text(const struct range_verdict *v)
{
	struct str text = STR("206");
	if (v->use == RANGE_WHOLE)
		return "200";
	if (v->use == RANGE_UNSATISFIABLE)
		return "416";
	if (v->use == RANGE_NOT_HERE)
		return "not here";
	for (unsigned i = 0; i < v->runs.n; i++)
		text = arena_printf(&arena, "%.*s %lld-%lld", STR_ARG(text), (long long)v->runs.v[i].first,
		    (long long)v->runs.v[i].last);
	if (v->complete < 0)
		text = arena_printf(&arena, "%.*s/*", STR_ARG(text));
	else
		text = arena_printf(&arena, "%.*s/%lld", STR_ARG(text), (long long)v->complete);
	return text.p;
}

static struct stored stored_of(const char *fields, struct headers *h)
{
	*h = fields_of(fields, &arena);
	int64_t modified_s = -1;
	const struct header *modified = headers_find(h, STR("Last-Modified"));
	if (modified)
		modified_s = str_eq(modified->value, STR(NOW_TEXT)) ? NOW_S : NOW_S - 1;
	return (struct stored){
	    .status = 200, .response_ms = NOW_MS, .last_modified_s = modified_s, .etag = headers_get(h, STR("ETag"))};
}

struct row {
	const char *what, *request;
	int64_t length;
	const char *want;
};

static void check(const struct row *row, const struct stored *s, const struct headers *h, enum http_method method)
{
	struct http_request request = request_of(row->request, &arena);
	struct range_verdict v;
	request.method = method;
	policy_range(&request, s, h, row->length, &v);
	ck_assert_msg(strcmp(verdict_text(&v), row->want) == 0, "%s: is \"%s\"", row->what, verdict_text(&v));
}

START_TEST(ranges_of_a_whole_response)
{
	static const struct row rows[] = {
	    {"RFC 9111 3.3-3: no Range", "", 10, "200"},
	    {"RFC 9110 14.1.2: both ends count", "Range: bytes=0-1", 10, "206 0-1/10"},
	    {"one byte", "Range: bytes=9-9", 10, "206 9-9/10"},
	    {"14.1.1: without last-pos up to the end", "Range: bytes=4-", 10, "206 4-9/10"},
	    {"14.1.2: a suffix", "Range: bytes=-3", 10, "206 7-9/10"},
	    {"14.1.2: a suffix longer than the body is all of it", "Range: bytes=-30", 10, "206 0-9/10"},
	    {"14.1.2: a last-pos beyond the end is the end", "Range: bytes=5-99", 10, "206 5-9/10"},
	    {"14.1.2: numerals of any size", "Range: bytes=5-99999999999999999999999999", 10, "206 5-9/10"},
	    {"14.1.2: and of a suffix", "Range: bytes=-99999999999999999999999999", 10, "206 0-9/10"},
	    {"15.5.17: it begins behind the end", "Range: bytes=10-", 10, "416"},
	    {"15.5.17: far behind", "Range: bytes=99999999999999999999999999-", 10, "416"},
	    {"14.1.2: a suffix of nothing", "Range: bytes=-0", 10, "416"},
	    {"15.5.17: none of several", "Range: bytes=10-,-0,20-30", 10, "416"},
	    {"14.2: one of several is enough", "Range: bytes=10-,2-3", 10, "206 2-3/10"},
	    {"15.3.7.2: several, in their order", "Range: bytes=8-9, 0-1", 10, "206 8-9 0-1/10"},
	    {"first and last byte", "Range: bytes=0-0,-1", 10, "206 0-0 9-9/10"},
	    {"15.3.7.2: overlapping ones are joined", "Range: bytes=0-4,3-6", 10, "206 0-6/10"},
	    {"17.15: adjacent ones too", "Range: bytes=4-6,0-3", 10, "206 0-6/10"},
	    {"one within another", "Range: bytes=1-8,3-4,0-0", 10, "206 0-8/10"},
	    {"the same again and again", "Range: bytes=2-3,2-3,2-3,2-3", 10, "206 2-3/10"},
	    {"one that closes a gap takes the first's place", "Range: bytes=8-9,0-1,4-5,2-3", 10, "206 8-9 0-5/10"},
	    {"blanks and empty elements (5.6.1.2)", "Range: bytes=0-1 ,, \t5-6,", 10, "206 0-1 5-6/10"},
	    {"the unit's case does not matter", "Range: BYTES=0-1", 10, "206 0-1/10"},
	    {"14.2: another unit is ignored", "Range: items=0-1", 10, "200"},
	    {"14.2: no unit", "Range: 0-1", 10, "200"},
	    {"14.1.1: last before first is invalid", "Range: bytes=5-2", 10, "200"},
	    {"14.1.1: and makes the whole field invalid", "Range: bytes=0-1,5-2", 10, "200"},
	    {"no digits", "Range: bytes=-", 10, "200"},
	    {"nothing", "Range: bytes=", 10, "200"},
	    {"a sign", "Range: bytes=+1-2", 10, "200"},
	    {"two dashes", "Range: bytes=1--2", 10, "200"},
	    {"a fraction", "Range: bytes=1.0-2", 10, "200"},
	    {"two fields", "Range: bytes=0-1\nRange: bytes=2-3", 10, "200"},
	    {"14.2: of no content there is no part", "Range: bytes=0-", 0, "200"},
	    {"nor a last byte", "Range: bytes=-1", 0, "200"},
	    {"how long it will be is not known", "Range: bytes=0-1", -1, "200"},
	    {"16 ranges",
		"Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30",
		40, "206 0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14 16-16 18-18 20-20 22-22 24-24 26-26 28-28 30-30/40"},
	    {"17.15: 17 are too many, be they the same",
		"Range: bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", 40, "200"},
	};
	struct headers h;
	struct stored s = stored_of("", &h);
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i], &s, &h, METHOD_GET);
	struct row head = {"RFC 9110 14.2: HEAD has no ranges", "Range: bytes=0-1", 10, "200"};
	check(&head, &s, &h, METHOD_HEAD);
	for (int status = 203; status < 500; status++) {
		struct row other = {"14.2: a part of a 200 only", "Range: bytes=0-1", 10, "200"};
		s.status = status;
		check(&other, &s, &h, METHOD_GET);
	}
}
END_TEST

START_TEST(a_page_with_holes_has_no_ranges)
{
	static const struct row rows[] = {
	    {"a part", "Range: bytes=0-1", 10, "200"},
	    {"one behind the end", "Range: bytes=99-", 10, "200"},
	    {"with a tag", "Range: bytes=0-1\nIf-Range: \"a\"", 10, "200"},
	};
	static const struct holes no_places;
	struct headers h;
	struct stored s = stored_of("ETag: \"a\"", &h);
	s.holes = &no_places;
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i], &s, &h, METHOD_GET);
}
END_TEST

START_TEST(if_range)
{
	static const struct {
		const char *stored;
		struct row row;
	} rows[] = {
	    {"ETag: \"a\"", {"13.1.5: the same tag", "Range: bytes=0-1\nIf-Range: \"a\"", 10, "206 0-1/10"}},
	    {"ETag: \"a\"", {"another tag: the whole", "Range: bytes=0-1\nIf-Range: \"b\"", 10, "200"}},
	    {"ETag: W/\"a\"", {"8.8.3.2: a weak tag equals none", "Range: bytes=0-1\nIf-Range: W/\"a\"", 10, "200"}},
	    {"ETag: W/\"a\"", {"weak here, strong there", "Range: bytes=0-1\nIf-Range: \"a\"", 10, "200"}},
	    {"ETag: \"a\"", {"strong here, weak there", "Range: bytes=0-1\nIf-Range: W/\"a\"", 10, "200"}},
	    {"ETag: a", {"what has no quotes is no tag", "Range: bytes=0-1\nIf-Range: a", 10, "200"}},
	    {"", {"nothing to compare with", "Range: bytes=0-1\nIf-Range: \"a\"", 10, "200"}},
	    {"", {"an empty condition", "Range: bytes=0-1\nIf-Range:", 10, "200"}},
	    {"ETag: \"a\"", {"two conditions", "Range: bytes=0-1\nIf-Range: \"a\"\nIf-Range: \"a\"", 10, "200"}},
	    {"ETag: \"a\"", {"without a Range", "If-Range: \"a\"", 10, "200"}},
	    {"ETag: \"a\"", {"13.2.2: what cannot be satisfied", "Range: bytes=10-\nIf-Range: \"a\"", 10, "200"}},
	    {"Date: " NOW_TEXT "\nLast-Modified: " EARLIER,
		{"13.1.5: the same date", "Range: bytes=0-1\nIf-Range: " EARLIER, 10, "206 0-1/10"}},
	    {"Date: " NOW_TEXT "\nLast-Modified: " EARLIER,
		{"13.1.5: a later one is not the same", "Range: bytes=0-1\nIf-Range: " NOW_TEXT, 10, "200"}},
	    {"Date: " NOW_TEXT "\nLast-Modified: " EARLIER,
		{"nor in another form", "Range: bytes=0-1\nIf-Range: Sunday, 06-Nov-94 08:49:36 GMT", 10, "200"}},
	    {"Date: " NOW_TEXT "\nLast-Modified: " NOW_TEXT,
		{"8.8.2.2: changed within its second", "Range: bytes=0-1\nIf-Range: " NOW_TEXT, 10, "200"}},
	    {"Last-Modified: " EARLIER,
		{"8.8.2.2: without a Date nobody can tell", "Range: bytes=0-1\nIf-Range: " EARLIER, 10, "200"}},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct headers h;
		struct stored s = stored_of(rows[i].stored, &h);
		check(&rows[i].row, &s, &h, METHOD_GET);
	}
}
END_TEST

START_TEST(ranges_of_a_partial_response)
{
	static const struct range runs[] = {{2, 4}, {8, 9}};
	static const struct {
		int64_t complete;
		bool reaches_end;
		struct row row;
	} rows[] = {
	    {20, false, {"RFC 9111 3.3-2: wholly within", "Range: bytes=2-4", -1, "206 2-4/20"}},
	    {20, false, {"less of it", "Range: bytes=3-3", -1, "206 3-3/20"}},
	    {20, false, {"RFC 9111 3.3-2: not wholly within", "Range: bytes=3-5", -1, "not here"}},
	    {20, false, {"it begins before", "Range: bytes=1-3", -1, "not here"}},
	    {20, false, {"over a gap", "Range: bytes=4-8", -1, "not here"}},
	    {20, false, {"of each run one", "Range: bytes=9-9,2-2", -1, "206 9-9 2-2/20"}},
	    {20, false, {"one of two is not there", "Range: bytes=2-2,6-6", -1, "not here"}},
	    {20, false, {"up to the end", "Range: bytes=8-", -1, "not here"}},
	    {20, false, {"RFC 9111 3.3-2, 3.3-3: the whole is not there", "", -1, "not here"}},
	    {20, false, {"nor is it for a Range that is ignored", "Range: items=2-4", -1, "not here"}},
	    {20, false,
		{"nor for an If-Range that does not hold", "Range: bytes=2-4\nIf-Range: \"b\"", -1, "not here"}},
	    {20, false, {"one that holds", "Range: bytes=2-4\nIf-Range: \"a\"", -1, "206 2-4/20"}},
	    {20, false, {"15.5.17: the length is known", "Range: bytes=20-", -1, "416"}},
	    {10, true, {"up to the end, which is there", "Range: bytes=8-", -1, "206 8-9/10"}},
	    {10, true, {"a suffix", "Range: bytes=-1", -1, "206 9-9/10"}},
	    {10, true, {"a longer suffix", "Range: bytes=-3", -1, "not here"}},
	    {-1, false, {"14.4: of unknown length", "Range: bytes=2-4", -1, "206 2-4/*"}},
	    {-1, false, {"its end is not known", "Range: bytes=8-", -1, "not here"}},
	    {-1, false, {"nor what lies before it", "Range: bytes=-1", -1, "not here"}},
	    {-1, false, {"nor whether it goes on", "Range: bytes=8-10", -1, "not here"}},
	    {-1, true, {"of unknown length, but with its end", "Range: bytes=8-", -1, "206 8-9/*"}},
	    {-1, true, {"a refusal needs the length", "Range: bytes=10-", -1, "not here"}},
	    {-1, true, {"and a suffix of that", "Range: bytes=-2", -1, "206 8-9/*"}},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct headers h;
		struct stored s = stored_of("ETag: \"a\"", &h);
		s.status = 206;
		s.runs = runs;
		s.n_runs = COUNT_OF(runs);
		s.complete = rows[i].complete;
		s.reaches_end = rows[i].reaches_end;
		check(&rows[i].row, &s, &h, METHOD_GET);
	}
}
END_TEST

START_TEST(what_may_be_shared_by_those_who_ask_for_it)
{
	static const struct {
		const char *what, *request;
		bool common;
		int64_t start;
	} rows[] = {
	    {"a range", "Range: bytes=5-9", true, 5},
	    {"an open one", "Range: bytes=0-", true, 0},
	    {"a suffix", "Range: bytes=-5", true, -1},
	    {"none", "", false, 0},
	    {"several", "Range: bytes=0-1,3-4", false, 0},
	    {"another unit", "Range: items=0-1", false, 0},
	    {"If-Range", "Range: bytes=0-1\nIf-Range: \"a\"", false, 0},
	    {"another condition", "Range: bytes=0-1\nIf-None-Match: \"a\"", false, 0},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct http_request request = request_of(rows[i].request, &arena);
		int64_t start = 0;
		ck_assert_msg(policy_range_is_common(&request, &start) == rows[i].common && start == rows[i].start,
		    "%s", rows[i].what);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/range");
	TCase *t = tcase_create("range");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ranges_of_a_whole_response);
	tcase_add_test(t, a_page_with_holes_has_no_ranges);
	tcase_add_test(t, if_range);
	tcase_add_test(t, ranges_of_a_partial_response);
	tcase_add_test(t, what_may_be_shared_by_those_who_ask_for_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
