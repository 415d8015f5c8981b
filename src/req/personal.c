/* Two ways to look through a body:
 *
 *   look   only secrets are looked for: the body grows as it comes, and what comes is searched beside it, decoded where it is
 *          coded. Nothing is copied.
 *   cut    there are values to be cut: what comes is decoded, goes through the cutter, and what stays is the body
 *
 *	upstream -> in -> decode -> cutter -> text -> body -> followers, with the holes of the entry
 *	                               \----> cut --> holes (stored) and fills (the leader's)  -> leader
 *
 * While the answer is being stored the leader reads the same body as everybody later: `fills` has what he gets in each hole, his own
 * token where it fits, else the very bytes that stood there. So without a token of his own he gets what the origin sent, byte
 * for byte. When it turns out that nothing is stored (a secret, too many holes, too large), fills are written into the body
 * itself from then on: it is his alone.
 *
 * Bounds: `in` is IN bytes; `out` has what one piece of PIECE decoded bytes became, until the body has room for it; there are at most
 * HOLES_MAX fills. Decoded bytes count for max_object. */
#include "req/personal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/elsewhere.h"
#include "req/fill.h"
#include "req/forward.h"
#include "req/personal_fetch.h"
#include "req/remember.h"
#include "req/request.h"
#include "req/update.h"

enum { IN = 16 * 1024, PIECE = 16 * 1024, OUT_MAX = 4 * 1024 * 1024, HOLES_FIRST = 16 };

void personal_free(struct personal_fetch **ref)
{
	struct personal_fetch *p = *ref;
	*ref = NULL;
	if (!p)
		return;
	cutter_free(&p->cutter);
	decode_free(&p->decode);
	buf_free(&p->out);
	free(p->in);
	free(p->holes);
	free(p->fills);
	free(p->forms);
	free(p);
}

/* What is needed no more when all has come; the leader may still read the fills. */
static void free_search(struct personal_fetch *p)
{
	cutter_free(&p->cutter);
	decode_free(&p->decode);
	buf_free(&p->out);
	free(p->in);
	p->in = NULL;
}

bool personal_cuts(const struct flight *f)
{
	return f->personal && f->personal->cuts;
}

/* A page that lies in one piece is sent with less: what is cut out of it leaves a little room in its chunk. */
int64_t personal_expects(const struct flight *f, int64_t length)
{
	return personal_cuts(f) && f->personal->decode ? -1 : length;
}

bool personal_is_ending(const struct flight *f)
{
	return f->personal && f->personal->ending;
}

/* ---- refusing ---- */

/* Nothing is stored; those who wait are told. What is stored already and is about to be renewed leaves like after any other answer
 * that is not for sharing. */
static void refuse(struct flight *f, enum reason why, struct str name)
{
	if (name.n > 0)
		remember_leak(f, why, name, &f->response);
	else
		remember_refused(f, why, &f->response);
	fill_stop_storing(f, why);
	if (f->stale)
		update_remove_stale(f);
}

static void refuse_found(struct flight *f)
{
	const struct personal_secret *s = f->personal->found;
	if (s && f->storing)
		refuse(f, s->reason, s->name);
}

/* ---- into the body ---- */

/* ERR_AGAIN: *bytes is what has no room. */
static int fill_body(struct flight *f, struct str *bytes)
{
	while (bytes->n > 0) {
		char *to;
		size_t n;
		int err = fill_space(f, &to, &n);
		if (err != ERR_OK)
			return err;
		n = n < bytes->n ? n : bytes->n;
		memcpy(to, bytes->p, n);
		fill_grew(f, n);
		*bytes = str_skip(*bytes, n);
	}
	return ERR_OK;
}

static void put(struct flight *f, struct str bytes)
{
	struct personal_fetch *p = f->personal;
	if (p->out.n == 0 && fill_body(f, &bytes) == ERR_OK)
		return;
	int err = buf_add(&p->out, bytes);
	assert(err == ERR_OK); /* one piece at a time */
	(void)err;
}

