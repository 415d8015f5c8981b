/* What holds for every tier: the suite of one runs over all. A tier's test names itself in contract_tier and adds the cases.
 * Nothing here knows how a tier is made; where a tier holds less than 64M or not for good, it has to say so in its struct. */
#ifndef LARDER_TESTS_TIER_CONTRACT_H
#define LARDER_TESTS_TIER_CONTRACT_H

#include "tier/many.h"

struct contract {
	const char *name;
	struct tier *(*open)(size_t bytes);
	unsigned max_variants; /* of the tiers it opens */
	/* Purges of URLs are remembered by the 128 bits of their keys alone (tier/ledger.h): one of a key that collides takes the other as well. */
	bool purges_by_hash;
	size_t bytes; /* what 100,000 small entries take, and more; 0: CONTRACT_BYTES */
	/* What a tier does not promise, each with the reason; NULL: it does. */
	const char *no_sweep;  /* it drops what expired when the test says what time it is */
	const char *no_counts; /* it counts what wide and soft purges cover, and the entries it holds */
	const char *no_epochs; /* a purge lets alone what has a later epoch, also when it was stored before */
	const char *no_full;   /* it answers ERR_FULL to what is too large; else that is only not there */
	const char
	    *no_memory; /* tier_variants, and counts of an invalidation and of parts: of what is kept in memory */
	const char *
	    moves_on; /* the epoch stays where a purge has moved it to; else it moves once more when that is carried out */
	unsigned sweepers; /* tiers that it is made of, each of which sweeps as much as it is told; 0: itself */
	/* (Not a promise.) Where `put` comes back only when the page has arrived everywhere: one that does not wait for that, and whether it
	 * has. NULL: tier_put, and that is when it came back. */
	int (*put)(struct tier *t, struct tier_put *op);
	bool (*arrived)(struct tier *t, struct entry *e);
	bool small; /* (Not a promise.) 10,000 entries are enough: it is a tier that holds 100,000, in another place. */
	const char *slow; /* (Not a promise.) Fewer operations are enough, where one waits for the other. */
};

static const struct contract *contract;

enum { CONTRACT_BYTES = 256 << 20 };

/* A count of a purge, where it is one. */
static bool contract_counts(uint64_t is, uint64_t should_be)
{
	return contract->no_counts || is == should_be;
}

/* The epoch, or that of the next purge, where it should be `at` if nothing else moved it. */
static bool contract_epoch_is(uint64_t is, uint64_t at)
{
	return is == at || (contract->moves_on && is == at + 1);
}

/* Where a lookup is refused as long as a purge is on its way, after that. */
static bool contract_has_soon(struct tier *t, const char *key)
{
	int64_t until_us = clock_mono_us() + 20 * (int64_t)1000000;
	while (!has(t, key)) {
		if (!contract->moves_on || clock_mono_us() > until_us)
			return false;
		sched_yield();
	}
	return true;
}

static unsigned contract_sweepers(void)
{
	return contract->sweepers > 0 ? contract->sweepers : 1;
}

/* How many operations are enough: a power of ten less where each of them takes its time. */
static unsigned contract_rounds(unsigned all)
{
	all /= contract->slow ? 10 : 1;
	return all / (MEM_IS_SANITIZED ? 10 : 1);
}

static struct tier *contract_open(void)
{
	return contract->open(contract->bytes ? contract->bytes : CONTRACT_BYTES);
}

START_TEST(contract_finds_what_was_stored_byte_for_byte)
{
	struct header fields[] = {
	    {STR("Content-Type"), STR("text/html")},
	    {STR("X-Twice"), STR("one")},
	    {STR("x-twice"), STR("two")},
	    {STR("X-Empty"), STR("")},
	    {STR("X-High"), STR("\xff\xfe")},
	};
	struct headers headers = {fields, COUNT_OF(fields), COUNT_OF(fields)};
	static const size_t sizes[] = {0, 1, 100, 5000, 100000, 9 << 20};
	char *bytes = mem_alloc(9 << 20);
	for (size_t i = 0; i < 9 << 20; i++)
		bytes[i] = (char)(i * 31 % 251);
	struct tier *t = contract_open();
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char key[64];
		snprintf(key, sizeof(key), "GET http://h/size?%zu", sizes[i]);
		struct recipe r = {.key = key,
		    .vary = {{STR("accept"), STR("x")}, {STR("absent"), STR_NONE}},
		    .tags = "a,b",
		    .body = {bytes, sizes[i]},
		    .response_ms = 1000,
		    .lifetime_ms = 60000,
		    .initial_age_ms = 5,
		    .swr_ms = 6,
		    .sie_ms = 7,
		    .unreachable_ms = 8,
		    .etag = STR("W/\"e\""),
		    .last_modified_s = 99,
		    .headers = &headers};
		ck_assert_msg(!has(t, key), "%zu: there too early", sizes[i]);
		ck_assert_int_eq(store(t, &r), ERR_OK);
		struct entry *e = find(t, key);
		ck_assert_msg(e != NULL, "%zu: not found", sizes[i]);
		ck_assert(str_eq(entry_key(e).text, str_of(key)));
		ck_assert_msg(body_is(e, r.body), "%zu: the body differs", sizes[i]);
		ck_assert_uint_eq(body_size(e->body), sizes[i]);
		struct arena a;
		arena_init(&a, 0);
		const struct headers *got = entry_headers(e, &a);
		ck_assert_uint_eq(got->n, headers.n);
		for (uint32_t k = 0; k < headers.n; k++) {
			ck_assert(str_eq(got->v[k].name, fields[k].name));
			ck_assert(str_eq(got->v[k].value, fields[k].value));
		}
		arena_free(&a);
		const struct stored *s = ENTRY_STORED(e);
		ck_assert_int_eq(s->status, 200);
		ck_assert_int_eq(s->response_ms, 1000);
		ck_assert_int_eq(s->lifetime_ms, 60000);
		ck_assert_int_eq(s->initial_age_ms, 5);
		ck_assert_int_eq(s->swr_ms, 6);
		ck_assert_int_eq(s->sie_ms, 7);
		ck_assert_int_eq(s->unreachable_ms, 8);
		ck_assert_int_eq(s->last_modified_s, 99);
		ck_assert(str_eq(s->etag, STR("W/\"e\"")));
		ck_assert_uint_eq(s->vary.n, 2);
		ck_assert(str_eq(s->vary.v[0].value, STR("x")));
		ck_assert_msg(s->vary.v[1].value.p == NULL, "absent became empty");
		ck_assert_uint_eq(entry_n_tags(e), 2);
		ck_assert(!atomic_load(&e->purged));
		entry_release(&e);
	}
	tier_close(&t);
	ck_assert_ptr_null(t);
	free(bytes);
}
END_TEST

