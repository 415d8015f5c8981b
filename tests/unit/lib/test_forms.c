/* The forms that other programs know, byte for byte: written by hand and read by the library, and the other way round. */
#include "lib/place.h"

#include "base/sha256.h"

static larder_cache *cache;

static void path_of(const char *full, char out[256])
{
	char hash[SHA256_HEX + 1];
	sha256_hex(str_of(full), hash);
	snprintf(out, 256, "%s/files/%s.json", place_dir, hash);
}

static void write_file(const char *full, const char *content)
{
	char path[256];
	path_of(full, path);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(content, f);
	fclose(f);
}

static const char *read_file(const char *full)
{
	static char content[512];
	char path[256];
	struct stat st;
	path_of(full, path);
	FILE *f = fopen(path, "r");
	if (!f)
		return NULL;
	content[fread(content, 1, sizeof(content) - 1, f)] = '\0';
	ck_assert(fstat(fileno(f), &st) == 0 && (st.st_mode & 0777) == 0600);
	fclose(f);
	return content;
}

static void expect(const char *key, const char *want)
{
	void *value;
	int status = larder_get(cache, key, &value, NULL);
	ck_assert_msg(status == (want ? LARDER_OK : LARDER_MISSING), "%s: %d %s", key, status, larder_last_error());
	if (want)
		ck_assert_str_eq(value, want);
	larder_free(value);
}

START_TEST(the_name_of_a_file_is_that_of_everybody)
{
	char path[256], want[256];
	path_of("ns:p:greeting", path);
	snprintf(want, sizeof(want), "%s/files/%s.json", place_dir,
	    "b21bab92f33a72df4b756b8e70891579fa01430ec5134b70b6257f4d589e6269");
	ck_assert_str_eq(path, want);
}
END_TEST

START_TEST(files_are_written_as_they_should_be)
{
	place_now_ms = 1700000000123;
	lib_set_clock(place_clock);
	cache = place_open(PLACE_FILE, "ns");
	ck_assert_int_eq(larder_set(cache, "a", "h\xc3\xa9\"", 4, 0), LARDER_OK);
	ck_assert_str_eq(read_file("ns:p:a"), "{\"value\": \"h\xc3\xa9\\\"\", \"expires\": null}");
	ck_assert_int_eq(larder_set(cache, "a", "\xff", 1, 1.5), LARDER_OK);
	ck_assert_str_eq(read_file("ns:p:a"), "{\"value\": {\"base64\": \"/w==\"}, \"expires\": 1700000001.623}");
	ck_assert_int_eq(larder_set_json(cache, "a", " [1, 2]\n", 8, 60), LARDER_OK);
	ck_assert_str_eq(read_file("ns:p:a"), "{\"value\": [1, 2], \"expires\": 1700000060.123}");
	ck_assert_int_eq(larder_incr(cache, "n", 3, 1, NULL), LARDER_OK);
	ck_assert_str_eq(read_file("ns:p:n"), "{\"value\": 3, \"expires\": 1700000001.123}");
	ck_assert_int_eq(larder_incr(cache, "n", 1, 50, NULL), LARDER_OK);
	ck_assert_str_eq(read_file("ns:p:n"), "{\"value\": 4, \"expires\": 1700000001.123}");
	place_now_ms += 2000;
	expect("n", NULL);
	ck_assert_ptr_null(read_file("ns:p:n"));
	larder_close(cache);
	lib_set_clock(NULL);
}
END_TEST

START_TEST(files_of_others_are_read)
{
	static const struct {
		const char *name, *content, *value;
	} rows[] = {
	    {"a string", "{\"value\": \"caf\\u00e9\", \"expires\": null}", "caf\xc3\xa9"},
	    {"a number", "{\"value\": 42, \"expires\": 1700000000.5}", "42"},
	    {"an object, other order", "{\"expires\": null, \"value\": {\"a\": [1]}}", "{\"a\": [1]}"},
	    {"blanks, more members", " {\"x\":{\"value\":1},\n\"value\":\"v\",\"expires\":17e8} \n", NULL},
	    {"blanks, more members, later", " {\"x\":{\"value\":1},\n\"value\":\"v\",\"expires\":17.1e8} \n", "v"},
	    {"null", "{\"value\": null, \"expires\": null}", "null"},
	    {"just expired", "{\"value\": 1, \"expires\": 1700000000.0}", NULL},
	    {"long expired", "{\"value\": 1, \"expires\": 0}", NULL},
	    {"empty", "", NULL},
	    {"cut", "{\"value\": \"hello", NULL},
	    {"more than it should be", "{\"value\": 1, \"expires\": null}}", NULL},
	    {"no value", "{\"expires\": null}", NULL},
	    {"no expires", "{\"value\": 1}", NULL},
	    {"expires is text", "{\"value\": 1, \"expires\": \"never\"}", NULL},
	    {"no object", "[1, null]", NULL},
	    {"no UTF-8", "{\"value\": \"\xff\", \"expires\": null}", NULL},
	};
	place_now_ms = 1700000000000;
	lib_set_clock(place_clock);
	cache = place_open(PLACE_FILE, "others");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char full[128];
		snprintf(full, sizeof(full), "others:p:%s", rows[i].name);
		write_file(full, rows[i].content);
		ck_assert_int_eq(larder_has(cache, rows[i].name), rows[i].value != NULL);
		expect(rows[i].name, rows[i].value);
		ck_assert_int_eq(larder_set(cache, rows[i].name, "new", 3, 0), LARDER_OK);
		expect(rows[i].name, "new");
	}
	larder_close(cache);
	lib_set_clock(NULL);
}
END_TEST

