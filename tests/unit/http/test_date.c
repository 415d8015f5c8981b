#include "suite.h"

#include "base/mem.h"
#include "http/date.h"

#include <stdlib.h>
#include <time.h>

#define NOW 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

START_TEST(dates_are_read)
{
	static const struct {
		const char *what, *in;
		int64_t out;
	} rows[] = {
	    {"IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
	    {"rfc850-date", "Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
	    {"asctime-date", "Sun Nov  6 08:49:37 1994", 784111777},
	    {"asctime-date with two digits of day", "Wed Nov 16 08:49:37 1994", 784975777},
	    {"RFC 9110 5.6.7: asctime-date with a zero before the day", "Sun Nov 06 08:49:37 1994", 784111777},
	    {"RFC 9111 4.2-1: names in any case", "sUN, 06 NOV 1994 08:49:37 gmt", 784111777},
	    {"RFC 9111 4.2-1: rfc850-date in any case", "SUNDAY, 06-nov-94 08:49:37 Gmt", 784111777},
	    {"RFC 9111 4.2-1: asctime-date in any case", "SUN nOV  6 08:49:37 1994", 784111777},
	    {"the day's name is not held against the date", "Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
	    {"the first second", "Thu, 01 Jan 1970 00:00:00 GMT", 0},
	    {"before 1970", "Wed, 31 Dec 1969 23:59:59 GMT", -1},
	    {"a leap day", "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
	    {"a leap day in a century of 400", "Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
	    {"a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
	    {"RFC 9111 1.2.2-1: beyond 2038", "Thu, 18 Aug 2050 02:01:18 GMT", 2544400878},
	    {"the last year", "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
	    {"the year 0000", "Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t got = -999;
		int err = http_date_read(str_of(rows[i].in), NOW, &got);
		ck_assert_msg(
		    err == 0 && got == rows[i].out, "%s: %s %lld", rows[i].what, err_name(err), (long long)got);
	}
}
END_TEST

/* RFC 9111 4.2-3: neither what is read nor what is written depends on where the machine stands. */
START_TEST(the_local_time_zone_does_not_matter)
{
	static const char *const zones[] = {"UTC0", "XXX-14", "XXX+12", "CET-1CEST,M3.5.0,M10.5.0/3"};
	for (size_t i = 0; i < COUNT_OF(zones); i++) {
		char out[HTTP_DATE_SIZE];
		int64_t got = -999;
		setenv("TZ", zones[i], 1);
		tzset();
		ck_assert_int_eq(http_date_read(STR("Sun Nov  6 08:49:37 1994"), NOW, &got), 0);
		ck_assert_msg(got == 784111777, "%s: %lld", zones[i], (long long)got);
		ck_assert_str_eq(http_date_write(got, out).p, "Sun, 06 Nov 1994 08:49:37 GMT");
	}
}
END_TEST

START_TEST(what_is_no_date_is_refused)
{
	static const struct {
		const char *what, *in;
	} rows[] = {
	    {"nothing", ""},
	    {"zero, which origins put in Expires", "0"},
	    {"minus one", "-1"},
	    {"cut short", "Sun, 06 Nov 1994 08:49:37 GM"},
	    {"something behind", "Sun, 06 Nov 1994 08:49:37 GMT "},
	    {"something behind asctime", "Sun Nov  6 08:49:37 1994 GMT"},
	    {"RFC 9111 4.2-4: another zone", "Sun, 06 Nov 1994 08:49:37 UTC"},
	    {"RFC 9111 4.2-4: a numeric zone", "Sun, 06 Nov 1994 08:49:37 +0000"},
	    {"no zone", "Sun, 06 Nov 1994 08:49:37"},
	    {"one digit of day", "Sun, 6 Nov 1994 08:49:37 GMT"},
	    {"one digit of hour", "Sun, 06 Nov 1994 8:49:37 GMT"},
	    {"two digits of year in IMF", "Sun, 06 Nov 94 08:49:37 GMT"},
	    {"four digits of year in rfc850", "Sunday, 06-Nov-1994 08:49:37 GMT"},
	    {"dashes in IMF", "Sun, 06-Nov-1994 08:49:37 GMT"},
	    {"two blanks", "Sun,  06 Nov 1994 08:49:37 GMT"},
	    {"no comma", "Sun 06 Nov 1994 08:49:37 GMT"},
	    {"dots in the time", "Sun, 06 Nov 1994 08.49.37 GMT"},
	    {"no such month", "Sun, 06 Nop 1994 08:49:37 GMT"},
	    {"no such day", "Sin, 06 Nov 1994 08:49:37 GMT"},
	    {"the 0th", "Sun, 00 Nov 1994 08:49:37 GMT"},
	    {"the 31st of November", "Sun, 31 Nov 1994 08:49:37 GMT"},
	    {"29 February of a common year", "Wed, 29 Feb 2023 08:49:37 GMT"},
	    {"29 February of a common century", "Mon, 29 Feb 2100 08:49:37 GMT"},
	    {"hour 24", "Sun, 06 Nov 1994 24:00:00 GMT"},
	    {"minute 60", "Sun, 06 Nov 1994 08:60:00 GMT"},
	    {"second 61", "Sun, 06 Nov 1994 08:49:61 GMT"},
	    {"a sign", "Sun, +6 Nov 1994 08:49:37 GMT"},
	    {"ISO 8601", "1994-11-06T08:49:37Z"},
	    {"seconds since 1970", "784111777"},
	    {"a blank in front", " Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"tabs for blanks", "Sun,\t06\tNov\t1994\t08:49:37\tGMT"},
	    {"no blank behind the comma", "Sun,06 Nov 1994 08:49:37 GMT"},
	    {"no blank before GMT", "Sun, 06 Nov 1994 08:49:37GMT"},
	    {"two blanks before GMT", "Sun, 06 Nov 1994 08:49:37  GMT"},
	    {"the whole name of the day in IMF", "Sunday, 06 Nov 1994 08:49:37 GMT"},
	    {"the whole name of the month", "Sun, 06 November 1994 08:49:37 GMT"},
	    {"three digits of day", "Sun, 006 Nov 1994 08:49:37 GMT"},
	    {"five digits of year", "Sun, 06 Nov 01994 08:49:37 GMT"},
	    {"three digits of year", "Sun, 06 Nov 994 08:49:37 GMT"},
	    {"three digits of hour", "Sun, 06 Nov 1994 008:49:37 GMT"},
	    {"one digit of minute", "Sun, 06 Nov 1994 08:9:37 GMT"},
	    {"one digit of second", "Sun, 06 Nov 1994 08:49:7 GMT"},
	    {"no seconds", "Sun, 06 Nov 1994 08:49 GMT"},
	    {"RFC 9111 4.2-2: fractions of a second are no date, so the past", "Sun, 06 Nov 1994 08:49:37.5 GMT"},
	    {"a blank in the time", "Sun, 06 Nov 1994 08: 9:37 GMT"},
	    {"an offset behind GMT", "Sun, 06 Nov 1994 08:49:37 GMT+0"},
	    {"the 13th month", "Sun, 06 13 1994 08:49:37 GMT"},
	    {"no name of the day", "06 Nov 1994 08:49:37 GMT"},
	    {"two dates in a list", "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"in quotes", "\"Sun, 06 Nov 1994 08:49:37 GMT\""},
	    {"rfc850 with the short name of the day", "Sun, 06-Nov-94 08:49:37 GMT"},
	    {"rfc850 with blanks", "Sunday, 06 Nov 94 08:49:37 GMT"},
	    {"rfc850 with one digit of day", "Sunday, 6-Nov-94 08:49:37 GMT"},
	    {"rfc850 with three digits of year", "Sunday, 06-Nov-094 08:49:37 GMT"},
	    {"RFC 9111 4.2-4: rfc850 with another zone", "Sunday, 06-Nov-94 08:49:37 EST"},
	    {"rfc850 without a zone", "Sunday, 06-Nov-94 08:49:37"},
	    {"rfc850, 29 February of a common year", "Wednesday, 29-Feb-23 08:49:37 GMT"},
	    {"asctime with one digit and one blank", "Sun Nov 6 08:49:37 1994"},
	    {"asctime with a comma", "Sun, Nov  6 08:49:37 1994"},
	    {"asctime with the whole name of the day", "Sunday Nov  6 08:49:37 1994"},
	    {"asctime with two digits of year", "Sun Nov  6 08:49:37 94"},
	    {"asctime with a zone before the year", "Sun Nov  6 08:49:37 GMT 1994"},
	    {"asctime with a line feed", "Sun Nov  6 08:49:37 1994\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t got;
		ck_assert_msg(http_date_read(str_of(rows[i].in), NOW, &got) == ERR_INVALID, "%s", rows[i].what);
	}
	int64_t got;
	struct str with_nul = STR("Sun, 06 Nov 1994 08:49:37 GMT\0");
	ck_assert_msg(http_date_read(with_nul, NOW, &got) == ERR_INVALID, "a NUL behind");
}
END_TEST

/* RFC 6265 5.1.1. */
START_TEST(dates_of_cookies_are_read_as_browsers_do)
{
	static const struct {
		const char *what, *in;
		bool is_date;
		const char *out;
	} rows[] = {
	    {"IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"with dashes, as PHP wrote it", "Sun, 06-Nov-1994 08:49:37 GMT", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"two digits of year", "Sunday, 06-Nov-94 08:49:37 GMT", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"69 is in this century", "06 Nov 69 08:49:37", true, "Wed, 06 Nov 2069 08:49:37 GMT"},
	    {"70 is in the last", "06 Nov 70 08:49:37", true, "Fri, 06 Nov 1970 08:49:37 GMT"},
	    {"asctime", "Sun Nov  6 08:49:37 1994", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"any order", "1994 08:49:37 06 Nov", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"the time first", "08:49:37 06 Nov 1994", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"single digits", "6 Nov 1994 8:9:7", true, "Sun, 06 Nov 1994 08:09:07 GMT"},
	    {"the whole name of the month", "6 November 1994 08:49:37", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"the month in any case", "6 NOV 1994 08:49:37", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"the zone does not count", "Sun, 06 Nov 1994 08:49:37 -0800", true, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"the first of two counts", "6 Nov 1994 08:49:37 7 Dec 1995 09:50:38", true,
		"Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"nothing", "", false, NULL},
	    {"a number", "0", false, NULL},
	    {"no time", "06 Nov 1994", false, NULL},
	    {"no year", "06 Nov 08:49:37", false, NULL},
	    {"no month", "06 1994 08:49:37", false, NULL},
	    {"a year before 1601", "06 Nov 1600 08:49:37", false, NULL},
	    {"five digits of year", "06 Nov 19945 08:49:37", false, NULL},
	    {"hour 24", "06 Nov 1994 24:00:00", false, NULL},
	    {"second 60", "06 Nov 1994 23:59:60", false, NULL},
	    {"no such day", "30 Feb 1994 08:49:37", false, NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t got;
		char out[HTTP_DATE_SIZE];
		int err = http_cookie_date_read(str_of(rows[i].in), &got);
		ck_assert_msg((err == ERR_OK) == rows[i].is_date, "%s", rows[i].what);
		if (err == ERR_OK)
			ck_assert_msg(
			    strcmp(http_date_write(got, out).p, rows[i].out) == 0, "%s: %s", rows[i].what, out);
	}
}
END_TEST

START_TEST(two_digits_of_year_lie_at_most_fifty_years_ahead)
{
	static const struct {
		const char *what, *in, *now, *same_as;
	} rows[] = {
	    {"this year", "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT",
		"Tue, 14 Nov 2023 22:13:20 GMT"},
	    {"last century", "Sunday, 06-Nov-94 08:49:37 GMT", "Tue, 14 Nov 2023 22:13:20 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"fifty years ahead to the second", "Tuesday, 14-Nov-73 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT",
		"Tue, 14 Nov 2073 22:13:20 GMT"},
	    {"and one second more", "Tuesday, 14-Nov-73 22:13:21 GMT", "Tue, 14 Nov 2023 22:13:20 GMT",
		"Wed, 14 Nov 1973 22:13:21 GMT"},
	    {"into the next century", "Monday, 01-Jan-01 00:00:00 GMT", "Fri, 31 Dec 1999 23:59:59 GMT",
		"Mon, 01 Jan 2001 00:00:00 GMT"},
	    {"at the turn of a century", "Friday, 31-Dec-99 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT",
		"Fri, 31 Dec 1999 00:00:00 GMT"},
	    {"a leap day", "Thursday, 29-Feb-24 00:00:00 GMT", "Tue, 14 Nov 2023 22:13:20 GMT",
		"Thu, 29 Feb 2024 00:00:00 GMT"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t now, got, wanted;
		ck_assert_int_eq(http_date_read(str_of(rows[i].now), 0, &now), 0);
		ck_assert_int_eq(http_date_read(str_of(rows[i].same_as), 0, &wanted), 0);
		ck_assert_msg(http_date_read(str_of(rows[i].in), now, &got) == 0 && got == wanted, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(dates_are_written)
{
	static const struct {
		int64_t in;
		const char *out, *rfc3339;
	} rows[] = {
	    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
	    {0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
	    {-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"},
	    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"},
	    {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
	    {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
	    {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT", "0000-01-01T00:00:00Z"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char out[HTTP_DATE_SIZE];
		struct str got = http_date_write(rows[i].in, out);
		ck_assert_str_eq(got.p, rows[i].out);
		ck_assert_uint_eq(got.n, 29);
		char other[RFC3339_SIZE];
		got = rfc3339_write(rows[i].in, other);
		ck_assert_str_eq(got.p, rows[i].rfc3339);
		ck_assert_uint_eq(got.n, 20);
	}
}
END_TEST

START_TEST(what_is_written_reads_the_same)
{
	/* A step that meets every day of the week, month and hour over the four-digit years. */
	for (int64_t s = -62167219200; s < 253402300799; s += 86400 * 13 + 3671) {
		char out[HTTP_DATE_SIZE];
		int64_t back;
		struct str text = http_date_write(s, out);
		if (http_date_read(text, NOW, &back) < 0 || back != s)
			ck_abort_msg("%s is not %lld", out, (long long)s);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/date");
	TCase *c = tcase_create("date");
	suite_add_tcase(s, c);
	tcase_add_test(c, dates_are_read);
	tcase_add_test(c, the_local_time_zone_does_not_matter);
	tcase_add_test(c, what_is_no_date_is_refused);
	tcase_add_test(c, dates_of_cookies_are_read_as_browsers_do);
	tcase_add_test(c, two_digits_of_year_lie_at_most_fifty_years_ahead);
	tcase_add_test(c, dates_are_written);
	tcase_add_test(c, what_is_written_reads_the_same);
	return suite_run(s);
}