START_TEST(contract_finds_nothing_wrong_when_hashes_collide)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/one", .body = STR("one"), .lifetime_ms = 1};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct tier_get op = {.key = key_of("GET http://h/one")};
	op.key.text = STR("GET http://h/two"); /* the same hash */
	ck_assert_int_eq(make_get(t, &op), ERR_MISSING);
	ck_assert_msg(!op.other_variant, "another key is not another variant");
	struct tier_purge purge_op = {.kind = PURGE_URL, .key = op.key, .arg = op.key.text};
	ck_assert_int_eq(make_purge(t, &purge_op), ERR_OK);
	ck_assert_uint_eq(purge_op.count, 0);
	if (!contract->purges_by_hash)
		ck_assert(has(t, "GET http://h/one"));
	tier_close(&t);
}
END_TEST

static bool contract_match(void *ctx, const struct entry *e)
{
	const char *lang = ctx;
	return ENTRY_STORED(e)->vary.n > 0 && str_eq(ENTRY_STORED(e)->vary.v[0].value, str_of(lang));
}

static struct entry *contract_find_lang(struct tier *t, const char *lang, bool *other)
{
	struct tier_get op = {.key = key_of("GET http://h/v"), .match = contract_match, .ctx = (void *)(uintptr_t)lang};
	int err = make_get(t, &op);
	must(err == (op.entry ? ERR_OK : ERR_MISSING), "%s", err_name(err));
	*other = op.other_variant;
	return op.entry;
}

START_TEST(contract_tells_variants_apart)
{
	struct tier *t = contract_open();
	bool other;
	ck_assert_ptr_null(contract_find_lang(t, "de", &other));
	ck_assert(!other);
	static const char *langs[] = {"de", "en", "fr"};
	for (size_t i = 0; i < COUNT_OF(langs); i++) {
		struct recipe r = {.key = "GET http://h/v",
		    .vary = {{STR("accept-language"), str_of(langs[i])}},
		    .body = str_of(langs[i]),
		    .lifetime_ms = 1};
		ck_assert_int_eq(store(t, &r), ERR_OK);
	}
	for (size_t i = 0; i < COUNT_OF(langs); i++) {
		struct entry *e = contract_find_lang(t, langs[i], &other);
		ck_assert_msg(e && body_is(e, str_of(langs[i])), "%s", langs[i]);
		ck_assert(!other);
		entry_release(&e);
	}
	ck_assert_ptr_null(contract_find_lang(t, "it", &other));
	ck_assert_msg(other, "the key is there");
	struct entry *newest = find(t, "GET http://h/v");
	ck_assert_msg(body_is(newest, STR("fr")), "not the newest");
	entry_release(&newest);
	tier_close(&t);
}
END_TEST

/* clang-format off */
#define CONTRACT_A(value) {STR("a"), value}
#define CONTRACT_B(value) {STR("b"), value}
#define CONTRACT_NONE     {STR_NONE, STR_NONE}
/* clang-format on */

static const struct {
	const char *what;
	struct header first[3], second[3];
	bool replaces;
} contract_same_rows[] = {
    {"no nominated fields", {CONTRACT_NONE}, {CONTRACT_NONE}, true},
    {"the same value", {CONTRACT_A(STR("1"))}, {CONTRACT_A(STR("1"))}, true},
    {"another value", {CONTRACT_A(STR("1"))}, {CONTRACT_A(STR("2"))}, false},
    {"another case of the value", {CONTRACT_A(STR("x"))}, {CONTRACT_A(STR("X"))}, false},
    {"another case of the name", {CONTRACT_A(STR("1"))}, {{STR("A"), STR("1")}}, true},
    {"another name", {CONTRACT_A(STR("1"))}, {CONTRACT_B(STR("1"))}, false},
    {"absent both times", {CONTRACT_A(STR_NONE)}, {CONTRACT_A(STR_NONE)}, true},
    {"absent is not empty", {CONTRACT_A(STR_NONE)}, {CONTRACT_A(STR(""))}, false},
    {"one field more", {CONTRACT_A(STR("1"))}, {CONTRACT_A(STR("1")), CONTRACT_B(STR("2"))}, false},
    {"another order", {CONTRACT_A(STR("1")), CONTRACT_B(STR("2"))}, {CONTRACT_B(STR("2")), CONTRACT_A(STR("1"))}, true},
    {"values exchanged", {CONTRACT_A(STR("1")), CONTRACT_B(STR("2"))}, {CONTRACT_A(STR("2")), CONTRACT_B(STR("1"))},
	false},
};

