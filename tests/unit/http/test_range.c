#include "suite.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/range.h"

#include <inttypes.h>

/* "0-9 5-": what a client asks for, as the reader understood it; a suffix is "-5". */
static void write_ranges(struct buf *out, const struct ranges *r)
{
	buf_reset(out);
	for (uint32_t i = 0; i < r->n; i++) {
		(void)buf_addf(out, "%s", i > 0 ? " " : "");
		if (r->v[i].first >= 0)
			(void)buf_addf(out, "%" PRId64, r->v[i].first);
		(void)buf_addc(out, '-');
		if (r->v[i].last >= 0)
			(void)buf_addf(out, "%" PRId64, r->v[i].last);
	}
	(void)buf_addc(out, '\0');
}

#define MANY "99999999999999999999999999"
#define MOST "2305843009213693951" /* RANGE_POSITION_MAX */
#define FOUR "0-0,2-2,4-4,6-6"

START_TEST(ranges_are_read)
{
	static const struct {
		const char *what, *in, *out; /* NULL: to be ignored */
		int err;
	} rows[] = {
	    {"RFC 9110 14.1.2: the first 500 bytes", "bytes=0-499", "0-499", 0},
	    {"RFC 9110 14.1.2: up to the end", "bytes=9500-", "9500-", 0},
	    {"RFC 9110 14.1.2: a suffix", "bytes=-500", "-500", 0},
	    {"RFC 9110 14.1.2: the first and the last byte", "bytes=0-0,-1", "0-0 -1", 0},
	    {"RFC 9110 14.1.2: blanks", "bytes= 0-999, 4500-5499,\t-1000 ", "0-999 4500-5499 -1000", 0},
	    {"RFC 9110 14.1.2: in any order, overlapping", "bytes=500-700,601-999,0-1", "500-700 601-999 0-1", 0},
	    {"RFC 9110 14.1: the unit in any case", "BYTES=1-2", "1-2", 0},
	    {"RFC 9110 5.6.1.2: empty members", "bytes=,, 1-2,,", "1-2", 0},
	    {"zeros in front", "bytes=000-0007", "0-7", 0},
	    {"a suffix of nothing is one, if not satisfiable", "bytes=-0", "-0", 0},
	    {"RFC 9110 14.1.2: the end beyond any integer", "bytes=0-" MANY, "0-" MOST, 0},
	    {"RFC 9110 14.1.2: both beyond any integer", "bytes=" MANY "-" MANY "0", MOST "-" MOST, 0},
	    {"RFC 9110 14.1.2: a suffix beyond any integer", "bytes=-" MANY, "-" MOST, 0},
	    {"sixteen ranges", "bytes=" FOUR "," FOUR "," FOUR "," FOUR,
		"0-0 2-2 4-4 6-6 0-0 2-2 4-4 6-6 0-0 2-2 4-4 6-6 0-0 2-2 4-4 6-6", 0},
	    {"seventeen ranges (RFC 9110 17.15)", "bytes=" FOUR "," FOUR "," FOUR "," FOUR ",1-1", NULL, ERR_TOO_LARGE},
	    {"RFC 9110 14.1.1: one wrong range behind many makes all invalid",
		"bytes=" FOUR "," FOUR "," FOUR "," FOUR ",1-1,x", NULL, ERR_INVALID},
	    {"RFC 9110 14.1.1: it ends before it begins", "bytes=2-1", NULL, ERR_INVALID},
	    {"RFC 9110 14.1.1: so does one beyond any integer", "bytes=" MANY "0-" MANY, NULL, ERR_INVALID},
	    {"RFC 9110 14.1.1: one such makes all invalid", "bytes=0-1,2-1", NULL, ERR_INVALID},
	    {"RFC 9110 14.2: another unit", "pages=1-2", NULL, ERR_INVALID},
	    {"RFC 9110 14.2: another unit that begins the same", "bytesize=1-2", NULL, ERR_INVALID},
	    {"no unit", "1-2", NULL, ERR_INVALID},
	    {"no set", "bytes", NULL, ERR_INVALID},
	    {"an empty set", "bytes=", NULL, ERR_INVALID},
	    {"commas only", "bytes= , ,", NULL, ERR_INVALID},
	    {"nothing", "", NULL, ERR_INVALID},
	    {"a blank before the sign", "bytes =0-1", NULL, ERR_INVALID},
	    {"a colon for the sign", "bytes:0-1", NULL, ERR_INVALID},
	    {"no dash", "bytes=5", NULL, ERR_INVALID},
	    {"a dash alone", "bytes=-", NULL, ERR_INVALID},
	    {"two dashes", "bytes=1--2", NULL, ERR_INVALID},
	    {"a sign", "bytes=+1-2", NULL, ERR_INVALID},
	    {"blanks in a range", "bytes=1 - 2", NULL, ERR_INVALID},
	    {"letters", "bytes=a-b", NULL, ERR_INVALID},
	    {"letters behind", "bytes=0-1x", NULL, ERR_INVALID},
	    {"quotes", "bytes=\"0-1\"", NULL, ERR_INVALID},
	    {"hexadecimal", "bytes=0x0-0x1", NULL, ERR_INVALID},
	    {"a semicolon for the comma", "bytes=0-1;2-3", NULL, ERR_INVALID},
	    {"two fields joined", "bytes=0-1, bytes=2-3", NULL, ERR_INVALID},
	};
	struct buf text;
	buf_init(&text, 4096);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ranges got;
		int err = range_read(str_of(rows[i].in), &got);
		ck_assert_msg(err == rows[i].err, "%s: %s", rows[i].what, err_name(err));
		write_ranges(&text, &got);
		ck_assert_msg(err < 0 || strcmp(text.p, rows[i].out) == 0, "%s: %s", rows[i].what, text.p);
	}
	buf_free(&text);
}
END_TEST

