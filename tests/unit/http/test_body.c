#include "suite.h"

#include "base/mem.h"
#include "http/message.h"

/* Feeds `in` in pieces of `step` bytes; what came out goes to *content, what was eaten to *eaten. */
static int feed(struct http_body *b, struct str in, size_t step, struct buf *content, size_t *eaten)
{
	int err = ERR_AGAIN;
	*eaten = 0;
	while (in.n > 0) {
		struct str piece = str_take(in, step);
		while (piece.n > 0) {
			size_t used;
			struct str data;
			err = http_body_read(b, piece, &used, &data);
			ck_assert_uint_le(used, piece.n);
			if (err != ERR_PROTOCOL)
				buf_add(content, data);
			*eaten += used;
			if (err == ERR_EOF || err == ERR_PROTOCOL)
				return err;
			ck_assert_msg(used > 0, "no progress");
			ck_assert_msg((err == ERR_AGAIN) == (used == piece.n), "AGAIN means that all is eaten");
			piece = str_skip(piece, used);
		}
		in = str_skip(in, step);
	}
	return err;
}

static const struct http_body chunked = {.kind = BODY_CHUNKED, .length = UINT64_MAX};

START_TEST(chunked_bodies_are_read)
{
	static const struct {
		const char *what;
		struct str in;
		const char *out;
	} rows[] = {
	    {"one chunk", STR("5\r\nhello\r\n0\r\n\r\n"), "hello"},
	    {"two chunks", STR("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), "hello"},
	    {"no chunk", STR("0\r\n\r\n"), ""},
	    {"hexadecimal in both cases", STR("a\r\n0123456789\r\nB\r\nabcdefghijk\r\n0\r\n\r\n"),
		"0123456789abcdefghijk"},
	    {"leading zeros", STR("0005\r\nhello\r\n0000\r\n\r\n"), "hello"},
	    {"line ends in the content", STR("4\r\n\r\n\r\n\r\n0\r\n\r\n"), "\r\n\r\n"},
	    {"extensions", STR("5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n"), "hello"},
	    {"blanks before an extension", STR("5 \t; a\r\nhello\r\n0\r\n\r\n"), "hello"},
	    {"blanks behind the size", STR("5  \r\nhello\r\n0 \r\n\r\n"), "hello"},
	    {"RFC 9111 3.1-3: trailers are read and dropped",
		STR("5\r\nhello\r\n0\r\nA: b\r\nContent-Length: 7\r\nC:\r\n\r\n"), "hello"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str in = rows[i].in;
		char whole[200];
		memcpy(whole, in.p, in.n);
		memcpy(whole + in.n, "next", 4);
		for (size_t step = 1; step <= in.n + 4; step++) {
			struct http_body b = chunked;
			struct buf content;
			buf_init(&content, 1000);
			size_t eaten;
			ck_assert_msg(feed(&b, str_make(whole, in.n + 4), step, &content, &eaten) == ERR_EOF,
			    "%s, by %zu", rows[i].what, step);
			ck_assert_msg(eaten == in.n, "%s, by %zu: %zu eaten", rows[i].what, step, eaten);
			ck_assert_msg(str_eq(buf_str(&content), str_of(rows[i].out)), "%s, by %zu: %.*s", rows[i].what,
			    step, STR_ARG(buf_str(&content)));
			ck_assert_int_eq(http_body_closed(&b), ERR_EOF);
			buf_free(&content);
		}
		/* Cut anywhere it is short. */
		for (size_t n = 0; n < in.n; n++) {
			struct http_body b = chunked;
			struct buf content;
			buf_init(&content, 1000);
			size_t eaten;
			ck_assert_int_eq(feed(&b, str_take(in, n), 1, &content, &eaten), ERR_AGAIN);
			ck_assert_msg(http_body_closed(&b) == ERR_SHORT, "%s, cut after %zu", rows[i].what, n);
			buf_free(&content);
		}
	}
}
END_TEST

START_TEST(broken_chunking_is_refused)
{
	static const struct {
		const char *what;
		struct str in;
	} rows[] = {
	    {"no size", STR("\r\nhello\r\n")},
	    {"an extension without a size", STR(";a\r\n")},
	    {"a blank before the size", STR(" 5\r\nhello\r\n")},
	    {"no hexadecimal digit", STR("g\r\n")},
	    {"0x", STR("0x5\r\nhello\r\n")},
	    {"a sign", STR("+5\r\nhello\r\n")},
	    {"a minus", STR("-1\r\nhello\r\n")},
	    {"a digit behind a blank", STR("5 5\r\nhello\r\n")},
	    {"a size beyond 63 bits", STR("8000000000000000\r\n")},
	    {"a size beyond 64 bits", STR("10000000000000005\r\nhello\r\n")},
	    {"a bare LF behind the size", STR("5\nhello\r\n")},
	    {"a bare LF in an extension", STR("5;a\nhello\r\n")},
	    {"a bare CR in an extension", STR("5;a\rb\r\nhello\r\n")},
	    {"NUL in an extension", STR("5;a\0\r\nhello\r\n")},
	    {"a bare CR behind the size", STR("5\rhello\r\n")},
	    {"content longer than its chunk", STR("5\r\nhelloo\r\n0\r\n\r\n")},
	    {"content with a bare LF behind", STR("5\r\nhello\n0\r\n\r\n")},
	    {"content with a bare CR behind", STR("5\r\nhello\r0\r\n\r\n")},
	    {"a trailer without a colon", STR("0\r\nA\r\n\r\n")},
	    {"a trailer without a name", STR("0\r\n: a\r\n\r\n")},
	    {"a folded trailer", STR("0\r\nA: b\r\n c\r\n\r\n")},
	    {"a blank before a trailer's colon", STR("0\r\nA : b\r\n\r\n")},
	    {"a bare LF in a trailer", STR("0\r\nA: b\n\r\n")},
	    {"NUL in a trailer", STR("0\r\nA: \0\r\n\r\n")},
	    {"a bare LF at the end", STR("0\r\n\n")},
	    {"a bare CR at the end", STR("0\r\n\rx")},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t step = 1; step <= rows[i].in.n; step++) {
			struct http_body b = chunked;
			struct buf content;
			buf_init(&content, 1000);
			size_t eaten;
			ck_assert_msg(feed(&b, rows[i].in, step, &content, &eaten) == ERR_PROTOCOL, "%s, by %zu",
			    rows[i].what, step);
			buf_free(&content);
		}
	}
}
END_TEST

/* The result of `prefix` and then n times `piece`. */
static int feed_many(const char *prefix, const char *piece, int n)
{
	struct http_body b = chunked;
	struct buf content;
	buf_init(&content, 100000);
	size_t eaten;
	int err = feed(&b, str_of(prefix), 100, &content, &eaten);
	for (int i = 0; i < n && err != ERR_PROTOCOL; i++)
		err = feed(&b, str_of(piece), 100, &content, &eaten);
	buf_free(&content);
	return err;
}

START_TEST(what_is_dropped_is_bounded)
{
	ck_assert_int_eq(feed_many("5;", "0123456789abcdef", 500), ERR_AGAIN);
	ck_assert_int_eq(feed_many("5;", "0123456789abcdef", 513), ERR_PROTOCOL);
	ck_assert_int_eq(feed_many("0", "0000000000000000", 500), ERR_AGAIN);
	ck_assert_int_eq(feed_many("0", "0000000000000000", 513), ERR_PROTOCOL);
	ck_assert_int_eq(feed_many("0\r\n", "Trailer: 12345\r\n", 500), ERR_AGAIN);
	ck_assert_int_eq(feed_many("0\r\n", "Trailer: 12345\r\n", 513), ERR_PROTOCOL);
	/* A small extension to each of many chunks is no misuse. */
	ck_assert_int_eq(feed_many("", "1;signature=0123456789abcdef\r\nx\r\n", 2000), ERR_AGAIN);
}
END_TEST

START_TEST(bodies_with_a_length_end_there)
{
	struct http_body b = {.kind = BODY_LENGTH, .left = 5, .length = 5};
	size_t used;
	struct str data;
	ck_assert_int_eq(http_body_closed(&b), ERR_SHORT);
	ck_assert_int_eq(http_body_read(&b, STR(""), &used, &data), ERR_AGAIN);
	ck_assert_int_eq(http_body_read(&b, STR("hel"), &used, &data), ERR_AGAIN);
	ck_assert(used == 3 && str_eq(data, STR("hel")));
	ck_assert_int_eq(http_body_closed(&b), ERR_SHORT);
	ck_assert_int_eq(http_body_read(&b, STR("lo, more"), &used, &data), ERR_EOF);
	ck_assert(used == 2 && str_eq(data, STR("lo")));
	ck_assert_int_eq(http_body_closed(&b), ERR_EOF);
	ck_assert_int_eq(http_body_read(&b, STR("more"), &used, &data), ERR_EOF);
	ck_assert(used == 0 && data.n == 0);
}
END_TEST

START_TEST(bodies_to_the_end_of_the_connection)
{
	struct http_body b = {.kind = BODY_CLOSE, .length = UINT64_MAX};
	size_t used;
	struct str data;
	ck_assert_int_eq(http_body_read(&b, STR("any\r\n\r\n"), &used, &data), ERR_AGAIN);
	ck_assert(used == 7 && data.n == 7);
	ck_assert_int_eq(http_body_closed(&b), ERR_EOF);
}
END_TEST

START_TEST(no_body_eats_nothing)
{
	struct http_body b = {.kind = BODY_NONE};
	size_t used;
	struct str data;
	ck_assert_int_eq(http_body_read(&b, STR("more"), &used, &data), ERR_EOF);
	ck_assert(used == 0 && data.n == 0);
	ck_assert_int_eq(http_body_closed(&b), ERR_EOF);
	ck_assert_uint_eq(http_body_direct(&b), 0);
}
END_TEST

START_TEST(the_last_content_and_the_end_come_together)
{
	struct http_body b = chunked;
	size_t used;
	struct str data;
	ck_assert_int_eq(http_body_read(&b, STR("5\r\nhello\r\n0\r\n\r\n"), &used, &data), ERR_EOF);
	ck_assert(used == 15 && str_eq(data, STR("hello")));
}
END_TEST

START_TEST(content_can_be_received_past_the_reader)
{
	struct http_body b = {.kind = BODY_LENGTH, .left = 5, .length = 5};
	ck_assert_uint_eq(http_body_direct(&b), 5);
	ck_assert_int_eq(http_body_skip(&b, 3), ERR_OK);
	ck_assert_uint_eq(http_body_direct(&b), 2);
	ck_assert_int_eq(http_body_skip(&b, 2), ERR_EOF);
	ck_assert_uint_eq(http_body_direct(&b), 0);

	b = (struct http_body){.kind = BODY_CLOSE};
	ck_assert_uint_eq(http_body_direct(&b), UINT64_MAX);
	ck_assert_int_eq(http_body_skip(&b, 1000), ERR_OK);

	b = chunked;
	size_t used;
	struct str data;
	ck_assert_uint_eq(http_body_direct(&b), 0);
	ck_assert_int_eq(http_body_read(&b, STR("6\r\nhe"), &used, &data), ERR_AGAIN);
	ck_assert_uint_eq(http_body_direct(&b), 4);
	ck_assert_int_eq(http_body_skip(&b, 0), ERR_OK);
	ck_assert_uint_eq(http_body_direct(&b), 4);
	ck_assert_int_eq(http_body_skip(&b, 4), ERR_OK);
	ck_assert_uint_eq(http_body_direct(&b), 0);
	ck_assert_int_eq(http_body_read(&b, STR("\r\n0\r\n\r\n"), &used, &data), ERR_EOF);
	ck_assert_uint_eq(data.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/body");
	TCase *c = tcase_create("body");
	suite_add_tcase(s, c);
	tcase_add_test(c, chunked_bodies_are_read);
	tcase_add_test(c, broken_chunking_is_refused);
	tcase_add_test(c, what_is_dropped_is_bounded);
	tcase_add_test(c, bodies_with_a_length_end_there);
	tcase_add_test(c, bodies_to_the_end_of_the_connection);
	tcase_add_test(c, no_body_eats_nothing);
	tcase_add_test(c, the_last_content_and_the_end_come_together);
	tcase_add_test(c, content_can_be_received_past_the_reader);
	return suite_run(s);
}