static void contract_count(void *ctx, struct entry *e)
{
	++*(unsigned *)ctx;
}

static unsigned contract_variants(struct tier *t, const char *text)
{
	struct cache_key key = key_of(text);
	unsigned n = 0;
	tier_variants(t, &key, contract_count, &n);
	return n;
}

START_TEST(contract_replaces_the_same_variant_only)
{
	for (size_t i = 0; i < COUNT_OF(contract_same_rows); i++) {
		struct tier *t = contract_open();
		struct recipe r = {.key = "GET http://h/v", .body = STR("old"), .lifetime_ms = 1};
		memcpy(r.vary, contract_same_rows[i].first, sizeof(r.vary));
		ck_assert_int_eq(store(t, &r), ERR_OK);
		memcpy(r.vary, contract_same_rows[i].second, sizeof(r.vary));
		r.body = STR("new");
		ck_assert_int_eq(store(t, &r), ERR_OK);
		unsigned n = contract_variants(t, r.key);
		if (!contract->no_memory)
			ck_assert_msg(n == (contract_same_rows[i].replaces ? 1 : 2), "%s: %u variants",
			    contract_same_rows[i].what, n);
		struct entry *e = find(t, r.key);
		ck_assert_msg(body_is(e, STR("new")), "%s: not the newest", contract_same_rows[i].what);
		entry_release(&e);
		tier_close(&t);
	}
}
END_TEST

static bool contract_match_or_default(void *ctx, const struct entry *e)
{
	return ENTRY_STORED(e)->vary.n == 0 || contract_match(ctx, e);
}

/* RFC 9111 4.1-2: of those that match, the most recent one that varies is chosen. */
START_TEST(contract_prefers_what_varies)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/v", .vary = {{STR("l"), STR("de")}}, .body = STR("de")};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	r = (struct recipe){.key = "GET http://h/v", .body = STR("default")};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	static const char *rows[][2] = {{"de", "de"}, {"fr", "default"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tier_get op = {.key = key_of("GET http://h/v"),
		    .match = contract_match_or_default,
		    .ctx = (void *)(uintptr_t)rows[i][0]};
		ck_assert_int_eq(make_get(t, &op), ERR_OK);
		ck_assert_msg(body_is(op.entry, str_of(rows[i][1])), "%s", rows[i][0]);
		entry_release(&op.entry);
	}
	tier_close(&t);
}
END_TEST

/* Three variants that fit one request, in each order of their coming; the last put of equal ones. */
START_TEST(contract_chooses_the_most_recent_by_its_date)
{
	static const struct {
		const char *what;
		int64_t dates[3];
		const char *chosen;
	} rows[] = {
	    {"RFC 9111 4-8: the one that came last is the most recent", {1, 2, 3}, "2"},
	    {"RFC 9111 4-8: the one that came first", {3, 1, 2}, "0"},
	    {"RFC 9111 4-8: the one that came between", {1, 3, 2}, "1"},
	    {"of the same second the one that was stored last", {2, 2, 1}, "1"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tier *t = contract_open();
		static const char *const names[] = {"0", "1", "2"};
		for (unsigned n = 0; n < COUNT_OF(names); n++) {
			struct recipe r = {.key = "GET http://h/v",
			    .vary = {{str_of(names[n]), STR("x")}},
			    .body = str_of(names[n]),
			    .date_s = rows[i].dates[n]};
			ck_assert_int_eq(store(t, &r), ERR_OK);
		}
		struct entry *e = find(t, "GET http://h/v");
		ck_assert_msg(e && body_is(e, str_of(rows[i].chosen)), "%s", rows[i].what);
		entry_release(&e);
		tier_close(&t);
	}
}
END_TEST

START_TEST(contract_bounds_variants_and_drops_the_oldest)
{
	struct tier *t = contract_open();
	char lang[16];
	for (unsigned i = 0; i < contract->max_variants + 3; i++) {
		snprintf(lang, sizeof(lang), "%u", i);
		struct recipe r = {.key = "GET http://h/v", .vary = {{STR("l"), str_of(lang)}}, .body = STR("x")};
		ck_assert_int_eq(store(t, &r), ERR_OK);
	}
	if (!contract->no_memory)
		ck_assert_uint_eq(contract_variants(t, "GET http://h/v"), contract->max_variants);
	for (unsigned i = 0; i < contract->max_variants + 3; i++) {
		bool other;
		snprintf(lang, sizeof(lang), "%u", i);
		struct entry *e = contract_find_lang(t, lang, &other);
		ck_assert_msg((e != NULL) == (i >= 3), "variant %u", i);
		entry_release(&e);
	}
	tier_close(&t);
}
END_TEST

START_TEST(contract_readers_keep_what_is_replaced_and_purged)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/p", .body = STR("first"), .lifetime_ms = 1};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct entry *first = find(t, r.key);
	r.body = STR("second");
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct entry *second = find(t, r.key);
	purge(t, PURGE_ALL, "", false);
	ck_assert(!has(t, r.key));
	ck_assert(body_is(first, STR("first")));
	ck_assert(body_is(second, STR("second")));
	entry_release(&first);
	entry_release(&second);
	tier_close(&t);
}
END_TEST