static int drain(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	struct str left = buf_str(&p->out);
	if (left.n == 0)
		return ERR_OK;
	int err = fill_body(f, &left);
	buf_consume(&p->out, p->out.n - left.n);
	return err;
}

/* ---- what the cutter tells ---- */

static void on_text(void *ctx, struct str bytes)
{
	if (personal_cuts(ctx))
		put(ctx, bytes);
}

static void add_hole(struct personal_fetch *p, const struct hole *hole, struct str fill)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : HOLES_FIRST;
		p->holes = mem_realloc(p->holes, p->cap * sizeof *p->holes);
		p->fills = mem_realloc(p->fills, p->cap * sizeof *p->fills);
	}
	p->holes[p->n] = *hole;
	p->fills[p->n++] = (struct personal_fill){hole->at, fill};
	p->filled = true;
}

static void add_form(struct personal_fetch *p, struct str was)
{
	if (p->n_forms == p->forms_cap) {
		p->forms_cap = p->forms_cap ? p->forms_cap * 2 : HOLES_FIRST;
		p->forms = mem_realloc(p->forms, p->forms_cap * sizeof *p->forms);
	}
	p->forms[p->n_forms++] = was;
}

static void on_cut(void *ctx, const struct hole *hole, struct str was)
{
	struct flight *f = ctx;
	struct personal_fetch *p = f->personal;
	char text[HOLE_MAX * HOLE_FORM_GROWTH];
	struct str own = p->own[hole->value], fill = was;
	if (own.p)
		fill = str_make(text, hole_form_write(hole->form, own, text));
	bool is_of_form = p->what.fields && hole->value == p->what.field_value;
	if (f->storing && is_of_form && p->what.field_reason != REASON_NONE)
		refuse(f, p->what.field_reason, STR(""));
	if (f->storing && p->n + p->what.n_field_holes == HOLES_MAX)
		refuse(f, REASON_NOT_HOLES, STR(""));
	if (f->storing && is_of_form)
		add_form(p, arena_str(&f->arena, was));
	if (f->storing)
		add_hole(p, hole, arena_str(&f->arena, fill));
	else
		put(f, fill);
}

static void on_found(void *ctx, const struct personal_secret *secret)
{
	struct flight *f = ctx;
	if (!f->personal->found)
		f->personal->found = secret;
}

static const struct cutter_events events = {.text = on_text, .cut = on_cut, .found = on_found};

/* The leader is told by the body when there are more bytes; a hole brings none. */
static void feed(struct flight *f, struct str bytes, bool last)
{
	struct personal_fetch *p = f->personal;
	p->filled = false;
	cutter_feed(p->cutter, bytes, last);
	if (p->filled && f->leader)
		f->leader->waiter.port->post(f->leader->waiter.worker, f->leader->waiter.mail);
	refuse_found(f);
}

/* ---- cutting ---- */

/* ERR_OK: all that came is in the body, or held back by the cutter. ERR_AGAIN: the body has no room. */
static int pump(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	char piece[PIECE];
	for (;;) {
		int err = drain(f);
		if (err != ERR_OK)
			return err;
		if (p->err != ERR_OK)
			return p->err;
		if (!p->decode) {
			if (p->rest.n == 0)
				return ERR_OK;
			struct str all = p->rest;
			p->rest = STR("");
			feed(f, all, false);
			continue;
		}
		size_t n;
		if (decode_some(p->decode, &p->rest, piece, sizeof piece, &n) != ERR_OK)
			p->err = ERR_PROTOCOL;
		if (n == 0)
			return p->err;
		feed(f, str_make(piece, n), false);
	}
}

int personal_space(struct flight *f, char **p, size_t *n)
{
	int err = pump(f);
	*p = f->personal->in;
	*n = IN;
	return err;
}

void personal_came(struct flight *f, size_t n)
{
	f->personal->rest = str_make(f->personal->in, n);
	(void)!pump(f); /* personal_space asks again */
}

static int end_cutting(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	int err = pump(f);
	if (err == ERR_OK && !p->fed_last) {
		if (p->decode && !decode_is_whole(p->decode))
			return ERR_PROTOCOL;
		p->fed_last = true;
		feed(f, STR(""), true);
		err = drain(f);
	}
	p->ending = err == ERR_AGAIN;
	return err;
}

