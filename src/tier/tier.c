/* The dispatch of tiers. What is the same for all of them is here: purges and invalidations are remembered before the tier is walked. */
#include "tier/tier.h"

#include <stdio.h>

#include "base/log.h"
#include "tier/purge_log.h"

int tier_get(struct tier *t, struct tier_get *op)
{
	op->entry = NULL;
	op->other_variant = false;
	op->found_in = t->ops->name;
	return t->ops->get(t, op);
}

static bool is_too_long(const struct tier *t, const struct cache_key *key)
{
	return t->max_key > 0 && key->text.n > t->max_key;
}

int tier_put(struct tier *t, struct tier_put *op)
{
	return is_too_long(t, ENTRY_KEY(op->entry)) ? ERR_FULL : t->ops->put(t, op);
}

int tier_purge(struct tier *t, struct tier_purge *op)
{
	op->count = op->seq = 0;
	if (op->kind == PURGE_URL && is_too_long(t, &op->key)) { /* nothing of it is there */
		op->epoch = purge_log__epoch(t->purges);
		return ERR_OK;
	}
	op->epoch = purge_log__add(t->purges, op);
	return t->ops->purge(t, op);
}

void tier_purge_failed(const struct tier_purge *op, int err, char sentence[TIER_SENTENCE])
{
	static const char *const kinds[] = PURGE_KIND_NAMES;
	enum { SHOWN = 500 };
	const char *why = err == ERR_BUSY ? "it does not answer" : err_text(err);
	struct str arg = op->kind == PURGE_ALL ? STR("") : str_take(op->arg, SHOWN);
	log_warning("purge", "%s%s%.*s: a tier that is shared did not take it (%s)", kinds[op->kind],
	    arg.n > 0 ? " " : "", STR_ARG(arg), why);
	snprintf(sentence, TIER_SENTENCE,
	    "the purge is carried out here, but a tier that is shared did not take it (%s), so others may still have "
	    "the page; Redis gets it as soon as it answers again, but if it was the directory of files, send it again",
	    why);
}

int tier_invalidate(struct tier *t, struct tier_invalidate *op)
{
	op->count = 0;
	if (is_too_long(t, &op->key)) {
		op->epoch = purge_log__epoch(t->purges);
		return ERR_OK;
	}
	op->epoch = purge_log__invalidate(t->purges, &op->key);
	return t->ops->invalidate(t, op);
}

void tier_remove(struct tier *t, struct entry *e)
{
	t->ops->remove(t, e);
}

void tier_variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	t->ops->variants(t, key, fn, ctx);
}

unsigned tier_sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	return t->ops->sweep(t, now_ms, max);
}

void tier_stats(struct tier *t, struct tier_stats *out)
{
	*out = (struct tier_stats){0};
	t->ops->stats(t, out);
}

int tier_await(
    struct tier *t, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	return t->ops->await ? t->ops->await(t, seq, timeout_ms, fn, ctx) : ERR_OK;
}

int tier_lease(struct tier *t, struct tier_lease *op)
{
	op->held = false;
	return t->ops->lease ? t->ops->lease(t, op) : ERR_OK;
}

void tier_lease_end(struct tier *t, struct tier_lease *op)
{
	if (t->ops->lease_end)
		t->ops->lease_end(t, op);
}

struct tier *tier_part(struct tier *t, unsigned i)
{
	if (t->ops->part)
		return t->ops->part(t, i);
	return i == 0 ? t : NULL;
}

void tier_close(struct tier **t)
{
	if (*t)
		(*t)->ops->close(*t);
	*t = NULL;
}

uint64_t tier_epoch(struct tier *t)
{
	return purge_log__epoch(t->purges);
}

bool tier_purged_since(
    struct tier *t, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	return purge_log__covers(t->purges, epoch, key, tags, n_tags);
}
