/* The stack over memory and a scripted tier below, which answers when the test says so: what may slip between purge, lookup and store is
 * then a sequence of lines. */
#include "suite.h"

#include <unistd.h>

#include "tier/make.h"
#include "tier/purge_log.h"
#include "tier/stack.h"

/* ---- a tier that answers when it is told ---- */

struct below {
	struct tier tier;
	struct entry *has; /* what a lookup finds, a reference of its own */
	bool waits;	   /* operations stay open until they are let go */
	bool is_in_touch;
	struct tier_get *get;
	struct tier_put *put;
	struct tier_purge *purge;
	struct tier_invalidate *invalidate;
	unsigned gets, puts, purges, invalidations, removed;
	enum purge_kind purged;
	void (*while_purging)(void);
};

static struct below below[STACK_BELOW];

static struct below *below_of(struct tier *t)
{
	return CONTAINER_OF(t, struct below, tier);
}

static void find_below(struct below *b, struct tier_get *op)
{
	op->entry = NULL;
	op->other_variant = false;
	if (!b->has || !str_eq(entry_key(b->has).text, op->key.text))
		return;
	if (op->match && !op->match(op->ctx, b->has)) {
		op->other_variant = true;
		return;
	}
	/* Another copy each time, as a tier outside the process makes it. */
	struct arena a;
	struct entry_parts parts;
	arena_init(&a, 0);
	entry_open(b->has, &a, &parts);
	struct body *body = body_ref(b->has->body);
	must(entry_new(&parts.spec, &body, b->tier.budget, &op->entry) == ERR_OK, "no room");
	arena_free(&a);
}

static int below_get(struct tier *t, struct tier_get *op)
{
	struct below *b = below_of(t);
	b->gets++;
	find_below(b, op); /* read before whatever comes until it answers */
	if (!b->waits)
		return op->entry ? ERR_OK : ERR_MISSING;
	b->get = op;
	return ERR_AGAIN;
}

static int below_put(struct tier *t, struct tier_put *op)
{
	struct below *b = below_of(t);
	b->puts++;
	if (!b->waits)
		return ERR_OK;
	b->put = op;
	return ERR_AGAIN;
}

/* The tier's own part of a purge. */
static void purge_own(struct below *b, const struct tier_purge *op)
{
	if (b->has && purge__covers(op, ENTRY_KEY(b->has), entry_tags(b->has), entry_n_tags(b->has)))
		entry_release(&b->has);
}

static int below_purge(struct tier *t, struct tier_purge *op)
{
	struct below *b = below_of(t);
	b->purges++;
	b->purged = op->kind;
	op->count = 7;
	op->seq = 70 + b->purges;
	if (b->while_purging)
		b->while_purging();
	if (!b->waits) {
		purge_own(b, op);
		return ERR_OK;
	}
	b->purge = op;
	return ERR_AGAIN;
}

static int below_invalidate(struct tier *t, struct tier_invalidate *op)
{
	struct below *b = below_of(t);
	b->invalidations++;
	if (!b->waits) {
		purge_own(b, &(struct tier_purge){.kind = PURGE_URL, .key = op->key});
		return ERR_OK;
	}
	b->invalidate = op;
	return ERR_AGAIN;
}

static void below_remove(struct tier *t, struct entry *e)
{
	below_of(t)->removed++;
}

static void below_variants(
    struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
}

static unsigned below_sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	return 0;
}

static void below_stats(struct tier *t, struct tier_stats *out)
{
	out->entries = 77;
}

static void below_close(struct tier *t)
{
	entry_release(&below_of(t)->has);
}

static const struct tier_ops below_ops = {.name = "below",
    .get = below_get,
    .put = below_put,
    .purge = below_purge,
    .invalidate = below_invalidate,
    .remove = below_remove,
    .variants = below_variants,
    .sweep = below_sweep,
    .stats = below_stats,
    .close = below_close};

static bool is_in_touch(struct tier *t)
{
	return below_of(t)->is_in_touch;
}

