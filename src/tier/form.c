/* Writing the stored form: straight into the buffer, since every page that is stored passes here. One member a line:
 *
 *	{"larder":1,
 *	"url":"http://h/p",
 *	...
 *	"seq":7,
 *	"purged":false,
 *	"checksum":"..."}        of all bytes before it: FORM_TAIL bytes are its own
 *
 * Bytes that are no text (not UTF-8, or with control characters) are {"hex":"..."} instead of a string, what is absent is null. */
#include "tier/form.h"

#include <stdio.h>

#include "base/mem.h"
#include "http/date.h"
#include "tier/form_table.h"

#define TIME(name, min)                                                                                                \
	{                                                                                                              \
#name, offsetof(struct stored, name), min                                                              \
	}
const struct form_time form__times[FORM_TIMES] = {
    TIME(response_ms, 0),
    TIME(date_s, 0),
    TIME(initial_age_ms, 0),
    TIME(lifetime_ms, 0),
    TIME(swr_ms, 0),
    TIME(sie_ms, 0),
    TIME(unreachable_ms, 0),
    TIME(last_modified_s, -1),
};

const char *const form__kinds[FORM_KINDS] = {
    [HOLE_TOKEN] = "token",
    [HOLE_SESSION] = "session",
    [HOLE_NONCE] = "nonce",
};

const char *const form__alphabets[FORM_ALPHABETS] = {
    [HOLE_HEX_LOWER] = "hex_lower",
    [HOLE_HEX_UPPER] = "hex_upper",
    [HOLE_HEX] = "hex",
    [HOLE_ALNUM] = "alnum",
    [HOLE_BASE64URL] = "base64url",
    [HOLE_BASE64] = "base64",
};

const char *const form__hole_forms[HOLE_FORMS] = {
    [HOLE_PLAIN] = "plain",
    [HOLE_URL] = "url",
    [HOLE_URL_LOWER] = "url_lower",
    [HOLE_URL_PATH] = "url_path",
    [HOLE_HTML_HEX] = "html_hex",
    [HOLE_HTML_EQUALS] = "html_equals",
    [HOLE_HTML_DEC] = "html_dec",
    [HOLE_HTML_PLUS] = "html_plus",
    [HOLE_JSON_SLASH] = "json_slash",
    [HOLE_JSON_U] = "json_u",
    [HOLE_JSON_PLUS] = "json_plus",
    [HOLE_JS] = "js",
    [HOLE_HTML_ALL] = "html_all",
    [HOLE_JS_GO] = "js_go",
    [HOLE_JS_ALL] = "js_all",
};

void form__sum(struct hash128 sum, char out[FORM_SUM_DIGITS + 1])
{
	snprintf(out, FORM_SUM_DIGITS + 1, "%016llx%016llx", (unsigned long long)sum.hi, (unsigned long long)sum.lo);
}

/* ---- values ---- */

static void add(struct buf *out, const char *text)
{
	buf_add(out, str_of(text));
}

static void add_name(struct buf *out, const char *name)
{
	buf_addc(out, '"');
	add(out, name);
	add(out, "\":");
}