START_TEST(files_of_others_are_flushed_once_they_were_read)
{
	cache = place_open(PLACE_FILE, "learn");
	write_file("learn:p:read", "{\"value\": 1, \"expires\": null}");
	write_file("learn:p:unread", "{\"value\": 1, \"expires\": null}");
	expect("read", "1");
	ck_assert_int_eq(larder_flush(cache), LARDER_OK);
	expect("read", NULL);
	expect("unread", "1");
	ck_assert_int_eq(larder_incr(cache, "unread", 1, 0, NULL), LARDER_OK);
	ck_assert_int_eq(larder_flush(cache), LARDER_OK);
	expect("unread", NULL);
	larder_close(cache);
}
END_TEST

START_TEST(a_directory_that_was_emptied_is_no_harm)
{
	char path[128];
	cache = place_open(PLACE_FILE, "emptied");
	ck_assert_int_eq(larder_set(cache, "a", "v", 1, 0), LARDER_OK);
	snprintf(path, sizeof(path), "%s/files/locks", place_dir);
	nftw(path, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(path, sizeof(path), "%s/files/index", place_dir);
	nftw(path, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	ck_assert_int_eq(larder_set(cache, "b", "v", 1, 0), LARDER_OK);
	expect("a", "v");
	expect("b", "v");
	ck_assert_int_eq(larder_flush(cache), LARDER_OK);
	expect("b", NULL);
	larder_close(cache);
}
END_TEST

START_TEST(redis_holds_the_json_text)
{
	redisReply *r;
	cache = place_open(PLACE_REDIS, "ns");
	ck_assert_int_eq(larder_set(cache, "a", "h\xc3\xa9\"", 4, 0), LARDER_OK);
	ck_assert(server_says(&place_server, "\"h\xc3\xa9\\\"\"", "GET ns:p:a"));
	r = server_ask(&place_server, "PTTL ns:p:a");
	ck_assert_int_eq(r->integer, -1);
	freeReplyObject(r);
	ck_assert_int_eq(larder_set_json(cache, "a", "{\"b\": 1}", 8, 60.5), LARDER_OK);
	ck_assert(server_says(&place_server, "{\"b\": 1}", "GET ns:p:a"));
	r = server_ask(&place_server, "PTTL ns:p:a");
	ck_assert(r->integer > 50000 && r->integer <= 60500);
	freeReplyObject(r);

	server_must(&place_server, "SETEX ns:p:b 100 %s", "\"caf\\u00e9\"");
	expect("b", "caf\xc3\xa9");
	server_must(&place_server, "SET ns:p:n 41");
	ck_assert_int_eq(larder_incr(cache, "n", 1, 5, NULL), LARDER_OK);
	expect("n", "42");
	server_must(&place_server, "SET ns:p:bad %s", "{\"a\"");
	expect("bad", NULL);
	server_must(&place_server, "RPUSH ns:p:list 1");
	expect("list", NULL);
	ck_assert_int_eq(larder_set(cache, "list", "v", 1, 0), LARDER_OK);
	expect("list", "v");
	ck_assert_int_eq(larder_set(cache, "short", "v", 1, 0.05), LARDER_OK);
	int64_t end = server_deadline(5000);
	while (larder_has(cache, "short") == 1)
		server_pause(end, "a value to expire");
	larder_close(cache);
}
END_TEST

/* What serves tags goes with the values. */
START_TEST(redis_keeps_nothing_for_ever_that_expires)
{
	static const char *const t[] = {"t"};
	cache = place_open(PLACE_REDIS, "bounded");
	ck_assert_int_eq(larder_set_tagged(cache, "a", "v", 1, 30, t, 1), LARDER_OK);
	redisReply *r = server_ask(&place_server, "PTTL larder-tag:bounded:p:t");
	ck_assert(r->integer > 30000 && r->integer <= 90001);
	freeReplyObject(r);
	r = server_ask(&place_server, "PTTL larder-tags:{bounded:p:a}");
	ck_assert(r->integer > 0 && r->integer <= 30000);
	freeReplyObject(r);
	ck_assert_int_eq(larder_set_tagged(cache, "b", "v", 1, 0, t, 1), LARDER_OK);
	r = server_ask(&place_server, "PTTL larder-tag:bounded:p:t");
	ck_assert_int_eq(r->integer, -1);
	freeReplyObject(r);
	ck_assert_int_eq(larder_forget(cache, "b"), LARDER_OK);
	r = server_ask(&place_server, "ZCARD larder-tag:bounded:p:t");
	ck_assert_int_eq(r->integer, 1);
	freeReplyObject(r);
	ck_assert_int_eq(larder_flush(cache), LARDER_OK);
	r = server_ask(&place_server, "EXISTS larder-tags:{bounded:p:a}");
	ck_assert_int_eq(r->integer, 0);
	freeReplyObject(r);
	ck_assert_int_eq(larder_forget_tag(cache, "t"), LARDER_OK);
	r = server_ask(&place_server, "EXISTS larder-tag:bounded:p:t");
	ck_assert_int_eq(r->integer, 0);
	freeReplyObject(r);
	larder_close(cache);
}
END_TEST

static void expect_known(const char *what, int64_t n)
{
	static const char *const sets[] = {"used", "ends"};
	for (int i = 0; i < 2; i++) {
		redisReply *r = server_ask(&place_server, "ZCARD larder-%s:{larder:known:p:}", sets[i]);
		ck_assert_msg(r->integer == n, "%s: %s: %lld", what, sets[i], r->integer);
		freeReplyObject(r);
	}
}

/* Of values that we write; not of those that others write, also under the same prefix. */
START_TEST(redis_knows_what_it_may_drop)
{
	larder_options o = place_options(PLACE_REDIS, "known");
	char key[32];
	o.max_entries = 10;
	place_now_ms = lib_now_ms();
	lib_set_clock(place_clock);
	ck_assert_int_eq(larder_open(&o, &cache), LARDER_OK);
	for (int i = 0; i < 20; i++) {
		server_must(&place_server, "SET known:p:theirs-%d 1", i);
		snprintf(key, sizeof(key), "theirs-%d", i);
		expect(key, "1");
	}
	expect_known("what others wrote", 0);
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "ours-%d", i);
		ck_assert_int_eq(larder_set(cache, key, "v", 1, 30), LARDER_OK);
	}
	expect_known("a bound", 10);
	expect("ours-9", NULL);
	expect("ours-10", "v");
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "theirs-%d", i);
		expect(key, "1");
	}
	redisReply *r = server_ask(&place_server, "PTTL larder-used:{larder:known:p:}");
	ck_assert(r->integer > 30000 && r->integer <= 92000);
	freeReplyObject(r);
	/* Whose value is missing is not counted any more when it was to expire. */
	place_now_ms += 32000;
	ck_assert_int_eq(larder_set(cache, "for ever", "v", 1, 0), LARDER_OK);
	expect_known("those that expired", 1);
	r = server_ask(&place_server, "PTTL larder-ends:{larder:known:p:}");
	ck_assert_int_eq(r->integer, -1);
	freeReplyObject(r);
	/* Where Redis refuses it, the values are there all the same. */
	server_must(&place_server, "SET larder-ends:{larder:known:p:} 1");
	ck_assert_int_eq(larder_set(cache, "again", "v", 1, 0), LARDER_OK);
	expect("again", "v");
	ck_assert_int_eq(larder_forget(cache, "again"), LARDER_OK);
	ck_assert_int_eq(larder_flush(cache), LARDER_OK);
	expect_known("a flush", 0);
	larder_close(cache);
	lib_set_clock(NULL);
}
END_TEST