/* ---- the stack ---- */

static struct tier *stack, *memory;
static unsigned n_done;
static int done_err;

static void add_below(unsigned i)
{
	below[i] = (struct below){.tier = {.ops = &below_ops,
				      .budget = stack->budget,
				      .purges = stack->purges,
				      .heard = stack_heard,
				      .heard_ctx = stack_next(stack)},
	    .is_in_touch = true};
	stack_add(stack, &below[i].tier, is_in_touch);
}

static void open_stack(bool keeps, unsigned n_below)
{
	struct memory_options m = {.memory_size = 64 << 20, .max_variants = 64};
	struct stack_options o = {.keeps = keeps, .in_memory = 1 << 20, .max_files = 2};
	stack = stack_new(memory_tier_new(&m), &o);
	memory = tier_part(stack, 0);
	n_done = 0;
	for (unsigned i = 0; i < n_below; i++)
		add_below(i);
}

static struct entry *entry_with(const char *key, const char *body, const char *tags, int64_t date_s)
{
	struct entry *e;
	struct recipe r = {.key = key,
	    .body = str_of(body),
	    .tags = tags,
	    .date_s = date_s,
	    .response_ms = date_s * 1000,
	    .lifetime_ms = 60000,
	    .epoch = tier_epoch(stack)};
	must(make_entry(stack, &r, &e) == ERR_OK, "no room");
	return e;
}

static void has_below(unsigned i, const char *key, const char *body, const char *tags, int64_t date_s)
{
	entry_release(&below[i].has);
	below[i].has = entry_with(key, body, tags, date_s);
}

static void on_get(struct tier_get *op, int err)
{
	n_done++;
	done_err = err;
}

static void on_purge(struct tier_purge *op, int err)
{
	n_done++;
	done_err = err;
}

static struct tier_get deep(const char *key)
{
	return (struct tier_get){.key = key_of(key), .deep = true, .done = on_get};
}

static void answer_get(unsigned i)
{
	struct tier_get *op = below[i].get;
	below[i].get = NULL;
	op->done(op, op->entry ? ERR_OK : ERR_MISSING);
}

static void carry_out_purge(unsigned i)
{
	struct tier_purge *op = below[i].purge;
	below[i].purge = NULL;
	purge_own(&below[i], op);
	op->done(op, ERR_OK);
}

static void must_be(struct tier_get *op, const char *body)
{
	must(op->entry != NULL, "nothing found, not %s", body);
	must(body_is(op->entry, str_of(body)), "another body than %s", body);
	entry_release(&op->entry);
}

#define KEY "GET http://h/a"

START_TEST(what_memory_has_is_not_looked_for_below)
{
	open_stack(true, 1);
	struct recipe r = {.key = KEY, .body = STR("here"), .lifetime_ms = 1};
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	ck_assert_uint_eq(below[0].puts, 1);
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	ck_assert_str_eq(op.found_in, "memory");
	must_be(&op, "here");
	ck_assert_uint_eq(below[0].gets, 0);
	tier_close(&stack);
}
END_TEST

START_TEST(what_is_found_below_goes_up)
{
	open_stack(true, 2);
	has_below(1, KEY, "far", NULL, 5);
	struct tier_get op = {.key = key_of(KEY)};
	ck_assert_int_eq(tier_get(stack, &op), ERR_MISSING); /* not deep */
	ck_assert_uint_eq(below[0].gets, 0);
	op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	ck_assert_str_eq(op.found_in, "below");
	must_be(&op, "far");
	ck_assert_msg(has(memory, KEY), "not in memory");
	ck_assert_msg(below[0].puts == 1 && below[1].puts == 0, "into the tiers between, not into its own");
	tier_close(&stack);
}
END_TEST

