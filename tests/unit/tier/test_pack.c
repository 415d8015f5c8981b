/* Packed numbers, strings and fields: they come back as they were, and what is usual takes few bytes. */
#include "suite.h"

#include "base/mem.h"
#include "must.h"
#include "tier/pack.h"

static const struct {
	const char *sentence;
	int64_t n;
	size_t bytes;
} number_rows[] = {
    {"nothing", 0, 1},
    {"a little less", -1, 1},
    {"the most in one byte", 63, 1},
    {"the least in one byte", -64, 1},
    {"one more", 64, 2},
    {"ten minutes in milliseconds", 600000, 3},
    {"a wall clock in milliseconds", 1764503420123, 6},
    {"the largest", INT64_MAX, 10},
    {"the smallest", INT64_MIN, 10},
};

START_TEST(numbers_come_back)
{
	for (size_t i = 0; i < COUNT_OF(number_rows); i++) {
		char room[16];
		struct pack p = {.to = room, .room = sizeof(room)};
		const char *at = room, *what = number_rows[i].sentence;
		pack__signed(&p, number_rows[i].n);
		must(p.n == number_rows[i].bytes, "%s: %zu bytes", what, p.n);
		must(unpack__signed(&at) == number_rows[i].n && at == room + p.n, "%s", what);
		p.n = 0;
		at = room;
		pack__number(&p, (uint64_t)number_rows[i].n);
		must(unpack__number(&at) == (uint64_t)number_rows[i].n && at == room + p.n, "%s: unsigned", what);
	}
}
END_TEST

static char long_name[300];

static const struct {
	const char *sentence;
	struct header field;
	size_t bytes;
} field_rows[] = {
    {"a whole field that is usual", {STR("Accept-Ranges"), STR("bytes")}, 1},
    {"a usual name", {STR("Server"), STR("abc")}, 5},
    {"a name of whole fields with another value", {STR("Vary"), STR("accept")}, 8},
    {"a usual name in lower case", {STR("etag"), STR("\"1\"")}, 5},
    {"a usual name in a spelling of its own", {STR("CACHE-CONTROL"), STR("no-cache")}, 24},
    {"a value in another case", {STR("Content-Encoding"), STR("GZIP")}, 6},
    {"a name that nobody knows", {STR("X-A"), STR("b")}, 7},
    {"the date that is known", {STR("Date"), STR("Mon, 30 Nov 2026 12:00:00 GMT")}, 1},
    {"a length", {STR("Content-Length"), STR("512")}, 3},
    {"a length of nothing", {STR("Content-Length"), STR("0")}, 2},
    {"the greatest length", {STR("Content-Length"), STR("9223372036854775807")}, 10},
    {"a length beyond it", {STR("Content-Length"), STR("9223372036854775808")}, 21},
    {"a length with a zero before it", {STR("Content-Length"), STR("0512")}, 6},
    {"no length", {STR("Content-Length"), STR("-1")}, 4},
    {"a length in another spelling", {STR("content-length"), STR("512")}, 5},
    {"another date", {STR("Date"), STR("Mon, 30 Nov 2026 12:00:01 GMT")}, 31},
    {"the date that is known in another form", {STR("Date"), STR("Mon, 30-Nov-2026 12:00:00 GMT")}, 31},
    {"a date where none is known", {STR("Last-Modified"), STR("Mon, 30 Nov 2026 12:00:00 GMT")}, 31},
    {"an empty value", {STR("Server"), STR("")}, 2},
    {"a name without end", {{long_name, sizeof(long_name)}, STR("v")}, 305},
};

START_TEST(fields_come_back_in_their_spelling)
{
	static const struct pack_dates dates = {1796040000, -1};
	struct arena a;
	arena_init(&a, 0);
	memset(long_name, 'n', sizeof(long_name));
	for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
		char room[400];
		struct header field = field_rows[i].field;
		struct headers one = {&field, 1, 1};
		struct pack p = {.to = room, .room = sizeof(room)};
		const char *at = room, *what = field_rows[i].sentence;
		pack__fields(&p, &one, &dates);
		must(p.n == 1 + field_rows[i].bytes, "%s: %zu bytes", what, p.n);
		must(unpack__number(&at) == 1, "%s: how many", what);
		struct header got = unpack__field(&at, &dates, &a);
		must(str_eq(got.name, field.name) && str_eq(got.value, field.value) && got.value.p, "%s", what);
		must(at == room + p.n, "%s: the end", what);
	}
	arena_free(&a);
}
END_TEST

START_TEST(what_has_no_room_is_counted)
{
	char room[8] = "1234567";
	struct pack p = {.to = room, .room = 4};
	pack__str(&p, STR("abc"));
	pack__str(&p, STR("defg"));
	ck_assert_uint_eq(p.n, 9);
	ck_assert_str_eq(room + 4, "567");
	const char *at = room;
	ck_assert(str_eq(unpack__str(&at), STR("abc")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/pack");
	TCase *t = tcase_create("rows");
	tcase_add_test(t, numbers_come_back);
	tcase_add_test(t, fields_come_back_in_their_spelling);
	tcase_add_test(t, what_has_no_room_is_counted);
	suite_add_tcase(s, t);
	return suite_run(s);
}