START_TEST(ranges_are_resolved)
{
	static const struct {
		const char *what, *in;
		int64_t length;
		const char *out; /* "": not satisfiable */
	} rows[] = {
	    {"RFC 9110 14.1.2: as asked for", "bytes=0-499", 10000, "0-499"},
	    {"RFC 9110 14.1.2: up to the end", "bytes=9500-", 10000, "9500-9999"},
	    {"RFC 9110 14.1.2: the last bytes", "bytes=-500", 10000, "9500-9999"},
	    {"RFC 9110 14.1.2: a suffix longer than all", "bytes=-500", 100, "0-99"},
	    {"RFC 9110 14.1.2: a suffix beyond any integer", "bytes=-" MANY, 100, "0-99"},
	    {"RFC 9110 14.1.2: the end is cut", "bytes=5-" MANY, 10, "5-9"},
	    {"RFC 9110 14.1.2: the last byte", "bytes=9-9", 10, "9-9"},
	    {"RFC 9110 14.1.2: it begins behind the end", "bytes=10-20", 10, ""},
	    {"RFC 9110 14.1.2: it begins beyond any integer", "bytes=" MANY "-", 10, ""},
	    {"RFC 9110 14.1.2: a suffix of nothing", "bytes=-0", 10, ""},
	    {"RFC 9110 14.1.2: one of several is enough", "bytes=10-20,-0,3-4", 10, "3-4"},
	    {"RFC 9110 14.1.2: none of several", "bytes=10-20,-0,30-", 10, ""},
	    {"RFC 9110 14.1.2: first, middle, last", "bytes= 0-999, 4500-5499, -1000", 10000,
		"0-999 4500-5499 9000-9999"},
	    {"RFC 9110 15.3.7.2: in the order asked for", "bytes=-1,4-5,0-0", 10, "9-9 4-5 0-0"},
	    {"RFC 9110 15.3.7.2: those that touch are one", "bytes=500-600,601-999", 10000, "500-999"},
	    {"RFC 9110 15.3.7.2: those that overlap are one", "bytes=500-700,601-999", 10000, "500-999"},
	    {"RFC 9110 15.3.7.2: one within another", "bytes=2-3,0-9,4-5", 10, "0-9"},
	    {"RFC 9110 15.3.7.2: the same twice", "bytes=1-2,1-2", 10, "1-2"},
	    {"RFC 9110 15.3.7.2: a byte between keeps two apart", "bytes=0-1,3-4", 10, "0-1 3-4"},
	    {"RFC 9110 15.3.7.2: one joins two, in the place of the first", "bytes=0-1,7-8,4-5,2-3", 10, "0-5 7-8"},
	    {"RFC 9110 15.3.7.2: the place is that of the earliest", "bytes=8-8,4-5,0-0,2-6,9-9", 10, "8-9 2-6 0-0"},
	    {"RFC 9110 15.3.7.2: all become one", "bytes=8-9,4-5,0-1,2-3,6-7", 10, "0-9"},
	};
	struct buf text;
	buf_init(&text, 4096);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ranges asked, got;
		ck_assert_msg(range_read(str_of(rows[i].in), &asked) == 0, "%s", rows[i].what);
		bool satisfiable = range_resolve(&asked, rows[i].length, &got);
		write_ranges(&text, &got);
		ck_assert_msg(strcmp(text.p, rows[i].out) == 0 && satisfiable == (rows[i].out[0] != '\0'), "%s: %s",
		    rows[i].what, text.p);
	}
	buf_free(&text);
}
END_TEST

