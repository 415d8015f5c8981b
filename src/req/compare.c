/* Two streams of text run side by side:
 *
 *	entry's body -> decode -> text \
 *	                                 equal?      holes of the entry, one by one: the same place, the same kind?
 *	what comes -> decode -> cutter /
 *
 * A coding that nobody here knows is not undone: then the coded bytes are compared, which must be the same. A hole's form and the
 * alphabet of its value are not compared: they come out by chance, as one base64 text has a '+' and another has none. */
#include "req/compare.h"

#include <assert.h>
#include <stdlib.h>

#include "base/decode.h"
#include "base/mem.h"
#include "policy/cutter.h"

enum { PIECE = 16 * 1024, SHOWN = 24 };

enum difference { NOTHING, BYTES, MORE, LESS, HOLES, CODING, UNREADABLE, OWN_UNREADABLE };

struct compare {
	struct entry *entry;
	struct personal other;
	enum difference difference;
	/* The entry's text: what is left of it here, and where it comes from. */
	struct str text;
	struct str coded; /* of `reader`'s run, not decoded yet */
	size_t run;	  /* bytes of that run, given back when it is used up */
	struct body_reader reader;
	struct decode *own_decode;
	char *own_piece;
	/* What comes. */
	struct decode *decode;
	struct cutter *cutter;
	char *piece;
	/* How far they are the same. */
	uint64_t at;
	unsigned n_holes;
	char shown[SHOWN]; /* the last of those bytes */
	size_t n_shown;
};

/* Returns false, for the caller to pass on. */
static bool differ(struct compare *c, enum difference how)
{
	if (c->difference == NOTHING)
		c->difference = how;
	return false;
}

/* ---- the entry's text ---- */

static void never_wakes(struct body_reader *r)
{
	assert(false && "a complete body has no more to come");
}

/* The next run of its body. False at the end. */
static bool next_run(struct compare *c)
{
	const char *p;
	if (c->run > 0)
		body_read_done(&c->reader, c->run);
	c->run = 0;
	if (body_read(&c->reader, &p, &c->run) != ERR_OK)
		return false;
	c->coded = str_make(p, c->run);
	return true;
}

/* Is there more of it? Then it is in c->text. */
static bool has_text(struct compare *c)
{
	while (c->text.n == 0) {
		bool is_end = c->coded.n == 0 && !next_run(c);
		if (!c->own_decode) {
			if (is_end)
				return false;
			c->text = c->coded;
			c->coded = STR("");
			continue;
		}
		size_t n;
		if (decode_some(c->own_decode, &c->coded, c->own_piece, PIECE, &n) != ERR_OK)
			return differ(c, OWN_UNREADABLE);
		if (is_end && n == 0)
			return decode_is_whole(c->own_decode) ? false : differ(c, OWN_UNREADABLE);
		c->text = str_make(c->own_piece, n);
	}
	return true;
}

/* ---- what comes ---- */

static void show(struct compare *c, struct str same)
{
	if (same.n >= SHOWN) {
		memcpy(c->shown, same.p + same.n - SHOWN, SHOWN);
		c->n_shown = SHOWN;
		return;
	}
	size_t stay = c->n_shown + same.n > SHOWN ? SHOWN - same.n : c->n_shown;
	memmove(c->shown, c->shown + c->n_shown - stay, stay);
	memcpy(c->shown + stay, same.p, same.n);
	c->n_shown = stay + same.n;
}

static size_t common(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;
	if (memcmp(a.p, b.p, n) == 0)
		return n;
	while (a.p[i] == b.p[i])
		i++;
	return i;
}

static void on_text(void *ctx, struct str bytes)
{
	struct compare *c = ctx;
	while (c->difference == NOTHING && bytes.n > 0) {
		if (!has_text(c)) {
			(void)differ(c, MORE);
			return;
		}
		size_t n = common(c->text, bytes);
		bool is_all = n == c->text.n || n == bytes.n;
		show(c, str_take(bytes, n));
		c->at += n;
		c->text = str_skip(c->text, n);
		bytes = str_skip(bytes, n);
		if (!is_all)
			(void)differ(c, BYTES);
	}
}

static void on_cut(void *ctx, const struct hole *hole, struct str was)
{
	struct compare *c = ctx;
	const struct holes *own = ENTRY_STORED(c->entry)->holes;
	if (c->difference != NOTHING)
		return;
	if (!own || c->n_holes == own->n_body || own->body[c->n_holes].at != hole->at) {
		(void)differ(c, HOLES);
		return;
	}
	const struct hole_value *a = &own->values[own->body[c->n_holes].value], *b = &c->other.values[hole->value].hole;
	if (a->kind != b->kind || !str_eq(a->cookie, b->cookie))
		(void)differ(c, HOLES);
	c->n_holes++;
}