START_TEST(contract_removes_exactly_one)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/p", .body = STR("old"), .lifetime_ms = 1};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct entry *old = find(t, r.key);
	r.body = STR("new");
	ck_assert_int_eq(store(t, &r), ERR_OK);
	tier_remove(t, old);
	struct entry *e = find(t, r.key);
	ck_assert_msg(e && body_is(e, STR("new")), "it removed the one that came after");
	tier_remove(t, e);
	ck_assert(!has(t, r.key));
	tier_remove(t, e); /* not there: harmless */
	entry_release(&old);
	entry_release(&e);
	tier_close(&t);
}
END_TEST

static void contract_remove(void *ctx, struct entry *e)
{
	tier_remove(ctx, e);
}

START_TEST(contract_lists_variants_without_a_lock)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/p", .vary = {{STR("l"), STR("1")}}};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	r.vary[0].value = STR("2");
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct cache_key key = key_of(r.key);
	tier_variants(t, &key, contract_remove, t);
	ck_assert_uint_eq(contract_variants(t, r.key), 0);
	tier_close(&t);
}
END_TEST

static const struct {
	const char *what;
	struct recipe recipe;
	int64_t useless_ms; /* the first millisecond at which it may be dropped */
} contract_expiry_rows[] = {
    {"lifetime", {.response_ms = 1000, .lifetime_ms = 5000}, 6000},
    {"the age it came with", {.response_ms = 1000, .lifetime_ms = 5000, .initial_age_ms = 2000}, 4000},
    {"stale-while-revalidate", {.response_ms = 1000, .lifetime_ms = 5000, .swr_ms = 700}, 6700},
    {"the longer of both windows", {.response_ms = 1000, .lifetime_ms = 5000, .swr_ms = 700, .sie_ms = 900}, 6900},
    {"the time an unreachable origin is stood in for",
	{.response_ms = 1000, .lifetime_ms = 5000, .swr_ms = 700, .unreachable_ms = 800}, 6800},
    {"no lifetime", {.response_ms = 1000}, 1000},
    {"an etag brings a minute at least", {.response_ms = 1000, .lifetime_ms = 5000, .etag = STR("\"e\"")}, 66000},
    {"last-modified does too", {.response_ms = 1000, .lifetime_ms = 5000, .last_modified_s = 1}, 66000},
    {"the grace is the lifetime once more", {.response_ms = 0, .lifetime_ms = 100000, .etag = STR("\"e\"")}, 200000},
    {"and ten minutes at most", {.response_ms = 0, .lifetime_ms = 7200000, .etag = STR("\"e\"")}, 7800000},
    {"sums that overflow", {.response_ms = INT64_MAX - 5, .lifetime_ms = INT64_MAX, .swr_ms = INT64_MAX}, INT64_MAX},
};

START_TEST(contract_expired_entries_leave_and_not_before)
{
	struct tier *t = contract_open();
	for (size_t i = 0; i < COUNT_OF(contract_expiry_rows); i++) {
		struct recipe r = contract_expiry_rows[i].recipe;
		r.key = "GET http://h/e";
		ck_assert_int_eq(store(t, &r), ERR_OK);
		int64_t at = contract_expiry_rows[i].useless_ms;
		ck_assert_msg(tier_sweep(t, at - 1, 100) == 0, "%s: dropped too early", contract_expiry_rows[i].what);
		ck_assert(has(t, r.key));
		unsigned n = tier_sweep(t, at, 100);
		ck_assert_msg(n >= 1 && n <= contract_sweepers(), "%s: not dropped", contract_expiry_rows[i].what);
		ck_assert(!has(t, r.key));
	}
	tier_close(&t);
}
END_TEST

START_TEST(contract_sweeps_in_bounded_calls)
{
	struct tier *t = contract_open();
	char key[64];
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "GET http://h/%d", i);
		struct recipe r = {.key = key, .lifetime_ms = i % 2 ? 1000 : 100000};
		must(store(t, &r) == ERR_OK, "%s", key);
	}
	unsigned dropped = 0, calls = 0;
	for (; calls < 101; calls++) {
		unsigned n = tier_sweep(t, 5000, 10);
		must(n <= 10 * contract_sweepers(), "%u dropped in a call that may look at 10", n);
		dropped += n;
	}
	ck_assert_msg(
	    dropped == 500 || (contract->sweepers > 1 && dropped <= 500 * contract->sweepers), "%u dropped", dropped);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "GET http://h/%d", i);
		must(has(t, key) == (i % 2 == 0), "%s", key);
	}
	tier_close(&t);
}
END_TEST

/* Purges: a row says which of the six pages it covers. */

static const struct {
	const char *key, *tags;
} contract_pages[] = {
    {"GET http://one.example/blog/a", "blog,a"},
    {"GET http://one.example/blog/b?x=1", "blog"},
    {"GET http://one.example/", "home"},
    {"GET http://two.example/blog/a", "blog2"},
    {"GET https://one.example/blog/a", NULL},
    {"GET http://one.example:81/shop/blog/a", "a"},
};

