/* One fetch of a page among those who share a tier: who is given the lease fetches, the others get what it brings. */
#include "deep.h"

#include "req/lease.h"

static const char plain[] = "[route /off/*]\ncache = off\n"
			    "[route /small/*]\nttl = 60s\nmax_object = 1K\n"
			    "[route /*]\nttl = 60s\n";

static const struct deep_page fresh = {.body = "theirs", .age_ms = 2000, .lifetime_ms = 60000};
static const struct deep_page stale = {.body = "older", .age_ms = 90000, .lifetime_ms = 60000};
static const struct deep_page each_validated = {.body = "theirs", .lifetime_ms = 60000, .no_cache = true};

static struct world *lease_world(void)
{
	struct world *w = deep_world(plain);
	deep.has_leases = deep.misses_at_once = true;
	return w;
}

/* Lookups stay open from here on. */
static void look_later(void)
{
	deep.misses_at_once = false;
}

START_TEST(who_gets_the_lease_fetches)
{
	struct world *w = lease_world();
	struct req *r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_leases, 1);
	ASSERT_STR(deep.leases[0]->key.text, "GET http://example.com/p");
	ck_assert_uint_eq(deep.leases[0]->signature.n, 0);
	ck_assert_uint_eq(w->n_fetches, 0);
	deep_leases(0, ERR_OK, true);
	ck_assert_uint_eq(w->n_fetches, 0); /* not on the tier's thread */
	world_deliver(w);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_head(w, 0, 200, "", 1);
	world_say(w, 0, "x");
	ck_assert_uint_eq(deep.given_back, 0); /* until it is stored */
	ck_assert_uint_eq(deep.n_puts, 0);
	world_done(w, 0, ERR_OK);
	ck_assert_uint_eq(deep.n_puts, 1);
	ck_assert_uint_eq(deep.given_back, 1);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "x");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* One budget for the lookup, the lease, and the lookup after it; for who waited for another's lookup as well. */
START_TEST(what_the_lookup_has_spent_is_spent)
{
	struct world *w = lease_world();
	look_later();
	struct req *r = world_ask(w, "GET", "/p", ""), *other = world_ask(w, "GET", "/p", "");
	deep.gets[0]->spent_us = 7000;
	deep_find(w, 0, NULL);
	ck_assert_uint_eq(deep.n_gets, 1);
	ck_assert_int_eq(deep.leases[0]->spent_us, 7000);
	deep.leases[0]->spent_us = 9000;
	deep_lease_comes(w, 0, ERR_EOF, false);
	ck_assert_int_eq(deep.gets[1]->spent_us, 9000);
	deep_find(w, 1, NULL);
	world_respond(w, 0, 200, "", "x");
	ck_assert_int_eq(other->spent_us, 7000);
	world_end(&r);
	world_end(&other);
	world_free(&w);
}
END_TEST

/* Only what it has waited itself: the third waits for the first, whose page is another variant, and then for the second. */
START_TEST(who_waits_spends_what_is_waited_for)
{
	static const struct deep_page german = {
	    .body = "de", .lifetime_ms = 60000, .vary = {{STR("accept-language"), STR("de")}}};
	static const char english[] = "Accept-Language: en\n";
	struct world *w = lease_world();
	look_later();
	struct req *first = world_ask(w, "GET", "/p", "Accept-Language: de\n"),
		   *second = world_ask(w, "GET", "/p", english), *third = world_ask(w, "GET", "/p", english);
	ck_assert_uint_eq(deep.n_gets, 1);
	deep.gets[0]->spent_us = 12000;
	deep_find(w, 0, &german);
	ASSERT_ANSWER(first, 200, "de");
	ck_assert_uint_eq(deep.n_gets, 2);
	ck_assert_int_eq(deep.gets[1]->spent_us, 12000);
	deep.gets[1]->spent_us = 18000;
	deep_find(w, 1, NULL);
	ck_assert_uint_eq(deep.n_gets, 3); /* of use to one of them only */
	ck_assert_int_eq(deep.gets[2]->spent_us, 18000);
	deep_find(w, 2, NULL);
	ck_assert_int_eq(second->spent_us, 18000);
	ck_assert_int_eq(third->spent_us, 18000);
	deep_lease_comes(w, 0, ERR_OK, true);
	world_respond(w, 0, 200, "Vary: Accept-Language\n", "en");
	ASSERT_ANSWER(second, 200, "en");
	ASSERT_ANSWER(third, 200, "en");
	world_end(&first);
	world_end(&second);
	world_end(&third);
	world_free(&w);
}
END_TEST

