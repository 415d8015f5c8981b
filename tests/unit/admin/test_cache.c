/* The pages of values: what is taken, what is refused, what comes back; leases by their tokens. */
#include "bench.h"

#include <stdio.h>

#include "lib/lib.h"

static struct bench b;
static struct values *values;
static int64_t wall_ms;

static int64_t wall(void)
{
	return wall_ms;
}

static void open_bench(void)
{
	struct values_options o = {.backend = "memory", .name_space = STR("n"), .prefix = STR("p"), .max_entries = 100};
	bench_open(&b);
	values = values_new(&o);
	b.env.values = values;
	wall_ms = 1000 * 1000;
	lib_set_clock(wall);
}

static void close_bench(void)
{
	lib_set_clock(NULL);
	values_free(&values);
	bench_close(&b);
}

struct ask {
	const char *line, *body, *type, *lease, *accept;
	struct lease_waiter *waiter;
};

/* The status; the answer is in b.answer. */
static int ask(struct ask q)
{
	struct str rest = str_of(q.line), method, path;
	ck_assert(str_cut(&rest, ' ', &method) && str_cut(&rest, ' ', &path));
	struct arena a;
	arena_init(&a, 0);
	struct admin_param params[ADMIN_PARAMS_MAX];
	struct admin_request r = {.method = method,
	    .path = path,
	    .params = params,
	    .body = str_of(q.body),
	    .content_type = str_of(q.type),
	    .lease = str_of(q.lease),
	    .accept = str_of(q.accept),
	    .waiter = q.waiter};
	if (rest.p)
		ck_assert_int_eq(admin_params_read(rest, &a, params, ADMIN_PARAMS_MAX, &r.n_params), ERR_OK);
	struct buf body = b.answer.body;
	buf_reset(&body);
	b.answer = (struct admin_answer){.body = body};
	admin_handle(&b.env, &r, &b.answer);
	arena_free(&a);
	return b.answer.status;
}

static bool body_is(const char *text)
{
	return str_eq(buf_str(&b.answer.body), str_of(text));
}

#define ASK(...) ask((struct ask){__VA_ARGS__})

START_TEST(what_is_put_comes_back)
{
	static const struct {
		const char *sentence, *type, *body, *out, *out_type, *as_json;
	} rows[] = {
	    {"text", NULL, "hello", "hello", "text/plain; charset=utf-8", "\"hello\""},
	    {"nothing", NULL, "", "", "text/plain; charset=utf-8", "\"\""},
	    {"bytes that are no text", "image/x", "\xff\xfe", "\xff\xfe", "application/octet-stream",
		"{\"base64\": \"//4=\"}"},
	    {"JSON", "application/json", "{\"a\":[1]}", "{\"a\":[1]}", "application/json", "{\"a\":[1]}"},
	    {"JSON with blanks around it", "Application/JSON; charset=utf-8", " 7 ", "7", "application/json", "7"},
	    {"a kind of JSON", "application/ld+json", "{}", "{}", "application/json", "{}"},
	    {"a JSON string is text", "application/json", "\"x\"", "x", "text/plain; charset=utf-8", "\"x\""},
	    {"text that looks like JSON stays text", "text/plain", "{}", "{}", "text/plain; charset=utf-8", "\"{}\""},
	};
	open_bench();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_msg(ASK(.line = "PUT /cache/k ttl=60", .body = rows[i].body, .type = rows[i].type) == 204,
		    "%s: %d", rows[i].sentence, b.answer.status);
		ck_assert_msg(ASK(.line = "GET /cache/k") == 200 && body_is(rows[i].out), "%s: %.*s", rows[i].sentence,
		    STR_ARG(buf_str(&b.answer.body)));
		ck_assert_msg(strcmp(b.answer.content_type, rows[i].out_type) == 0, "%s: %s", rows[i].sentence,
		    b.answer.content_type);
		ck_assert_msg(ASK(.line = "GET /cache/k", .accept = "text/x, application/json;q=0.5") == 200 &&
				  body_is(rows[i].as_json) && strcmp(b.answer.content_type, "application/json") == 0,
		    "%s as JSON: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
	}
	close_bench();
}
END_TEST