static const struct purge_row {
	const char *what;
	enum purge_kind kind;
	const char *arg;
	const char *covered; /* x: covered */
} contract_purge_rows[] = {
    {"a url", PURGE_URL, "GET http://one.example/blog/a", "x....."},
    {"a url with its query", PURGE_URL, "GET http://one.example/blog/b?x=1", ".x...."},
    {"a url that is not there", PURGE_URL, "GET http://one.example/blog", "......"},
    {"a prefix of the url", PURGE_PREFIX, "http://one.example/blog/", "xx...."},
    {"a prefix with part of the host", PURGE_PREFIX, "http://one.example", "xxx..x"},
    {"a prefix of the path on any host", PURGE_PREFIX, "/blog/", "xx.xx."},
    {"a prefix that is all", PURGE_PREFIX, "", "xxxxxx"},
    {"a prefix of every path", PURGE_PREFIX, "/", "xxxxxx"},
    {"a prefix with the method is none", PURGE_PREFIX, "GET http", "......"},
    {"a glob of the url", PURGE_GLOB, "http://*.example/blog/a", "x..x.."},
    {"a glob of the path", PURGE_GLOB, "/blog/*", "xx.xx."},
    {"a glob takes the whole", PURGE_GLOB, "/blog", "......"},
    {"a glob of any scheme", PURGE_GLOB, "*/blog/a", "x..xxx"},
    {"a glob with a query", PURGE_GLOB, "/*?x=*", ".x...."},
    {"a tag", PURGE_TAG, "blog", "xx...."},
    {"a tag of two", PURGE_TAG, "a", "x....x"},
    {"a tag that nobody has", PURGE_TAG, "none", "......"},
    {"a tag is not a prefix", PURGE_TAG, "blo", "......"},
    {"case counts in tags", PURGE_TAG, "Blog", "......"},
    {"all", PURGE_ALL, "", "xxxxxx"},
};

static unsigned contract_covered(const struct purge_row *row)
{
	unsigned n = 0;
	for (const char *c = row->covered; *c; c++)
		n += *c == 'x';
	return n;
}

static void contract_store_pages(struct tier *t, uint64_t epoch)
{
	for (size_t i = 0; i < COUNT_OF(contract_pages); i++) {
		struct recipe r = {.key = contract_pages[i].key, .tags = contract_pages[i].tags, .epoch = epoch};
		ck_assert_int_eq(store(t, &r), ERR_OK);
	}
}

START_TEST(contract_purges_what_is_covered)
{
	for (size_t i = 0; i < COUNT_OF(contract_purge_rows); i++) {
		const struct purge_row *row = &contract_purge_rows[i];
		struct tier *t = contract_open();
		contract_store_pages(t, tier_epoch(t));
		struct tier_purge op = purge(t, row->kind, row->arg, false);
		ck_assert_msg(
		    contract_counts(op.count, contract_covered(row)), "%s: %d purged", row->what, (int)op.count);
		ck_assert(contract_epoch_is(tier_epoch(t), op.epoch));
		for (size_t k = 0; k < COUNT_OF(contract_pages); k++) {
			ck_assert_msg(has(t, contract_pages[k].key) == (row->covered[k] == '.'), "%s: %s", row->what,
			    contract_pages[k].key);
		}
		op = purge(t, row->kind, row->arg, false);
		ck_assert_msg(op.count == 0, "%s: twice", row->what);
		tier_close(&t);
	}
}
END_TEST

START_TEST(contract_purges_softly)
{
	for (size_t i = 0; i < COUNT_OF(contract_purge_rows); i++) {
		const struct purge_row *row = &contract_purge_rows[i];
		struct tier *t = contract_open();
		contract_store_pages(t, tier_epoch(t));
		struct tier_purge op = purge(t, row->kind, row->arg, true);
		ck_assert_msg(
		    contract_counts(op.count, contract_covered(row)), "%s: %d purged", row->what, (int)op.count);
		for (size_t k = 0; k < COUNT_OF(contract_pages); k++) {
			struct entry *e = find(t, contract_pages[k].key);
			ck_assert_msg(e && atomic_load(&e->purged) == (row->covered[k] == 'x'), "%s: %s", row->what,
			    contract_pages[k].key);
			entry_release(&e);
		}
		ck_assert_msg(contract_counts(purge(t, row->kind, row->arg, true).count, 0), "%s: twice", row->what);
		contract_store_pages(t, tier_epoch(t)); /* renewed pages are good again */
		struct entry *e = find(t, contract_pages[0].key);
		ck_assert(!atomic_load(&e->purged));
		entry_release(&e);
		tier_close(&t);
	}
}
END_TEST

START_TEST(contract_purges_all_variants_of_a_url)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/p", .vary = {{STR("l"), STR("1")}}};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	r.vary[0].value = STR("2");
	ck_assert_int_eq(store(t, &r), ERR_OK);
	ck_assert_uint_eq(purge(t, PURGE_URL, r.key, false).count, 2);
	ck_assert(!has(t, r.key));
	tier_close(&t);
}
END_TEST

/* A fetch that began before a purge cannot store what it brings after it. */
START_TEST(contract_refuses_what_began_before_a_purge)
{
	for (size_t i = 0; i < 2 * COUNT_OF(contract_purge_rows); i++) {
		const struct purge_row *row = &contract_purge_rows[i / 2];
		struct tier *t = contract_open();
		purge(t, PURGE_TAG, "something else", false);
		uint64_t began = tier_epoch(t);
		purge(t, PURGE_TAG, "something else", false);
		purge(t, row->kind, row->arg, i % 2);
		for (size_t k = 0; k < COUNT_OF(contract_pages); k++) {
			struct recipe r = {
			    .key = contract_pages[k].key, .tags = contract_pages[k].tags, .epoch = began};
			struct entry *e;
			ck_assert_int_eq(make_entry(t, &r, &e), ERR_OK);
			bool covered = row->covered[k] == 'x';
			ck_assert_msg(
			    tier_purged_since(t, began, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e)) == covered,
			    "%s: %s: purged since", row->what, r.key);
			struct tier_put op = {.entry = e};
			int err = make_put(t, &op);
			ck_assert_msg(
			    err == (covered ? ERR_STALE : ERR_OK), "%s: %s: %s", row->what, r.key, err_name(err));
			ck_assert(has(t, r.key) == !covered);
			entry_release(&e);
		}
		contract_store_pages(t, tier_epoch(t)); /* what begins now may be stored */
		tier_close(&t);
	}
}
END_TEST

