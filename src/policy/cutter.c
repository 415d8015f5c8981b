/* Three lookouts go through the text: one for needles (the values in their forms, and the secrets), one for the fields of forms, one
 * for masked tokens where a token cookie fills those fields (policy/mask.h). Each stands at the next place of its kind, or where it
 * cannot tell yet; whichever place comes first is dealt with.
 *
 *	 ...<input name="csrf" value="X...X">....T0.......<met
 *	    |                         '-> field: hit      '-> dry: may be one
 *	    '- what lies before both is sent on           '-> held until more comes
 *	                                         '-> needle: hit
 *
 * A lookout stands still until what it found is dealt with, so no byte is searched again because of another one. Offsets are
 * those of the whole body: what was found stays found when the bytes before it are gone.
 *
 * A body is looked through in slices, so that what has to be copied behind held bytes is bounded. */
#include "policy/cutter.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/search.h"
#include "policy/markup.h"
#include "policy/mask.h"
#include "policy/private.h"

#include <assert.h>
#include <stdlib.h>

#define SLICE ((size_t)16 << 10)

struct lookout {
	enum {
		LOOKING,
		DRY, /* as far as the bytes go */
		HIT
	} state;
	uint64_t at;	/* nothing of this kind begins before it. HIT: but here */
	size_t n;	/* HIT: bytes */
	uint64_t tag;	/* HIT of a field: where its tag begins */
	unsigned which; /* HIT of a needle */
};

struct cutter {
	const struct personal *personal;
	struct cutter_events events;
	void *ctx;
	struct arena arena;
	struct policy__patterns patterns;
	unsigned n_values; /* patterns of values; the others, behind them, are of secrets */
	struct search *search;
	struct buf held;
	/* One slice with what was held before it. */
	struct str text;
	uint64_t begin; /* where it begins in the body */
	bool last;
	uint64_t done; /* so far was all told */
	uint64_t cut;  /* bytes of these */
	struct lookout needle, field, masked;
	bool has_mask;
	bool in_word; /* the masked one stands within a run that is too long */
	struct mask mask;
};

/* ---- the lookouts ---- */

static struct str text_from(const struct cutter *c, uint64_t at)
{
	return str_skip(c->text, (size_t)(at - c->begin));
}

static void look_for_needle(struct cutter *c)
{
	struct search_hit hit;
	size_t safe, from = (size_t)(c->needle.at - c->begin);
	if (search_next(c->search, c->text, from, c->last, &hit, &safe))
		c->needle = (struct lookout){
		    .state = HIT, .at = c->begin + hit.at, .n = c->patterns.texts[hit.pattern].n, .which = hit.pattern};
	else
		c->needle = (struct lookout){.state = DRY, .at = c->begin + safe};
}

/* Every '<' is looked at, also within a tag that was none of these: what a quote that is not one seems to hide is found. Within one
 * that is a field it is text of that field's tag. */
static void look_for_field(struct cutter *c)
{
	uint64_t end = c->begin + c->text.n;
	uint64_t at = c->personal->fields ? c->field.at : end;
	for (; at < end; at++) {
		struct str value, rest = text_from(c, at);
		at += str_index(rest, '<');
		if (at == end)
			break;
		rest = text_from(c, at);
		enum markup verdict = markup_field(rest, c->personal->fields, &value);
		if (verdict == MARKUP_MORE && !c->last)
			break;
		if (verdict != MARKUP_FIELD)
			continue;
		c->field =
		    (struct lookout){.state = HIT, .at = at + (uint64_t)(value.p - rest.p), .n = value.n, .tag = at};
		return;
	}
	c->field = (struct lookout){.state = DRY, .at = at};
}

/* How many letters and digits the text begins with, up to one more than a token has. */
static size_t word_length(struct str text)
{
	size_t n = 0;
	while (n < text.n && n <= MASK_TOKEN && mask_is_letter(text.p[n]))
		n++;
	return n;
}

/* Runs of just that length. It always stands at the beginning of a run, or within one that is too long. */
static void look_for_masked(struct cutter *c)
{
	uint64_t end = c->begin + c->text.n;
	uint64_t at = c->has_mask ? c->masked.at : end;
	while (at < end) {
		struct str rest = text_from(c, at);
		size_t n = word_length(rest);
		if (n == rest.n && n <= MASK_TOKEN && !c->last && !c->in_word)
			break;
		if (n == MASK_TOKEN && !c->in_word && mask_covers(&c->mask, rest.p)) {
			c->masked = (struct lookout){.state = HIT, .at = at, .n = MASK_TOKEN};
			return;
		}
		c->in_word = n == rest.n || n > MASK_TOKEN;
		at += n + (c->in_word ? 0 : 1);
	}
	c->masked = (struct lookout){.state = DRY, .at = at};
}

/* Of two hits at one place, what does the first one tell better? */
static bool is_better(const struct cutter *c, const struct lookout *a, const struct lookout *b)
{
	if (a->n != b->n)
		return a->n > b->n;
	if (a != &c->needle)
		return false;
	const struct policy__pattern *needle = &c->patterns.of[a->which];
	return !needle->secret && c->personal->values[needle->value].hole.kind == HOLE_TOKEN;
}

static bool comes_first(const struct cutter *c, const struct lookout *a, const struct lookout *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->state != HIT || (b->state == HIT && is_better(c, a, b));
}