/* Fetched and stored while the tier below is asked: by whom did not look there, or found it too old. */
START_TEST(what_was_stored_during_a_look_stays)
{
	static const struct {
		const char *what;
		int64_t date_s; /* of what lies below: 5 */
		struct range runs[2];
		const char *then; /* what is in memory of the stored kind */
	} rows[] = {
	    {"a newer page", 6, {{0, 0}}, "stored"},
	    {"one of the same second", 5, {{0, 0}}, "stored"},
	    {"an older page", 4, {{0, 0}}, "below"},
	    {"a part of the same page", 5, {{0, 5}, {0, 0}}, "stored"},
	    {"a part of an older page", 4, {{0, 5}, {0, 0}}, "below"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		open_stack(true, 1);
		has_below(0, KEY, "below", NULL, 5);
		below[0].waits = true;
		struct tier_get op = deep(KEY);
		ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
		struct recipe r = {.key = KEY,
		    .body = STR("stored"),
		    .date_s = rows[i].date_s,
		    .response_ms = rows[i].date_s * 1000,
		    .runs = rows[i].runs};
		ck_assert_int_eq(store(memory, &r), ERR_OK);
		answer_get(0);
		must_be(&op, "below");
		struct entry *e = find(memory, KEY); /* of equal ones the last put: the whole one */
		ck_assert(e != NULL);
		if (rows[i].runs[0].last > 0) {
			ck_assert_msg(body_is(e, STR("below")), "%s: the page is not in memory", rows[i].what);
			tier_remove(memory, e);
			entry_release(&e);
			e = find(memory, KEY);
			ck_assert_msg((e != NULL) == (rows[i].then[0] == 's'), "%s: the part", rows[i].what);
		} else {
			ck_assert_msg(body_is(e, str_of(rows[i].then)), "%s: not %s", rows[i].what, rows[i].then);
		}
		entry_release(&e);
		tier_close(&stack);
	}
}
END_TEST

static bool is_date_9(void *ctx, const struct entry *e)
{
	return ENTRY_STORED(e)->date_s == 9;
}

START_TEST(a_look_goes_on_until_something_answers)
{
	open_stack(true, 2);
	struct entry *old = entry_with(KEY, "old", NULL, 1);
	struct tier_put put = {.entry = old};
	ck_assert_int_eq(tier_put(memory, &put), ERR_OK);
	has_below(0, KEY, "older", NULL, 0);
	has_below(1, KEY, "new", NULL, 9);
	struct tier_get op = deep(KEY);
	op.enough = is_date_9;
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	must_be(&op, "new");
	ck_assert_uint_eq(below[0].gets, 1);
	/* The older one did not take the place of memory's on the way. */
	op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	must_be(&op, "new");
	entry_release(&old);
	tier_close(&stack);
}
END_TEST

START_TEST(the_best_there_is_when_nothing_answers)
{
	open_stack(true, 2);
	struct entry *old = entry_with(KEY, "here", NULL, 4);
	struct tier_put put = {.entry = old};
	ck_assert_int_eq(tier_put(memory, &put), ERR_OK);
	has_below(0, KEY, "same age", NULL, 4);
	has_below(1, KEY, "older", NULL, 3);
	struct tier_get op = deep(KEY);
	op.enough = is_date_9;
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	ck_assert_msg(op.entry == old, "the marks of what was learned since are lost");
	entry_release(&op.entry);
	entry_release(&old);
	tier_close(&stack);
}
END_TEST

START_TEST(a_tier_that_answers_later_is_waited_for)
{
	open_stack(true, 2);
	below[0].waits = below[1].waits = true;
	has_below(1, KEY, "far", NULL, 5);
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
	answer_get(0);
	ck_assert_uint_eq(n_done, 0);
	answer_get(1);
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(done_err, ERR_OK);
	must_be(&op, "far");
	below[0].put->done(below[0].put, ERR_OK);
	tier_close(&stack);
}
END_TEST

/* ---- purges and lookups that meet ---- */

static const struct {
	const char *what;
	enum purge_kind kind;
	const char *arg;
	bool covers;
} meet_rows[] = {
    {"its URL", PURGE_URL, KEY, true},
    {"another URL", PURGE_URL, "GET http://h/b", false},
    {"its prefix", PURGE_PREFIX, "/a", true},
    {"another prefix", PURGE_PREFIX, "/b", false},
    {"its tag", PURGE_TAG, "t", true},
    {"another tag", PURGE_TAG, "u", false},
    {"everything", PURGE_ALL, "", true},
};

static struct tier_purge purge_of(size_t row)
{
	struct tier_purge op = {.kind = meet_rows[row].kind, .arg = str_of(meet_rows[row].arg), .done = on_purge};
	if (op.kind == PURGE_URL)
		op.key = key_of(meet_rows[row].arg);
	return op;
}

/* Each as: the lookup reads below; the purge runs; the lookup answers. */
START_TEST(a_look_that_began_before_a_purge_brings_nothing_it_covers)
{
	for (size_t i = 0; i < COUNT_OF(meet_rows); i++) {
		open_stack(true, 1);
		has_below(0, KEY, "old", "t", 5);
		below[0].waits = true;
		struct tier_get op = deep(KEY);
		ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
		below[0].waits = false;
		struct tier_purge p = purge_of(i);
		ck_assert_int_eq(tier_purge(stack, &p), ERR_OK);
		ck_assert_uint_eq(p.count, 7);
		ck_assert_uint_eq(p.seq, 71);
		answer_get(0);
		ck_assert_msg((op.entry == NULL) == meet_rows[i].covers, "%s: what the look brings", meet_rows[i].what);
		ck_assert_msg(has(memory, KEY) != meet_rows[i].covers, "%s: what is in memory", meet_rows[i].what);
		entry_release(&op.entry);
		tier_close(&stack);
	}
}
END_TEST

/* The purge is under way below while the lookup reads there, and is done before the lookup answers. */
START_TEST(a_look_that_began_while_a_purge_was_under_way_brings_nothing_it_covers)
{
	for (size_t i = 0; i < COUNT_OF(meet_rows); i++) {
		open_stack(true, 1);
		has_below(0, KEY, "old", "t", 5);
		below[0].waits = true;
		struct tier_purge p = purge_of(i);
		ck_assert_int_eq(tier_purge(stack, &p), ERR_AGAIN);
		struct tier_get op = deep(KEY);
		ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
		ck_assert_uint_eq(n_done, 0);
		carry_out_purge(0);
		ck_assert_msg(n_done == 1 && done_err == ERR_OK, "%s: the purge is done", meet_rows[i].what);
		below[0].waits = false;
		answer_get(0);
		ck_assert_msg((op.entry == NULL) == meet_rows[i].covers, "%s: what the look brings", meet_rows[i].what);
		ck_assert_msg(has(memory, KEY) != meet_rows[i].covers, "%s: what is in memory", meet_rows[i].what);
		entry_release(&op.entry);
		has_below(0, KEY, "new", "t", 6); /* what is stored there now is found */
		op = deep(KEY);
		ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
		must_be(&op, meet_rows[i].covers ? "new" : "old");
		ck_assert_msg(has(memory, KEY), "%s: promoted after the purge", meet_rows[i].what);
		tier_close(&stack);
	}
}
END_TEST

START_TEST(of_two_purges_under_way_the_older_one_still_counts)
{
	open_stack(true, 1);
	has_below(0, KEY, "old", "t", 5);
	below[0].waits = true;
	struct tier_purge first = purge_of(5), second = purge_of(1); /* u, and another URL: neither covers */
	first.arg = STR("t");
	ck_assert_int_eq(tier_purge(stack, &first), ERR_AGAIN);
	struct tier_purge *open = below[0].purge;
	ck_assert_int_eq(tier_purge(stack, &second), ERR_AGAIN);
	below[0].purge->done(below[0].purge, ERR_OK);
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
	below[0].waits = false;
	below[0].purge = open;
	carry_out_purge(0);
	answer_get(0);
	ck_assert_ptr_null(op.entry);
	ck_assert(!has(memory, KEY));
	tier_close(&stack);
}
END_TEST

/* A lookup reads; another instance purges and stores; we hear of the purge; the lookup answers. */
START_TEST(what_was_stored_after_a_purge_that_met_a_look_is_found)
{
	open_stack(true, 2);
	below[1].waits = true;
	has_below(1, KEY, "old", "t", 5);
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
	has_below(1, KEY, "new", "t", 6);
	struct tier_heard heard = {.purge = {.kind = PURGE_TAG, .arg = STR("t")}};
	below[1].tier.heard(below[1].tier.heard_ctx, &heard);
	answer_get(1);
	ck_assert_msg(n_done == 0 && below[1].gets == 2 && below[0].gets == 1, "that tier is asked again");
	answer_get(1);
	ck_assert_uint_eq(n_done, 1);
	must_be(&op, "new");
	tier_close(&stack);
}
END_TEST

START_TEST(a_tier_is_asked_again_but_once)
{
	open_stack(true, 1);
	below[0].waits = true;
	has_below(0, KEY, "old", "t", 5);
	struct tier_heard heard = {.purge = {.kind = PURGE_TAG, .arg = STR("t")}};
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
	for (unsigned i = 0; i < 2; i++) {
		below[0].tier.heard(below[0].tier.heard_ctx, &heard);
		answer_get(0);
	}
	ck_assert_msg(n_done == 1 && below[0].gets == 2 && !op.entry, "purges without end may not hold up a lookup");
	tier_close(&stack);
}
END_TEST

/* The dispatch remembers a purge before the stack walks; here another one comes, and is done, between the two. */
START_TEST(a_look_from_between_remembering_and_walking_brings_nothing_the_purge_covers)
{
	for (unsigned invalidates = 0; invalidates < 2; invalidates++) {
		open_stack(true, 1);
		has_below(0, KEY, "old", "t", 5);
		struct tier_purge slow = {.kind = PURGE_TAG, .arg = STR("t"), .done = on_purge}, quick = purge_of(1);
		struct tier_invalidate inv = {.key = key_of(KEY)};
		slow.epoch = inv.epoch =
		    invalidates ? purge_log__invalidate(stack->purges, &inv.key) : purge_log__add(stack->purges, &slow);
		ck_assert_int_eq(tier_purge(stack, &quick), ERR_OK);
		below[0].waits = true;
		struct tier_get op = deep(KEY);
		ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
		below[0].waits = false;
		int err = invalidates ? stack->ops->invalidate(stack, &inv) : stack->ops->purge(stack, &slow);
		ck_assert_int_eq(err, ERR_OK);
		answer_get(0);
		ck_assert_ptr_null(op.entry);
		ck_assert(!has(memory, KEY));
		tier_close(&stack);
	}
}
END_TEST

START_TEST(the_place_that_is_told_is_one_of_the_tier_that_is_awaited)
{
	for (unsigned first = 0; first < 2; first++) {
		open_stack(true, 2);
		below[0].waits = below[1].waits = true;
		below[1].purges = 10;
		struct tier_purge p = purge_of(0);
		ck_assert_int_eq(tier_purge(stack, &p), ERR_AGAIN);
		below[first].purge->done(below[first].purge, ERR_OK);
		below[1 - first].purge->done(below[1 - first].purge, ERR_OK);
		ck_assert_uint_eq(p.seq, 81);
		tier_close(&stack);
	}
}
END_TEST

START_TEST(nobody_finds_below_what_was_invalidated)
{
	open_stack(true, 1);
	has_below(0, KEY, "old", NULL, 5);
	below[0].waits = true;
	struct tier_invalidate inv = {.key = key_of(KEY)};
	ck_assert_int_eq(tier_invalidate(stack, &inv), ERR_OK); /* does not wait */
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_AGAIN);
	answer_get(0); /* read before the tier has carried it out */
	ck_assert_ptr_null(op.entry);
	/* The answer to the request that changed it may be stored all the same. */
	struct recipe r = {.key = KEY, .body = STR("new"), .lifetime_ms = 1, .epoch = inv.epoch};
	struct entry *e;
	ck_assert_int_eq(make_entry(stack, &r, &e), ERR_OK);
	struct tier_put put = {.entry = e};
	ck_assert_int_eq(tier_put(stack, &put), ERR_OK);
	entry_release(&e);
	below[0].invalidate->done(below[0].invalidate, ERR_OK);
	below[0].put->done(below[0].put, ERR_OK);
	ck_assert(has(memory, KEY));
	tier_close(&stack);
}
END_TEST