START_TEST(who_is_not_answered_looks_for_nothing_more)
{
	struct world *w = lease_world();
	struct req *r = world_ask(w, "GET", "/p", "");
	look_later();
	deep_lease_comes(w, 0, ERR_OK, false);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, "", "x");
	ASSERT_ANSWER(r, 200, "x");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_lease_that_is_given_at_once)
{
	struct world *w = lease_world();
	deep.at_once = ERR_OK;
	struct req *r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 1);
	world_respond(w, 0, 200, "", "x");
	ck_assert_uint_eq(deep.given_back, 1);
	world_end(&r);
	/* nobody can tell: it fetches without one */
	deep.has_leases = false;
	r = world_ask(w, "GET", "/q", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 1, 200, "", "x");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(who_needs_no_lease_asks_for_none)
{
	static const struct {
		const char *sentence, *method, *target, *fields;
	} rows[] = {
	    {"RFC 9110 9.3.3: what changes something", "POST", "/p", "Content-Length: 0\n"},
	    {"a part", "GET", "/p", "Range: bytes=0-1\n"},
	    {"HEAD brings no page", "HEAD", "/p", ""},
	    {"what is never stored", "GET", "/off/p", ""},
	    {"RFC 9111 3.5: what is for one alone", "GET", "/p", "Authorization: Basic eDp5\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = lease_world();
		struct req *r = world_ask(w, rows[i].method, rows[i].target, rows[i].fields);
		ck_assert_msg(deep.n_leases == 0 && w->n_fetches >= 1, "%s", rows[i].sentence);
		unsigned n = w->n_fetches;
		for (unsigned k = 0; k < n; k++)
			world_respond(w, k, 404, "Cache-Control: no-store\n", "");
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

/* What only this instance has begun, only it can complete. */
START_TEST(the_rest_of_a_page_needs_no_lease)
{
	struct world *w = lease_world();
	struct req *r = world_ask(w, "GET", "/p", "Range: bytes=0-4\n");
	world_respond(w, 0, 206, "ETag: \"a\"\nContent-Range: bytes 0-4/10\n", "01234");
	ASSERT_ANSWER(r, 206, "01234");
	world_end(&r);
	r = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(w->n_fetches, 2);
	ASSERT_STR(headers_get(w->fetches[1]->headers, STR("Range")), "bytes=5-");
	world_respond(w, 1, 206, "ETag: \"a\"\nContent-Range: bytes 5-9/10\n", "56789");
	ASSERT_ANSWER(r, 200, "0123456789");
	world_end(&r);
	ck_assert_uint_eq(deep.n_leases, 0);
	world_free(&w);
}
END_TEST

/* The leader had it; those who waited ask for the whole, and need not wait once more. */
START_TEST(who_was_left_by_a_304_asks_for_no_lease)
{
	struct world *w = lease_world();
	struct req *r = world_ask(w, "GET", "/p", "If-None-Match: \"a\"\n"), *other = world_ask(w, "GET", "/p", "");
	deep_lease_comes(w, 0, ERR_OK, true);
	world_head(w, 0, 304, "ETag: \"a\"\n", 0);
	ck_assert_uint_eq(deep.given_back, 1);
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->status, 304);
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 2);
	ck_assert_uint_eq(deep.n_leases, 1);
	world_respond(w, 1, 200, "", "x");
	ASSERT_ANSWER(other, 200, "x");
	world_end(&other);
	world_free(&w);
}
END_TEST

START_TEST(a_variant_has_a_lease_of_its_own)
{
	struct world *w = lease_world();
	deep.at_once = ERR_OK;
	struct req *r = world_ask(w, "GET", "/p", "Accept-Language: de\n");
	world_respond(w, 0, 200, "Vary: Accept-Language\n", "de");
	world_end(&r);
	deep.at_once = ERR_AGAIN;
	r = world_ask(w, "GET", "/p", "Accept-Language: en\n");
	ck_assert_uint_eq(deep.n_leases, 2);
	ASSERT_STR(deep.leases[1]->signature, "accept-language:en\n");
	deep_lease_comes(w, 1, ERR_OK, true);
	world_respond(w, 1, 200, "Vary: Accept-Language\n", "en");
	ASSERT_ANSWER(r, 200, "en");
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(what_another_has_stored_is_a_hit_for_all_who_wait)
{
	static const struct {
		const char *sentence;
		bool later; /* that it was stored is told later */
	} rows[] = {{"told at once", false}, {"told later", true}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = lease_world();
		struct req *r[3];
		deep.at_once = rows[i].later ? ERR_AGAIN : ERR_EOF;
		r[0] = world_ask(w, "GET", "/p", "");
		r[1] = world_ask(w, "GET", "/p", "");
		r[2] = world_ask_on(w, 1, "GET", "/p", "");
		if (!rows[i].later) { /* looked for at once, in vain: the first fetches */
			ck_assert_uint_eq(w->n_fetches, 1);
			world_respond(w, 0, 200, "", "theirs");
		} else {
			ck_assert_uint_eq(deep.n_leases, 1); /* the others wait for the first */
			look_later();
			deep_lease_comes(w, 0, ERR_EOF, false);
			deep_find(w, deep.n_gets - 1, &fresh);
			ck_assert_uint_eq(w->n_fetches, 0);
		}
		for (unsigned k = 0; k < COUNT_OF(r); k++) {
			ASSERT_ANSWER(r[k], 200, "theirs");
			if (rows[i].later) {
				ck_assert_int_eq(r[k]->outcome, OUTCOME_HIT);
				ASSERT_STR(str_of(r[k]->found_in), "below");
				ASSERT_STR(world_field(r[k], "Age"), "2");
				ASSERT_STR(world_field(r[k], "Cache-Status"), "larder; hit; ttl=58");
			}
			world_end(&r[k]);
		}
		world_free(&w);
	}
}
END_TEST

/* RFC 9111 5.2.1: it was fetched before they asked; what they ask for is newer. */
START_TEST(who_asks_for_a_newer_one_is_not_given_what_was_found)
{
	static const char *const fields[] = {
	    "Cache-Control: no-cache\n", "Cache-Control: max-age=1\n", "Cache-Control: min-fresh=59\n"};
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct world *w = deep_world("[route /*]\nttl = 60s\nclient_cache_control = honour\n");
		deep.has_leases = deep.misses_at_once = true;
		struct req *r = world_ask(w, "GET", "/p", ""), *picky = world_ask(w, "GET", "/p", fields[i]);
		ck_assert_uint_eq(deep.n_leases, 1);
		look_later();
		deep_lease_comes(w, 0, ERR_EOF, false);
		deep_find(w, deep.n_gets - 1, &fresh);
		ASSERT_ANSWER(r, 200, "theirs");
		ck_assert_msg(!req_answer(picky), "%s", fields[i]);
		ck_assert_uint_eq(deep.n_leases, 2);
		deep_lease_comes(w, 1, ERR_OK, true);
		world_respond(w, 0, 200, "", "newer");
		ASSERT_ANSWER(picky, 200, "newer");
		world_end(&r);
		world_end(&picky);
		world_free(&w);
	}
}
END_TEST

START_TEST(what_was_found_at_once_begins_no_fetch)
{
	struct world *w = lease_world();
	deep.at_once = ERR_EOF;
	look_later();
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, NULL);
	ck_assert_uint_eq(deep.n_gets, 2); /* once more: it was stored meanwhile */
	deep_find(w, 1, &fresh);
	ASSERT_ANSWER(r, 200, "theirs");
	ck_assert_int_eq(r->outcome, OUTCOME_HIT);
	world_end(&r);
	ck_assert_uint_eq(w->n_fetches, 0);
	world_free(&w);
}
END_TEST