START_TEST(what_is_refused_and_why)
{
	static char long_key[600], long_tag[600];
	static const struct {
		const char *sentence, *line, *type, *body;
		int status;
		const char *word;
	} rows[] = {
	    {"there is none", "GET /cache/none", NULL, NULL, 404, "no such value"},
	    {"nor for HEAD", "HEAD /cache/none lease=1s", NULL, NULL, 404, "no such value"},
	    {"nor to be dropped", "DELETE /cache/none", NULL, NULL, 404, "no such value"},
	    {"no key", "GET /cache/", NULL, NULL, 404, "/cache/*"},
	    {"an escape that is none", "GET /cache/%4", NULL, NULL, 400, "hex digits"},
	    {"a NUL", "GET /cache/a%00b", NULL, NULL, 400, "hex digits"},
	    {"a key that is too long", long_key, NULL, NULL, 400, "1 to 512"},
	    {"a method", "PATCH /cache/k", NULL, NULL, 405, "GET, HEAD, PUT, DELETE"},
	    {"a POST is for counting", "POST /cache/k", NULL, NULL, 405, "GET, HEAD, PUT, DELETE"},
	    {"what is no JSON", "PUT /cache/k", "application/json", "{", 400, "JSON"},
	    {"no JSON at all", "PUT /cache/k", "application/json", NULL, 400, "JSON"},
	    {"a ttl that is none", "PUT /cache/k ttl=soon", NULL, "x", 400, "ttl=soon"},
	    {"a ttl below 0", "PUT /cache/k ttl=-1", NULL, "x", 400, "ttl=-1"},
	    {"a ttl with two points", "PUT /cache/k ttl=1.2.3", NULL, "x", 400, "ttl=1.2.3"},
	    {"a ttl that ends in a point", "PUT /cache/k ttl=1.", NULL, "x", 400, "ttl=1."},
	    {"a ttl beyond a life", "PUT /cache/k ttl=9999999999", NULL, "x", 400, "ttl="},
	    {"stale without a ttl", "PUT /cache/k stale=5", NULL, "x", 400, "ttl"},
	    {"a tag of nothing", "PUT /cache/k tag=", NULL, "x", 400, "tag"},
	    {"a tag that is too long", long_tag, NULL, "x", 400, "tag"},
	    {"a lease that is too short", "GET /cache/k lease=0.01", NULL, NULL, 400, "lease"},
	    {"a wait that is too long", "GET /cache/k lease=1&wait=1h", NULL, NULL, 400, "wait"},
	    {"a step that is no number", "POST /cache/k/incr by=many", NULL, NULL, 400, "integer"},
	    {"nothing to drop", "DELETE /cache", NULL, NULL, 400, "tag= "},
	    {"a flush that is off", "DELETE /cache all=0", NULL, NULL, 400, "all=1"},
	    {"both at once", "DELETE /cache all=1&tag=t", NULL, NULL, 400, "tag= "},
	    {"an empty tag to drop", "POST /cache tag=", NULL, NULL, 400, "tag= "},
	};
	memset(long_key, 'k', sizeof(long_key) - 1);
	memcpy(long_key, "GET /cache/", 11);
	memset(long_tag, 't', sizeof(long_tag) - 1);
	memcpy(long_tag, "PUT /cache/k tag=", 17);
	open_bench();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_msg(ASK(.line = rows[i].line, .type = rows[i].type, .body = rows[i].body) == rows[i].status,
		    "%s: %d", rows[i].sentence, b.answer.status);
		ck_assert_msg(
		    bench_has(&b, rows[i].word), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
	}
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 404);
	b.env.values = NULL;
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 503);
	close_bench();
}
END_TEST

START_TEST(keys_are_any_bytes)
{
	static const char *const keys[] = {"a%20b", "a/b/c", "%C3%A4", "%ff%01", "a+b", "x/incr", "*", "%25"};
	char line[128];
	open_bench();
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		snprintf(line, sizeof(line), "PUT /cache/%s", keys[i]);
		ck_assert_int_eq(ASK(.line = line, .body = keys[i]), 204);
	}
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		snprintf(line, sizeof(line), "GET /cache/%s", keys[i]);
		ck_assert_msg(ASK(.line = line) == 200 && body_is(keys[i]), "%s", keys[i]);
	}
	ck_assert(ASK(.line = "GET /cache/%61%2bb") == 200 && body_is("a+b"));
	close_bench();
}
END_TEST