START_TEST(a_purge_that_a_tier_did_not_take_is_told)
{
	open_stack(true, 2);
	below[0].waits = true;
	struct tier_purge p = purge_of(0);
	ck_assert_int_eq(tier_purge(stack, &p), ERR_AGAIN);
	below[0].purge->done(below[0].purge, ERR_IO);
	ck_assert_int_eq(done_err, ERR_IO);
	tier_close(&stack);
}
END_TEST

/* ---- storing ---- */

START_TEST(a_stack_that_keeps_nothing_has_pages_until_they_are_below)
{
	open_stack(false, 1);
	below[0].waits = true;
	struct recipe r = {.key = KEY, .body = STR("x"), .lifetime_ms = 1};
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	ck_assert_msg(has(memory, KEY), "on its way");
	below[0].put->done(below[0].put, ERR_OK);
	ck_assert_msg(!has(memory, KEY), "has arrived");
	has_below(0, KEY, "x", NULL, 5);
	below[0].waits = false;
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	must_be(&op, "x");
	ck_assert_msg(!has(memory, KEY), "kept what it found below");
	struct tier_stats s;
	tier_stats(stack, &s);
	ck_assert_uint_eq(s.entries, 77);
	tier_close(&stack);
}
END_TEST

START_TEST(what_a_tier_below_refuses_as_purged_leaves_memory)
{
	open_stack(true, 1);
	below[0].waits = true;
	struct recipe r = {.key = KEY, .body = STR("x"), .lifetime_ms = 1};
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	below[0].put->done(below[0].put, ERR_STALE);
	ck_assert(!has(memory, KEY));
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	below[0].put->done(below[0].put, ERR_FULL); /* that is another matter */
	ck_assert(has(memory, KEY));
	tier_close(&stack);
}
END_TEST