START_TEST(who_finds_nothing_that_answers_fetches)
{
	static const struct {
		const char *sentence;
		int err;
		const struct deep_page *found;
		bool purged; /* between the tier's answer and the letter */
	} rows[] = {
	    {"it is gone", ERR_EOF, NULL, false},
	    {"it is stale", ERR_EOF, &stale, false},
	    {"RFC 9111 5.2.2.4: it is validated for each", ERR_EOF, &each_validated, false},
	    {"it has waited long enough", ERR_EOF, NULL, false},
	    {"it was purged since", ERR_EOF, &fresh, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = lease_world();
		struct tier_purge all = {.kind = PURGE_ALL};
		struct req *r = world_ask(w, "GET", "/p", ""), *other = world_ask(w, "GET", "/p", "");
		look_later();
		deep_lease_comes(w, 0, rows[i].err, false);
		ck_assert_msg(w->n_fetches == 0, "%s", rows[i].sentence);
		deep_finds(w, deep.n_gets - 1, rows[i].found);
		if (rows[i].purged)
			ck_assert_int_eq(tier_purge(tier_part(w->tier, 0), &all), ERR_OK);
		world_deliver(w);
		ck_assert_msg(w->n_fetches == 1, "%s", rows[i].sentence);
		world_respond(w, 0, 200, "", "ours");
		ASSERT_ANSWER(r, 200, "ours");
		ASSERT_ANSWER(other, 200, "ours");
		ck_assert_int_eq(r->outcome, OUTCOME_MISS);
		world_end(&r);
		world_end(&other);
		world_free(&w);
	}
}
END_TEST

START_TEST(a_page_that_is_stale_here_may_be_fresh_below_by_then)
{
	struct world *w = lease_world();
	deep.at_once = ERR_OK;
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "", "ours");
	world_end(&r);
	w->now_ms += 90000;
	deep.at_once = ERR_AGAIN;
	r = world_ask(w, "GET", "/p", "");
	look_later();
	deep_lease_comes(w, 1, ERR_EOF, false);
	deep_find(w, deep.n_gets - 1, &fresh);
	ASSERT_ANSWER(r, 200, "theirs");
	ck_assert_int_eq(r->outcome, OUTCOME_HIT);
	ck_assert_uint_eq(w->n_fetches, 1);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_renewal_that_nobody_waits_for_asks_too)
{
	static const struct deep_page while_renewed = {
	    .body = "older", .age_ms = 90000, .lifetime_ms = 60000, .swr_ms = 600000};
	struct world *w = lease_world();
	look_later();
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_find(w, 0, &while_renewed);
	ASSERT_ANSWER(r, 200, "older");
	world_end(&r);
	ck_assert_uint_eq(deep.n_leases, 1);
	/* another has renewed it */
	deep_lease_comes(w, 0, ERR_EOF, false);
	deep_find(w, 1, &fresh);
	ck_assert_uint_eq(w->n_fetches, 0);
	r = world_ask(w, "GET", "/p", "");
	ASSERT_ANSWER(r, 200, "theirs");
	world_end(&r);
	world_free(&w);
}
END_TEST

