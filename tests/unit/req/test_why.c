/* What is told must be what is done: a corpus of requests goes through both, in every state that the store can be in; and
 * asking changes nothing. */
#include "deep.h"
#include "holes.h"

#include <pthread.h>

#include "req/why.h"

static const char ini[] = "[server]\ntrusted_proxies = 10.0.0.0/8\n"
			  "[route /off/*]\ncache = off\n"
			  "[route /long/*]\nttl = 60s\nstale_while_revalidate = 30s\n"
			  "[route /lang/*]\nttl = 60s\nvary = Accept-Language\n"
			  "[route /small]\nmax_object = 4\n";

static void ask_why(
    struct world *w, struct arena *a, const char *method, const char *target, const char *fields, struct why *out)
{
	struct why_env env = {w->tier, w->flights, w->workers[0].env.key_seed, 0};
	struct why_ask ask = {.conf = w->conf,
	    .method = str_of(method),
	    .scheme = STR("http"),
	    .host = STR("example.com"),
	    .target = str_of(target),
	    .now_ms = w->now_ms};
	world_fields(fields, a, &ask.headers);
	why_find(&env, &ask, a, out);
}

/* One visitor's request, answered by the origin when it goes there. */
static void visit(struct world *w, const char *target, const char *fields, int status, const char *answer)
{
	unsigned before = w->n_fetches;
	struct req *r = world_ask(w, "GET", target, fields);
	world_deliver(w);
	for (unsigned i = before; i < w->n_fetches; i++)
		world_respond(w, i, status, answer, "hello");
	world_end(&r);
	world_deliver(w);
}

/* The same in every world. */
static void prepare(struct world *w)
{
	visit(w, "/fresh", "", 200, "Cache-Control: max-age=60\nETag: \"a\"\nCache-Tag: news\n");
	visit(w, "/old", "", 200, "Cache-Control: max-age=1\nETag: \"a\"\n");
	visit(w, "/gone", "", 200, "Cache-Control: max-age=60\n");
	visit(w, "/long/1", "", 200, "");
	visit(w, "/lang/1", "Accept-Language: de\n", 200, "");
	visit(w, "/private", "", 200, "Cache-Control: private, max-age=0\n");
	visit(w, "/cookie", "", 200, "Cache-Control: max-age=60\nSet-Cookie: session=SECRET; Secure\n");
	visit(w, "/small", "", 200, "Cache-Control: max-age=60\n");
	visit(w, "/no-cache", "", 200, "Cache-Control: no-cache\nETag: \"a\"\n");
	visit(w, "/soft", "", 200, "Cache-Control: max-age=600\nETag: \"a\"\n");
	visit(w, "/member", "Authorization: Basic SECRET\n", 200, "Cache-Control: max-age=60\n");
	struct tier_purge soft = {.kind = PURGE_PREFIX, .arg = STR("/soft"), .soft = true};
	struct tier_purge hard = {.kind = PURGE_PREFIX, .arg = STR("/gone")};
	ck_assert_int_eq(tier_purge(w->tier, &soft), ERR_OK);
	ck_assert_int_eq(tier_purge(w->tier, &hard), ERR_OK);
	w->now_ms += 5000;
}

