/* Storing a page: metadata and body go out together in one script, which refuses them when a purge of the page has overtaken them.
 *
 *   label := position;  covered by the purge log since the fetch began? refused;  script: tombstone later than the label? refused
 *
 * A purge of everything, a prefix, a tag that has a later place than the label is found by whoever looks the page up (tier/ledger.h). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tier/form.h"
#include "tier/private.h"
#include "tier/purge_log.h"
#include "tier/redis_follow.h"
#include "tier/redis_page.h"
#include "tier/redis_private.h"
#include "tier/redis_scripts.h"

struct store {
	struct ask ask;
	struct tier_put *op;
	struct entry *entry; /* a reference: the words point into its body */
	struct buf form;
	struct whole body;
	char name[FORM_VARIANT + 1], part[FORM_VARIANT + 1], mark[MARK_MAX];
};

void whole__of(struct whole *w, const struct entry *e)
{
	*w = (struct whole){.bytes = STR("")};
	if (body_file(e->body) >= 0) {
		w->bytes = STR_NONE;
		return;
	}
	struct str one;
	unsigned n = body_segments(e->body, &one, 1);
	if (n <= 1) {
		w->bytes = n == 1 ? one : STR("");
		return;
	}
	struct str *all = mem_alloc(n * sizeof *all);
	body_segments(e->body, all, n);
	size_t size = 0;
	for (unsigned i = 0; i < n; i++)
		size += all[i].n;
	char *to = w->copy = mem_alloc(size);
	for (unsigned i = 0; i < n; i++)
		to = str_put(to, all[i]);
	w->bytes = str_make(w->copy, size);
	free(all);
}

void whole__free(struct whole *w)
{
	free(w->copy);
	*w = (struct whole){0};
}

void redis__mark_of(const struct entry *e, struct hash128 body_sum, char out[MARK_MAX])
{
	snprintf(out, MARK_MAX, "%lld-%016llx%016llx", (long long)ENTRY_STORED(e)->response_ms,
	    (unsigned long long)body_sum.hi, (unsigned long long)body_sum.lo);
}

static void store_free(struct store *s)
{
	ask__free(&s->ask);
	buf_free(&s->form);
	whole__free(&s->body);
	entry_release(&s->entry);
	free(s);
}

static void answered(struct ask *a, int err, const struct redisReply *reply)
{
	struct store *s = CONTAINER_OF(a, struct store, ask);
	struct redis_tier *r = a->r;
	struct tier_put *op = s->op;
	struct redisReply **v = err == ERR_OK ? redis__array(reply, 3) : NULL;
	if (v && redis__number(v[0]) == 1) {
		int64_t replaced = redis__number(v[1]), evicted = redis__number(v[2]);
		redis__count(&r->counters.stores, 1);
		redis__count(&r->counters.replaced, replaced > 0 ? (uint64_t)replaced : 0);
		redis__count(&r->counters.evicted, evicted > 0 ? (uint64_t)evicted : 0);
	} else if (v) {
		redis__count(&r->counters.refused_stale, 1);
		err = ERR_STALE;
	} else if (err == ERR_OK) {
		err = ERR_PROTOCOL;
	} else if (err == ERR_FULL) {
		redis__count(&r->counters.refused_full, 1);
	} else if (err == ERR_TIMEOUT) {
		redis__count(&r->counters.errors, 1);
	}
	store_free(s);
	op->done(op, err);
}

/* How long it is kept: until it can answer nothing any more. */
static int64_t ttl_of(const struct stored *stored)
{
	int64_t at = entry__useless_from(stored), now = clock_wall_ms();
	int64_t ttl = at > now ? at - now : 0;
	ttl = ttl > REDIS_TTL_MIN_MS ? ttl : REDIS_TTL_MIN_MS;
	return ttl < REDIS_TTL_MAX_MS ? ttl : REDIS_TTL_MAX_MS;
}

/* A whole page takes the place of the partial one as well (RFC 9111 3.3). */
static void name_variant(struct store *s, const struct stored *stored)
{
	form_variant(stored, s->name);
	if (stored_is_partial(stored))
		return;
	static const struct range run;
	struct stored part = *stored;
	part.n_runs = 1;
	part.runs = &run;
	form_variant(&part, s->part);
}

static void say(struct store *s, const struct form_more *more, uint64_t id)
{
	struct redis_tier *r = s->ask.r;
	struct words *w = &s->ask.words;
	const struct entry *e = s->entry;
	struct page page;
	page__of(&page, ENTRY_KEY(e));
	words__page_key(w, r, &page, "v");
	words__page_key(w, r, &page, s->name);
	words__page_key(w, r, &page, "t");
	words__page_key(w, r, &page, s->part[0] ? s->part : "none");
	words__number(w, (int64_t)more->seq);
	words__add(w, str_of(s->name));
	words__add(w, str_of(s->part));
	words__number(w, atomic_load_explicit(&r->max_variants, memory_order_relaxed));
	words__number(w, ttl_of(ENTRY_STORED(e)));
	words__add(w, words__page_text(w, r, &page, ""));
	words__add(w, buf_str(&s->form));
	words__add(w, s->body.bytes);
	words__add(w, arena_printf(&w->arena, REDIS_ID, (unsigned long long)id));
	words__add(w, str_of(s->mark));
}

static int refuse(_Atomic uint64_t *counter, int err)
{
	redis__count(counter, 1);
	return err;
}

static int write_form(const struct entry *e, const struct form_more *more, struct buf *out)
{
	struct arena a;
	struct entry_parts parts;
	arena_init(&a, 0);
	entry_open(e, &a, &parts);
	int err = form_write(&parts.spec, more, out);
	arena_free(&a);
	return err;
}

int redis__put(struct tier *t, struct tier_put *op)
{
	struct redis_tier *r = redis__of(t);
	struct entry *e = op->entry;
	uint64_t id = redis_follow__id(r->follow);
	struct form_more more = {.seq = redis_follow__position(r->follow), .body_size = body_size(e->body)};
	/* After the position was read: what has moved it was in the log before. */
	if (purge_log__covers(t->purges, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e)))
		return refuse(&r->counters.refused_stale, ERR_STALE);
	if (more.body_size > atomic_load_explicit(&r->max_object, memory_order_relaxed))
		return refuse(&r->counters.refused_full, ERR_FULL);
	if (!redis__usable(r))
		return refuse(&r->counters.skipped, ERR_BUSY);
	struct store *s = mem_zalloc(sizeof *s);
	ask__init(&s->ask, r, &redis__store, answered);
	s->op = op;
	s->entry = entry_ref(e);
	buf_init(&s->form, FORM_MAX);
	whole__of(&s->body, e);
	more.body_sum = hash128_str(s->body.bytes, 0);
	int err = s->body.bytes.p ? write_form(e, &more, &s->form) : ERR_FULL;
	if (err) {
		store_free(s);
		return refuse(&r->counters.refused_full, ERR_FULL);
	}
	redis__mark_of(e, more.body_sum, s->mark);
	name_variant(s, ENTRY_STORED(e));
	say(s, &more, id);
	err = ask__send(&s->ask, r->timeout_ms);
	if (err != ERR_AGAIN)
		store_free(s);
	return err;
}
