/* Requests that look below the memory: parked until a tier answers, and then judged as if the memory had had it. */
#include "deep.h"

static const char plain[] = "[route /*]\nttl = 60s\n";

static const struct deep_page fresh = {.body = "below", .age_ms = 7000, .lifetime_ms = 60000};
static const struct deep_page german = {
    .body = "de", .lifetime_ms = 60000, .vary = {{STR("Accept-Language"), STR("de")}}};
static const struct deep_page tagged = {.body = "below", .fields = "ETag: \"b\"\n", .lifetime_ms = 60000};
static const struct deep_page stale = {.body = "older", .age_ms = 90000, .lifetime_ms = 60000};
static const struct deep_page revalidatable = {.body = "older", .age_ms = 90000, .lifetime_ms = 60000, .swr_ms = 60000};

static void purge_all(struct world *w, bool soft)
{
	struct tier_purge op = {.kind = PURGE_ALL, .soft = soft};
	ck_assert_int_eq(
	    tier_purge(tier_part(w->tier, 0), &op), ERR_OK); /* memory and the log; below it is done before */
}

/* Fetched, so in memory; `deep` has been asked once for it. */
static void store(struct world *w, const char *target, const char *fields, const char *body)
{
	unsigned look = deep.n_gets;
	struct req *r = world_ask(w, "GET", target, "");
	deep_find(w, look, NULL);
	world_respond(w, w->n_fetches - 1, 200, fields, body);
	ASSERT_ANSWER(r, 200, body);
	world_end(&r);
}

START_TEST(what_is_found_below_is_a_hit)
{
	struct world *w = deep_world(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	ck_assert_ptr_null(req_answer(r));
	ck_assert_uint_eq(w->workers[0].env.active, 1);
	deep_finds(w, 0, &fresh);
	ck_assert_ptr_null(req_answer(r)); /* not on the tier's thread */
	world_deliver(w);
	ck_assert_uint_eq(w->workers[0].resumed, 1);
	ASSERT_ANSWER(r, 200, "below");
	ASSERT_STR(world_field(r, "Age"), "7");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; hit; ttl=53");
	world_end(&r);
	/* it lies in memory now */
	r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "below");
	world_end(&r);
	ck_assert_uint_eq(deep.n_gets, 1);
	ck_assert_uint_eq(w->n_fetches, 0);
	world_free(&w);
}
END_TEST

/* What a request that ended so has in the field `tier` of its line. */
static void assert_tier(struct world *w, struct req **r, const char *want)
{
	char path[] = "/tmp/larder-lookup-XXXXXX", text[4096];
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	struct accesslog *l;
	ck_assert_int_eq(accesslog_open(str_of(path), (int)ACCESS_KEYVALUE, &l), ERR_OK);
	w->workers[0].env.access = l;
	world_end(r);
	w->workers[0].env.access = NULL;
	accesslog_close(&l);
	ssize_t n = read(fd, text, sizeof text - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	close(fd);
	unlink(path);
	char field[64];
	snprintf(field, sizeof field, " tier=%s ", want);
	ck_assert_msg(strstr(text, field), "no%sin %s", field, text);
}

START_TEST(the_access_log_names_the_tier_that_had_it)
{
	struct world *w = deep_world(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, &fresh);
	assert_tier(w, &r, "below");
	r = world_ask(w, "GET", "/p", "");
	assert_tier(w, &r, "memory");
	r = world_ask(w, "GET", "/q", "");
	deep_find(w, 1, NULL);
	world_respond(w, 0, 200, "", "x");
	assert_tier(w, &r, "-");
	/* stale here, and not below */
	w->now_ms += 61000;
	r = world_ask(w, "GET", "/q", "");
	deep_find(w, 2, &(struct deep_page){.body = "y", .lifetime_ms = 60000});
	assert_tier(w, &r, "below");
	world_free(&w);
}
END_TEST

/* Stored by a fetch that ended between the lookup and the joining: no fetch, and memory had it. */
START_TEST(what_was_found_by_who_would_lead_has_its_tier_too)
{
	struct world *w = deep_world(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, NULL);
	struct req *other = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "", "x");
	world_end(&r);
	deep_find(w, 1, NULL);
	ASSERT_ANSWER(other, 200, "x");
	assert_tier(w, &other, "memory");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_free(&w);
}
END_TEST