/* Those who wait are served, and what is worth it is stored even when nobody waits. */
START_TEST(the_leader_leaves_while_the_lease_is_awaited)
{
	static const struct {
		const char *sentence;
		bool others; /* wait with it */
		bool looks;  /* leaves while it is looked for once more */
		bool found;
	} rows[] = {
	    {"alone", false, false, false},
	    {"others wait", true, false, false},
	    {"alone, while it looks once more", false, true, false},
	    {"others wait, while it looks once more", true, true, false},
	    {"others wait, and it is found", true, true, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = lease_world();
		struct req *r = world_ask(w, "GET", "/p", ""), *other = NULL;
		if (rows[i].others)
			other = world_ask_on(w, 1, "GET", "/p", "");
		look_later();
		if (rows[i].looks)
			deep_lease_comes(w, 0, ERR_EOF, false);
		req_gone(r);
		world_end(&r);
		ck_assert_msg(w->workers[0].env.active > 0, "%s", rows[i].sentence);
		if (rows[i].looks)
			deep_find(w, deep.n_gets - 1, rows[i].found ? &fresh : NULL);
		else
			deep_lease_comes(w, 0, ERR_OK, true);
		ck_assert_msg(w->n_fetches == !rows[i].found, "%s", rows[i].sentence);
		if (!rows[i].found)
			world_respond(w, 0, 200, "", "theirs");
		if (other) {
			ASSERT_ANSWER(other, 200, "theirs");
			world_end(&other);
		}
		other = world_ask(w, "GET", "/p", "");
		ASSERT_ANSWER(other, 200, "theirs"); /* stored */
		world_end(&other);
		world_free(&w);
	}
}
END_TEST

/* Who joins while the lease is awaited or the page looked for. */
START_TEST(others_join_at_any_time)
{
	struct world *w = lease_world();
	struct req *r[4];
	r[0] = world_ask(w, "GET", "/p", "");
	r[1] = world_ask_on(w, 1, "GET", "/p", "");
	look_later();
	deep_leases(0, ERR_EOF, false);
	deep.misses_at_once = true;
	r[2] = world_ask(w, "GET", "/p", ""); /* the letter is on its way */
	look_later();
	world_deliver(w);
	unsigned look = deep.n_gets - 1;
	deep.misses_at_once = true;
	r[3] = world_ask(w, "GET", "/p", "");
	deep_find(w, look, &fresh);
	for (unsigned i = 0; i < COUNT_OF(r); i++) {
		ASSERT_ANSWER(r[i], 200, "theirs");
		ck_assert_int_eq(r[i]->outcome, OUTCOME_HIT);
		world_end(&r[i]);
	}
	ck_assert_uint_eq(w->n_fetches, 0);
	ck_assert_uint_eq(deep.n_leases, 1);
	world_free(&w);
}
END_TEST

START_TEST(a_purge_meanwhile_makes_later_ones_ask_anew)
{
	struct world *w = lease_world();
	struct tier_purge all = {.kind = PURGE_ALL};
	struct req *before = world_ask(w, "GET", "/p", "");
	ck_assert_int_eq(tier_purge(tier_part(w->tier, 0), &all), ERR_OK);
	struct req *after = world_ask(w, "GET", "/p", "");
	ck_assert_uint_eq(deep.n_leases, 2);
	deep_lease_comes(w, 1, ERR_OK, true);
	deep_lease_comes(w, 0, ERR_OK, false);
	ck_assert_uint_eq(w->n_fetches, 2);
	world_respond(w, 0, 200, "", "new");
	world_respond(w, 1, 200, "", "new");
	ASSERT_ANSWER(before, 200, "new");
	ASSERT_ANSWER(after, 200, "new");
	world_end(&before);
	world_end(&after);
	world_free(&w);
}
END_TEST

/* The flight is over before the tier has answered: it is told so, and what it gives all the same is given back. */
static struct leased {
	struct flight *flight;
	unsigned went;
} leased;

static void note_go(struct flight *f)
{
	leased.went++;
}

static void note_found(struct flight *f, struct entry *e_take, const char *found_in)
{
	entry_release(&e_take);
	leased.went++;
}

START_TEST(an_end_before_the_answer)
{
	static const struct {
		const char *sentence;
		bool held, ends_late; /* the letter is on its way */
		unsigned left, given_back;
	} rows[] = {
	    {"while it is waited for", false, false, 1, 0},
	    {"not given, the letter is on its way", false, true, 1, 0},
	    {"given, the letter is on its way", true, true, 0, 1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = lease_world();
		struct cache_key key = {.text = STR("GET http://example.com/p")};
		struct flight *f = flight_new(w->flights, w->tier, &key, STR_NONE);
		leased = (struct leased){0};
		f->env = &w->workers[0].env;
		f->may_store = true;
		f->request.method = METHOD_GET;
		ck_assert(!lease_begin(f, note_go, note_found));
		ck_assert(lease_is_awaited(f));
		if (rows[i].ends_late)
			deep_leases(0, ERR_OK, rows[i].held);
		lease_end(f);
		lease_end(f);
		ck_assert(!lease_is_awaited(f));
		flight_release(&f); /* the lease outlives it */
		world_deliver(w);
		ck_assert_msg(leased.went == 0, "%s", rows[i].sentence);
		ck_assert_msg(deep.left == rows[i].left && deep.given_back == rows[i].given_back, "%s: %u %u",
		    rows[i].sentence, deep.left, deep.given_back);
		world_free(&w);
	}
}
END_TEST

START_TEST(it_ends_with_what_it_was_for)
{
	static char large[2000];
	memset(large, 'x', sizeof large - 1);
	static const struct {
		const char *sentence, *target, *fields;
		int status;
		bool at_head; /* that nothing will be stored is known then */
	} rows[] = {
	    {"RFC 9111 5.2.2.5: not stored", "/p", "Cache-Control: no-store\n", 200, true},
	    {"RFC 9111 5.2.2.7: for one alone", "/p", "Cache-Control: private\n", 200, true},
	    {"an error of the origin", "/p", "", 500, true},
	    {"too large", "/small/p", "", 200, true},
	    {"stored", "/p", "", 200, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = lease_world();
		struct req *r = world_ask(w, "GET", rows[i].target, "");
		deep_lease_comes(w, 0, ERR_OK, true);
		world_head(w, 0, rows[i].status, rows[i].fields, sizeof large - 1);
		ck_assert_msg(deep.given_back == rows[i].at_head, "%s", rows[i].sentence);
		world_say(w, 0, large);
		world_done(w, 0, ERR_OK);
		ck_assert_msg(deep.given_back == 1, "%s", rows[i].sentence);
		world_deliver(w);
		world_end(&r);
		world_free(&w);
	}
}
END_TEST

START_TEST(it_ends_when_the_page_turns_out_too_large)
{
	static char large[2000];
	memset(large, 'x', sizeof large - 1);
	struct world *w = lease_world();
	struct req *r = world_ask(w, "GET", "/small/p", "");
	deep_lease_comes(w, 0, ERR_OK, true);
	world_head(w, 0, 200, "", -1);
	ck_assert_uint_eq(deep.given_back, 0);
	world_say(w, 0, large);
	ck_assert_uint_eq(deep.given_back, 1); /* others need not wait for its end */
	world_done(w, 0, ERR_OK);
	world_deliver(w);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(it_ends_when_the_fetch_fails)
{
	struct world *w = lease_world();
	struct req *r = world_ask(w, "GET", "/p", "");
	deep_lease_comes(w, 0, ERR_OK, true);
	world_done(w, 0, ERR_CONNECT);
	world_deliver(w);
	ck_assert_int_eq(req_answer(r)->status, 502);
	world_end(&r);
	ck_assert_uint_eq(deep.given_back, 1);
	/* broken off */
	r = world_ask(w, "GET", "/p", "");
	deep_lease_comes(w, 1, ERR_OK, true);
	world_head(w, 1, 200, "", 10);
	world_say(w, 1, "x");
	world_done(w, 1, ERR_SHORT);
	world_deliver(w);
	world_end(&r);
	ck_assert_uint_eq(deep.given_back, 2);
	world_free(&w);
}
END_TEST

START_TEST(a_confirmed_page_keeps_the_lease_until_it_is_renewed)
{
	struct world *w = lease_world();
	deep.at_once = ERR_OK;
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "ETag: \"a\"\n", "ours");
	world_end(&r);
	w->now_ms += 90000;
	r = world_ask(w, "GET", "/p", "");
	world_head(w, 1, 304, "ETag: \"a\"\n", 0);
	world_done(w, 1, ERR_OK);
	world_deliver(w);
	ASSERT_ANSWER(r, 200, "ours");
	ck_assert_int_eq(r->outcome, OUTCOME_REVALIDATED);
	world_end(&r);
	ck_assert_uint_eq(deep.given_back, 2);
	ck_assert_uint_eq(deep.n_puts, 2);
	/* not confirmed: asked once more under the same lease */
	w->now_ms += 90000;
	r = world_ask(w, "GET", "/p", "");
	world_head(w, 2, 304, "ETag: \"b\"\n", 0);
	world_done(w, 2, ERR_OK);
	ck_assert_uint_eq(deep.given_back, 2);
	world_respond(w, 3, 200, "", "new");
	ASSERT_ANSWER(r, 200, "new");
	world_end(&r);
	ck_assert_uint_eq(deep.n_leases, 3);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/lease");
	TCase *t = tcase_create("lease");
	suite_add_tcase(s, t);
	tcase_add_test(t, who_gets_the_lease_fetches);
	tcase_add_test(t, what_the_lookup_has_spent_is_spent);
	tcase_add_test(t, who_waits_spends_what_is_waited_for);
	tcase_add_test(t, who_is_not_answered_looks_for_nothing_more);
	tcase_add_test(t, a_lease_that_is_given_at_once);
	tcase_add_test(t, who_needs_no_lease_asks_for_none);
	tcase_add_test(t, the_rest_of_a_page_needs_no_lease);
	tcase_add_test(t, who_was_left_by_a_304_asks_for_no_lease);
	tcase_add_test(t, a_variant_has_a_lease_of_its_own);
	tcase_add_test(t, what_another_has_stored_is_a_hit_for_all_who_wait);
	tcase_add_test(t, who_asks_for_a_newer_one_is_not_given_what_was_found);
	tcase_add_test(t, what_was_found_at_once_begins_no_fetch);
	tcase_add_test(t, who_finds_nothing_that_answers_fetches);
	tcase_add_test(t, a_page_that_is_stale_here_may_be_fresh_below_by_then);
	tcase_add_test(t, a_renewal_that_nobody_waits_for_asks_too);
	tcase_add_test(t, the_leader_leaves_while_the_lease_is_awaited);
	tcase_add_test(t, others_join_at_any_time);
	tcase_add_test(t, a_purge_meanwhile_makes_later_ones_ask_anew);
	tcase_add_test(t, an_end_before_the_answer);
	tcase_add_test(t, it_ends_with_what_it_was_for);
	tcase_add_test(t, it_ends_when_the_page_turns_out_too_large);
	tcase_add_test(t, it_ends_when_the_fetch_fails);
	tcase_add_test(t, a_confirmed_page_keeps_the_lease_until_it_is_renewed);
	return suite_run(s);
}
