/* Parts of what is stored or being fetched: 206, 416, multipart/byteranges, and when the whole is sent instead. */
#include "world.h"

static const char plain[] = "[route /*]\nttl = 60s\n";

#define VALIDATORS "Content-Type: text/plain\nETag: \"v1\"\nContent-Digest: sha-256=:x:\n"

static struct world *stored_world(void)
{
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, VALIDATORS, "0123456789");
	world_end(&r);
	return w;
}

START_TEST(a_part_is_cut_from_what_is_stored)
{
	static const struct {
		const char *what, *fields;
		int status;
		const char *content_range, *body;
	} rows[] = {
	    {"one range", "Range: bytes=2-4", 206, "bytes 2-4/10", "234"},
	    {"a suffix", "Range: bytes=-2", 206, "bytes 8-9/10", "89"},
	    {"an open range", "Range: bytes=7-", 206, "bytes 7-9/10", "789"},
	    {"RFC 9110 15.5.17: behind the end", "Range: bytes=10-", 416, "bytes */10", ""},
	    {"RFC 9110 13.1.5: If-Range holds", "Range: bytes=0-0\nIf-Range: \"v1\"", 206, "bytes 0-0/10", "0"},
	    {"RFC 9110 13.1.5: If-Range does not hold", "Range: bytes=0-0\nIf-Range: \"v0\"", 200, "", "0123456789"},
	    {"a range that is ignored", "Range: lines=0-0", 200, "", "0123456789"},
	};
	struct world *w = stored_world();
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct req *r = world_ask(w, "GET", "/p", rows[i].fields);
		char out[64];
		int end;
		ck_assert_msg(req_answer(r) && req_answer(r)->status == rows[i].status, "%s", rows[i].what);
		ck_assert_msg(str_eq(world_field(r, "Content-Range"), str_of(rows[i].content_range)), "%s: %.*s",
		    rows[i].what, STR_ARG(world_field(r, "Content-Range")));
		struct str body = world_read(r, out, sizeof out, &end);
		ck_assert_msg(str_eq(body, str_of(rows[i].body)), "%s: %.*s", rows[i].what, STR_ARG(body));
		ck_assert_int_eq(req_answer(r)->length, (int64_t)body.n);
		ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=60");
		world_end(&r);
	}
	world_free(&w);
}
END_TEST

/* RFC 9110 15.3.7: the fields of the 200, but what is reckoned over the content; with If-Range the client has them. */
START_TEST(fields_of_a_part)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=2-4");
	ASSERT_STR(world_field(r, "ETag"), "\"v1\"");
	ASSERT_STR(world_field(r, "Content-Type"), "text/plain");
	ASSERT_STR(world_field(r, "Age"), "0");
	ck_assert_ptr_null(world_field(r, "Content-Digest").p);
	world_end(&r);
	r = world_ask(w, "GET", "/p", "Range: bytes=2-4\nIf-Range: \"v1\"");
	ASSERT_STR(world_field(r, "ETag"), "\"v1\"");
	ck_assert_ptr_null(world_field(r, "Content-Type").p);
	world_end(&r);
	/* 13.2.2: the conditions come first */
	r = world_ask(w, "GET", "/p", "Range: bytes=2-4\nIf-None-Match: \"v1\"");
	ck_assert_int_eq(req_answer(r)->status, 304);
	ck_assert_ptr_null(world_field(r, "Content-Range").p);
	world_end(&r);
	/* a refusal says nothing of the page */
	r = world_ask(w, "GET", "/p", "Range: bytes=10-");
	ck_assert_ptr_null(world_field(r, "ETag").p);
	ck_assert_ptr_null(world_field(r, "Content-Type").p);
	world_end(&r);
	/* 14.2: HEAD has no ranges */
	r = world_ask(w, "HEAD", "/p", "Range: bytes=2-4");
	ck_assert_int_eq(req_answer(r)->status, 200);
	ck_assert_int_eq(req_answer(r)->length, 10);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(several_parts_are_a_multipart)
{
	struct world *w = stored_world();
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=8-,0-1");
	ck_assert_int_eq(req_answer(r)->status, 206);
	ck_assert_ptr_null(world_field(r, "Content-Range").p); /* 15.3.7.2 */
	struct str type = world_field(r, "Content-Type"), start = STR("multipart/byteranges; boundary=");
	ck_assert(str_starts(type, start));
	struct str b = str_skip(type, start.n);
	ck_assert_uint_eq(b.n, 32);
	char want[512], out[512];
	int end;
	snprintf(want, sizeof want,
	    "--%.*s\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n"
	    "--%.*s\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--%.*s--\r\n",
	    STR_ARG(b), STR_ARG(b), STR_ARG(b));
	struct str body = world_read(r, out, sizeof out, &end);
	ASSERT_STR(body, want);
	ck_assert_int_eq(req_answer(r)->length, (int64_t)body.n);
	struct req *other = world_ask(w, "GET", "/p", "Range: bytes=8-,0-1");
	ck_assert_msg(!str_eq(world_field(other, "Content-Type"), type), "the boundary is used twice");
	world_end(&other);
	world_end(&r);
	world_free(&w);
}
END_TEST

