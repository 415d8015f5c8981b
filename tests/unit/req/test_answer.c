/* Answers whose body lies in a file: which bytes of it are sent, by descriptor. What lies in memory is in test_req and test_part. */
#include "deep.h"

#include <fcntl.h>

static const char plain[] = "[route /*]\nttl = 60s\n";

#define TEXT   "0123456789"
#define FIELDS "ETag: \"f\"\nContent-Type: text/plain\nContent-Digest: sha-256=:x:\n"

static char path[] = "/tmp/larder-answer-XXXXXX";

static int file_with(const char *text)
{
	memcpy(path, "/tmp/larder-answer-XXXXXX", sizeof path);
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static struct req *ask(struct world *w, const char *method, const char *fields)
{
	struct deep_page p = {.body = TEXT, .fields = FIELDS, .age_ms = 3000, .lifetime_ms = 60000};
	unsigned look = deep.n_gets;
	struct req *r = world_ask(w, method, "/p", fields);
	if (deep.n_gets > look) {
		p.fd = file_with(TEXT);
		deep_find(w, look, &p);
	}
	ck_assert_ptr_nonnull(req_answer(r));
	return r;
}

START_TEST(which_bytes_of_the_file_are_sent)
{
	static const struct {
		const char *sentence, *method, *fields;
		int status;
		enum answer_kind kind;
		uint64_t offset;
		int64_t length;
		bool bodyless;
		const char *content_range;
		const char *body;
	} rows[] = {
	    {"all of them", "GET", "", 200, ANSWER_FILE, 0, 10, false, "", TEXT},
	    {"RFC 9110 9.3.2: HEAD tells the length", "HEAD", "", 200, ANSWER_FILE, 0, 10, true, "", NULL},
	    {"RFC 9110 13.1.2: the client has it", "GET", "If-None-Match: \"f\"\n", 304, ANSWER_FILE, 0, 10, true, "",
		NULL},
	    {"RFC 9110 14.2: a part in the middle", "GET", "Range: bytes=2-4\n", 206, ANSWER_FILE, 2, 3, false,
		"bytes 2-4/10", "234"},
	    {"the first byte", "GET", "Range: bytes=0-0\n", 206, ANSWER_FILE, 0, 1, false, "bytes 0-0/10", "0"},
	    {"the last bytes", "GET", "Range: bytes=-2\n", 206, ANSWER_FILE, 8, 2, false, "bytes 8-9/10", "89"},
	    {"more than there is", "GET", "Range: bytes=7-99\n", 206, ANSWER_FILE, 7, 3, false, "bytes 7-9/10", "789"},
	    {"RFC 9110 14.2: several parts may be ignored", "GET", "Range: bytes=0-0,4-5\n", 200, ANSWER_FILE, 0, 10,
		false, "", TEXT},
	    {"RFC 9110 15.5.17: behind the end", "GET", "Range: bytes=10-\n", 416, ANSWER_TEXT, 0, 0, false,
		"bytes */10", ""},
	    {"RFC 9110 14.2: HEAD has no parts", "HEAD", "Range: bytes=2-4\n", 200, ANSWER_FILE, 0, 10, true, "", NULL},
	    {"RFC 9110 13.2.2: conditions come first", "GET", "Range: bytes=2-4\nIf-None-Match: \"f\"\n", 304,
		ANSWER_FILE, 0, 10, true, "", NULL},
	    {"RFC 9110 13.1.5: If-Range holds", "GET", "Range: bytes=2-4\nIf-Range: \"f\"\n", 206, ANSWER_FILE, 2, 3,
		false, "bytes 2-4/10", "234"},
	    {"RFC 9110 13.1.5: If-Range does not hold", "GET", "Range: bytes=2-4\nIf-Range: \"g\"\n", 200, ANSWER_FILE,
		0, 10, false, "", TEXT},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		/* from below, and then by the handle that memory has */
		for (unsigned again = 0; again < 2; again++) {
			struct req *r = ask(w, rows[i].method, rows[i].fields);
			const struct answer *a = req_answer(r);
			char out[64];
			int end;
			ck_assert_msg(a->status == rows[i].status && a->kind == rows[i].kind, "%s: %d of kind %d",
			    rows[i].sentence, a->status, a->kind);
			ck_assert_msg(a->offset == rows[i].offset && a->length == rows[i].length &&
					  a->bodyless == rows[i].bodyless,
			    "%s: %lld from %llu", rows[i].sentence, (long long)a->length,
			    (unsigned long long)a->offset);
			ck_assert_msg(str_eq(world_field(r, "Content-Range"), str_of(rows[i].content_range)), "%s",
			    rows[i].sentence);
			if (a->kind == ANSWER_FILE)
				ck_assert_msg(body_file(a->entry->body) >= 0, "%s", rows[i].sentence);
			if (rows[i].body)
				ck_assert_msg(str_eq(world_read(r, out, sizeof out, &end), str_of(rows[i].body)), "%s",
				    rows[i].sentence);
			ASSERT_STR(world_field(r, "Age"), "3");
			world_end(&r);
		}
		ck_assert_uint_eq(deep.n_gets, 1);
		ck_assert_uint_eq(w->n_fetches, 0);
		world_free(&w);
		unlink(path);
	}
}
END_TEST

START_TEST(fields_of_a_part_of_a_file)
{
	struct world *w = deep_world(plain);
	struct req *r = ask(w, "GET", "Range: bytes=2-4\n");
	ck_assert_ptr_null(world_field(r, "Content-Digest").p);
	ASSERT_STR(world_field(r, "ETag"), "\"f\"");
	world_end(&r);
	world_free(&w);
	unlink(path);
}
END_TEST

START_TEST(an_empty_file)
{
	struct world *w = deep_world(plain);
	struct deep_page p = {.body = "", .lifetime_ms = 60000, .fd = file_with("")};
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, &p);
	ck_assert_int_eq(req_answer(r)->status, 200);
	ck_assert_int_eq(req_answer(r)->length, 0);
	ASSERT_ANSWER(r, 200, "");
	world_end(&r);
	/* 14.2: it has no part, so none is asked for */
	r = world_ask(w, "GET", "/p", "Range: bytes=0-\n");
	ASSERT_ANSWER(r, 200, "");
	world_end(&r);
	world_free(&w);
	unlink(path);
}
END_TEST