START_TEST(contract_purges_let_alone_what_began_after_them)
{
	/* While a purge walks, a page may be fetched and stored that it has not come to yet. */
	for (size_t i = 0; i < COUNT_OF(contract_purge_rows); i++) {
		struct tier *t = contract_open();
		contract_store_pages(t, tier_epoch(t) + 1);
		struct tier_purge op = purge(t, contract_purge_rows[i].kind, contract_purge_rows[i].arg, i % 2);
		ck_assert_msg(op.count == 0, "%s: %d purged", contract_purge_rows[i].what, (int)op.count);
		for (size_t k = 0; k < COUNT_OF(contract_pages); k++)
			ck_assert_msg(has(t, contract_pages[k].key), "%s: gone", contract_purge_rows[i].what);
		tier_close(&t);
	}
}
END_TEST

START_TEST(contract_refuses_what_began_too_long_ago_to_tell)
{
	struct tier *t = contract_open();
	struct cache_key key = key_of("GET http://h/p");
	uint64_t began = tier_epoch(t);
	unsigned n = 0;
	while (!tier_purged_since(t, began, &key, NULL, 0) && n < 100000) {
		purge(t, PURGE_TAG, "other", false);
		n++;
	}
	ck_assert_msg(n > 500 && n < 100000, "after %u purges", n);
	struct recipe r = {.key = "GET http://h/p", .epoch = began};
	ck_assert_int_eq(store(t, &r), ERR_STALE);
	r.epoch = tier_epoch(t);
	ck_assert_int_eq(store(t, &r), ERR_OK);
	tier_close(&t);
}
END_TEST

/* RFC 9111 4.4 */
START_TEST(contract_invalidates_all_variants_of_one_key)
{
	struct tier *t = contract_open();
	contract_store_pages(t, tier_epoch(t));
	struct recipe r = {.key = contract_pages[0].key, .vary = {{STR("accept"), STR("x")}}, .epoch = tier_epoch(t)};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct tier_invalidate op = invalidate(t, r.key);
	if (!contract->no_memory)
		ck_assert_uint_eq(op.count, 2);
	ck_assert(contract_epoch_is(tier_epoch(t), op.epoch));
	for (size_t k = 0; k < COUNT_OF(contract_pages); k++)
		ck_assert_msg(has(t, contract_pages[k].key) == (k > 0), "%s", contract_pages[k].key);
	struct tier_invalidate again = invalidate(t, r.key);
	ck_assert_uint_eq(again.count, 0);
	ck_assert(contract_epoch_is(again.epoch, op.epoch + 1));
	tier_close(&t);
}
END_TEST

START_TEST(contract_refuses_what_began_before_an_invalidation)
{
	struct tier *t = contract_open();
	struct recipe r = {.key = "GET http://h/p", .epoch = tier_epoch(t)}, other = {.key = "GET http://h/q"};
	struct cache_key key = key_of(r.key);
	ck_assert(!tier_purged_since(t, r.epoch, &key, NULL, 0));
	invalidate(t, r.key);
	ck_assert(tier_purged_since(t, r.epoch, &key, NULL, 0));
	ck_assert_int_eq(store(t, &r), ERR_STALE);
	ck_assert_msg(store(t, &other) == ERR_OK, "another key was refused");
	r.epoch = tier_epoch(t);
	ck_assert_int_eq(store(t, &r), ERR_OK);
	if (contract->no_epochs) {
		tier_close(&t);
		return;
	}
	/* One that is late leaves alone what began after it. (The one before may still move the epoch.) */
	r.epoch = tier_epoch(t) + 2;
	ck_assert_int_eq(store(t, &r), ERR_OK);
	ck_assert_uint_eq(invalidate(t, r.key).count, 0);
	ck_assert(contract_has_soon(t, r.key));
	tier_close(&t);
}
END_TEST

/* Each POST is one: were they kept as purges are, every fetch that began before some of them would be refused. */
START_TEST(contract_many_invalidations_refuse_no_other_key)
{
	struct tier *t = contract_open();
	uint64_t began = tier_epoch(t);
	invalidate(t, "GET http://h/first");
	for (unsigned i = 0; i < contract_rounds(20000); i++)
		invalidate(t, "GET http://h/posted");
	struct recipe r = {.key = "GET http://h/p", .epoch = began};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	r.key = "GET http://h/first";
	ck_assert_msg(store(t, &r) == ERR_STALE, "an invalidation was forgotten");
	purge(t, PURGE_URL, "GET http://h/p", false);
	r.key = "GET http://h/p";
	ck_assert_msg(store(t, &r) == ERR_STALE, "a purge was lost among invalidations");
	tier_close(&t);
}
END_TEST

START_TEST(contract_long_purge_arguments_are_honoured)
{
	struct tier *t = contract_open();
	char key[3000];
	memset(key, 'x', sizeof(key) - 1);
	memcpy(key, "GET http://h/", 13);
	key[sizeof(key) - 1] = 0;
	uint64_t began = tier_epoch(t);
	struct recipe r = {.key = key, .epoch = began};
	ck_assert_int_eq(store(t, &(struct recipe){.key = "GET http://h/other"}), ERR_OK);
	if (t->max_key > 0) {
		ck_assert_int_eq(store(t, &r), ERR_FULL);
		ck_assert_uint_eq(purge(t, PURGE_URL, key, false).count, 0);
		ck_assert_uint_eq(invalidate(t, key).count, 0);
		ck_assert(!has(t, key));
	} else {
		ck_assert_int_eq(store(t, &r), ERR_OK);
		ck_assert_uint_eq(purge(t, PURGE_URL, key, false).count, 1);
		ck_assert_int_eq(store(t, &r), ERR_STALE);
	}
	ck_assert_msg(has(t, "GET http://h/other"), "it was taken for a purge of everything");
	tier_close(&t);
}
END_TEST