static const struct row {
	const char *method, *target, *fields;
	int64_t later_ms;
	enum why_kind kind;
	enum reason reason;
} rows[] = {
    {"GET", "/fresh", "", 0, WHY_STORED, REASON_HIT},
    {"HEAD", "/fresh", "", 0, WHY_STORED, REASON_HIT},
    {"GET", "/./fresh", "", 0, WHY_STORED, REASON_HIT},
    {"GET", "/fresh", "Cookie: a=b\nAuthorization: x\n", 0, WHY_STORED, REASON_HIT},
    {"GET", "/fresh", "If-None-Match: \"a\"\n", 0, WHY_STORED, REASON_HIT},
    {"GET", "/fresh?utm_source=x", "", 0, WHY_STORED, REASON_HIT},
    {"GET", "/fresh", "Cache-Control: no-cache\n", 0, WHY_VALIDATE, REASON_MISS_REQUEST},
    {"GET", "/fresh", "Cache-Control: max-age=1\n", 0, WHY_VALIDATE, REASON_MISS_REQUEST_MAX_AGE},
    {"GET", "/fresh", "If-Match: \"a\"\n", 0, WHY_PASS, REASON_PASS_CONDITION},
    {"GET", "/fresh", "Content-Length: 3\n", 0, WHY_PASS, REASON_PASS_BODY},
    {"GET", "/fresh", "Connection: Upgrade\nUpgrade: websocket\n", 0, WHY_PASS, REASON_PASS_UPGRADE},
    {"GET", "/old", "", 0, WHY_VALIDATE, REASON_MISS_STALE},
    {"GET", "/old", "Cache-Control: max-stale=60\n", 0, WHY_STORED, REASON_HIT_MAX_STALE},
    {"GET", "/old", "Cache-Control: only-if-cached\n", 0, WHY_REFUSE, REASON_ERROR_ONLY_IF_CACHED},
    {"GET", "/gone", "", 0, WHY_FETCH, REASON_MISS},
    {"GET", "/long/1", "", 0, WHY_STORED, REASON_HIT},
    {"GET", "/long/1", "", 70000, WHY_STORED_OLD, REASON_HIT_STALE},
    {"GET", "/long/1", "", 100000, WHY_FETCH, REASON_MISS_STALE},
    {"GET", "/lang/1", "Accept-Language: de\n", 0, WHY_STORED, REASON_HIT},
    {"GET", "/lang/1", "Accept-Language: en\n", 0, WHY_FETCH, REASON_MISS_VARY},
    {"GET", "/private", "", 0, WHY_PASS, REASON_PASS_REMEMBERED},
    {"GET", "/private", "", 200000, WHY_FETCH, REASON_MISS},
    {"GET", "/cookie", "", 0, WHY_PASS, REASON_PASS_REMEMBERED},
    {"GET", "/small", "", 0, WHY_PASS, REASON_PASS_REMEMBERED},
    {"GET", "/no-cache", "", 0, WHY_VALIDATE, REASON_MISS_NO_CACHE},
    {"GET", "/soft", "", 0, WHY_VALIDATE, REASON_MISS_PURGED},
    {"GET", "/member", "", 0, WHY_FETCH, REASON_MISS},
    {"GET", "/member", "Authorization: Basic SECRET\n", 0, WHY_FETCH, REASON_MISS},
    {"GET", "/never", "", 0, WHY_FETCH, REASON_MISS},
    {"HEAD", "/never", "", 0, WHY_FETCH, REASON_MISS},
    {"GET", "/any/../never", "", 0, WHY_PASS, REASON_PASS_DOTS},
    {"GET", "/never", "Cache-Control: only-if-cached\n", 0, WHY_REFUSE, REASON_ERROR_ONLY_IF_CACHED},
    {"GET", "/off/1", "", 0, WHY_PASS, REASON_PASS_ROUTE},
    {"POST", "/fresh", "Content-Length: 3\n", 0, WHY_PASS, REASON_PASS_METHOD},
    {"M-SEARCH", "/fresh", "", 0, WHY_PASS, REASON_PASS_METHOD},
};

static struct world *world_of(const struct row *row)
{
	struct world *w = world_new(ini);
	prepare(w);
	w->now_ms += row->later_ms;
	return w;
}

START_TEST(what_is_told)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_of(&rows[i]);
		struct arena a;
		struct why why;
		arena_init(&a, 0);
		ask_why(w, &a, rows[i].method, rows[i].target, rows[i].fields, &why);
		ck_assert_msg(why.reason == rows[i].reason, "%s %s %s: %s", rows[i].method, rows[i].target,
		    rows[i].fields, reason_code(why.reason));
		ck_assert_msg(why.kind == rows[i].kind, "%s %s %s: kind %d", rows[i].method, rows[i].target,
		    rows[i].fields, why.kind);
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

