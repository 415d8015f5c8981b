/* Stored pages with holes, written as text: "{0}" is a hole of the first value, "{1:2}" one of the second in the form 2. */
#ifndef LARDER_TESTS_HOLES_H
#define LARDER_TESTS_HOLES_H

#include "world.h"

#include "conf/route.h"
#include "policy/key.h"

enum { HOLES_SIZE = 64 * 1024 };

struct holes_text {
	char bytes[HOLES_SIZE]; /* what is left without the marks */
	size_t n;
	struct hole holes[HOLES_MAX];
	unsigned n_holes;
};

/* Adds the literal bytes and the places of holes; returns what was added. */
static inline struct str holes_read(struct holes_text *out, struct str text, uint32_t field)
{
	size_t begin = out->n;
	for (size_t i = 0; i < text.n; i++) {
		ck_assert_uint_lt(out->n, sizeof out->bytes);
		if (text.p[i] != '{') {
			out->bytes[out->n++] = text.p[i];
			continue;
		}
		struct hole *h = &out->holes[out->n_holes++];
		*h = (struct hole){.at = out->n - begin, .field = field, .value = (uint16_t)(text.p[++i] - '0')};
		if (text.p[++i] == ':') {
			while (text.p[++i] != '}')
				h->form = (uint8_t)(h->form * 10 + (text.p[i] - '0'));
		}
		ck_assert_int_eq(text.p[i], '}');
	}
	return str_make(out->bytes + begin, out->n - begin);
}

struct holes_page {
	const char *target, *fields, *body; /* fields: "Name: value\n..." */
	const struct hole_value *values;
	unsigned n_values;
	int status;	     /* 0: 200 */
	int64_t lifetime_ms; /* 0: a minute */
	unsigned pieces;     /* segments of the body, 0: one */
};

/* In so many segments. */
static inline struct body *holes_body(struct str bytes, unsigned pieces, struct budget *budget)
{
	if (pieces < 2)
		return body_of(bytes, budget);
	struct body *b = body_new(-1, budget, NULL, NULL);
	char *p;
	size_t room;
	while (bytes.n > 0) {
		ck_assert_int_eq(body_space(b, &p, &room), ERR_OK);
		room = room < bytes.n ? room : bytes.n;
		memcpy(p, bytes.p, room);
		body_filled(b, room);
		bytes = str_skip(bytes, room);
	}
	body_end(b, ERR_OK);
	ck_assert_uint_ge(body_segments(b, NULL, 0), pieces);
	return b;
}

/* Stored as the fetch would store it. */
static inline void holes_store(struct world *w, const struct holes_page *page)
{
	struct holes_text *body = mem_zalloc(sizeof *body), *fields = mem_zalloc(sizeof *fields);
	struct headers h;
	struct arena a;
	struct entry *e;
	arena_init(&a, 0);
	world_fields(page->fields, &a, &h);
	for (uint32_t i = 0; i < h.n; i++)
		h.v[i].value = holes_read(fields, h.v[i].value, i);
	struct str bytes = holes_read(body, str_of(page->body), 0);
	struct holes holes = {page->values, body->holes, fields->holes, page->n_values, body->n_holes, fields->n_holes};
	struct stored stored = {
	    .status = page->status ? page->status : 200,
	    .response_ms = w->now_ms,
	    .date_s = w->now_ms / 1000,
	    .lifetime_ms = page->lifetime_ms ? page->lifetime_ms : 60000,
	    .swr_ms = 60000,
	    .sie_ms = 60000,
	    .unreachable_ms = 60000,
	    .last_modified_s = headers_find(&h, STR("Last-Modified")) ? w->now_ms / 1000 - 3600 : -1,
	    .etag = headers_get(&h, STR("ETag")),
	    .lifetime_source = "ttl",
	    .complete = -1,
	    .holes = &holes,
	};
	struct entry_spec spec = {.stored = &stored, .headers = &h, .epoch = tier_epoch(w->tier)};
	key_make(route_find(w->conf, STR("example.com"), str_of(page->target)), STR("http"), STR("example.com"),
	    str_of(page->target), STR_NONE, 7, &a, &spec.key);
	struct body *b = holes_body(bytes, page->pieces, w->tier->budget);
	ck_assert_int_eq(entry_new(&spec, &b, w->tier->budget, &e), ERR_OK);
	struct tier_put op = {.entry = e};
	ck_assert_int_eq(tier_put(w->tier, &op), ERR_OK);
	entry_release(&e);
	arena_free(&a);
	free(fields);
	free(body);
}

#endif
