/* Cutting: with what was cut out put back the body is what it was, in whatever pieces it came, and nothing that was looked for stands
 * in what stayed.
 *
 * Input: lines "T" and a token, "N" and a nonce, "S" and a secret, "F" and the name of a form's field, "M": the first token fills the
 * fields, and is looked for masked; an empty line; the body. */
#include "fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "policy/cutter.h"
#include "policy/markup.h"

#include <assert.h>
#include <stdlib.h>

#define SHOWN_MAX   (1 << 28)
#define SECRETS_MAX 32
#define FIELDS_MAX  4
#define SMALL	    512 /* bytes of a body that comes byte by byte: what is held is looked at with each of them */

struct setting {
	struct personal personal;
	struct personal_value values[HOLE_VALUES_MAX];
	struct personal_secret secrets[SECRETS_MAX];
	struct str names[FIELDS_MAX];
	struct str_list fields;
};

struct result {
	const struct personal *personal;
	struct buf shown, whole; /* with marks for holes; with what was there */
	struct buf run;		 /* what stayed since the last hole, where that is checked */
	bool checks, found;
	uint64_t stayed;
};

static void add_value(struct setting *s, enum hole_kind kind, struct str text)
{
	if (s->personal.n_values < HOLE_VALUES_MAX && text.n >= 2 && text.n <= HOLE_MAX)
		s->values[s->personal.n_values++] = (struct personal_value){.hole.kind = kind, .text = text};
}

/* The fields are filled with a value that has no text of its own. */
static void read_setting(struct str *in, struct setting *s)
{
	*s = (struct setting){.personal = {.values = s->values, .n_values = 1, .secrets = s->secrets}};
	s->values[0].hole.kind = HOLE_SESSION;
	s->fields.v = s->names;
	struct str line;
	while (str_cut(in, '\n', &line) && line.n > 0) {
		struct str text = str_skip(line, 1);
		if (line.p[0] == 'T' || line.p[0] == 'N')
			add_value(s, line.p[0] == 'T' ? HOLE_TOKEN : HOLE_NONCE, text);
		else if (line.p[0] == 'S' && s->personal.n_secrets < SECRETS_MAX && text.n >= 2)
			s->secrets[s->personal.n_secrets++].text = text;
		else if (line.p[0] == 'F' && s->fields.n < FIELDS_MAX)
			s->names[s->fields.n++] = text;
		else if (line.p[0] == 'M')
			s->personal.field_value = 1;
	}
	if (s->personal.n_values < 2)
		s->personal.field_value = 0;
	s->personal.fields = s->fields.n > 0 ? &s->fields : NULL;
}

static bool stands_in(struct str needle, struct str text)
{
	return str_find(text, needle) < text.n;
}

/* Calls `is` with each form of each value until it says yes. */
static bool any_form(const struct personal *p, bool (*is)(struct str form, struct str text), struct str text)
{
	static char written[HOLE_MAX * HOLE_FORM_GROWTH];
	for (unsigned i = 0; i < p->n_values; i++) {
		for (int form = HOLE_PLAIN; p->values[i].text.n > 0 && form < HOLE_FORMS; form++) {
			size_t n = hole_form_write((enum hole_form)form, p->values[i].text, written);
			if (is(str_make(written, n), text))
				return true;
		}
	}
	return false;
}

static void end_run(struct result *r)
{
	if (!r->checks)
		return;
	struct str run = buf_str(&r->run);
	assert(!any_form(r->personal, stands_in, run));
	for (unsigned i = 0; !r->found && i < r->personal->n_secrets; i++)
		assert(!stands_in(r->personal->secrets[i].text, run));
	buf_reset(&r->run);
}

static void on_text(void *ctx, struct str bytes)
{
	struct result *r = ctx;
	assert(bytes.n > 0);
	buf_add(&r->shown, bytes);
	buf_add(&r->whole, bytes);
	if (r->checks)
		buf_add(&r->run, bytes);
	r->stayed += bytes.n;
}

static void on_cut(void *ctx, const struct hole *hole, struct str was)
{
	struct result *r = ctx;
	assert(hole->at == r->stayed && hole->value < r->personal->n_values && hole->form < HOLE_FORMS);
	if (hole->value == r->personal->field_value)
		assert(was.n > 0 && (r->personal->fields ? was.n <= MARKUP_MAX : r->personal->field_value > 0));
	else if (r->checks)
		assert(any_form(r->personal, str_eq, was));
	buf_addf(&r->shown, "\n{%u %u %zu}\n", hole->value, hole->form, was.n);
	buf_add(&r->whole, was);
	end_run(r);
}

static void on_found(void *ctx, const struct personal_secret *secret)
{
	struct result *r = ctx;
	assert(!r->found);
	r->found = true;
	buf_addf(&r->shown, "\n{!%u}\n", (unsigned)(secret - r->personal->secrets));
}

static void cut(struct result *r, const struct personal *p, struct str body, size_t pieces_max)
{
	*r = (struct result){.personal = p, .checks = pieces_max == 0};
	buf_init(&r->shown, SHOWN_MAX);
	buf_init(&r->whole, SHOWN_MAX);
	buf_init(&r->run, SHOWN_MAX);
	struct cutter *c = cutter_new(p, &(struct cutter_events){on_text, on_cut, on_found}, r);
	uint32_t seed = (uint32_t)body.n;
	struct str rest = body;
	while (pieces_max > 0 && rest.n > 0) {
		seed = seed * 1664525 + 1013904223;
		struct str piece = str_take(rest, 1 + (seed >> 16) % pieces_max);
		rest = str_skip(rest, piece.n);
		/* A copy that goes at once: nothing may be kept of it. */
		char *copy = mem_dup(piece.p, piece.n);
		cutter_feed(c, str_make(copy, piece.n), false);
		free(copy);
	}
	cutter_feed(c, rest, true);
	cutter_free(&c);
	end_run(r);
	assert(!r->shown.overflow && str_eq(buf_str(&r->whole), body));
}

static void result_free(struct result *r)
{
	buf_free(&r->shown);
	buf_free(&r->whole);
	buf_free(&r->run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 16, 500, 3000};
	struct str in = str_make((const char *)data, size);
	struct setting s;
	read_setting(&in, &s);
	struct result whole, cut_up;
	cut(&whole, &s.personal, in, 0);
	for (size_t i = in.n <= SMALL ? 0 : 2; i < COUNT_OF(pieces); i++) {
		cut(&cut_up, &s.personal, in, pieces[i]);
		assert(str_eq(buf_str(&whole.shown), buf_str(&cut_up.shown)));
		result_free(&cut_up);
	}
	result_free(&whole);
	return 0;
}