/* A body of many segments, and parts that begin and end anywhere in them. */
START_TEST(parts_over_segments)
{
	enum { SIZE = 60000, STEP = 7 };
	struct world *w = world_new(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	static char bytes[SIZE], out[2 * SIZE];
	size_t sent;
	int end;
	for (unsigned i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 31 + i / 251);
	world_head(w, 0, 200, "", -1); /* unknown: chunks of 4K and more */
	ck_assert_int_eq(world_body(w, 0, bytes, SIZE, &sent), ERR_OK);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_uint_gt(
	    body_segments(req_answer(r)->entry ? req_answer(r)->entry->body : r->flight->body, NULL, 0), 2);
	world_end(&r);
	for (unsigned first = 0; first < SIZE; first += SIZE / STEP + 13) {
		for (unsigned last = first; last < SIZE; last += SIZE / STEP + 29) {
			char range[64];
			snprintf(range, sizeof range, "Range: bytes=%u-%u", first, last);
			r = world_ask(w, "GET", "/p", range);
			struct str body = world_read(r, out, sizeof out, &end);
			ck_assert_msg(str_eq(body, str_make(bytes + first, last - first + 1)), "%s", range);
			world_end(&r);
		}
	}
	world_free(&w);
}
END_TEST

START_TEST(a_part_of_a_growing_body)
{
	struct world *w = world_new("[route /*]\nttl = 1s\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, VALIDATORS, "old");
	world_end(&r);
	/* The stale page is renewed as a whole; who asked for a part gets his part as it comes. */
	w->now_ms += 5000;
	struct req *leader = world_ask(w, "GET", "/p", "Range: bytes=2-6");
	struct req *other = world_ask_on(w, 1, "GET", "/p", "Range: bytes=-3");
	struct req *several = world_ask(w, "GET", "/p", "Range: bytes=0-0,9-9");
	struct req *whole = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_ptr_null(headers_get(w->fetches[1]->headers, STR("Range")).p);
	world_head(w, 1, 200, "ETag: \"v2\"\n", 10);
	world_say(w, 1, "0123");
	world_deliver(w);
	char out[64];
	int end;
	ck_assert_int_eq(req_answer(leader)->status, 206);
	ck_assert_int_eq(req_answer(leader)->length, 5);
	ASSERT_STR(world_field(leader, "Content-Range"), "bytes 2-6/10");
	ASSERT_STR(world_read(leader, out, sizeof out, &end), "23");
	ck_assert_int_eq(end, ERR_AGAIN);
	ck_assert_int_eq(req_answer(other)->status, 206);
	ASSERT_STR(world_read(other, out, sizeof out, &end), "");
	ck_assert_int_eq(end, ERR_AGAIN);
	ck_assert_int_eq(req_answer(several)->status, 200); /* several of what is not there yet: the whole */
	world_say(w, 1, "456789");
	ASSERT_STR(world_read(leader, out, sizeof out, &end), "456");
	ck_assert_int_eq(end, ERR_EOF);
	ASSERT_STR(world_read(other, out, sizeof out, &end), "789");
	ck_assert_int_eq(end, ERR_EOF);
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(several, 200, "0123456789");
	ASSERT_ANSWER(whole, 200, "0123456789");
	world_end(&leader);
	world_end(&other);
	world_end(&several);
	world_end(&whole);
	world_free(&w);
}
END_TEST

START_TEST(a_broken_body_breaks_its_parts)
{
	struct world *w = world_new("[route /*]\nttl = 1s\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, VALIDATORS, "old");
	world_end(&r);
	w->now_ms += 5000;
	r = world_ask(w, "GET", "/p", "Range: bytes=5-6");
	world_head(w, 1, 200, "", 10);
	world_say(w, 1, "012");
	world_deliver(w);
	world_done(w, 1, ERR_SHORT);
	world_deliver(w);
	char out[64];
	int end;
	ASSERT_STR(world_read(r, out, sizeof out, &end), "");
	ck_assert_int_eq(end, ERR_SHORT);
	world_end(&r);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/part");
	TCase *t = tcase_create("part");
	tcase_add_test(t, a_part_is_cut_from_what_is_stored);
	tcase_add_test(t, fields_of_a_part);
	tcase_add_test(t, several_parts_are_a_multipart);
	tcase_add_test(t, parts_over_segments);
	tcase_add_test(t, a_part_of_a_growing_body);
	tcase_add_test(t, a_broken_body_breaks_its_parts);
	suite_add_tcase(s, t);
	return suite_run(s);
}