/* It is stale, as the purge wants it, and not lost. */
START_TEST(what_a_soft_purge_overtakes_on_its_way_stays_in_memory)
{
	open_stack(true, 1);
	below[0].waits = true;
	struct recipe r = {.key = KEY, .body = STR("x"), .lifetime_ms = 1, .epoch = tier_epoch(stack)};
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	below[0].waits = false;
	struct tier_purge p = {.kind = PURGE_ALL, .soft = true};
	ck_assert_int_eq(tier_purge(stack, &p), ERR_OK);
	below[0].put->done(below[0].put, ERR_STALE);
	struct entry *e = find(memory, KEY);
	ck_assert(e && atomic_load(&e->purged));
	entry_release(&e);
	tier_close(&stack);
}
END_TEST

START_TEST(parts_stay_in_memory)
{
	open_stack(false, 1);
	struct range runs[] = {{0, 4}, {0, 0}};
	struct recipe r = {.key = KEY, .body = STR("01234"), .lifetime_ms = 1, .runs = runs};
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	ck_assert_uint_eq(below[0].puts, 0);
	ck_assert(has(memory, KEY));
	tier_close(&stack);
}
END_TEST

START_TEST(removing_reaches_all_tiers)
{
	open_stack(true, 2);
	struct entry *e = entry_with(KEY, "x", NULL, 1);
	tier_remove(stack, e);
	ck_assert(below[0].removed == 1 && below[1].removed == 1);
	entry_release(&e);
	tier_close(&stack);
}
END_TEST