START_TEST(contract_refuses_what_is_too_large)
{
	struct tier *t = contract->open(4 << 20);
	char *bytes = mem_zalloc(8 << 20);
	struct recipe r = {.key = "GET http://h/big", .body = {bytes, 3 << 20}};
	int err = store(t, &r);
	ck_assert(err == ERR_FULL || contract->no_full);
	ck_assert(!has(t, r.key));
	r.body.n = 8 << 20;
	ck_assert_int_eq(store(t, &r), ERR_FULL);
	r.body.n = 1 << 20;
	ck_assert_int_eq(store(t, &r), ERR_OK);
	ck_assert(has(t, r.key));
	free(bytes);
	tier_close(&t);
}
END_TEST

static void contract_purge_most(struct tier *t, unsigned n)
{
	struct tier_stats stats;
	tier_stats(t, &stats);
	ck_assert_uint_eq(stats.stores, n);
	ck_assert(contract_counts(stats.entries, n));
	ck_assert(contract_counts(purge(t, PURGE_TAG, "t7", false).count, n / 1000));
	ck_assert(contract_counts(purge(t, PURGE_GLOB, "/page?*5", true).count, n / 10));
	uint64_t nines = n / 9 - n / 9000; /* 9, 90, 900...; but those of t7 are gone */
	ck_assert(contract_counts(purge(t, PURGE_PREFIX, "/page?9", false).count, nines));
	for (unsigned i = 0; i < n; i += n / 1000 + 1) {
		char key[64];
		snprintf(key, sizeof(key), "GET http://h/page?%u", i);
		struct entry *e = find(t, key);
		bool gone = i % 1000 == 7 || key[18] == '9';
		must((e == NULL) == gone, "%s", key);
		must(!e || atomic_load(&e->purged) == (i % 10 == 5), "%s: softly", key);
		entry_release(&e);
	}
	ck_assert(contract_counts(purge(t, PURGE_ALL, "", false).count, n - n / 1000 - nines));
	ck_assert(!has(t, "GET http://h/page?0"));
	tier_stats(t, &stats);
	ck_assert(contract_counts(stats.entries, 0));
}

/* Of page i of 100,000. */
struct contract_page {
	char key[64], text[32], tag[32];
};

static struct contract_page contract_page(unsigned i)
{
	struct contract_page p;
	snprintf(p.key, sizeof(p.key), "GET http://h/page?%u", i);
	snprintf(p.text, sizeof(p.text), "page %u", i);
	snprintf(p.tag, sizeof(p.tag), "t%u", i % 1000);
	return p;
}

static void contract_store_many(struct tier *t, unsigned from, unsigned n)
{
	struct many_put all[MANY];
	for (unsigned i = 0; i < n; i++) {
		struct contract_page p = contract_page(from + i);
		struct recipe r = {.key = p.key, .tags = p.tag, .body = str_of(p.text), .lifetime_ms = 1000};
		all[i] = (struct many_put){.err = ERR_AGAIN};
		must(make_entry(t, &r, &all[i].op.entry) == ERR_OK, "%s", p.key);
	}
	many_puts(t, contract->put, all, n);
	int64_t until_us = clock_mono_us() + 30 * (int64_t)1000000;
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = all[i].op.entry;
		must(all[i].err == ERR_OK, "%.*s: %s", STR_ARG(entry_key(e).text), err_name(all[i].err));
		while (contract->arrived && !contract->arrived(t, e)) {
			must(clock_mono_us() < until_us, "%.*s does not arrive below", STR_ARG(entry_key(e).text));
			sched_yield();
		}
		entry_release(&e);
	}
}

static void contract_find_many(struct tier *t, unsigned from, unsigned n)
{
	struct contract_page pages[MANY];
	struct many_get all[MANY];
	for (unsigned i = 0; i < n; i++) {
		pages[i] = contract_page(from + i);
		all[i] = (struct many_get){.op = {.key = key_of(pages[i].key)}};
	}
	many_gets(t, NULL, all, n);
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = all[i].op.entry;
		must(e && body_is(e, str_of(pages[i].text)), "%s: %s", pages[i].key, err_name(all[i].err));
		entry_release(&e);
	}
}

START_TEST(contract_holds_100_000_entries)
{
	/* With sanitizers it is several times as slow, and they are not about room. */
	unsigned n = 100000 / (MEM_IS_SANITIZED || contract->small ? 10 : 1);
	struct tier *t = contract_open();
	for (unsigned i = 0; i < n; i += MANY)
		contract_store_many(t, i, MANY);
	for (unsigned i = 0; i < n; i += MANY)
		contract_find_many(t, i, MANY);
	contract_purge_most(t, n);
	tier_close(&t);
}
END_TEST

static bool contract_is_partial(void *ctx, const struct entry *e)
{
	return entry_is_partial(e) == (ctx != NULL);
}