START_TEST(a_ttl_is_kept)
{
	static const struct {
		const char *sentence, *line;
		int64_t ms;
	} rows[] = {{"seconds", "PUT /cache/k ttl=60", 60000}, {"parts of one", "PUT /cache/k ttl=1.5", 1500},
	    {"ms", "PUT /cache/k ttl=250ms", 250}, {"minutes", "PUT /cache/k ttl=2m", 120000},
	    {"half an hour", "PUT /cache/k ttl=0.5h", 1800000}, {"days", "PUT /cache/k ttl=1d", 86400000}};
	open_bench();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_int_eq(ASK(.line = rows[i].line, .body = "x"), 204);
		wall_ms += rows[i].ms - 1;
		ck_assert_msg(ASK(.line = "GET /cache/k") == 200, "%s: too short", rows[i].sentence);
		wall_ms += 1;
		ck_assert_msg(ASK(.line = "GET /cache/k") == 404, "%s: too long", rows[i].sentence);
	}
	ck_assert_int_eq(ASK(.line = "PUT /cache/k", .body = "x"), 204);
	wall_ms += 1000LL * 3600 * 24 * 365;
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 200);
	ck_assert_int_eq(ASK(.line = "DELETE /cache/k"), 204);
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 404);
	close_bench();
}
END_TEST

START_TEST(counting)
{
	static const struct {
		const char *line;
		int status;
		const char *body;
	} rows[] = {{"POST /cache/n/incr", 200, "{\"value\":1}\n"},
	    {"POST /cache/n/incr by=5&ttl=60", 200, "{\"value\":6}\n"},
	    {"POST /cache/n/incr by=-10", 200, "{\"value\":-4}\n"}, {"GET /cache/n", 200, "-4"},
	    {"POST /cache/a/b/incr by=2", 200, "{\"value\":2}\n"}, {"GET /cache/a/b", 200, "2"}};
	open_bench();
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(ASK(.line = rows[i].line) == rows[i].status && body_is(rows[i].body), "%s: %d %.*s",
		    rows[i].line, b.answer.status, STR_ARG(buf_str(&b.answer.body)));
	ck_assert_int_eq(ASK(.line = "PUT /cache/n", .body = "text"), 204);
	ck_assert_int_eq(ASK(.line = "POST /cache/n/incr"), 409);
	ck_assert_int_eq(ASK(.line = "PUT /cache/n", .body = "9223372036854775807", .type = "application/json"), 204);
	ck_assert_int_eq(ASK(.line = "POST /cache/n/incr"), 409);
	close_bench();
}
END_TEST

START_TEST(tags_and_all)
{
	open_bench();
	ck_assert_int_eq(ASK(.line = "PUT /cache/a tag=x&tag=y", .body = "1"), 204);
	ck_assert_int_eq(ASK(.line = "PUT /cache/b tag=y", .body = "1"), 204);
	ck_assert_int_eq(ASK(.line = "PUT /cache/c", .body = "1"), 204);
	ck_assert_int_eq(ASK(.line = "POST /cache tag=x"), 204);
	ck_assert_uint_eq(b.purges, 1); /* the pages, since values in memory are told to nobody */
	ck_assert(b.purge.kind == PURGE_TAG && strcmp(b.arg, "x") == 0);
	ck_assert_int_eq(ASK(.line = "GET /cache/a"), 404);
	ck_assert_int_eq(ASK(.line = "GET /cache/b"), 200);
	ck_assert_int_eq(ASK(.line = "DELETE /cache tag=y"), 204);
	ck_assert_int_eq(ASK(.line = "GET /cache/b"), 404);
	ck_assert_int_eq(ASK(.line = "GET /cache/c"), 200);
	ck_assert_int_eq(ASK(.line = "DELETE /cache all=1"), 204);
	ck_assert_int_eq(ASK(.line = "GET /cache/c"), 404);
	close_bench();
}
END_TEST

/* --- leases --- */

static char token[LEASE_TOKEN];
static unsigned woken;

static void on_wake(struct lease_waiter *w)
{
	woken++;
}

/* A miss that is to be computed. */
static void take_lease(void)
{
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60"), 404);
	ck_assert_uint_eq(strlen(b.answer.lease), LEASE_TOKEN - 1);
	memcpy(token, b.answer.lease, LEASE_TOKEN);
}

START_TEST(one_computes_and_the_others_wait)
{
	struct lease_waiter w = {.wake = on_wake}, brief = {.wake = on_wake};
	open_bench();
	woken = 0;
	take_lease();
	ASK(.line = "GET /cache/k lease=60&wait=60", .waiter = &w);
	ck_assert(b.answer.waits);
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60&wait=0", .waiter = &brief), 404);
	ck_assert(!b.answer.waits && b.answer.lease[0] == '\0');
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 404); /* who asks for no lease does not wait */
	ck_assert_int_eq(ASK(.line = "PUT /cache/k ttl=60", .body = "new", .lease = token), 204);
	ck_assert_uint_eq(woken, 1);
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60&wait=60", .waiter = &w), 200);
	ck_assert(body_is("new") && !b.answer.waits && b.answer.lease[0] == '\0');
	ck_assert_int_eq(ASK(.line = "PUT /cache/k", .body = "twice", .lease = token), 409);
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 200);
	ck_assert(body_is("new"));
	close_bench();
}
END_TEST