/* ---- what others do ---- */

START_TEST(what_others_purge_leaves_memory_and_the_tiers_above)
{
	open_stack(true, 2);
	struct recipe r = {.key = KEY, .body = STR("x"), .lifetime_ms = 1};
	uint64_t before = tier_epoch(stack);
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	struct tier_heard heard = {.purge = {.kind = PURGE_URL, .key = key_of(KEY), .arg = STR(KEY)}};
	below[1].tier.heard(below[1].tier.heard_ctx, &heard);
	ck_assert(!has(memory, KEY));
	ck_assert_msg(below[0].purges == 1 && below[1].purges == 0, "the one that heard it has done its part");
	ck_assert_msg(tier_purged_since(stack, before, &heard.purge.key, NULL, 0), "a fetch from before may store");
	heard.invalidates = true;
	ck_assert_int_eq(
	    store(stack, &(struct recipe){.key = KEY, .body = STR("y"), .epoch = tier_epoch(stack)}), ERR_OK);
	below[1].tier.heard(below[1].tier.heard_ctx, &heard);
	ck_assert(!has(memory, KEY));
	ck_assert_uint_eq(below[0].invalidations, 1);
	tier_close(&stack);
}
END_TEST

static void add_second(void)
{
	below[0].while_purging = NULL;
	add_below(1);
}

