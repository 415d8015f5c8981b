/* Partial entries: kept, shared, combined, completed, and in nobody's way (RFC 9111 3.3, 3.4). */
#include "world.h"

#define V1	       "ETag: \"v1\"\nCache-Control: max-age=60\n"
#define RANGE_OF(f, l) "Content-Range: bytes " f "-" l "/10\n"

static void get_part(struct world *w, const char *range, const char *content_range, const char *bytes)
{
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, "GET", "/p", range);
	ck_assert_msg(w->n_fetches == i + 1, "%s: not asked for", range);
	world_respond(w, i, 206, content_range, bytes);
	ASSERT_ANSWER(r, 206, bytes);
	world_end(&r);
}

static void ask_hit(struct world *w, const char *fields, int status, const char *body)
{
	unsigned i = w->n_fetches;
	struct req *r = world_ask(w, "GET", "/p", fields);
	ck_assert_msg(w->n_fetches == i, "%s: went to the origin", fields);
	ASSERT_ANSWER(r, status, body);
	world_end(&r);
}

static struct str sent(struct world *w, unsigned i, const char *name)
{
	return headers_get(w->fetches[i]->headers, str_of(name));
}

/* RFC 9111 3.4-1: with the fields of the response that came last. */
START_TEST(parts_become_the_whole)
{
	struct world *w = world_new("");
	get_part(w, "Range: bytes=6-7", V1 RANGE_OF("6", "7"), "67");
	get_part(w, "Range: bytes=0-1", V1 RANGE_OF("0", "1"), "01");
	ask_hit(w, "Range: bytes=7-7", 206, "7");
	ask_hit(w, "Range: bytes=0-0", 206, "0");
	get_part(w, "Range: bytes=1-6", V1 RANGE_OF("1", "6"), "123456");
	ask_hit(w, "Range: bytes=0-7", 206, "01234567");
	get_part(w, "Range: bytes=-2", V1 RANGE_OF("8", "9") "X-New: 1\n", "89");
	ask_hit(w, "", 200, "0123456789");
	struct req *r = world_ask(w, "HEAD", "/p", "");
	ck_assert_int_eq(req_answer(r)->length, 10);
	ASSERT_STR(world_field(r, "X-New"), "1");
	ck_assert_ptr_null(world_field(r, "Content-Range").p);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_part_that_is_all_is_a_page)
{
	struct world *w = world_new("");
	get_part(w, "Range: bytes=0-", V1 RANGE_OF("0", "9"), "0123456789");
	ask_hit(w, "", 200, "0123456789");
	world_free(&w);
}
END_TEST

/* The origin contradicts itself: its first position and its bytes are believed. */
START_TEST(a_part_shorter_than_it_says)
{
	struct world *w = world_new("");
	get_part(w, "Range: bytes=-5", V1 RANGE_OF("4", "9"), "01234");
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=6-");
	ASSERT_STR(world_field(r, "Content-Range"), "bytes 6-8/*");
	ASSERT_ANSWER(r, 206, "234");
	world_end(&r);
	/* and it is joined with none */
	get_part(w, "Range: bytes=0-3", V1 RANGE_OF("0", "3"), "abcd");
	r = world_ask(w, "GET", "/p", "Range: bytes=4-5");
	world_respond(w, 2, 206, V1 RANGE_OF("4", "5"), "ef");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_part_whose_length_turns_out_wrong_is_not_kept)
{
	struct world *w = world_new("");
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-4");
	world_head(w, 0, 206, V1 RANGE_OF("0", "4"), -1);
	world_say(w, 0, "012");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	world_end(&r);
	get_part(w, "Range: bytes=0-1", V1 RANGE_OF("0", "1"), "01");
	world_free(&w);
}
END_TEST

