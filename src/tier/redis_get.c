/* Looking a page up. One script brings the metadata of its variants, newest first, and the body where it is the only one or small; the
 * body of the one that is chosen comes with a second call where it did not. Both share one budget of time; when it is over it is a miss.
 *
 *   find -> rows -> readable? ours? purged since? matches? the better one -> its body -> sum -> entry
 *
 * A row of another incarnation of the purges (redis_follow.h) is as if it were not there. One that is damaged, or that a purge has
 * overtaken, is removed by its mark, so that what replaced it meanwhile stays. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tier/form.h"
#include "tier/ledger.h"
#include "tier/private.h"
#include "tier/purge_log.h"
#include "tier/redis_follow.h"
#include "tier/redis_page.h"
#include "tier/redis_private.h"
#include "tier/redis_scripts.h"

/* What every question for a page carries along. */
struct look {
	struct redis_tier *r;
	struct cache_key key; /* its text is the caller's, who waits */
	struct page page;
	uint64_t epoch; /* before it was asked */
};

/* One variant of a reply; its strings lie there, what was read of it in an arena. */
struct row {
	struct str name, m, e, mark, b;
	struct form form;
	bool soft;
};

/* Removing */

struct drop {
	struct ask ask;
};

static void dropped(struct ask *a, int err, const struct redisReply *reply)
{
	ask__free(a);
	free(CONTAINER_OF(a, struct drop, ask));
}

static void drop(struct redis_tier *r, const struct page *page, struct str name, struct str mark)
{
	struct drop *d = mem_zalloc(sizeof *d);
	struct words *w = &d->ask.words;
	ask__init(&d->ask, r, NULL, dropped);
	/* By its text: a script that is not known yet would be sent again, behind what is asked next. */
	words__add(w, STR("EVAL"));
	words__add(w, str_of(redis__drop.text));
	words__add(w, STR("1"));
	words__page_key(w, r, page, "v");
	words__add(w, words__page_text(w, r, page, ""));
	words__add(w, arena_str(&w->arena, name));
	words__add(w, arena_str(&w->arena, mark));
	if (ask__send(&d->ask, r->timeout_ms) != ERR_AGAIN)
		dropped(&d->ask, ERR_BUSY, NULL);
}

void redis__remove(struct tier *t, struct entry *e)
{
	struct redis_tier *r = redis__of(t);
	char name[FORM_VARIANT + 1], mark[MARK_MAX];
	struct hash128 sum;
	struct page page;
	if (body_size(e->body) > atomic_load_explicit(&r->max_object, memory_order_relaxed))
		return;
	if (body_file(e->body) >= 0) { /* the file tier has it as well */
		sum = body_file_sum(e->body);
	} else {
		struct whole body;
		whole__of(&body, e);
		sum = hash128_str(body.bytes, 0);
		whole__free(&body);
	}
	page__of(&page, ENTRY_KEY(e));
	form_variant(ENTRY_STORED(e), name);
	redis__mark_of(e, sum, mark);
	drop(r, &page, str_of(name), str_of(mark));
}

/* Reading what came */

static void spoiled(const struct look *l, const struct row *row)
{
	redis__count(&l->r->counters.corrupt, 1);
	redis__complain(l->r, "a damaged page was removed", l->page.hash);
	drop(l->r, &l->page, row->name, row->mark);
}

/* False: it is not to be given to anybody. */
static bool read_row(const struct look *l, const struct redisReply *reply, struct arena *a, struct row *row)
{
	struct redisReply **v = redis__array(reply, 5);
	if (!v)
		return false;
	row->name = redis__text(v[0]);
	row->m = redis__text(v[1]);
	row->e = redis__text(v[2]);
	row->mark = redis__text(v[3]);
	row->b = redis__text(v[4]);
	char id[REDIS_ID_MAX];
	snprintf(id, sizeof id, REDIS_ID, (unsigned long long)redis_follow__id(l->r->follow));
	if (row->e.n == str_of(id).n && !str_eq(row->e, str_of(id)))
		return false;
	if (!str_eq(row->e, str_of(id)) || !row->m.p || form_read(row->m, l->r->key_seed, a, &row->form) != ERR_OK ||
	    !str_eq(row->form.spec.key.text, l->key.text)) {
		spoiled(l, row);
		return false;
	}
	const struct entry_spec *spec = &row->form.spec;
	switch (
	    ledger_judge(redis_follow__ledger(l->r->follow), row->form.more.seq, &l->key, spec->tags, spec->n_tags)) {
	case LEDGER_HARD:
		drop(l->r, &l->page, row->name, row->mark);
		return false;
	case LEDGER_SOFT:
		row->soft = true;
		break;
	case LEDGER_CLEAN:
		break;
	}
	return true;
}

