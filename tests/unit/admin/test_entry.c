/* GET /entry: what is told of a stored page, and what is not. */
#include "bench.h"

static struct entry *entry_of(struct bench *b, struct stored stored, struct headers headers)
{
	struct str tags[] = {STR("post-1"), STR("blog")};
	struct entry_spec spec = {.key = key_of_text(STR("GET http://h/a"), b->env.key_seed),
	    .stored = &stored,
	    .headers = &headers,
	    .tags = tags,
	    .n_tags = 2};
	struct body *body = body_of(STR("0123456789"), NULL);
	struct entry *e;
	ck_assert_int_eq(entry_new(&spec, &body, NULL, &e), ERR_OK);
	return e;
}

START_TEST(a_variant_is_told_in_full)
{
	struct bench b;
	bench_open(&b);
	struct header fields[] = {{STR("Content-Type"), STR("text/html")}, {STR("Set-Cookie"), STR("session=s3cret")}};
	struct header vary[] = {
	    {STR("Accept-Language"), STR("de")}, {STR("Cookie"), STR("session=s3cret")}, {STR("Accept"), STR_NONE}};
	struct stored stored = {.status = 200,
	    .response_ms = 31000, /* the bench asks at 61000 */
	    .initial_age_ms = 2500,
	    .lifetime_ms = 60000,
	    .swr_ms = 30000,
	    .last_modified_s = -1,
	    .etag = STR("\"v1\""),
	    .lifetime_source = "ttl",
	    .vary = {vary, 3, 3}};
	b.entries[b.n_entries++] = entry_of(&b, stored, (struct headers){fields, 2, 2});
	ck_assert_int_eq(bench_ask(&b, "GET /entry url=http://H:80/a"), 200);
	ck_assert_str_eq(bench_text(&b, "key"), "GET http://h/a");
	ck_assert_str_eq(bench_text(&b, "route"), "default");
	static const char *const parts[] = {
	    "\"status\":200",
	    "\"age\":32,\"ttl\":27,\"fresh\":true,\"purged\":false",
	    "\"lifetime_source\":\"ttl\"",
	    "\"stale_while_revalidate\":30",
	    "\"stored_at\":\"Thu, 01 Jan 1970 00:00:31 GMT\"",
	    "\"etag\":\"\\\"v1\\\"\"",
	    "\"size\":10",
	    "\"tags\":[\"post-1\",\"blog\"]",
	    "{\"name\":\"Accept-Language\",\"value\":\"de\"}",
	    "{\"name\":\"Accept\",\"value\":null}",
	    "\"Content-Type: text/html\"",
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		ck_assert_msg(
		    bench_has(&b, parts[i]), "not there: %s in %.*s", parts[i], STR_ARG(buf_str(&b.answer.body)));
	ck_assert(!bench_has(&b, "s3cret"));
	entry_release(&b.entries[0]);
	bench_close(&b);
}
END_TEST

START_TEST(each_variant_and_a_soft_purge_are_seen)
{
	struct bench b;
	bench_open(&b);
	struct stored stored = {
	    .status = 200, .response_ms = 61000, .lifetime_ms = 60000, .lifetime_source = "max-age"};
	b.entries[b.n_entries++] = entry_of(&b, stored, (struct headers){0});
	b.entries[b.n_entries++] = entry_of(&b, stored, (struct headers){0});
	atomic_store(&b.entries[1]->purged, true);
	ck_assert_int_eq(bench_ask(&b, "GET /entry url=/a&host=h"), 200);
	const cJSON *variants = cJSON_GetObjectItem(b.json, "variants");
	ck_assert_int_eq(cJSON_GetArraySize(variants), 2);
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(variants, 0), "fresh")));
	ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(cJSON_GetArrayItem(variants, 1), "fresh")));
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(variants, 1), "purged")));
	entry_release(&b.entries[0]);
	entry_release(&b.entries[1]);
	bench_close(&b);
}
END_TEST

START_TEST(nothing_stored_is_404_with_the_key)
{
	struct bench b;
	bench_open(&b);
	ck_assert_int_eq(bench_ask(&b, "GET /entry url=http://h/plain/x?a"), 404);
	ck_assert_str_eq(bench_text(&b, "key"), "GET http://h/plain/x");
	ck_assert_str_eq(bench_text(&b, "route"), "/plain/*");
	ck_assert_int_eq(bench_ask(&b, "GET /entry"), 400);
	ck_assert_int_eq(bench_ask(&b, "GET /entry url=/plain/x"), 400);
	ck_assert(bench_has(&b, "host="));
	bench_close(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("entry");
	TCase *t = tcase_create("entry");
	tcase_add_test(t, a_variant_is_told_in_full);
	tcase_add_test(t, each_variant_and_a_soft_purge_are_seen);
	tcase_add_test(t, nothing_stored_is_404_with_the_key);
	suite_add_tcase(s, t);
	return suite_run(s);
}