/* ---- looking ---- */

/* What cannot be read cannot be known to be clean. */
static void look_decoded(struct flight *f, struct str bytes)
{
	struct personal_fetch *p = f->personal;
	char piece[PIECE];
	size_t n = 0;
	do {
		int err = decode_some(p->decode, &bytes, piece, sizeof piece, &n);
		p->decoded += n;
		if (err != ERR_OK || p->decoded > f->max_object) {
			refuse(f, REASON_NOT_CODING, STR(""));
			return;
		}
		feed(f, str_make(piece, n), false);
	} while (f->storing && (bytes.n > 0 || n == sizeof piece));
}

void personal_look(struct flight *f, struct str bytes)
{
	struct personal_fetch *p = f->personal;
	if (!p || !f->storing)
		return;
	if (p->decode)
		look_decoded(f, bytes);
	else
		feed(f, bytes, false);
}

static void end_looking(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	if (!f->storing)
		return;
	if (p->decode && !decode_is_whole(p->decode))
		refuse(f, REASON_NOT_CODING, STR(""));
	else
		feed(f, STR(""), true);
}

int personal_end(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	int err = ERR_OK;
	if (!p)
		return ERR_OK;
	if (p->cuts)
		err = end_cutting(f);
	else
		end_looking(f);
	if (err != ERR_AGAIN)
		free_search(p);
	return err;
}

/* ---- the head ---- */

void personal_ask(struct flight *f, const struct http_request *r)
{
	struct forward_in in = {
	    .instance = f->env->instance,
	    .conf = f->conf,
	    .route = f->route,
	    .request = r,
	    .client = f->client,
	    .id = f->id,
	};
	forward_headers(&in, &f->arena, &f->fetch_headers);
	if (!f->may_store || f->request.method != METHOD_GET || !policy_has_tokens(f->route))
		return;
	policy_hide_cookies(f->route, &f->fetch_headers, &f->arena);
	headers_set(&f->fetch_headers, &f->arena, STR("Accept-Encoding"), STR("identity"));
}

/* The leader's own token of each value. */
static void find_own(struct flight *f, struct personal_fetch *p)
{
	p->own = arena_zalloc(&f->arena, (p->what.n_values + 1) * sizeof *p->own);
	for (unsigned i = 0; i < p->what.n_values && f->leader; i++) {
		const struct hole_value *v = &p->what.values[i].hole;
		if (v->kind == HOLE_TOKEN)
			p->own[i] = policy_own_token(v, &f->request.headers);
		p->has_own = p->has_own || p->own[i].p;
	}
}

/* False: it is coded, and nobody here knows how. */
static bool begin_decoding(struct flight *f, struct personal_fetch *p)
{
	struct str coding = headers_joined(&f->response.headers, &f->arena, STR("Content-Encoding"));
	p->coded = !decode_is_identity(coding);
	return !p->coded || decode_new(coding, &p->decode) == ERR_OK;
}

/* Those who wait for its end would wait for ever. */
static bool is_endless(const struct http_response *r)
{
	struct str type = headers_get(&r->headers, STR("Content-Type"));
	return str_eq_nocase(str_trim(str_take(type, str_index(type, ';'))), STR("text/event-stream"));
}

void personal_begin(struct flight *f, struct storable_out *verdict)
{
	const struct personal *what = &verdict->personal;
	personal_free(&f->personal);
	if (verdict->store && !personal_is_empty(what) && is_endless(&f->response)) {
		verdict->store = false;
		verdict->reason = REASON_NOT_EVENTS;
	}
	bool is_for_leader = !verdict->store && what->n_values > 0 && f->may_store && f->request.method == METHOD_GET;
	if (!is_for_leader && (!verdict->store || personal_is_empty(what)))
		return;
	struct personal_fetch *p = f->personal = mem_zalloc(sizeof *p);
	p->what = *what;
	p->kept = *verdict;
	p->cuts = personal_is_cut(what);
	buf_init(&p->out, OUT_MAX);
	find_own(f, p);
	bool is_readable = begin_decoding(f, p);
	if (is_readable && (verdict->store || p->has_own)) {
		p->cutter = cutter_new(&p->what, &events, f);
		p->in = p->cuts ? mem_alloc(IN) : NULL;
		return;
	}
	personal_free(&f->personal); /* what comes goes to him as it is */
	if (verdict->store) {
		verdict->store = false;
		verdict->reason = REASON_NOT_CODING;
	}
}