/* Whatever the rows above say of single verdicts: told and done are the same. */
START_TEST(what_is_told_is_what_is_done)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_of(&rows[i]);
		struct arena a;
		struct why why;
		arena_init(&a, 0);
		ask_why(w, &a, rows[i].method, rows[i].target, rows[i].fields, &why);
		unsigned before = w->n_fetches;
		struct req *r = world_ask(w, rows[i].method, rows[i].target, rows[i].fields);
		enum reason done = req_answer(r) ? r->reason : r->fwd;
		ck_assert_msg(done == why.reason, "%s %s %s: told %s, done %s", rows[i].method, rows[i].target,
		    rows[i].fields, reason_code(why.reason), reason_code(done));
		bool asks = w->n_fetches > before, told = why.kind != WHY_STORED && why.kind != WHY_REFUSE;
		ck_assert_msg(asks == told, "%s %s", rows[i].method, rows[i].target);
		if (req_answer(r))
			ck_assert_int_eq(req_answer(r)->status, why.status);
		else
			ck_assert_msg(r->flight->may_store == why.may_store, "%s %s", rows[i].method, rows[i].target);
		for (unsigned k = before; k < w->n_fetches; k++)
			if (w->fetches[k])
				world_done(w, k, ERR_CANCELLED);
		world_deliver(w);
		world_end(&r);
		world_deliver(w);
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

START_TEST(asking_changes_nothing)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_of(&rows[i]);
		struct tier_stats before, after;
		struct arena a;
		struct why why, again;
		unsigned fetches = w->n_fetches;
		uint64_t epoch = tier_epoch(w->tier);
		arena_init(&a, 0);
		tier_stats(w->tier, &before);
		ask_why(w, &a, rows[i].method, rows[i].target, rows[i].fields, &why);
		ask_why(w, &a, rows[i].method, rows[i].target, rows[i].fields, &again);
		tier_stats(w->tier, &after);
		ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
		ck_assert_uint_eq(fetches, w->n_fetches);
		ck_assert_uint_eq(epoch, tier_epoch(w->tier));
		ck_assert_int_eq(why.reason, again.reason);
		ck_assert_int_eq(why.last.reason, again.last.reason);
		ck_assert_int_eq(why.last.ago_ms, again.last.ago_ms);
		ck_assert(list_is_empty(&w->workers[0].letters));
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