/* The whole entry of a key, or its partial one; the caller releases it. */
static struct entry *contract_find_kind(struct tier *t, const char *key, bool partial)
{
	int yes;
	struct tier_get op = {.key = key_of(key), .match = contract_is_partial, .ctx = partial ? &yes : NULL};
	(void)!make_get(t, &op);
	return op.entry;
}

static bool contract_has_kind(struct tier *t, const char *key, bool partial)
{
	struct entry *e = contract_find_kind(t, key, partial);
	bool found = e != NULL;
	entry_release(&e);
	return found;
}

/* RFC 9111 3.3: what is incomplete is recorded as such, and takes nothing complete away. */
START_TEST(contract_keeps_parts_beside_the_whole)
{
	const char *key = "GET http://h/p";
	struct range runs[] = {{2, 4}, {8, 9}, {0, 0}}, other[] = {{2, 5}, {0, 0}};
	struct recipe part = {.key = key, .tags = "a", .body = STR("23489"), .lifetime_ms = 60000, .runs = runs};
	struct recipe whole = {.key = key, .tags = "a", .body = STR("0123456789"), .lifetime_ms = 60000};
	struct tier_stats stats;
	struct tier *t = contract_open();
	ck_assert_int_eq(store(t, &whole), ERR_OK);
	ck_assert_int_eq(store(t, &part), ERR_OK);
	memset(runs, 0, sizeof runs);
	ck_assert_msg(contract_has_kind(t, key, false), "the part has taken the whole's place");
	struct entry *e = contract_find_kind(t, key, true);
	ck_assert_msg(e && body_is(e, STR("23489")), "the part is not found");
	ck_assert_uint_eq(ENTRY_STORED(e)->n_runs, 2);
	ck_assert_int_eq(ENTRY_STORED(e)->runs[1].first, 8);
	ck_assert_int_eq(ENTRY_STORED(e)->complete, 100);
	entry_release(&e);
	/* a part takes the part's place */
	part.runs = other;
	part.body = STR("2345");
	ck_assert_int_eq(store(t, &part), ERR_OK);
	e = contract_find_kind(t, key, true);
	ck_assert(e && body_is(e, STR("2345")));
	entry_release(&e);
	tier_stats(t, &stats);
	if (!contract->no_memory) {
		ck_assert(contract_counts(stats.entries, 2));
		ck_assert_uint_eq(stats.replaced, 1);
	}
	/* and the whole that of both */
	ck_assert_int_eq(store(t, &whole), ERR_OK);
	ck_assert_msg(!contract_has_kind(t, key, true), "the part has outlived the whole");
	ck_assert(contract_has_kind(t, key, false));
	/* purges take both */
	static const struct {
		enum purge_kind kind;
		const char *arg;
	} purges[] = {{PURGE_URL, "GET http://h/p"}, {PURGE_TAG, "a"}, {PURGE_PREFIX, "/"}, {PURGE_ALL, ""}};
	for (size_t i = 0; i < COUNT_OF(purges); i++) {
		whole.epoch = part.epoch = tier_epoch(t);
		ck_assert_int_eq(store(t, &whole), ERR_OK);
		ck_assert_int_eq(store(t, &part), ERR_OK);
		uint64_t count = purge(t, purges[i].kind, purges[i].arg, false).count;
		if (!contract->no_memory)
			ck_assert(purges[i].kind == PURGE_URL ? count == 2 : contract_counts(count, 2));
		ck_assert(!contract_has_kind(t, key, true) && !contract_has_kind(t, key, false));
	}
	tier_close(&t);
}
END_TEST

static void contract_add(Suite *s, const struct contract *c)
{
	contract = c;
	TCase *t = tcase_create(c->name);
	tcase_set_timeout(t, 50);
	tcase_add_test(t, contract_finds_what_was_stored_byte_for_byte);
	tcase_add_test(t, contract_finds_nothing_wrong_when_hashes_collide);
	tcase_add_test(t, contract_tells_variants_apart);
	tcase_add_test(t, contract_replaces_the_same_variant_only);
	tcase_add_test(t, contract_prefers_what_varies);
	tcase_add_test(t, contract_chooses_the_most_recent_by_its_date);
	tcase_add_test(t, contract_bounds_variants_and_drops_the_oldest);
	tcase_add_test(t, contract_readers_keep_what_is_replaced_and_purged);
	tcase_add_test(t, contract_removes_exactly_one);
	tcase_add_test(t, contract_lists_variants_without_a_lock);
	if (!c->no_sweep)
		tcase_add_test(t, contract_expired_entries_leave_and_not_before);
	if (!c->no_sweep)
		tcase_add_test(t, contract_sweeps_in_bounded_calls);
	tcase_add_test(t, contract_purges_what_is_covered);
	tcase_add_test(t, contract_purges_softly);
	tcase_add_test(t, contract_purges_all_variants_of_a_url);
	tcase_add_test(t, contract_refuses_what_began_before_a_purge);
	if (!c->no_epochs)
		tcase_add_test(t, contract_purges_let_alone_what_began_after_them);
	tcase_add_test(t, contract_refuses_what_began_too_long_ago_to_tell);
	tcase_add_test(t, contract_invalidates_all_variants_of_one_key);
	tcase_add_test(t, contract_refuses_what_began_before_an_invalidation);
	tcase_add_test(t, contract_many_invalidations_refuse_no_other_key);
	tcase_add_test(t, contract_long_purge_arguments_are_honoured);
	tcase_add_test(t, contract_refuses_what_is_too_large);
	tcase_add_test(t, contract_keeps_parts_beside_the_whole);
	tcase_add_test(t, contract_holds_100_000_entries);
	suite_add_tcase(s, t);
}

#endif
