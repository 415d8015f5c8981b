/* The tier hands out what matches; here is how the variants are told apart, for the store and for those under way. */
#include "req/variant.h"

#include <assert.h>

#include "base/mem.h"
#include "policy/vary.h"

bool variant_matches(void *ctx, const struct entry *e)
{
	const struct req *r = ctx;
	return vary_matches(entry_vary(e), &r->message.headers);
}

bool variant_is_whole(void *ctx, const struct entry *e)
{
	return !entry_is_partial(e) && variant_matches(ctx, e);
}

static bool is_preferred(void *ctx, const struct entry *e)
{
	struct req *r = ctx;
	return !entry_is_partial(e) &&
	       vary_prefers_language(entry_vary(e), &r->message.headers, entry_headers(e, &r->arena));
}

/* Only while it is fresh: a stale one would be validated under fields that are not its own. */
static int look_for_language(struct req *r, struct tier_get *op)
{
	if (!headers_find(&r->message.headers, STR("Accept-Language")))
		return ERR_MISSING;
	op->match = is_preferred;
	int err = tier_get(r->env->tier, op);
	op->other_variant = true;
	if (err == ERR_OK && answer_verdict(r, op->entry).reuse == REUSE_FRESH)
		return ERR_OK;
	entry_release(&op->entry);
	return ERR_MISSING;
}

void variant_look_up(struct req *r)
{
	struct tier_get op = {.key = r->key, .match = variant_is_whole, .ctx = r};
	r->epoch = tier_epoch(r->env->tier);
	int err = tier_get(r->env->tier, &op);
	assert(err == ERR_OK || err == ERR_MISSING);
	if (err == ERR_MISSING && op.other_variant)
		err = look_for_language(r, &op);
	entry_release(&r->entry);
	r->entry = op.entry;
	r->found_in = op.found_in;
	r->fwd = err == ERR_OK ? REASON_NONE : op.other_variant ? REASON_MISS_VARY : REASON_MISS;
}

static void text_of_fields(struct req *r, const struct headers *fields)
{
	struct buf b;
	buf_init(&b, r->conf->server.max_header * 2 + 1024);
	for (uint32_t i = 0; i < fields->n; i++) {
		buf_add(&b, fields->v[i].name);
		buf_addc(&b, fields->v[i].value.p ? ':' : '-'); /* absent is not empty */
		buf_add(&b, fields->v[i].value);
		buf_addc(&b, '\n');
	}
	if (r->forwards_range) { /* who asks for a part waits for nobody who asks for another */
		buf_add(&b, STR("Range:"));
		buf_add(&b, headers_get(&r->message.headers, STR("Range")));
	}
	r->signature = arena_str(&r->arena, buf_str(&b));
	buf_free(&b);
}

void variant_sign(struct req *r, const struct entry *own)
{
	text_of_fields(r, entry_vary(own));
}

void variant_sign_like(struct req *r, const struct entry *other)
{
	struct headers mine = {0};
	vary_values(entry_vary(other), &r->message.headers, &r->arena, &mine);
	text_of_fields(r, &mine);
}

static void sign_first(void *ctx, struct entry *e)
{
	struct req *r = ctx;
	if (r->signature.n == 0)
		variant_sign_like(r, e);
}

void variant_sign_by_newest(struct req *r)
{
	r->signature = STR_NONE;
	tier_variants(r->env->tier, &r->key, sign_first, r);
	if (r->signature.n == 0 && r->forwards_range)
		text_of_fields(r, &(struct headers){0});
}