void personal_begin_alone(struct flight *f)
{
	if (f->personal && !f->personal->has_own)
		personal_free(&f->personal);
}

/* ---- storing ---- */

/* The last value is for fields of forms; a page without such a form has none of it. */
static void leave_out_unused(struct personal_fetch *p)
{
	const struct personal *what = &p->what;
	if (!what->fields || what->values[what->field_value].hole.kind != HOLE_SESSION)
		return;
	assert(what->field_value + 1u == what->n_values);
	for (unsigned i = 0; i < p->n; i++) {
		if (p->holes[i].value == what->field_value)
			return;
	}
	p->what.n_values--;
}

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (char_lower(c) >= 'a' && char_lower(c) <= 'z');
}

/* What shows of a token in whatever way its other characters were escaped: there are more ways than forms in http/hole.h. STR_NONE: it
 * has only letters and digits, so all of it was cut. */
static struct str longest_word(struct str token)
{
	struct str best = STR("");
	for (size_t i = 0, n; i < token.n; i += n + 1) {
		for (n = 0; i + n < token.n && is_letter_or_digit(token.p[i + n]);)
			n++;
		if (n > best.n)
			best = str_make(token.p + i, n);
	}
	return best.n < token.n ? best : STR_NONE;
}

/* The texts that a whole page must not hold any more. */
static struct str *left_over(struct flight *f, unsigned *n)
{
	struct personal_fetch *p = f->personal;
	struct str *texts = arena_alloc(&f->arena, (p->n_forms + p->what.n_values + 1) * sizeof *texts);
	*n = p->n_forms;
	if (p->n_forms > 0)
		memcpy(texts, p->forms, p->n_forms * sizeof *texts);
	for (unsigned i = 0; i < p->what.n_values; i++) {
		struct str word = longest_word(p->what.values[i].text);
		if (p->what.values[i].hole.kind == HOLE_TOKEN && word.n >= HOLE_MIN)
			texts[(*n)++] = word;
	}
	return texts;
}

bool personal_is_cut_out(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	unsigned n_texts;
	const struct str *texts = left_over(f, &n_texts);
	if (n_texts == 0 || !f->route->leak_guard)
		return true;
	unsigned n = body_segments(f->body, NULL, 0);
	struct str *pieces = arena_alloc(&f->arena, (n + 1) * sizeof *pieces);
	(void)body_segments(f->body, pieces, n);
	if (!policy_stands_elsewhere(texts, n_texts, &p->kept.headers, pieces, n, &f->arena))
		return true;
	refuse(f, REASON_NOT_TOKEN_ELSEWHERE, STR(""));
	return false;
}

int personal_make_entry(struct flight *f)
{
	struct personal_fetch *p = f->personal;
	struct storable_out *kept = &p->kept;
	struct holes *holes = arena_alloc(&f->arena, sizeof *holes);
	leave_out_unused(p);
	struct hole_value *values = arena_alloc(&f->arena, (p->what.n_values + 1) * sizeof *values);
	for (unsigned i = 0; i < p->what.n_values; i++)
		values[i] = p->what.values[i].hole;
	*holes = (struct holes){.values = values,
	    .n_values = p->what.n_values,
	    .body = p->holes,
	    .n_body = p->n,
	    .fields = p->what.field_holes,
	    .n_fields = p->what.n_field_holes};
	/* A cookie of a token is given to each visitor, also where no form repeats it. */
	kept->stored.holes = holes->n_values > 0 ? holes : NULL;
	struct body *body = body_ref(f->body);
	int err = update_new_entry(f, kept, &body);
	body_release(&body); /* left there when there was no room */
	return err;
}