START_TEST(a_lease_that_is_given_up_goes_to_another)
{
	struct lease_waiter w = {.wake = on_wake};
	open_bench();
	woken = 0;
	take_lease();
	ASK(.line = "GET /cache/k lease=60&wait=60", .waiter = &w);
	ck_assert_int_eq(ASK(.line = "DELETE /cache/k", .lease = "0123456789abcdef"), 409);
	ck_assert_int_eq(ASK(.line = "DELETE /cache/k", .lease = token), 204);
	ck_assert_uint_eq(woken, 1);
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60&wait=60", .waiter = &w), 404);
	ck_assert(b.answer.lease[0] != '\0' && strcmp(b.answer.lease, token) != 0);
	close_bench();
}
END_TEST

START_TEST(what_changes_the_value_ends_the_lease)
{
	static const struct {
		const char *line, *body, *kept;
	} rows[] = {{"PUT /cache/k", "other", "other"}, {"DELETE /cache/k", NULL, NULL},
	    {"POST /cache/k/incr", NULL, "1"}, {"POST /cache tag=t", NULL, NULL}, {"DELETE /cache all=1", NULL, NULL}};
	open_bench();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lease_waiter w = {.wake = on_wake};
		woken = 0;
		ASK(.line = "DELETE /cache/k");
		take_lease();
		ASK(.line = "GET /cache/k lease=60&wait=60", .waiter = &w);
		ASK(.line = rows[i].line, .body = rows[i].body);
		ck_assert_msg(woken == 1, "%s wakes who waits", rows[i].line);
		ck_assert_msg(ASK(.line = "PUT /cache/k", .body = "old", .lease = token) == 409, "%s", rows[i].line);
		int status = ASK(.line = "GET /cache/k");
		ck_assert_msg(
		    rows[i].kept ? status == 200 && body_is(rows[i].kept) : status == 404, "%s", rows[i].line);
	}
	close_bench();
}
END_TEST

START_TEST(stale_values_are_given_while_somebody_computes)
{
	struct lease_waiter w = {.wake = on_wake};
	open_bench();
	ck_assert_int_eq(ASK(.line = "PUT /cache/k ttl=1&stale=60", .body = "old"), 204);
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60", .waiter = &w), 200);
	ck_assert(!b.answer.is_stale);
	wall_ms += 1000;
	ck_assert_int_eq(ASK(.line = "GET /cache/k"), 404);
	take_lease();
	ck_assert(!b.answer.is_stale);
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60", .waiter = &w), 200);
	ck_assert(body_is("old") && b.answer.is_stale && !b.answer.waits);
	ck_assert_str_eq(b.answer.content_type, "text/plain; charset=utf-8");
	ck_assert_int_eq(
	    ASK(.line = "PUT /cache/k ttl=1&stale=60", .body = "[1]", .type = "application/json", .lease = token), 204);
	wall_ms += 1000;
	take_lease();
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60"), 200);
	ck_assert(body_is("[1]") && b.answer.is_stale);
	/* What is dropped is not given any more. */
	ck_assert_int_eq(ASK(.line = "DELETE /cache/k"), 404);
	take_lease();
	ck_assert_int_eq(ASK(.line = "GET /cache/k lease=60"), 404);
	close_bench();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cache");
	TCase *t = tcase_create("cache");
	tcase_add_test(t, what_is_put_comes_back);
	tcase_add_test(t, what_is_refused_and_why);
	tcase_add_test(t, keys_are_any_bytes);
	tcase_add_test(t, a_ttl_is_kept);
	tcase_add_test(t, counting);
	tcase_add_test(t, tags_and_all);
	tcase_add_test(t, one_computes_and_the_others_wait);
	tcase_add_test(t, a_lease_that_is_given_up_goes_to_another);
	tcase_add_test(t, what_changes_the_value_ends_the_lease);
	tcase_add_test(t, stale_values_are_given_while_somebody_computes);
	suite_add_tcase(s, t);
	return suite_run(s);
}