START_TEST(a_miss_below_is_a_miss)
{
	struct world *w = deep_world(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 0);
	deep_find(w, 0, NULL);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, "", "x");
	ASSERT_ANSWER(r, 200, "x");
	ASSERT_STR(world_field(r, "Cache-Status"), "larder; fwd=uri-miss; fwd-status=200; stored");
	world_end(&r);
	ck_assert_uint_eq(deep.n_puts, 1);
	/* a tier that answers at once is not waited for */
	deep.misses_at_once = true;
	r = world_ask(w, "GET", "/q", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, "", "x");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(stale_here_and_fresh_below_is_a_hit)
{
	struct world *w = deep_world(plain);
	store(w, "/p", "", "here");
	w->now_ms += 61000;
	struct req *r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_gets, 2);
	deep_find(w, 1, &fresh);
	ASSERT_ANSWER(r, 200, "below");
	ck_assert_int_eq(r->outcome, OUTCOME_HIT);
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_free(&w);
}
END_TEST

START_TEST(of_two_that_are_stale_the_newest_is_validated)
{
	static const struct {
		const char *sentence;
		int64_t age_ms; /* below; the one here is 100 s old */
		const char *tag, *body;
	} rows[] = {
	    {"the one below is newer", 90000, "\"below\"", "below"},
	    {"the one here is newer", 110000, "\"here\"", "here"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		store(w, "/p", "ETag: \"here\"\n", "here");
		w->now_ms += 100000;
		struct req *r = world_ask(w, "GET", "/p", "");
		struct deep_page p = {
		    .body = "below", .fields = "ETag: \"below\"\n", .age_ms = rows[i].age_ms, .lifetime_ms = 60000};
		deep_find(w, 1, &p);
		ck_assert_uint_eq(w->n_fetches, 2);
		struct str sent = headers_get(w->fetches[1]->headers, STR("If-None-Match"));
		ck_assert_msg(str_starts(sent, str_of(rows[i].tag)), "%s: %.*s", rows[i].sentence, STR_ARG(sent));
		char confirmed[64];
		snprintf(confirmed, sizeof confirmed, "ETag: %s\n", rows[i].tag);
		world_head(w, 1, 304, confirmed, 0);
		world_done(w, 1, ERR_OK);
		world_deliver(w);
		ASSERT_ANSWER(r, 200, rows[i].body);
		ck_assert_int_eq(r->outcome, OUTCOME_REVALIDATED);
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_stale_one_below_answers_while_it_is_renewed)
{
	struct world *w = deep_world(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, &revalidatable);
	ASSERT_ANSWER(r, 200, "older");
	ck_assert_int_eq(r->outcome, OUTCOME_STALE);
	assert_tier(w, &r, "below");
	ck_assert_uint_eq(w->n_fetches, 1); /* behind it */
	world_respond(w, 0, 200, "", "newer");
	r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "newer");
	world_end(&r);
	ck_assert_uint_eq(deep.n_gets, 1);
	world_free(&w);
}
END_TEST

START_TEST(what_was_softly_purged_below_is_validated)
{
	struct world *w = deep_world(plain);
	struct req *r = world_ask(w, "GET", "/p", "");
	struct deep_page p = tagged;
	p.purged = true;
	deep_find(w, 0, &p);
	ck_assert_uint_eq(w->n_fetches, 1);
	ck_assert_int_eq(r->fwd, REASON_MISS_PURGED);
	ASSERT_STR(headers_get(w->fetches[0]->headers, STR("If-None-Match")), "\"b\"");
	world_head(w, 0, 304, "ETag: \"b\"\n", 0);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "below");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_stale_one_below_stands_in_for_an_origin_that_fails)
{
	static const struct {
		const char *sentence;
		bool purged; /* while the origin was asked */
		int status;
	} rows[] = {{"RFC 5861 4", false, 200}, {"not what was purged since", true, 502}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		struct req *r = world_ask(w, "GET", "/p", "");
		struct deep_page p = stale;
		p.sie_ms = 600000;
		deep_find(w, 0, &p);
		ck_assert_uint_eq(w->n_fetches, 1);
		if (rows[i].purged)
			purge_all(w, false);
		world_done(w, 0, ERR_CONNECT);
		world_deliver(w);
		ck_assert_msg(
		    req_answer(r)->status == rows[i].status, "%s: %d", rows[i].sentence, req_answer(r)->status);
		if (!rows[i].purged)
			assert_tier(w, &r, "below");
		else
			world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* Else each of many who ask for a page that is just being renewed would have the stale one sent from below. */
START_TEST(what_is_being_renewed_is_not_looked_for_again)
{
	struct world *w = deep_world(plain);
	store(w, "/p", "Cache-Control: max-age=60, stale-while-revalidate=600\n", "here");
	w->now_ms += 100000;
	struct req *first = world_ask(w, "GET", "/p", "");
	deep_find(w, 1, NULL);
	ASSERT_ANSWER(first, 200, "here");
	world_end(&first);
	ck_assert_uint_eq(w->n_fetches, 2);
	struct req *r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "here");
	ck_assert_int_eq(r->outcome, OUTCOME_STALE);
	world_end(&r);
	ck_assert_uint_eq(deep.n_gets, 2);
	/* who does not take a stale one looks */
	r = world_ask(w, "GET", "/p", "Cache-Control: no-cache\n");
	ck_assert_uint_eq(deep.n_gets, 3);
	deep_find(w, 2, NULL);
	world_respond(w, 1, 500, "Cache-Control: no-store\n", "");
	world_end(&r);
	/* the renewal has failed */
	r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_gets, 4);
	deep_find(w, 3, NULL);
	ASSERT_ANSWER(r, 200, "here");
	world_end(&r);
	for (unsigned i = 2; i < w->n_fetches; i++)
		if (w->fetches[i])
			world_respond(w, i, 500, "Cache-Control: no-store\n", "");
	world_free(&w);
}
END_TEST