START_TEST(content_ranges_are_read)
{
	static const struct {
		const char *what, *in;
		int64_t first, last, length;
		bool invalid;
	} rows[] = {
	    {"RFC 9110 14.4: the first 500 bytes", "bytes 0-499/1234", 0, 499, 1234, false},
	    {"RFC 9110 14.4: the last 500 bytes", "bytes 734-1233/1234", 734, 1233, 1234, false},
	    {"RFC 9110 14.4: of unknown length", "bytes 42-1233/*", 42, 1233, -1, false},
	    {"RFC 9110 14.4: not satisfied", "bytes */1234", -1, -1, 1234, false},
	    {"RFC 9110 14.4: not satisfied, of nothing", "bytes */0", -1, -1, 0, false},
	    {"RFC 9110 14.1: the unit in any case", "Bytes 0-0/1", 0, 0, 1, false},
	    {"zeros in front", "bytes 00-01/002", 0, 1, 2, false},
	    {"RFC 9110 14.4: it ends before it begins", "bytes 5-4/10", .invalid = true},
	    {"RFC 9110 14.4: it ends at its length", "bytes 0-10/10", .invalid = true},
	    {"RFC 9110 14.4: it ends behind its length", "bytes 0-11/10", .invalid = true},
	    {"RFC 9110 14.4: a part of nothing", "bytes 0-0/0", .invalid = true},
	    {"RFC 9110 14.4: neither range nor length", "bytes */*", .invalid = true},
	    {"RFC 9110 14.4: another unit", "pages 0-1/2", .invalid = true},
	    {"no unit", "0-1/2", .invalid = true},
	    {"the sign of Range", "bytes=0-1/2", .invalid = true},
	    {"two blanks", "bytes  0-1/2", .invalid = true},
	    {"a tab", "bytes\t0-1/2", .invalid = true},
	    {"blanks within", "bytes 0-1 /2", .invalid = true},
	    {"no length", "bytes 0-1", .invalid = true},
	    {"an empty length", "bytes 0-1/", .invalid = true},
	    {"no end", "bytes 0-/2", .invalid = true},
	    {"no beginning", "bytes -1/2", .invalid = true},
	    {"one number", "bytes 0/2", .invalid = true},
	    {"an empty range", "bytes /2", .invalid = true},
	    {"signs", "bytes +0-1/2", .invalid = true},
	    {"two of them", "bytes 0-1/2, bytes 0-1/2", .invalid = true},
	    {"an end beyond any integer", "bytes 0-" MANY "/*", .invalid = true},
	    {"a length beyond any integer", "bytes 0-1/" MANY, .invalid = true},
	    {"something behind", "bytes 0-1/2x", .invalid = true},
	    {"nothing", "", .invalid = true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct content_range got;
		int err = content_range_read(str_of(rows[i].in), &got);
		ck_assert_msg(err == (rows[i].invalid ? ERR_INVALID : ERR_OK), "%s: %s", rows[i].what, err_name(err));
		bool same = got.first == rows[i].first && got.last == rows[i].last && got.length == rows[i].length;
		ck_assert_msg(err < 0 || same, "%s: %" PRId64 "-%" PRId64 "/%" PRId64, rows[i].what, got.first,
		    got.last, got.length);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/range");
	TCase *c = tcase_create("range");
	suite_add_tcase(s, c);
	tcase_add_test(c, ranges_are_read);
	tcase_add_test(c, ranges_are_resolved);
	tcase_add_test(c, content_ranges_are_read);
	return suite_run(s);
}
