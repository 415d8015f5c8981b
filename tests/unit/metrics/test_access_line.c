/* One line a request in each form, whatever the client sent. */
#include "metrics/accesslog.h"

#include <cjson/cJSON.h>

#include "conf/conf.h"
#include "suite.h"

static struct access_line sample(void)
{
	return (struct access_line){.wall_ms = 1769854500123, /* 2026-01-31 10:15:00.123 UTC */
	    .client = STR("127.0.0.1"),
	    .method = STR("GET"),
	    .target = STR("/a?b=c"),
	    .host = STR("example.com"),
	    .referer = STR_NONE,
	    .user_agent = STR("curl/8 (x)"),
	    .request_id = STR("01-ab"),
	    .route = STR("/blog/*"),
	    .tier = STR("memory"),
	    .upstream = STR_NONE,
	    .minor = 1,
	    .status = 200,
	    .bytes = 5120,
	    .verdict = "hit",
	    .reason = "hit",
	    .age_s = 3,
	    .total_us = 42,
	    .upstream_us = -1};
}

START_TEST(each_form_is_as_documented)
{
	static const struct {
		const char *sentence;
		int format;
		const char *line;
	} rows[] = {
	    {"combined, and the rest behind it", ACCESS_COMBINED,
		"127.0.0.1 - - [31/Jan/2026:10:15:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 5120 \"-\" \"curl/8 (x)\" "
		"host=example.com verdict=hit reason=hit rule=- tier=memory route=/blog/* upstream=- age=3 total_us=42 "
		"upstream_us=- "
		"id=01-ab\n"},
	    {"JSON", ACCESS_JSON,
		"{\"time\":\"2026-01-31T10:15:00.123Z\",\"client\":\"127.0.0.1\",\"method\":\"GET\",\"host\":\"example."
		"com\","
		"\"target\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":5120,\"verdict\":\"hit\","
		"\"reason\":\"hit\",\"rule\":null,\"tier\":\"memory\",\"route\":\"/blog/"
		"*\",\"upstream\":null,\"age\":3,\"total_us\":42,"
		"\"upstream_us\":null,\"id\":\"01-ab\",\"referer\":null,\"user_agent\":\"curl/8 (x)\"}\n"},
	    {"key=value", ACCESS_KEYVALUE,
		"time=2026-01-31T10:15:00.123Z client=127.0.0.1 method=GET host=example.com target=\"/a?b=c\" "
		"protocol=HTTP/1.1 status=200 bytes=5120 verdict=hit reason=hit rule=- tier=memory route=/blog/* "
		"upstream=- "
		"age=3 "
		"total_us=42 upstream_us=- id=01-ab referer=- user_agent=\"curl/8 (x)\"\n"},
	};
	struct access_line line = sample();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;
		buf_init(&b, 4096);
		access_line_format(&line, rows[i].format, &b);
		ck_assert_msg(
		    str_eq(buf_str(&b), str_of(rows[i].line)), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b)));
		buf_free(&b);
	}
}
END_TEST

START_TEST(the_rule_that_decided)
{
	static const struct {
		int format;
		const char *text;
	} rows[] = {
	    {ACCESS_COMBINED, " reason=set-cookie rule=\"larder.ini:12 set_cookie\" "},
	    {ACCESS_JSON, ",\"reason\":\"set-cookie\",\"rule\":\"larder.ini:12 set_cookie\","},
	    {ACCESS_KEYVALUE, " reason=set-cookie rule=\"larder.ini:12 set_cookie\" "},
	};
	struct access_line line = sample();
	line.reason = "set-cookie";
	line.rule = STR("larder.ini:12 set_cookie");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;
		buf_init(&b, 4096);
		access_line_format(&line, rows[i].format, &b);
		ck_assert_msg(str_find(buf_str(&b), str_of(rows[i].text)) < b.n, "%.*s", STR_ARG(buf_str(&b)));
		buf_free(&b);
	}
}
END_TEST

START_TEST(a_client_cannot_forge_lines_or_fields)
{
	struct access_line line = sample();
	line.target = STR("/x\n127.0.0.1 - - \"\\ \x00\x1b[2J\x7f\xc3\xa9\xff");
	line.user_agent = STR("\" verdict=hit \r\n");
	line.host = STR("a b=c");
	for (int format = ACCESS_COMBINED; format <= ACCESS_KEYVALUE; format++) {
		struct buf b;
		buf_init(&b, 4096);
		access_line_format(&line, format, &b);
		ck_assert_uint_eq(str_index(buf_str(&b), '\n'), b.n - 1);
		for (size_t i = 0; i + 1 < b.n; i++)
			ck_assert_msg(
			    (unsigned char)b.p[i] >= 0x20 && b.p[i] != 0x7f, "format %d: byte %zu", format, i);
		if (format == ACCESS_COMBINED)
			ck_assert(str_find(buf_str(&b), STR("\"\\x22 verdict=hit \\x0d\\x0a\" host=\"a b=c\"")) < b.n);
		buf_free(&b);
	}
}
END_TEST

START_TEST(json_gives_back_what_the_client_sent)
{
	struct access_line line = sample();
	line.target = STR("/\"quoted\"\\\n\xc3\xa9");
	struct buf b;
	buf_init(&b, 4096);
	access_line_format(&line, ACCESS_JSON, &b);
	cJSON *json = cJSON_ParseWithLength(b.p, b.n);
	ck_assert_ptr_nonnull(json);
	ck_assert_str_eq(cJSON_GetObjectItem(json, "target")->valuestring, "/\"quoted\"\\\n\xc3\xa9");
	cJSON_Delete(json);
	buf_free(&b);
}
END_TEST

START_TEST(dates_are_those_of_the_calendar)
{
	static const struct {
		const char *sentence;
		int64_t wall_ms;
		const char *time;
	} rows[] = {
	    {"the epoch", 0, "time=1970-01-01T00:00:00.000Z"},
	    {"before it", -1, "time=1970-01-01T00:00:00.000Z"},
	    {"a leap day", 1709210096789, "time=2024-02-29T12:34:56.789Z"},
	    {"the day after", 1709251200000, "time=2024-03-01T00:00:00.000Z"},
	    {"a century that leaps", 951782400000, "time=2000-02-29T00:00:00.000Z"},
	    {"a century that does not", 4107542400000, "time=2100-03-01T00:00:00.000Z"},
	    {"the last moment of a year", 1767225599999, "time=2025-12-31T23:59:59.999Z"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct access_line line = sample();
		line.wall_ms = rows[i].wall_ms;
		struct buf b;
		buf_init(&b, 4096);
		access_line_format(&line, ACCESS_KEYVALUE, &b);
		ck_assert_msg(
		    str_starts(buf_str(&b), str_of(rows[i].time)), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b)));
		buf_free(&b);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access_line");
	TCase *t = tcase_create("access_line");
	tcase_add_test(t, each_form_is_as_documented);
	tcase_add_test(t, the_rule_that_decided);
	tcase_add_test(t, a_client_cannot_forge_lines_or_fields);
	tcase_add_test(t, json_gives_back_what_the_client_sent);
	tcase_add_test(t, dates_are_those_of_the_calendar);
	suite_add_tcase(s, t);
	return suite_run(s);
}