/* Enough of an entry for `match`. */
static bool matches(const struct look *l, const struct tier_get *op, struct row *row)
{
	if (!op->match)
		return true;
	struct entry_spec spec = row->form.spec;
	struct entry *view;
	spec.key = l->key;
	spec.epoch = l->epoch;
	int err = entry_new(&spec, NULL, NULL, &view);
	bool is_match = !err && op->match(op->ctx, view);
	entry_release(&view);
	return is_match;
}

/* ERR_OK; ERR_MISSING: damaged; ERR_FULL: no room for it in memory. */
static int make(const struct look *l, const struct row *row, struct entry **out)
{
	const struct form_more *more = &row->form.more;
	struct hash128 sum = hash128_str(row->b, 0);
	if (!row->b.p || row->b.n != more->body_size || sum.hi != more->body_sum.hi || sum.lo != more->body_sum.lo) {
		spoiled(l, row);
		return ERR_MISSING;
	}
	struct body *body = body_of(row->b, l->r->tier.budget);
	if (!body)
		return ERR_FULL;
	struct entry_spec spec = row->form.spec;
	spec.key = l->key;
	spec.epoch = l->epoch;
	int err = entry_new(&spec, &body, l->r->tier.budget, out);
	if (err) {
		body_release(&body);
		return err;
	}
	atomic_store_explicit(&(*out)->purged, row->soft || more->purged, memory_order_relaxed);
	return ERR_OK;
}

static void look_init(struct look *l, struct redis_tier *r, const struct cache_key *key)
{
	*l = (struct look){.r = r, .key = *key, .epoch = purge_log__epoch(r->tier.purges)};
	page__of(&l->page, key);
}

/* inline_max: bytes of bodies that come along; name empty: all variants. */
static void say(const struct look *l, struct ask *a, int64_t inline_max, const char *name)
{
	struct words *w = &a->words;
	words__page_key(w, l->r, &l->page, "v");
	words__add(w, words__page_text(w, l->r, &l->page, ""));
	words__number(w, atomic_load_explicit(&l->r->max_variants, memory_order_relaxed));
	words__number(w, inline_max);
	words__add(w, str_of(name));
}

/* Getting */

struct lookup {
	struct ask ask;
	struct tier_get *op;
	struct look look;
	int64_t began_us, until_us;
	char name[FORM_VARIANT + 1]; /* of the one whose body is asked for */
};

static void finish(struct lookup *l, int err)
{
	struct tier_get *op = l->op;
	redis__count(err == ERR_OK ? &l->look.r->counters.hits : &l->look.r->counters.misses, 1);
	op->spent_us += clock_mono_us() - l->began_us;
	ask__free(&l->ask);
	free(l);
	op->done(op, err);
}

static int ask_again(struct lookup *l, struct str name);

/* Of all rows the one that is chosen, or NULL. */
static struct row *choose(struct lookup *l, const struct redisReply *reply, struct arena *a)
{
	struct row *chosen = NULL;
	for (size_t i = 0; i < reply->elements; i++) {
		struct row *row = arena_zalloc(a, sizeof *row);
		if (!read_row(&l->look, reply->element[i], a, row))
			continue;
		l->op->other_variant = true;
		if (!matches(&l->look, l->op, row))
			continue;
		if (!chosen || entry__is_better(&row->form.stored, &chosen->form.stored))
			chosen = row;
	}
	return chosen;
}