START_TEST(what_is_remembered_of_the_last_answer)
{
	static const struct {
		const char *target, *cause;
		int64_t later_ms;
		enum reason reason;
		enum why_gone gone;
		int64_t passes_ms;
	} notes[] = {
	    {"/never", "", 0, REASON_NONE, WHY_NOT_GONE, 0},
	    {"/fresh", "Cache-Control: max-age=60", 0, REASON_STORED, WHY_NOT_GONE, 0},
	    {"/long/1", "ttl of the route", 0, REASON_STORED, WHY_NOT_GONE, 0},
	    {"/gone", "Cache-Control: max-age=60", 0, REASON_STORED, WHY_GONE_PURGED, 0},
	    {"/private", "Cache-Control: private, max-age=0", 0, REASON_NOT_PRIVATE, WHY_NOT_GONE, 115000},
	    {"/private", "Cache-Control: private, max-age=0", 200000, REASON_NOT_PRIVATE, WHY_NOT_GONE, 0},
	    {"/cookie", "Set-Cookie: session", 0, REASON_NOT_SET_COOKIE, WHY_NOT_GONE, 115000},
	    {"/small", "", 0, REASON_NOT_TOO_LARGE, WHY_NOT_GONE, 115000},
	    {"/member", "Authorization in the request", 0, REASON_NOT_AUTHORIZATION, WHY_NOT_GONE, 0},
	};
	for (size_t i = 0; i < COUNT_OF(notes); i++) {
		struct world *w = world_new(ini);
		struct arena a;
		struct why why;
		arena_init(&a, 0);
		prepare(w);
		w->now_ms += notes[i].later_ms;
		ask_why(w, &a, "GET", notes[i].target, "", &why);
		ck_assert_msg(
		    why.last.reason == notes[i].reason, "%s: %s", notes[i].target, reason_code(why.last.reason));
		ASSERT_STR(why.last.cause, notes[i].cause);
		ck_assert_msg(why.last.gone == notes[i].gone, "%s: gone %d", notes[i].target, why.last.gone);
		ck_assert_int_eq(why.last.passes_ms, notes[i].passes_ms);
		if (why.last.reason != REASON_NONE)
			ck_assert_int_eq(why.last.ago_ms, 5000 + notes[i].later_ms);
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

/* Swept, and dropped to make room: neither is a purge. */
START_TEST(what_left_by_itself_is_told_apart)
{
	struct world *w = world_new("[cache]\nmax_entries = 1\n");
	struct arena a;
	struct why why;
	arena_init(&a, 0);
	visit(w, "/first", "", 200, "Cache-Control: max-age=60\n");
	visit(w, "/second", "", 200, "Cache-Control: max-age=60\n");
	visit(w, "/third", "", 200, "Cache-Control: max-age=60\n");
	ask_why(w, &a, "GET", "/first", "", &why);
	ck_assert_uint_eq(why.n_variants, 0);
	ck_assert_int_eq(why.last.gone, WHY_GONE_DROPPED);
	w->now_ms += 100000;
	ask_why(w, &a, "GET", "/first", "", &why);
	ck_assert_int_eq(why.last.gone, WHY_GONE_EXPIRED);
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(the_variants_and_in_what_they_differ)
{
	struct world *w = world_new(ini);
	struct arena a;
	struct why why;
	arena_init(&a, 0);
	prepare(w);
	visit(w, "/lang/1", "", 200, "Cache-Tag: a, b\n");
	ask_why(w, &a, "GET", "/lang/1", "Accept-Language: en\n", &why);
	ck_assert_uint_eq(why.n_variants, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct why_variant *v = &why.variants[i];
		ck_assert(!v->chosen && !v->matches && v->size == 5);
		ck_assert_uint_eq(v->n_differs, 1);
		ASSERT_STR(v->differs[0].name, "accept-language");
		ASSERT_STR(v->differs[0].asked, "en");
	}
	ck_assert(!why.variants[0].differs[0].stored.p || !why.variants[1].differs[0].stored.p);
	ask_why(w, &a, "GET", "/lang/1", "Accept-Language: de\n", &why);
	ck_assert_msg(why.variants[0].chosen != why.variants[1].chosen, "one of them answers");
	ck_assert_uint_eq(why.variants[0].n_differs + why.variants[1].n_differs, 1);
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(what_is_filled_in_is_told)
{
	static const struct hole_value values[] = {
	    {.kind = HOLE_TOKEN, .shape = {32, HOLE_HEX_LOWER, 0}, .cookie = STR("csrf"), .attributes = STR("")},
	    {.kind = HOLE_NONCE, .shape = {16, HOLE_BASE64, 0}},
	};
	static const struct holes_page page = {
	    .target = "/form",
	    .fields = "Content-Security-Policy: script-src 'nonce-{1}'\n",
	    .body = "<input value='{0}'><script nonce='{1}'>'{0}'",
	    .values = values,
	    .n_values = 2,
	};
	struct world *w = world_new("");
	struct arena a;
	struct why why;
	arena_init(&a, 0);
	holes_store(w, &page);
	ask_why(w, &a, "GET", "/form", "", &why);
	struct tier_purge all = {.kind = PURGE_ALL}; /* what was found outlives the entry */
	ck_assert_int_eq(tier_purge(w->tier, &all), ERR_OK);
	ck_assert(why.kind == WHY_STORED && why.n_variants == 1 && why.variants[0].n_holes == 2);
	const struct why_hole *holes = why.variants[0].holes;
	ck_assert(holes[0].kind == HOLE_TOKEN && holes[0].places == 2 && str_eq(holes[0].cookie, STR("csrf")));
	ck_assert(holes[1].kind == HOLE_NONCE && holes[1].places == 2 && holes[1].cookie.n == 0);
	ck_assert_uint_eq(world_counted(w, "larder_filled_responses_total"), 0);
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(what_would_stand_in_is_told)
{
	static const struct {
		const char *sentence, *control;
		enum reason expected;
	} cases[] = {
	    {"RFC 9111 4.2.4: an origin that cannot be reached", "max-age=10", REASON_HIT_STALE_UNREACHABLE},
	    {"RFC 5861 4: one that fails", "max-age=10, stale-if-error=600", REASON_HIT_STALE_ERROR},
	    {"RFC 9111 5.2.2.2: never", "max-age=10, must-revalidate", REASON_NONE},
	};
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct world *w = world_new("");
		struct arena a;
		struct why why;
		char fields[96];
		arena_init(&a, 0);
		snprintf(fields, sizeof fields, "ETag: \"a\"\nCache-Control: %s\n", cases[i].control);
		visit(w, "/p", "", 200, fields);
		ask_why(w, &a, "GET", "/p", "", &why);
		ck_assert_msg(why.stands_in == REASON_NONE, "%s: while it is fresh", cases[i].sentence);
		w->now_ms += 20000;
		ask_why(w, &a, "GET", "/p", "", &why);
		ck_assert_msg(
		    why.stands_in == cases[i].expected, "%s: %s", cases[i].sentence, reason_code(why.stands_in));
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

START_TEST(each_of_many_variants_is_told)
{
	struct world *w = world_new("");
	struct arena a;
	struct why why;
	arena_init(&a, 0);
	for (unsigned i = 0; i < 20; i++) {
		char fields[32];
		snprintf(fields, sizeof fields, "X-N: %u\n", i);
		visit(w, "/p", fields, 200, "Cache-Control: max-age=60\nVary: X-N\n");
	}
	ask_why(w, &a, "GET", "/p", "X-N: 7\n", &why);
	ck_assert_uint_eq(why.n_variants, 20);
	unsigned chosen = 0;
	for (unsigned i = 0; i < 20; i++) {
		chosen += why.variants[i].chosen;
		ck_assert_uint_eq(why.variants[i].n_differs, !why.variants[i].chosen);
	}
	ck_assert_uint_eq(chosen, 1);
	arena_free(&a);
	world_free(&w);
}
END_TEST

START_TEST(a_fetch_under_way_is_told)
{
	struct world *w = world_new(ini);
	struct arena a;
	struct why why;
	arena_init(&a, 0);
	struct req *r = world_ask(w, "GET", "/slow", "");
	ask_why(w, &a, "GET", "/slow", "", &why);
	ck_assert(why.kind == WHY_FETCH && why.is_fetched);
	world_respond(w, 0, 200, "Cache-Control: max-age=60\n", "x");
	world_end(&r);
	ask_why(w, &a, "GET", "/slow", "", &why);
	ck_assert(why.kind == WHY_STORED && !why.is_fetched);
	arena_free(&a);
	world_free(&w);
}
END_TEST

/* A trusted proxy says that its client came by TLS; where none is trusted, nobody can. */
START_TEST(the_scheme_is_what_a_request_would_have)
{
	static const struct {
		const char *ini, *scheme, *key;
		bool ignored;
	} worlds[] = {
	    {"", "http", "GET http://example.com/p", false},
	    {"", "https", "GET http://example.com/p", true},
	    {"[server]\ntrusted_proxies = 10.0.0.0/8\n", "https", "GET https://example.com/p", false},
	    {"[server]\ntrusted_proxies = fd00::/8\n", "http", "GET http://example.com/p", false},
	};
	for (size_t i = 0; i < COUNT_OF(worlds); i++) {
		struct world *w = world_new(worlds[i].ini);
		struct why_env env = {w->tier, w->flights, 7, 0};
		struct arena a;
		struct why why;
		arena_init(&a, 0);
		struct why_ask ask = {.conf = w->conf,
		    .method = STR("GET"),
		    .scheme = str_of(worlds[i].scheme),
		    .host = STR("Example.com"),
		    .target = STR("/p"),
		    .now_ms = w->now_ms};
		why_find(&env, &ask, &a, &why);
		ASSERT_STR(why.key, worlds[i].key);
		ck_assert(why.scheme_ignored == worlds[i].ignored);
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

/* ---- tiers below ---- */

static const struct deep_page below = {.body = "below", .age_ms = 4000, .lifetime_ms = 60000};
static struct world *deep_one;
static pthread_t answering;
static const struct deep_page *found_below;

static void *answer_lookup(void *arg)
{
	deep_finds(deep_one, (unsigned)(uintptr_t)arg, found_below);
	return NULL;
}

static void answer_on_a_thread(unsigned i)
{
	ck_assert_int_eq(pthread_create(&answering, NULL, answer_lookup, (void *)(uintptr_t)i), 0);
}

START_TEST(a_look_below_is_waited_for)
{
	static const struct {
		const char *sentence;
		const struct deep_page *found;
		enum why_kind kind;
		enum reason reason;
	} looks[] = {
	    {"it is found", &below, WHY_STORED, REASON_HIT},
	    {"nothing is found", NULL, WHY_FETCH, REASON_MISS},
	};
	for (size_t i = 0; i < COUNT_OF(looks); i++) {
		struct world *w = deep_world("[route /*]\nttl = 60s\n");
		struct arena a;
		struct why why;
		arena_init(&a, 0);
		deep_one = w;
		deep.has_leases = true; /* none is asked for: it would be held from those who fetch */
		deep.asked = answer_on_a_thread;
		found_below = looks[i].found;
		ask_why(w, &a, "GET", "/p", "", &why);
		pthread_join(answering, NULL);
		ck_assert_msg(why.kind == looks[i].kind && why.reason == looks[i].reason, "%s: %d %s",
		    looks[i].sentence, (int)why.kind, reason_code(why.reason));
		ck_assert_msg(why.n_variants == (looks[i].found != NULL), "%s", looks[i].sentence);
		if (looks[i].found) {
			ck_assert(why.variants[0].chosen && why.variants[0].matches);
			ck_assert_int_eq(why.variants[0].age_ms, 4000);
		}
		ck_assert_uint_eq(deep.n_gets, 1);
		ck_assert_uint_eq(deep.n_leases, 0);
		ck_assert_uint_eq(w->n_fetches, 0);
		arena_free(&a);
		world_free(&w);
	}
}
END_TEST

/* A tier outside the process makes another copy for each who asks. */
START_TEST(variants_are_those_of_the_first_tier_that_has_some)
{
	struct arena a;
	struct why why;
	deep_keeps = false;
	struct world *w = deep_world("[route /*]\nttl = 60s\n");
	arena_init(&a, 0);
	deep_one = w;
	deep.asked = answer_on_a_thread;
	found_below = &below;
	ask_why(w, &a, "GET", "/p", "", &why);
	pthread_join(answering, NULL);
	ck_assert_int_eq(why.kind, WHY_STORED);
	ck_assert_uint_eq(why.n_variants, 0);
	struct cache_key key = {.text = why.key};
	deep.variant = deep_entry(w, &key, &below);
	ask_why(w, &a, "GET", "/p", "", &why);
	pthread_join(answering, NULL);
	ck_assert_uint_eq(why.n_variants, 1);
	ck_assert(why.variants[0].chosen);
	entry_release(&deep.variant);
	deep.variant = deep_entry(w, &key, &(struct deep_page){.body = "x", .age_ms = 1000, .lifetime_ms = 60000});
	ask_why(w, &a, "GET", "/p", "", &why);
	pthread_join(answering, NULL);
	ck_assert_uint_eq(why.n_variants, 1);
	ck_assert(!why.variants[0].chosen);
	arena_free(&a);
	world_free(&w);
	deep_keeps = true;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/why");
	TCase *t = tcase_create("why");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_is_told);
	tcase_add_test(t, what_is_told_is_what_is_done);
	tcase_add_test(t, asking_changes_nothing);
	tcase_add_test(t, what_is_remembered_of_the_last_answer);
	tcase_add_test(t, what_left_by_itself_is_told_apart);
	tcase_add_test(t, the_variants_and_in_what_they_differ);
	tcase_add_test(t, what_is_filled_in_is_told);
	tcase_add_test(t, what_would_stand_in_is_told);
	tcase_add_test(t, each_of_many_variants_is_told);
	tcase_add_test(t, a_fetch_under_way_is_told);
	tcase_add_test(t, the_scheme_is_what_a_request_would_have);
	tcase_add_test(t, a_look_below_is_waited_for);
	tcase_add_test(t, variants_are_those_of_the_first_tier_that_has_some);
	suite_add_tcase(s, t);
	return suite_run(s);
}