static void on_found(void *ctx, const struct personal_secret *secret)
{
}

static const struct cutter_events events = {.text = on_text, .cut = on_cut, .found = on_found};

static void feed_text(struct compare *c, struct str bytes, bool last)
{
	if (c->cutter)
		cutter_feed(c->cutter, bytes, last);
	else
		on_text(c, bytes);
}

/* ---- public ---- */

/* False: they cannot be compared. */
static bool begin_decoding(struct compare *c, struct str own, struct str others)
{
	int own_err = decode_is_identity(own) ? ERR_OK : decode_new(own, &c->own_decode);
	int others_err = decode_is_identity(others) ? ERR_OK : decode_new(others, &c->decode);
	if (own_err != ERR_OK || others_err != ERR_OK)
		return own_err != ERR_OK && others_err != ERR_OK && str_eq_nocase(own, others);
	c->own_piece = c->own_decode ? mem_alloc(PIECE) : NULL;
	c->piece = c->decode ? mem_alloc(PIECE) : NULL;
	return true;
}

struct compare *compare_new(struct entry *e, const struct personal *other, struct str coding)
{
	struct compare *c = mem_zalloc(sizeof *c);
	struct arena a;
	c->entry = entry_ref(e);
	c->other = *other;
	c->other.n_secrets = 0;
	int err = body_reader_open(&c->reader, e->body, never_wakes);
	assert(err == ERR_OK);
	(void)err;
	arena_init(&a, 0);
	if (!begin_decoding(c, headers_joined(entry_headers(e, &a), &a, STR("Content-Encoding")), coding))
		(void)differ(c, CODING);
	arena_free(&a);
	if (!personal_is_empty(&c->other))
		c->cutter = cutter_new(&c->other, &events, c);
	return c;
}

bool compare_feed(struct compare *c, struct str bytes)
{
	size_t n = 0;
	while (c->difference == NOTHING && (bytes.n > 0 || n == PIECE)) {
		struct str text = bytes;
		if (c->decode) {
			if (decode_some(c->decode, &bytes, c->piece, PIECE, &n) != ERR_OK)
				return differ(c, UNREADABLE);
			text = str_make(c->piece, n);
		} else {
			bytes = STR("");
		}
		feed_text(c, text, false);
	}
	return c->difference == NOTHING;
}

bool compare_end(struct compare *c)
{
	if (c->difference != NOTHING)
		return false;
	if (c->decode && !decode_is_whole(c->decode))
		return differ(c, UNREADABLE);
	feed_text(c, STR(""), true);
	if (c->difference == NOTHING && has_text(c))
		return differ(c, LESS);
	const struct holes *own = ENTRY_STORED(c->entry)->holes;
	if (c->difference == NOTHING && own && c->n_holes < own->n_body)
		return differ(c, HOLES);
	return c->difference == NOTHING;
}

/* Of the bytes before the place what a log can show. */
static struct str readable(const struct compare *c, struct arena *a)
{
	char *p = arena_alloc(a, SHOWN + 1);
	for (size_t i = 0; i < c->n_shown; i++) {
		char ch = c->shown[i];
		p[i] = ch >= ' ' && ch <= '~' && ch != '"' ? ch : '.';
	}
	return str_make(p, c->n_shown);
}

struct str compare_where(const struct compare *c, struct arena *a)
{
	static const struct {
		const char *text;
		bool has_place;
	} rows[] = {
	    [NOTHING] = {"nothing", false},
	    [BYTES] = {"the second one differs", true},
	    [MORE] = {"the second one goes on", true},
	    [LESS] = {"the second one ends", true},
	    [HOLES] = {"a token stands elsewhere", true},
	    [CODING] = {"their codings are not known", false},
	    [UNREADABLE] = {"the coding of the second one is broken", false},
	    [OWN_UNREADABLE] = {"its coding is broken", false},
	};
	if (!rows[c->difference].has_place)
		return str_of(rows[c->difference].text);
	struct str before = readable(c, a);
	return arena_printf(a, "%s at byte %llu, behind \"%.*s\"", rows[c->difference].text, (unsigned long long)c->at,
	    STR_ARG(before));
}

void compare_free(struct compare **ref)
{
	struct compare *c = *ref;
	*ref = NULL;
	if (!c)
		return;
	cutter_free(&c->cutter);
	decode_free(&c->decode);
	decode_free(&c->own_decode);
	body_reader_close(&c->reader);
	entry_release(&c->entry);
	free(c->piece);
	free(c->own_piece);
	free(c);
}