/* ERR_AGAIN: a second call is under way. */
static int take(struct lookup *l, const struct redisReply *reply, struct arena *a)
{
	if (!redis__array(reply, 0))
		return ERR_MISSING;
	struct row *row = choose(l, reply, a);
	if (!row)
		return ERR_MISSING;
	if (!row->b.p && l->name[0] == 0)
		return ask_again(l, row->name);
	if (make(&l->look, row, &l->op->entry) != ERR_OK)
		return ERR_MISSING;
	l->op->other_variant = false;
	return ERR_OK;
}

static void got(struct ask *a, int err, const struct redisReply *reply)
{
	struct lookup *l = CONTAINER_OF(a, struct lookup, ask);
	if (err == ERR_TIMEOUT)
		redis__count(&l->look.r->counters.timeouts, 1);
	if (err == ERR_OK) {
		struct arena arena;
		arena_init(&arena, 0);
		err = take(l, reply, &arena);
		arena_free(&arena);
	}
	if (err != ERR_AGAIN)
		finish(l, err == ERR_OK ? ERR_OK : ERR_MISSING);
}

static int ask_again(struct lookup *l, struct str name)
{
	int64_t left_ms = (l->until_us - clock_mono_us()) / 1000;
	if (left_ms <= 0 || name.n >= sizeof l->name) {
		redis__count(&l->look.r->counters.timeouts, 1);
		return ERR_MISSING;
	}
	memcpy(l->name, name.p, name.n);
	ask__free(&l->ask);
	ask__init(&l->ask, l->look.r, &redis__find, got);
	say(&l->look, &l->ask, 0, l->name);
	return ask__send(&l->ask, left_ms) == ERR_AGAIN ? ERR_AGAIN : ERR_MISSING;
}

int redis__get(struct tier *t, struct tier_get *op)
{
	struct redis_tier *r = redis__of(t);
	int64_t left_us = redis__budget_left_us(r, op->spent_us);
	if (left_us <= 0 || !redis__usable(r)) {
		redis__count(&r->counters.skipped, 1);
		return ERR_MISSING;
	}
	struct lookup *l = mem_zalloc(sizeof *l);
	l->op = op;
	l->began_us = clock_mono_us();
	l->until_us = l->began_us + left_us;
	look_init(&l->look, r, &op->key);
	ask__init(&l->ask, r, &redis__find, got);
	say(&l->look, &l->ask, REDIS_INLINE, "");
	if (ask__send(&l->ask, redis__whole_ms(left_us)) == ERR_AGAIN)
		return ERR_AGAIN;
	ask__free(&l->ask);
	free(l);
	return ERR_MISSING;
}

/* Variants */

struct listing {
	struct ask ask;
	struct look look;
	struct entry **v;
	size_t n;
};

static void listed(struct ask *a, int err, const struct redisReply *reply)
{
	struct listing *l = CONTAINER_OF(a, struct listing, ask);
	if (err || !redis__array(reply, 1))
		return;
	struct arena arena;
	arena_init(&arena, 0);
	l->v = mem_zalloc(reply->elements * sizeof(struct entry *));
	for (size_t i = 0; i < reply->elements; i++) {
		struct row *row = arena_zalloc(&arena, sizeof *row);
		if (read_row(&l->look, reply->element[i], &arena, row) && make(&l->look, row, &l->v[l->n]) == ERR_OK)
			l->n++;
	}
	arena_free(&arena);
}

void redis__variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	struct redis_tier *r = redis__of(t);
	if (!redis__usable(r))
		return;
	struct listing l = {0};
	look_init(&l.look, r, key);
	ask__init(&l.ask, r, &redis__find, listed);
	say(&l.look, &l.ask, INT64_MAX / 4, "");
	(void)!ask__and_wait(&l.ask, r->timeout_ms);
	ask__free(&l.ask);
	for (size_t i = 0; i < l.n; i++) {
		fn(ctx, l.v[i]);
		entry_release(&l.v[i]);
	}
	free(l.v);
}