static const struct lookout *foremost(const struct cutter *c)
{
	const struct lookout *first = &c->masked;
	if (comes_first(c, &c->field, first))
		first = &c->field;
	return comes_first(c, &c->needle, first) ? &c->needle : first;
}

/* The one to be dealt with next; NULL when more bytes must tell. */
static const struct lookout *next(struct cutter *c)
{
	if (c->needle.state == LOOKING)
		look_for_needle(c);
	if (c->field.state == LOOKING)
		look_for_field(c);
	if (c->masked.state == LOOKING)
		look_for_masked(c);
	const struct lookout *first = foremost(c);
	return first->state == HIT ? first : NULL;
}

/* ---- what is told ---- */

static void tell_text(struct cutter *c, uint64_t end)
{
	struct str bytes = str_take(text_from(c, c->done), (size_t)(end - c->done));
	c->done = end;
	if (bytes.n > 0)
		c->events.text(c->ctx, bytes);
}

static void look_behind(struct lookout *l, uint64_t at)
{
	if (l->at < at)
		*l = (struct lookout){.state = LOOKING, .at = at};
}

static void tell_cut(struct cutter *c, const struct lookout *hit)
{
	struct hole hole = {.value = c->personal->field_value, .form = HOLE_PLAIN};
	if (hit == &c->needle) {
		hole.value = c->patterns.of[hit->which].value;
		hole.form = c->patterns.of[hit->which].form;
	}
	uint64_t begin = hit->at, end = hit->at + hit->n;
	tell_text(c, begin);
	hole.at = begin - c->cut;
	c->cut += end - begin;
	c->done = end;
	/* A tag whose beginning is cut out is none, though its field stands behind. */
	if (c->field.state == HIT && c->field.tag >= begin && c->field.tag < end)
		c->field = (struct lookout){.state = LOOKING, .at = end};
	if (c->masked.at < end) /* words are those of the page, also where a part of one is cut out */
		c->in_word = mask_is_letter(*text_from(c, end - 1).p);
	look_behind(&c->needle, end);
	look_behind(&c->field, end);
	look_behind(&c->masked, end);
	c->events.cut(c->ctx, &hole, str_take(text_from(c, begin), (size_t)(end - begin)));
}

/* The values in and behind the secret are still cut: whoever fetched the page gets it. */
static void tell_found(struct cutter *c, const struct personal_secret *secret)
{
	tell_text(c, c->needle.at);
	search_free(&c->search);
	c->search = search_new(c->patterns.texts, c->n_values);
	c->needle.state = LOOKING;
	c->events.found(c->ctx, secret);
}

/* Returns how many bytes of the text are done with. */
static size_t look_through(struct cutter *c, struct str text, bool last)
{
	c->text = text;
	c->begin = c->done;
	c->last = last;
	if (c->needle.state == DRY)
		c->needle.state = LOOKING;
	if (c->field.state == DRY)
		c->field.state = LOOKING;
	if (c->masked.state == DRY)
		c->masked.state = LOOKING;
	for (const struct lookout *hit = next(c); hit; hit = next(c)) {
		const struct personal_secret *secret = hit == &c->needle ? c->patterns.of[hit->which].secret : NULL;
		if (secret)
			tell_found(c, secret);
		else
			tell_cut(c, hit);
	}
	tell_text(c, foremost(c)->at);
	return (size_t)(c->done - c->begin);
}

static void feed_slice(struct cutter *c, struct str slice, bool last)
{
	int err;
	if (c->held.n == 0) {
		size_t n = look_through(c, slice, last);
		err = buf_add(&c->held, str_skip(slice, n));
	} else {
		err = buf_add(&c->held, slice);
		buf_consume(&c->held, look_through(c, buf_str(&c->held), last));
	}
	assert(err == ERR_OK); /* what is held is shorter than what is looked for */
	assert(!last || c->held.n == 0);
}

/* ---- public ---- */

struct cutter *cutter_new(const struct personal *p, const struct cutter_events *events, void *ctx)
{
	struct cutter *c = mem_zalloc(sizeof(*c));
	c->personal = p;
	c->events = *events;
	c->ctx = ctx;
	arena_init(&c->arena, 0);
	c->patterns = policy__patterns(p, &c->arena);
	while (c->n_values < c->patterns.n && !c->patterns.of[c->n_values].secret)
		c->n_values++;
	c->search = search_new(c->patterns.texts, c->patterns.n);
	c->has_mask = p->fields && p->n_values > 0 && p->values[p->field_value].hole.kind == HOLE_TOKEN &&
		      mask_read(p->values[p->field_value].text, &c->mask);
	size_t longest = search_longest(c->search);
	buf_init(&c->held, (longest > MARKUP_MAX ? longest : MARKUP_MAX) + SLICE);
	return c;
}

void cutter_feed(struct cutter *c, struct str bytes, bool last)
{
	do {
		struct str slice = str_take(bytes, SLICE);
		bytes = str_skip(bytes, slice.n);
		feed_slice(c, slice, last && bytes.n == 0);
	} while (bytes.n > 0);
}

void cutter_free(struct cutter **c)
{
	if (!*c)
		return;
	search_free(&(*c)->search);
	buf_free(&(*c)->held);
	arena_free(&(*c)->arena);
	free(*c);
	*c = NULL;
}
