/* Variants of a URL: which one is a request's, and how many there may be. */
#include "world.h"

static const char plain[] = "[cache]\nmemory_size = 2M\nmax_object = 1M\nmax_variants = 8\n";

static void store(struct world *w, const char *target, const char *request, const char *response, const char *body)
{
	struct req *r = world_ask(w, "GET", target, request);
	unsigned i = w->n_fetches - 1;
	ck_assert_msg(w->fetches[i], "%s: no fetch", target);
	world_respond(w, i, 200, response, body);
	world_end(&r);
	w->n_fetches = 0; /* room for the next */
}

/* Asks, and tells whether the store answered, with that body. */
static bool hits(struct world *w, const char *target, const char *request, const char *body)
{
	struct req *r = world_ask(w, "GET", target, request);
	bool hit = w->n_fetches == 0;
	if (hit)
		ASSERT_ANSWER(r, 200, body);
	else
		world_respond(w, 0, 500, "", "");
	w->n_fetches = 0;
	world_end(&r);
	return hit;
}

START_TEST(a_language_that_is_wanted_first_is_found)
{
	static const struct {
		const char *what, *request;
		bool hit;
	} rows[] = {
	    {"RFC 9111 4.1: the heaviest range asks for it", "Accept-Language: fr;q=0.5, de;q=1.0\nFoo: 1\n", true},
	    {"another is wanted first", "Accept-Language: fr, de;q=0.5\nFoo: 1\n", false},
	    {"another field differs", "Accept-Language: fr;q=0.5, de\nFoo: 2\n", false},
	    {"no wish", "Foo: 1\n", false},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(plain);
		store(w, "/p", "Accept-Language: en, de\nFoo: 1\n",
		    "Cache-Control: max-age=60\nVary: Accept-Language, Foo\nContent-Language: de\n", "hallo");
		ck_assert_msg(hits(w, "/p", rows[i].request, "hallo") == rows[i].hit, "%s", rows[i].what);
		world_free(&w);
	}
}
END_TEST

START_TEST(an_own_variant_comes_before_a_preferred_one)
{
	struct world *w = world_new(plain);
	store(w, "/p", "Accept-Language: de\n",
	    "Cache-Control: max-age=60\nVary: Accept-Language\nContent-Language: en\n", "own");
	store(w, "/p", "Accept-Language: en, de\n",
	    "Cache-Control: max-age=60\nVary: Accept-Language\nContent-Language: de\n", "hallo");
	ck_assert(hits(w, "/p", "Accept-Language: de\n", "own"));
	world_free(&w);
}
END_TEST

START_TEST(a_stale_language_is_not_taken)
{
	struct world *w = world_new(plain);
	store(w, "/p", "Accept-Language: en, de\n",
	    "Cache-Control: max-age=60\nVary: Accept-Language\nContent-Language: de\n", "hallo");
	w->now_ms += 61000;
	ck_assert(!hits(w, "/p", "Accept-Language: de\n", ""));
	world_free(&w);
}
END_TEST

/* RFC 9111 4.1-2: the default answer forgot its Vary. */
START_TEST(a_default_without_vary_does_not_hide_the_others)
{
	struct world *w = world_new(plain);
	store(w, "/p", "Foo: 1\n", "Cache-Control: max-age=60\nVary: Foo\n", "one");
	store(w, "/p", "", "Cache-Control: max-age=60\n", "default");
	ck_assert(hits(w, "/p", "Foo: 1\n", "one"));
	ck_assert(hits(w, "/p", "", "default"));
	world_free(&w);
}
END_TEST

START_TEST(the_newest_vary_replaces_what_was_validated)
{
	struct world *w = world_new(plain);
	store(w, "/p", "Foo: 1\nBar: 1\n", "Cache-Control: max-age=1\nVary: Foo\n", "by foo");
	w->now_ms += 2000;
	store(w, "/p", "Foo: 1\nBar: 1\n", "Cache-Control: max-age=60\nVary: Bar\n", "by bar");
	ck_assert(hits(w, "/p", "Foo: 2\nBar: 1\n", "by bar"));
	ck_assert_msg(!hits(w, "/p", "Foo: 1\nBar: 2\n", "by foo"), "the old one is gone");
	/* no Vary at all any more: the one that varied does not come before it */
	store(w, "/q", "Foo: 1\n", "Cache-Control: max-age=1\nVary: Foo\n", "by foo");
	w->now_ms += 2000;
	store(w, "/q", "Foo: 1\n", "Cache-Control: max-age=60\n", "for all");
	ck_assert(hits(w, "/q", "Foo: 1\n", "for all"));
	world_free(&w);
}
END_TEST

/* A client that sends ever other values fills one URL, not the store. */
START_TEST(an_explosion_of_variants_pushes_nothing_else_out)
{
	static const struct {
		const char *what, *ini;
		size_t body;
		unsigned variants, others, most;
	} rows[] = {
	    {"by number", "[cache]\nmemory_size = 2M\nmax_object = 1M\nmax_variants = 8\n", 100, 200, 100, 8},
	    {"by bytes", "[cache]\nmemory_size = 2M\nmax_object = 1M\nmax_variants = 64\n", 100000, 100, 100, 5},
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct world *w = world_new(rows[i].ini);
		char *body = mem_zalloc(rows[i].body + 1), text[64];
		memset(body, 'x', rows[i].body);
		for (unsigned n = 0; n < rows[i].others; n++) {
			snprintf(text, sizeof text, "/other/%u", n);
			store(w, text, "", "Cache-Control: max-age=600\n", "other");
		}
		for (unsigned n = 0; n < rows[i].variants; n++) {
			snprintf(text, sizeof text, "Foo: %u\n", n);
			store(w, "/p", text, "Cache-Control: max-age=600\nVary: Foo\n", body);
		}
		for (unsigned n = 0; n < rows[i].others; n++) {
			snprintf(text, sizeof text, "/other/%u", n);
			ck_assert_msg(hits(w, text, "", "other"), "%s: %s was pushed out", rows[i].what, text);
		}
		struct tier_stats stats = {0};
		tier_stats(w->tier, &stats);
		ck_assert_msg(stats.entries <= rows[i].others + rows[i].most, "%s: %u entries", rows[i].what,
		    (unsigned)stats.entries);
		free(body);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/variant");
	TCase *t = tcase_create("variant");
	tcase_add_test(t, a_language_that_is_wanted_first_is_found);
	tcase_add_test(t, an_own_variant_comes_before_a_preferred_one);
	tcase_add_test(t, a_stale_language_is_not_taken);
	tcase_add_test(t, a_default_without_vary_does_not_hide_the_others);
	tcase_add_test(t, the_newest_vary_replaces_what_was_validated);
	tcase_add_test(t, an_explosion_of_variants_pushes_nothing_else_out);
	suite_add_tcase(s, t);
	return suite_run(s);
}