START_TEST(another_variant_below_is_the_reason_of_the_miss)
{
	static const struct {
		const char *sentence;
		const char *here; /* Vary of what is in memory; NULL: nothing */
		const struct deep_page *below;
		enum reason reason;
	} rows[] = {
	    {"neither has the key", NULL, NULL, REASON_MISS},
	    {"another is below", NULL, &german, REASON_MISS_VARY},
	    {"another is here", "Vary: Accept-Language\n", NULL, REASON_MISS_VARY},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		if (rows[i].here)
			store(w, "/p", rows[i].here, "x");
		unsigned look = deep.n_gets, fetch = w->n_fetches;
		struct req *r = world_ask(w, "GET", "/p", "Accept-Language: en\n");
		deep_find(w, look, rows[i].below);
		ck_assert_msg(w->n_fetches == fetch + 1, "%s", rows[i].sentence);
		world_respond(w, fetch, 200, "Vary: Accept-Language\n", "en");
		ASSERT_ANSWER(r, 200, "en");
		ck_assert_msg(r->reason == rows[i].reason, "%s: %s", rows[i].sentence, reason_code(r->reason));
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(what_is_asked_for_and_how)
{
	static const struct {
		const char *sentence, *method, *fields;
		const struct deep_page *below;
		int status;
		const char *body;
		enum outcome outcome;
	} rows[] = {
	    {"HEAD has no body", "HEAD", "", &fresh, 200, "", OUTCOME_HIT},
	    {"RFC 9111 5.2.1.7: only what is stored, and it is", "GET", "Cache-Control: only-if-cached\n", &fresh, 200,
		"below", OUTCOME_HIT},
	    {"RFC 9111 5.2.1.7: nothing is stored", "GET", "Cache-Control: only-if-cached\n", NULL, 504, NULL,
		OUTCOME_ERROR},
	    {"RFC 9111 5.2.1.7: what is stored is too old", "GET", "Cache-Control: only-if-cached\n", &stale, 504, NULL,
		OUTCOME_ERROR},
	    {"a part of what is found", "GET", "Range: bytes=1-2\n", &fresh, 206, "el", OUTCOME_HIT},
	    {"the client has it already", "GET", "If-None-Match: \"b\"\n", &tagged, 304, NULL, OUTCOME_HIT},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		struct req *r = world_ask(w, rows[i].method, "/p", rows[i].fields);
		char out[64];
		int end;
		ck_assert_msg(!req_answer(r), "%s", rows[i].sentence);
		deep_find(w, 0, rows[i].below);
		const struct answer *a = req_answer(r);
		ck_assert_msg(a && a->status == rows[i].status && r->outcome == rows[i].outcome, "%s: %d",
		    rows[i].sentence, a ? a->status : 0);
		if (rows[i].body && !a->bodyless)
			ck_assert_msg(
			    str_eq(world_read(r, out, sizeof out, &end), str_of(rows[i].body)), "%s", rows[i].sentence);
		ck_assert_msg(a->bodyless == (a->status == 304 || rows[i].method[0] == 'H'), "%s", rows[i].sentence);
		ck_assert_msg(w->n_fetches == 0, "%s", rows[i].sentence);
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* What no stored page answers is not looked for anywhere; so no upload comes while a lookup is open. */
START_TEST(nobody_waits_for_tiers_that_cannot_have_it)
{
	static const struct {
		const char *method, *fields;
	} rows[] = {{"GET", "Content-Length: 4\n"}, {"POST", "Content-Length: 4\n"}, {"DELETE", ""}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		struct req *r = world_ask(w, rows[i].method, "/p", rows[i].fields);
		const char *p;
		size_t n;
		ck_assert_uint_eq(deep.n_gets, 0);
		ck_assert_uint_eq(deep.n_leases, 0);
		ck_assert_uint_eq(w->n_fetches, 1);
		if (req_message(r)->has_body) {
			ck_assert_uint_eq(req_upload(r, "body", 4), 4);
			req_upload_end(r);
			ck_assert_int_eq(w->fetches[0]->events->upload(w->fetches[0], &p, &n), ERR_OK);
			ck_assert_uint_eq(n, 4);
		}
		world_respond(w, 0, 200, "", "x");
		ASSERT_ANSWER(r, 200, "x");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_client_that_leaves_is_not_waited_for)
{
	static const char *const when[] = {
	    "before the answer", "when the letter is on its way", "unnoticed until the letter came"};
	for (size_t i = 0; i < COUNT_OF(when); i++) {
		struct world *w = deep_world(plain);
		struct req *r = world_ask(w, "GET", "/p", "");
		if (i == 1)
			deep_finds(w, 0, &fresh);
		req_gone(r);
		if (i == 2)
			deep_find(w, 0, &fresh);
		world_end(&r);
		if (i == 0) {
			ck_assert_msg(w->workers[0].env.active == 1, "%s", when[i]);
			deep_finds(w, 0, &fresh);
		}
		world_deliver(w);
		ck_assert_msg(w->workers[0].resumed == 0 && w->n_fetches == 0, "%s", when[i]);
		/* what it found stays in memory */
		r = world_ask(w, "GET", "/p", "");
		ASSERT_ANSWER(r, 200, "below");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* ---- several who look for one page ---- */

START_TEST(of_many_on_a_worker_one_looks)
{
	struct world *w = deep_world(plain);
	struct req *r[5];
	for (size_t i = 0; i < COUNT_OF(r); i++)
		r[i] = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_gets, 1);
	world_end(&r[2]); /* leaves while it waits */
	deep_find(w, 0, &fresh);
	for (size_t i = 0; i < COUNT_OF(r); i++) {
		if (!r[i])
			continue;
		ASSERT_ANSWER(r[i], 200, "below");
		ck_assert_int_eq(r[i]->outcome, OUTCOME_HIT);
		assert_tier(w, &r[i], "below");
	}
	ck_assert_uint_eq(deep.n_gets, 1);
	ck_assert_uint_eq(w->n_fetches, 0);
	world_free(&w);
}
END_TEST

START_TEST(many_that_one_looked_for_in_vain_share_one_fetch)
{
	struct world *w = deep_world(plain);
	struct req *r[3];
	for (size_t i = 0; i < COUNT_OF(r); i++)
		r[i] = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, NULL);
	ck_assert_uint_eq(deep.n_gets, 1);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, "", "x");
	for (size_t i = 0; i < COUNT_OF(r); i++) {
		ASSERT_ANSWER(r[i], 200, "x");
		world_end(&r[i]);
	}
	world_free(&w);
}
END_TEST

static void fail_all_fetches(struct world *w)
{
	for (unsigned i = 0; i < w->n_fetches; i++) {
		if (w->fetches[i])
			world_done(w, i, ERR_CONNECT);
	}
	world_deliver(w);
}

/* The second comes while the first one looks. */
START_TEST(what_another_one_found_is_taken_where_it_is_the_same)
{
	static const struct {
		const char *sentence, *first, *second; /* their fields */
		const struct deep_page *found;
		bool looks; /* the second for itself */
	} rows[] = {
	    {"it answers both", "", "", &fresh, false},
	    {"too old for either", "", "", &stale, false},
	    {"good for the first, too old for the second", "", "Cache-Control: max-age=3\n", &fresh, true},
	    {"too old for the first, who has looked everywhere", "Cache-Control: max-age=3\n", "", &fresh, false},
	    {"of a variant that is not the second's", "Accept-Language: de\n", "Accept-Language: en\n", &german, true},
	    {"of a variant that is the second's alone", "Accept-Language: en\n", "Accept-Language: de\n", &german,
		true},
	    {"of a variant that is both's", "Accept-Language: de\n", "Accept-Language: de\n", &german, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		struct req *first = world_ask(w, "GET", "/p", rows[i].first);
		struct req *second = world_ask(w, "GET", "/p", rows[i].second);
		ck_assert_msg(deep.n_gets == 1, "%s", rows[i].sentence);
		deep_find(w, 0, rows[i].found);
		ck_assert_msg(deep.n_gets == (rows[i].looks ? 2 : 1), "%s: %u looks", rows[i].sentence, deep.n_gets);
		if (rows[i].looks)
			deep_find(w, 1, &fresh);
		fail_all_fetches(w);
		world_end(&first);
		world_end(&second);
		world_free(&w);
	}
}
END_TEST

static void on_purge(struct tier_purge *op, int err)
{
	ck_assert_int_eq(err, ERR_OK);
}

START_TEST(of_many_who_want_another_variant_one_looks_again)
{
	struct world *w = deep_world(plain);
	struct req *r[5];
	for (size_t i = 0; i < COUNT_OF(r); i++)
		r[i] = world_ask(w, "GET", "/p", i == 0 ? "Accept-Language: de\n" : "Accept-Language: en\n");
	deep_find(w, 0, &german);
	ASSERT_ANSWER(r[0], 200, "de");
	ck_assert_uint_eq(deep.n_gets, 2);
	deep_find(w, 1, &fresh);
	ck_assert_uint_eq(deep.n_gets, 2);
	for (size_t i = 0; i < COUNT_OF(r); i++) {
		if (i > 0)
			ASSERT_ANSWER(r[i], 200, "below");
		world_end(&r[i]);
	}
	world_free(&w);
}
END_TEST

/* The one who looks reads; a purge runs; the second comes; the letter comes. */
START_TEST(who_came_after_a_purge_looks_for_itself)
{
	struct world *w = deep_world(plain);
	struct req *first = world_ask(w, "GET", "/p", "");
	deep_finds(w, 0, &fresh);
	struct tier_purge op = {.kind = PURGE_ALL, .done = on_purge};
	ck_assert_int_eq(tier_purge(w->tier, &op), ERR_AGAIN);
	deep.purges[0]->done(deep.purges[0], ERR_OK);
	deep.purges[0] = NULL;
	struct req *second = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_gets, 1);
	world_deliver(w);
	ck_assert_uint_eq(deep.n_gets, 2);
	deep_find(w, 1, &(struct deep_page){.body = "newer", .lifetime_ms = 60000});
	ASSERT_ANSWER(second, 200, "newer");
	fail_all_fetches(w);
	world_end(&first);
	world_end(&second);
	world_free(&w);
}
END_TEST

START_TEST(the_one_who_looks_may_leave_before_those_who_wait)
{
	struct world *w = deep_world(plain);
	struct req *first = world_ask(w, "GET", "/p", ""), *second = world_ask(w, "GET", "/p", "");
	world_end(&first);
	deep_find(w, 0, &fresh);
	ASSERT_ANSWER(second, 200, "below");
	world_end(&second);
	ck_assert_uint_eq(deep.n_gets, 1);
	world_free(&w);
}
END_TEST

START_TEST(two_that_looked_in_vain_share_one_fetch)
{
	struct world *w = deep_world(plain);
	struct req *a = world_ask(w, "GET", "/p", ""), *b = world_ask_on(w, 1, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_gets, 2);
	deep_find(w, 1, NULL);
	deep_find(w, 0, NULL);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, "", "x");
	ASSERT_ANSWER(a, 200, "x");
	ASSERT_ANSWER(b, 200, "x");
	ck_assert_int_eq(b->outcome, OUTCOME_MISS);
	ck_assert_int_eq(a->outcome, OUTCOME_COLLAPSED);
	world_end(&a);
	world_end(&b);
	world_free(&w);
}
END_TEST

START_TEST(settings_may_change_while_it_is_looked_for)
{
	struct world *w = deep_world(plain),
		     *other = world_new("[route /*]\nttl = 1s\nresponse_header_add = X-New: 1\n");
	struct req *r = world_ask(w, "GET", "/p", "");
	struct conf *old = w->conf;
	w->conf = conf_ref(other->conf);
	w->workers[0].env.conf = w->workers[1].env.conf = w->conf;
	conf_release(&old); /* the request and its lookup have the last references */
	deep_find(w, 0, &fresh);
	ASSERT_ANSWER(r, 200, "below");
	ck_assert_ptr_null(world_field(r, "X-New").p);
	world_end(&r);
	world_free(&w);
	world_free(&other);
}
END_TEST

/* As everywhere: who has waited gets nothing that was purged since. */
START_TEST(what_was_purged_while_it_was_looked_for_answers_nobody)
{
	static const struct {
		const char *sentence;
		bool here, soft;
		const struct deep_page *below;
		bool answered_first; /* the letter is on its way when the purge comes */
	} rows[] = {
	    {"found below, then purged", false, false, &fresh, true},
	    {"found below, then purged softly", false, true, &fresh, true},
	    {"stale in memory, and nothing is below", true, false, NULL, false},
	    {"stale in memory, and softly purged", true, true, NULL, false},
	    {"stale in memory, the letter is on its way", true, false, NULL, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = deep_world(plain);
		if (rows[i].here) {
			store(w, "/p", "Cache-Control: max-age=60, stale-while-revalidate=600\n", "here");
			w->now_ms += 100000;
		}
		unsigned look = deep.n_gets, fetch = w->n_fetches;
		struct req *r = world_ask(w, "GET", "/p", "");
		if (rows[i].answered_first)
			deep_finds(w, look, rows[i].below);
		purge_all(w, rows[i].soft);
		if (!rows[i].answered_first)
			deep_finds(w, look, rows[i].below);
		world_deliver(w);
		ck_assert_msg(!req_answer(r), "%s", rows[i].sentence);
		ck_assert_msg(w->n_fetches == fetch + 1, "%s", rows[i].sentence);
		world_respond(w, fetch, 200, "", "new");
		ASSERT_ANSWER(r, 200, "new");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/lookup");
	TCase *t = tcase_create("lookup");
	suite_add_tcase(s, t);
	tcase_add_test(t, what_is_found_below_is_a_hit);
	tcase_add_test(t, the_access_log_names_the_tier_that_had_it);
	tcase_add_test(t, what_was_found_by_who_would_lead_has_its_tier_too);
	tcase_add_test(t, a_miss_below_is_a_miss);
	tcase_add_test(t, stale_here_and_fresh_below_is_a_hit);
	tcase_add_test(t, of_two_that_are_stale_the_newest_is_validated);
	tcase_add_test(t, a_stale_one_below_answers_while_it_is_renewed);
	tcase_add_test(t, what_was_softly_purged_below_is_validated);
	tcase_add_test(t, a_stale_one_below_stands_in_for_an_origin_that_fails);
	tcase_add_test(t, what_is_being_renewed_is_not_looked_for_again);
	tcase_add_test(t, another_variant_below_is_the_reason_of_the_miss);
	tcase_add_test(t, what_is_asked_for_and_how);
	tcase_add_test(t, nobody_waits_for_tiers_that_cannot_have_it);
	tcase_add_test(t, a_client_that_leaves_is_not_waited_for);
	tcase_add_test(t, of_many_on_a_worker_one_looks);
	tcase_add_test(t, many_that_one_looked_for_in_vain_share_one_fetch);
	tcase_add_test(t, what_another_one_found_is_taken_where_it_is_the_same);
	tcase_add_test(t, of_many_who_want_another_variant_one_looks_again);
	tcase_add_test(t, who_came_after_a_purge_looks_for_itself);
	tcase_add_test(t, the_one_who_looks_may_leave_before_those_who_wait);
	tcase_add_test(t, two_that_looked_in_vain_share_one_fetch);
	tcase_add_test(t, settings_may_change_while_it_is_looked_for);
	tcase_add_test(t, what_was_purged_while_it_was_looked_for_answers_nobody);
	return suite_run(s);
}