/* Another worker may come to its letter when all is known. */
START_TEST(a_part_whose_length_turned_out_wrong_is_shared_by_none)
{
	static const struct {
		const char *what, *content_range, *bytes;
	} rows[] = {
	    {"shorter", RANGE_OF("0", "4"), "012"},
	    {"longer", RANGE_OF("0", "4"), "0123456"},
	    {"shorter, said to be all", "Content-Range: bytes 0-4/5\n", "012"},
	    {"longer, said to be all", "Content-Range: bytes 0-4/5\n", "0123456"},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("");
		struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-4");
		struct req *late = world_ask_on(w, 1, "GET", "/p", "Range: bytes=0-4");
		char fields[200];
		snprintf(fields, sizeof fields, V1 "%s", rows[i].content_range);
		ck_assert_uint_eq(w->n_fetches, 1);
		world_head(w, 0, 206, fields, -1);
		world_say(w, 0, rows[i].bytes);
		world_done(w, 0, ERR_OK);
		world_deliver(w);
		ASSERT_ANSWER(r, 206, rows[i].bytes);
		ck_assert_msg(w->n_fetches == 2, "%s: no fetch of its own", rows[i].what);
		world_respond(w, 1, 206, V1 RANGE_OF("0", "4"), "01234");
		ASSERT_ANSWER(late, 206, "01234");
		world_end(&r);
		world_end(&late);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_full_request_asks_for_the_rest)
{
	struct world *w = world_new("");
	get_part(w, "Range: bytes=0-3", V1 RANGE_OF("0", "3"), "0123");
	struct req *r = world_ask(w, "GET", "/p", ""), *other = world_ask_on(w, 1, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	ASSERT_STR(sent(w, 1, "Range"), "bytes=4-");
	ASSERT_STR(sent(w, 1, "If-Range"), "\"v1\"");
	world_respond(w, 1, 206, V1 RANGE_OF("4", "9"), "456789");
	ck_assert_int_eq(req_answer(r)->length, 10);
	ck_assert_ptr_null(world_field(r, "Content-Range").p);
	ASSERT_ANSWER(r, 200, "0123456789");
	ASSERT_ANSWER(other, 200, "0123456789");
	world_end(&r);
	world_end(&other);
	ask_hit(w, "", 200, "0123456789");
	ask_hit(w, "Range: bytes=3-4", 206, "34");
	world_free(&w);
}
END_TEST

START_TEST(the_rest_comes_otherwise)
{
	static const struct {
		const char *what;
		int status;
		const char *fields, *body;
		bool again;
	} rows[] = {
	    {"the whole of another version", 200, "ETag: \"v2\"\nCache-Control: max-age=60\n", "abcdefghij", false},
	    {"a part of another version", 206, "ETag: \"v2\"\n" RANGE_OF("4", "9"), "efghij", true},
	    {"a part with a weak validator", 206, "ETag: W/\"v1\"\n" RANGE_OF("4", "9"), "efghij", true},
	    {"a part without validator", 206, RANGE_OF("4", "9"), "efghij", true},
	    {"another part", 206, V1 RANGE_OF("5", "9"), "fghij", true},
	    {"less than the rest", 206, V1 RANGE_OF("4", "8"), "efghi", true},
	    {"a part of another length", 206, V1 "Content-Range: bytes 4-9/11\n", "efghij", true},
	    {"a part that may not be stored", 206, "Cache-Control: no-store\nETag: \"v1\"\n" RANGE_OF("4", "9"),
		"456789", true},
	    {"a refusal", 416, "Content-Range: bytes */4\n", "", true},
	    {"a 304 though nobody has it", 304, V1, "", true},
	    {"an error that the Range may have caused", 400, V1, "", true},
	    {"an origin that fails at it", 501, V1, "", true},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("");
		get_part(w, "Range: bytes=0-3", V1 RANGE_OF("0", "3"), "0123");
		struct req *r = world_ask(w, "GET", "/p", "");
		if (rows[i].again) {
			world_head(w, 1, rows[i].status, rows[i].fields, (int64_t)strlen(rows[i].body));
			ck_assert_msg(w->n_fetches == 3, "%s: the whole is not asked for", rows[i].what);
			ck_assert_msg(!sent(w, 2, "Range").p && !sent(w, 2, "If-Range").p, "%s", rows[i].what);
			ck_assert_uint_eq(w->cancelled, 1);
			world_respond(w, 2, 200, "Cache-Control: max-age=60\n", "abcdefghij");
		} else {
			world_respond(w, 1, rows[i].status, rows[i].fields, rows[i].body);
		}
		ASSERT_ANSWER(r, 200, "abcdefghij");
		world_end(&r);
		ask_hit(w, "Range: bytes=0-3", 206, "abcd"); /* nothing of the old one is left */
		world_free(&w);
	}
}
END_TEST

START_TEST(a_rest_that_breaks_off)
{
	struct world *w = world_new("");
	get_part(w, "Range: bytes=0-3", V1 RANGE_OF("0", "3"), "0123");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_head(w, 1, 206, V1 RANGE_OF("4", "9"), 6);
	world_say(w, 1, "45");
	world_deliver(w);
	world_done(w, 1, ERR_SHORT);
	world_deliver(w);
	char out[64];
	int end;
	ASSERT_STR(world_read(r, out, sizeof out, &end), "012345");
	ck_assert_int_eq(end, ERR_SHORT);
	world_end(&r);
	ask_hit(w, "Range: bytes=0-3", 206, "0123"); /* what was there before still is */
	world_free(&w);
}
END_TEST

START_TEST(who_asks_for_the_same_part_waits_for_it)
{
	struct world *w = world_new("");
	struct req *a = world_ask(w, "GET", "/p", "Range: bytes=0-3"),
		   *b = world_ask_on(w, 1, "GET", "/p", "Range: bytes=0-3");
	struct req *other = world_ask(w, "GET", "/p", "Range: bytes=4-5"), *page = world_ask(w, "GET", "/p", "");
	struct req *condition = world_ask(w, "GET", "/p", "Range: bytes=0-3\nIf-Range: \"v0\"");
	ck_assert_uint_eq(w->n_fetches, 4);
	ASSERT_STR(sent(w, 0, "Range"), "bytes=0-3");
	ASSERT_STR(sent(w, 1, "Range"), "bytes=4-5");
	ck_assert_ptr_null(sent(w, 2, "Range").p);
	ASSERT_STR(sent(w, 3, "If-Range"), "\"v0\"");
	world_head(w, 0, 206, V1 RANGE_OF("0", "3"), 4);
	world_say(w, 0, "01");
	world_deliver(w);
	char out[64];
	int end;
	ASSERT_STR(world_read(b, out, sizeof out, &end), "01");
	ASSERT_STR(world_field(b, "Content-Range"), "bytes 0-3/10");
	world_say(w, 0, "23");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_STR(world_read(b, out, sizeof out, &end), "23");
	ASSERT_ANSWER(a, 206, "0123");
	world_respond(w, 1, 206, V1 RANGE_OF("4", "5"), "45");
	world_respond(w, 3, 200, V1, "0123456789");
	world_respond(w, 2, 200, V1, "0123456789");
	ASSERT_ANSWER(other, 206, "45");
	ASSERT_ANSWER(page, 200, "0123456789");
	ASSERT_ANSWER(condition, 200, "0123456789");
	world_end(&a);
	world_end(&b);
	world_end(&other);
	world_end(&page);
	world_end(&condition);
	world_free(&w);
}
END_TEST

START_TEST(a_part_that_has_come_is_read_from_the_whole_fetch)
{
	struct world *w = world_new("");
	struct req *page = world_ask(w, "GET", "/p", "");
	world_head(w, 0, 200, V1, 10);
	world_say(w, 0, "0123");
	struct req *r = world_ask_on(w, 1, "GET", "/p", "Range: bytes=3-5");
	ck_assert_uint_eq(w->n_fetches, 1);
	struct req *later = world_ask(w, "GET", "/p", "Range: bytes=8-9"); /* who knows when it comes */
	ck_assert_uint_eq(w->n_fetches, 2);
	world_say(w, 0, "456789");
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 206, "345");
	world_respond(w, 1, 206, V1 RANGE_OF("8", "9"), "89");
	ASSERT_ANSWER(later, 206, "89");
	ASSERT_ANSWER(page, 200, "0123456789");
	world_end(&r);
	world_end(&later);
	world_end(&page);
	world_free(&w);
}
END_TEST

START_TEST(a_stale_part_is_confirmed_by_the_next)
{
	struct world *w = world_new("");
	get_part(w, "Range: bytes=0-3", V1 RANGE_OF("0", "3"), "0123");
	w->now_ms += 61000;
	get_part(w, "Range: bytes=2-5", V1 RANGE_OF("2", "5"), "2345");
	ask_hit(w, "Range: bytes=0-5", 206, "012345");
	world_free(&w);
}
END_TEST

START_TEST(whole_is_fetched_behind_a_part)
{
	struct world *w = world_new("[route /*]\nrange_miss = whole\n");
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-3"),
		   *b = world_ask(w, "GET", "/p", "Range: bytes=4-5");
	ck_assert_uint_eq(w->n_fetches, 3); /* one whole for both */
	ck_assert_ptr_null(sent(w, 0, "Range").p);
	ASSERT_STR(sent(w, 1, "Range"), "bytes=0-3");
	ASSERT_STR(sent(w, 2, "Range"), "bytes=4-5");
	world_respond(w, 1, 206, V1 RANGE_OF("0", "3"), "0123");
	ASSERT_ANSWER(r, 206, "0123");
	world_respond(w, 2, 206, V1 RANGE_OF("4", "5"), "45");
	world_respond(w, 0, 200, V1, "0123456789");
	world_end(&r);
	world_end(&b);
	ask_hit(w, "Range: bytes=8-9", 206, "89");
	world_free(&w);
}
END_TEST

START_TEST(what_a_range_brings_is_not_the_page)
{
	static const struct {
		const char *what;
		int status;
		const char *fields;
	} rows[] = {
	    {"RFC 9110 15.5.17: a refusal", 416, "Content-Range: bytes */10\nCache-Control: max-age=60\n"},
	    {"a Range that the origin thinks malformed", 400, V1},
	    {"a Range that a guard before it forbids", 403, V1},
	    {"a Range that it fails at", 501, V1},
	    {"several parts", 206, V1 "Content-Type: multipart/byteranges; boundary=x\n"},
	    {"another unit", 206, V1 "Content-Range: lines 0-3/10\n"},
	    {"an invalid Content-Range", 206, V1 "Content-Range: bytes 3-0/10\n"},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("");
		struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-3");
		world_respond(w, 0, rows[i].status, rows[i].fields, "abcd");
		ASSERT_ANSWER(r, rows[i].status, "abcd");
		world_end(&r);
		/* nor is it remembered as one that cannot be stored */
		struct req *a = world_ask(w, "GET", "/p", ""), *b = world_ask(w, "GET", "/p", "");
		ck_assert_msg(w->n_fetches == 2, "%s", rows[i].what);
		world_respond(w, 1, 200, V1, "0123456789");
		ASSERT_ANSWER(a, 200, "0123456789");
		ASSERT_ANSWER(b, 200, "0123456789");
		world_end(&a);
		world_end(&b);
		world_free(&w);
	}
}
END_TEST

START_TEST(authorization_keeps_its_range)
{
	struct world *w = world_new("");
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-3\nAuthorization: x");
	ASSERT_STR(sent(w, 0, "Range"), "bytes=0-3");
	world_respond(w, 0, 206, V1 RANGE_OF("0", "3"), "mine");
	ASSERT_ANSWER(r, 206, "mine");
	world_end(&r);
	get_part(w, "Range: bytes=0-3", V1 RANGE_OF("0", "3"), "0123");
	world_free(&w);
}
END_TEST

static bool is_here(struct world *w, const char *range)
{
	unsigned asked = w->n_fetches;
	struct req *r = world_ask(w, "GET", "/p", range);
	bool is_hit = w->n_fetches == asked;
	if (!is_hit)
		world_respond(w, asked, 503, "", "");
	world_end(&r);
	return is_hit;
}

/* Each part is joined by copying what is stored already: one of few bytes is not worth that of a large one. */
START_TEST(a_tiny_part_does_not_have_a_large_one_copied)
{
	static const struct {
		const char *what;
		unsigned n; /* bytes of the second part, which begins at 1000 */
		bool is_kept;
		const char *validators;
		int64_t later_ms;
		bool old_is_kept;
	} rows[] = {
	    {"one byte is not kept beside 600", 1, false, V1, 0, true},
	    {"three are", 3, true, V1, 0, true},
	    {"of another representation it takes the place", 1, true, "ETag: \"v2\"\nCache-Control: max-age=60\n", 0,
		false},
	    {"it makes a stale one fresh", 1, true, V1, 61000, true},
	};
	char large[601];
	memset(large, 'a', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new("");
		char range[64], fields[256];
		get_part(w, "Range: bytes=0-599", V1 "Content-Range: bytes 0-599/2000\n", large);
		w->now_ms += rows[i].later_ms;
		snprintf(range, sizeof range, "Range: bytes=1000-%u", 1000 + rows[i].n - 1);
		snprintf(fields, sizeof fields, "%sContent-Range: bytes 1000-%u/2000\n", rows[i].validators,
		    1000 + rows[i].n - 1);
		get_part(w, range, fields, &"bbb"[3 - rows[i].n]);
		ck_assert_msg(is_here(w, "Range: bytes=1000-1000") == rows[i].is_kept, "%s", rows[i].what);
		ck_assert_msg(
		    is_here(w, "Range: bytes=599-599") == rows[i].old_is_kept, "%s: the old one", rows[i].what);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/partial");
	TCase *t = tcase_create("partial");
	tcase_add_test(t, parts_become_the_whole);
	tcase_add_test(t, a_part_that_is_all_is_a_page);
	tcase_add_test(t, a_tiny_part_does_not_have_a_large_one_copied);
	tcase_add_test(t, a_part_shorter_than_it_says);
	tcase_add_test(t, a_part_whose_length_turns_out_wrong_is_not_kept);
	tcase_add_test(t, a_full_request_asks_for_the_rest);
	tcase_add_test(t, the_rest_comes_otherwise);
	tcase_add_test(t, a_rest_that_breaks_off);
	tcase_add_test(t, who_asks_for_the_same_part_waits_for_it);
	tcase_add_test(t, a_part_that_has_come_is_read_from_the_whole_fetch);
	tcase_add_test(t, a_stale_part_is_confirmed_by_the_next);
	tcase_add_test(t, whole_is_fetched_behind_a_part);
	tcase_add_test(t, a_part_whose_length_turned_out_wrong_is_shared_by_none);
	tcase_add_test(t, what_a_range_brings_is_not_the_page);
	tcase_add_test(t, authorization_keeps_its_range);
	suite_add_tcase(s, t);
	return suite_run(s);
}