/* A 304 of the origin gives the body of the stored one new fields, wherever it lies. */
START_TEST(a_file_that_the_origin_confirms)
{
	struct world *w = deep_world(plain);
	struct deep_page p = {
	    .body = TEXT, .fields = FIELDS, .age_ms = 90000, .lifetime_ms = 60000, .fd = file_with(TEXT)};
	struct req *r = world_ask(w, "GET", "/p", ""), *part = world_ask(w, "GET", "/p", "Range: bytes=2-4\n");
	deep_find(w, 0, &p);
	world_head(w, 0, 304, "ETag: \"f\"\n", 0);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, TEXT);
	ck_assert_int_eq(r->outcome, OUTCOME_REVALIDATED);
	ck_assert_int_eq(req_answer(r)->kind, ANSWER_FILE);
	world_end(&r);
	ASSERT_ANSWER(part, 206, "234");
	ck_assert_int_eq(req_answer(part)->kind, ANSWER_FILE);
	world_end(&part);
	world_free(&w);
	unlink(path);
}
END_TEST

/* The descriptor is the answer's as long as the request lives. */
START_TEST(a_purge_takes_no_bytes_from_who_reads)
{
	struct world *w = deep_world(plain);
	struct tier_purge all = {.kind = PURGE_ALL};
	struct req *r = ask(w, "GET", "");
	ck_assert_int_eq(tier_purge(tier_part(w->tier, 0), &all), ERR_OK);
	unlink(path);
	ASSERT_ANSWER(r, 200, TEXT);
	int fd = body_file(req_answer(r)->entry->body);
	world_end(&r);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1); /* closed with the last reference */
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/answer");
	TCase *t = tcase_create("answer");
	suite_add_tcase(s, t);
	tcase_add_test(t, which_bytes_of_the_file_are_sent);
	tcase_add_test(t, fields_of_a_part_of_a_file);
	tcase_add_test(t, an_empty_file);
	tcase_add_test(t, a_file_that_the_origin_confirms);
	tcase_add_test(t, a_purge_takes_no_bytes_from_who_reads);
	return suite_run(s);
}