/* A tier may hear of others from its first moment, which is before the stack has it. */
START_TEST(what_is_heard_while_a_tier_is_added_reaches_those_before_it)
{
	open_stack(true, 1);
	below[0].while_purging = add_second;
	struct tier_heard heard = {.purge = {.kind = PURGE_ALL}, .everything = true};
	stack_heard(stack_next(stack), &heard);
	ck_assert(below[0].purges == 1 && below[1].purges == 0);
	tier_close(&stack);
}
END_TEST

START_TEST(what_a_program_purges_reaches_the_tiers_further_down_too)
{
	open_stack(true, 2);
	struct tier_heard heard = {.purge = {.kind = PURGE_TAG, .arg = STR("t")}};
	below[0].tier.heard(below[0].tier.heard_ctx, &heard);
	ck_assert_msg(below[0].purges == 0 && below[1].purges == 0, "a proxy has told all of its tiers");
	heard.of_program = true;
	below[0].tier.heard(below[0].tier.heard_ctx, &heard);
	ck_assert_msg(below[0].purges == 0 && below[1].purges == 1, "a program has told one");
	below[1].tier.heard(below[1].tier.heard_ctx, &heard);
	ck_assert_msg(below[0].purges == 1 && below[1].purges == 1, "and this one");
	tier_close(&stack);
}
END_TEST

START_TEST(memory_is_not_believed_while_out_of_touch)
{
	open_stack(true, 1);
	struct recipe r = {.key = KEY, .body = STR("x"), .lifetime_ms = 1};
	ck_assert_int_eq(store(stack, &r), ERR_OK);
	below[0].is_in_touch = false;
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_MISSING);
	ck_assert_uint_eq(below[0].gets, 1);
	below[0].is_in_touch = true;
	op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
	must_be(&op, "x");
	tier_close(&stack);
}
END_TEST

/* ---- handles ---- */

static int file_with(const char *text, char *path)
{
	int fd = mkstemp(path);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "no file");
	return fd;
}

START_TEST(a_handle_is_used_while_its_file_is_what_it_was)
{
	char path[] = "/tmp/larder-handle-XXXXXX";
	open_stack(false, 1);
	entry_release(&below[0].has);
	struct recipe r = {.key = KEY, .lifetime_ms = 1};
	r.shared_body = body_of_file(file_with("in a file", path), 9, (struct hash128){0});
	ck_assert_int_eq(make_entry(stack, &r, &below[0].has), ERR_OK);
	body_release(&r.shared_body);
	for (unsigned i = 0; i < 3; i++) {
		struct tier_get op = deep(KEY);
		ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
		ck_assert_int_ge(body_file(op.entry->body), 0);
		entry_release(&op.entry);
	}
	ck_assert_msg(below[0].gets == 1, "asked %u times", below[0].gets);
	unlink(path); /* as another process does that purges it */
	entry_release(&below[0].has);
	struct tier_get op = deep(KEY);
	ck_assert_int_eq(tier_get(stack, &op), ERR_MISSING);
	ck_assert_uint_eq(below[0].gets, 2);
	ck_assert(!has(memory, KEY));
	tier_close(&stack);
}
END_TEST