/* One that has expired and is counted anew is a new one, though its entry outlives it for a moment. */
START_TEST(redis_knows_a_counter_that_began_anew)
{
	larder_options o = place_options(PLACE_REDIS, "known");
	int64_t sum;
	place_now_ms = lib_now_ms();
	lib_set_clock(place_clock);
	ck_assert_int_eq(larder_open(&o, &cache), LARDER_OK);
	ck_assert_int_eq(larder_incr(cache, "counter", 1, 10, &sum), LARDER_OK);
	server_must(&place_server, "DEL known:p:counter"); /* as Redis does then */
	place_now_ms += 10500;
	ck_assert_int_eq(larder_incr(cache, "counter", 1, 30, &sum), LARDER_OK);
	ck_assert_int_eq(sum, 1);
	place_now_ms += 2000;
	ck_assert_int_eq(larder_set(cache, "other", "v", 1, 30), LARDER_OK);
	expect_known("the counter and the other", 2);
	ck_assert_int_eq(larder_flush(cache), LARDER_OK);
	larder_close(cache);
	lib_set_clock(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/forms");
	TCase *c = tcase_create("forms");
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, place_make, place_remove);
	tcase_add_test(c, the_name_of_a_file_is_that_of_everybody);
	tcase_add_test(c, files_are_written_as_they_should_be);
	tcase_add_test(c, files_of_others_are_read);
	tcase_add_test(c, files_of_others_are_flushed_once_they_were_read);
	tcase_add_test(c, a_directory_that_was_emptied_is_no_harm);
	tcase_add_test(c, redis_holds_the_json_text);
	tcase_add_test(c, redis_keeps_nothing_for_ever_that_expires);
	tcase_add_test(c, redis_knows_what_it_may_drop);
	tcase_add_test(c, redis_knows_a_counter_that_began_anew);
	suite_add_tcase(s, c);
	return suite_run(s);
}