static bool is_text(struct str s)
{
	while (s.n > 0) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = c < 0x80 ? (c >= 0x20 && c != 0x7f) || c == '\t' : str_utf8(s);
		if (n == 0)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

static void add_bytes(struct buf *out, struct str s)
{
	static const char digits[] = "0123456789abcdef";
	if (!s.p) {
		add(out, "null");
	} else if (is_text(s)) {
		buf_addc(out, '"');
		buf_add_json(out, s);
		buf_addc(out, '"');
	} else {
		add(out, "{\"hex\":\"");
		for (size_t i = 0; i < s.n; i++) {
			buf_addc(out, digits[(unsigned char)s.p[i] >> 4]);
			buf_addc(out, digits[(unsigned char)s.p[i] & 15]);
		}
		add(out, "\"}");
	}
}

static void add_count(struct buf *out, uint64_t n)
{
	bool exact = n <= (uint64_t)FORM_EXACT_MAX;
	if (!exact)
		buf_addc(out, '"');
	buf_add_u64(out, n);
	if (!exact)
		buf_addc(out, '"');
}

/* n >= -1. */
static void add_number(struct buf *out, int64_t n)
{
	if (n < 0)
		add(out, "-1");
	else
		add_count(out, (uint64_t)n);
}

/* ---- members, each with its comma ---- */

static void end_member(struct buf *out)
{
	add(out, ",\n");
}

static void put_bytes(struct buf *out, const char *name, struct str s)
{
	add_name(out, name);
	add_bytes(out, s);
	end_member(out);
}

static void put_count(struct buf *out, const char *name, uint64_t n)
{
	add_name(out, name);
	add_count(out, n);
	end_member(out);
}

static void put_bool(struct buf *out, const char *name, bool value)
{
	add_name(out, name);
	add(out, value ? "true" : "false");
	end_member(out);
}

static void put_date(struct buf *out, const char *name, int64_t ms)
{
	char text[RFC3339_SIZE];
	put_bytes(out, name, rfc3339_write(ms / 1000, text));
}

static void put_fields(struct buf *out, const char *name, const struct headers *h)
{
	add_name(out, name);
	for (uint32_t i = 0; i < h->n; i++) {
		add(out, i > 0 ? ",[" : "[[");
		add_bytes(out, h->v[i].name);
		buf_addc(out, ',');
		add_bytes(out, h->v[i].value);
		buf_addc(out, ']');
	}
	add(out, h->n > 0 ? "]" : "[]");
	end_member(out);
}

static int64_t bounded(int64_t ms, int64_t min)
{
	return ms < min ? min : ms > FORM_EXACT_MAX ? FORM_EXACT_MAX : ms;
}

static void put_times(struct buf *out, const struct stored *s)
{
	add_name(out, "times");
	for (size_t i = 0; i < FORM_TIMES; i++) {
		int64_t value;
		memcpy(&value, (const char *)s + form__times[i].at, sizeof value);
		buf_addc(out, i > 0 ? ',' : '{');
		add_name(out, form__times[i].name);
		add_number(out, bounded(value, form__times[i].min));
	}
	buf_addc(out, '}');
	end_member(out);
}

static void put_tags(struct buf *out, const struct str *tags, unsigned n)
{
	add_name(out, "tags");
	buf_addc(out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_bytes(out, tags[i]);
	}
	buf_addc(out, ']');
	end_member(out);
}

static void put_runs(struct buf *out, const struct stored *s)
{
	add_name(out, "runs");
	buf_addc(out, '[');
	for (unsigned i = 0; i < s->n_runs; i++) {
		add(out, i > 0 ? ",[" : "[");
		add_number(out, s->runs[i].first);
		buf_addc(out, ',');
		add_number(out, s->runs[i].last);
		buf_addc(out, ']');
	}
	buf_addc(out, ']');
	end_member(out);
	add_name(out, "complete");
	add_number(out, s->complete);
	end_member(out);
	put_bool(out, "reaches_end", s->reaches_end);
}

static void add_value(struct buf *out, const struct hole_value *v)
{
	buf_addf(out,
	    "{\"kind\":\"%s\",\"alphabet\":\"%s\",\"length\":%u,\"padding\":%u,\"cookie\":", form__kinds[v->kind],
	    form__alphabets[v->shape.alphabet], v->shape.n, v->shape.padding);
	add_bytes(out, v->cookie);
	add(out, ",\"attributes\":");
	add_bytes(out, v->attributes);
	buf_addc(out, '}');
}

/* [at, value, form], of fields [at, value, form, field]. */
static void add_places(struct buf *out, const struct hole *places, unsigned n, bool of_fields)
{
	buf_addc(out, '[');
	for (unsigned i = 0; i < n; i++) {
		const struct hole *p = &places[i];
		add(out, i > 0 ? ",[" : "[");
		add_count(out, p->at);
		buf_addf(out, ",%u,\"%s\"", p->value, form__hole_forms[p->form]);
		if (of_fields)
			buf_addf(out, ",%u", p->field);
		buf_addc(out, ']');
	}
	buf_addc(out, ']');
}

static void put_holes(struct buf *out, const struct holes *h)
{
	add_name(out, "holes");
	if (!h) {
		add(out, "null");
	} else {
		add(out, "{\"values\":[");
		for (unsigned i = 0; i < h->n_values; i++) {
			if (i > 0)
				buf_addc(out, ',');
			add_value(out, &h->values[i]);
		}
		add(out, "],\"body\":");
		add_places(out, h->body, h->n_body, false);
		add(out, ",\"fields\":");
		add_places(out, h->fields, h->n_fields, true);
		buf_addc(out, '}');
	}
	end_member(out);
}

static void put_more(struct buf *out, const struct form_more *more)
{
	char sum[FORM_SUM_DIGITS + 1];
	form__sum(more->body_sum, sum);
	add(out, "\"body\":{\"size\":");
	add_count(out, more->body_size);
	buf_addf(out, ",\"xxh3_128\":\"%s\",\"name\":", sum);
	add_bytes(out, more->body_name);
	buf_addc(out, '}');
	end_member(out);
	put_count(out, "seq", more->seq);
	put_bool(out, "purged", more->purged);
}

/* So that no text is written which the reader would refuse for its size: a tree of two million values is no metadata. */
static bool is_too_large(const struct entry_spec *e)
{
	size_t pairs = (size_t)e->headers->n + e->stored->vary.n;
	return pairs > FORM_ITEMS / 8 || e->n_tags > FORM_ITEMS / 8;
}

int form_write(const struct entry_spec *e, const struct form_more *more, struct buf *out)
{
	const struct stored *s = e->stored;
	size_t from = out->n;
	int64_t end_ms = bounded(s->response_ms, 0) - bounded(s->initial_age_ms, 0) + bounded(s->lifetime_ms, 0);
	if (is_too_large(e))
		return ERR_TOO_LARGE;
	buf_addf(out, "{\"larder\":%d", FORM_VERSION);
	end_member(out);
	put_bytes(out, "url", cache_key_url(&e->key));
	put_bytes(out, "key", e->key.text);
	put_count(out, "status", (uint64_t)s->status);
	put_date(out, "stored", s->response_ms);
	put_date(out, "expires", end_ms);
	put_fields(out, "headers", e->headers);
	put_fields(out, "variant", &s->vary);
	put_tags(out, e->tags, e->n_tags);
	put_times(out, s);
	put_bytes(out, "lifetime_source", s->lifetime_source ? str_of(s->lifetime_source) : STR(LIFETIME_NONE));
	put_bytes(out, "etag", s->etag);
	put_bool(out, "must_revalidate", s->must_revalidate);
	put_bool(out, "no_cache", s->no_cache);
	put_count(out, "by_route", s->by_route);
	put_runs(out, s);
	put_holes(out, s->holes);
	put_more(out, more);
	if (out->overflow)
		return ERR_TOO_LARGE;
	char sum[FORM_SUM_DIGITS + 1];
	form__sum(hash128_str(str_skip(buf_str(out), from), 0), sum);
	buf_addf(out, FORM_SUM_NAME "%s" FORM_SUM_END, sum);
	return out->overflow || out->n - from > FORM_MAX ? ERR_TOO_LARGE : ERR_OK;
}

/* ---- variants ---- */

/* Without case, in pieces, since nothing is allocated here. */
static uint64_t hash_name(struct str name)
{
	char lower[64];
	uint64_t h = name.n;
	while (name.n > 0) {
		struct str piece = str_take(name, sizeof lower);
		for (size_t i = 0; i < piece.n; i++)
			lower[i] = char_lower(piece.p[i]);
		h = hash128_str(str_make(lower, piece.n), h).lo;
		name = str_skip(name, piece.n);
	}
	return h;
}

/* The sum over the fields does not know their order. Two variants whose hashes are equal, by chance or because a client sought
 * them, take each other's place: no answer comes of a name alone, all is compared when it is read. */
void form_variant(const struct stored *s, char out[FORM_VARIANT + 1])
{
	uint64_t sum = 0;
	char text[64];
	for (uint32_t i = 0; i < s->vary.n; i++) {
		struct str value = s->vary.v[i].value;
		struct hash128 h = hash128_str(value, hash_name(s->vary.v[i].name) + (value.p ? 0 : 1));
		sum += h.lo;
	}
	int n = snprintf(text, sizeof text, "%u %llx %s", s->vary.n, (unsigned long long)sum,
	    stored_is_partial(s) ? "part" : "whole");
	uint64_t all = hash128_str(str_make(text, (size_t)n), 0).lo;
	snprintf(out, FORM_VARIANT + 1, "%016llx", (unsigned long long)all);
}