START_TEST(no_more_files_are_held_open_than_may_be)
{
	open_stack(true, 1);
	struct entry *taken[4];
	for (unsigned i = 0; i < COUNT_OF(taken); i++) {
		char path[] = "/tmp/larder-handle-XXXXXX", key[32];
		snprintf(key, sizeof(key), "GET http://h/%u", i);
		struct recipe r = {.key = key, .lifetime_ms = 1};
		r.shared_body = body_of_file(file_with("in a file", path), 9, (struct hash128){0});
		ck_assert_int_eq(make_entry(stack, &r, &taken[i]), ERR_OK);
		body_release(&r.shared_body);
		below[0].has = entry_ref(taken[i]);
		struct tier_get op = deep(key);
		ck_assert_int_eq(tier_get(stack, &op), ERR_OK);
		entry_release(&op.entry);
		entry_release(&below[0].has);
		ck_assert_msg(has(memory, key) == (i < 2), "%u files", i + 1);
		unlink(path);
	}
	for (unsigned i = 0; i < COUNT_OF(taken); i++)
		entry_release(&taken[i]);
	tier_close(&stack);
	ck_assert_uint_eq(body_files(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/stack");
	TCase *c = tcase_create("stack");
	suite_add_tcase(s, c);
	tcase_add_test(c, what_memory_has_is_not_looked_for_below);
	tcase_add_test(c, what_is_found_below_goes_up);
	tcase_add_test(c, what_was_stored_during_a_look_stays);
	tcase_add_test(c, a_look_goes_on_until_something_answers);
	tcase_add_test(c, the_best_there_is_when_nothing_answers);
	tcase_add_test(c, a_tier_that_answers_later_is_waited_for);
	tcase_add_test(c, a_look_that_began_before_a_purge_brings_nothing_it_covers);
	tcase_add_test(c, a_look_that_began_while_a_purge_was_under_way_brings_nothing_it_covers);
	tcase_add_test(c, of_two_purges_under_way_the_older_one_still_counts);
	tcase_add_test(c, what_was_stored_after_a_purge_that_met_a_look_is_found);
	tcase_add_test(c, a_tier_is_asked_again_but_once);
	tcase_add_test(c, a_look_from_between_remembering_and_walking_brings_nothing_the_purge_covers);
	tcase_add_test(c, the_place_that_is_told_is_one_of_the_tier_that_is_awaited);
	tcase_add_test(c, nobody_finds_below_what_was_invalidated);
	tcase_add_test(c, a_purge_that_a_tier_did_not_take_is_told);
	tcase_add_test(c, a_stack_that_keeps_nothing_has_pages_until_they_are_below);
	tcase_add_test(c, what_a_tier_below_refuses_as_purged_leaves_memory);
	tcase_add_test(c, what_a_soft_purge_overtakes_on_its_way_stays_in_memory);
	tcase_add_test(c, parts_stay_in_memory);
	tcase_add_test(c, removing_reaches_all_tiers);
	tcase_add_test(c, what_others_purge_leaves_memory_and_the_tiers_above);
	tcase_add_test(c, what_is_heard_while_a_tier_is_added_reaches_those_before_it);
	tcase_add_test(c, what_a_program_purges_reaches_the_tiers_further_down_too);
	tcase_add_test(c, memory_is_not_believed_while_out_of_touch);
	tcase_add_test(c, no_more_files_are_held_open_than_may_be);
	tcase_add_test(c, a_handle_is_used_while_its_file_is_what_it_was);
	return suite_run(s);
}
