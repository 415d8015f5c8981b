/* Reads Cache-Control into the structs of cc.h by way of two tables, one a direction: a directive of a request means
 * nothing in a response and the other way round (RFC 9111 5.2).
 *
 * How strict: a name counts in any case; a number is digits and nothing else, bare or as a whole quoted string (5.2 wants
 * both forms accepted, whichever the sender should have used), so that '3600', -1, 1.5 and max-age = 60 are none; what
 * stands in another's quoted string is no directive; an unknown name is skipped (5.2.3). A directive that forbids counts with any argument: private="set-cookie" is taken for private, which 5.2.2.7 allows. */
#include "policy/cc.h"

#include "base/err.h"
#include "base/mem.h"
#include "policy/private.h"

#include <stddef.h>

enum kind {
	FLAG,	     /* it forbids: with or without an argument, though none is defined */
	NAMES,	     /* the same; its argument is a list of field names */
	BARE_FLAG,   /* it permits, so it counts only as it is defined: without an argument */
	SHORTEST,    /* seconds; the smallest counts */
	AGE,	     /* the same, and a bad value is remembered */
	LONGEST,     /* seconds; the largest is the stricter one */
	OPTIONAL_AGE /* seconds, or none for any */
};

struct directive {
	struct str name;
	enum kind kind;
	size_t offset;
};

#define D(name, kind, type, field)                                                                                     \
	{                                                                                                              \
		{name, sizeof(name) - 1}, kind, offsetof(struct type, field)                                           \
	}

static const struct directive response_directives[] = {
    D("max-age", AGE, cc_response, max_age_s),
    D("s-maxage", AGE, cc_response, s_maxage_s),
    D("public", BARE_FLAG, cc_response, public),
    D("private", NAMES, cc_response, private),
    D("no-cache", NAMES, cc_response, no_cache),
    D("no-store", FLAG, cc_response, no_store),
    D("must-revalidate", FLAG, cc_response, must_revalidate),
    D("proxy-revalidate", FLAG, cc_response, proxy_revalidate),
    D("must-understand", FLAG, cc_response, must_understand),
    D("stale-while-revalidate", SHORTEST, cc_response, stale_while_revalidate_s),
    D("stale-if-error", SHORTEST, cc_response, stale_if_error_s),
};

static const struct directive request_directives[] = {
    D("max-age", SHORTEST, cc_request, max_age_s),
    D("no-cache", FLAG, cc_request, no_cache),
    D("no-store", FLAG, cc_request, no_store),
    D("max-stale", OPTIONAL_AGE, cc_request, max_stale_s),
    D("min-fresh", LONGEST, cc_request, min_fresh_s),
    D("only-if-cached", FLAG, cc_request, only_if_cached),
    D("stale-if-error", SHORTEST, cc_request, stale_if_error_s),
};

bool cc_read_delta_seconds(struct str s, int64_t *out)
{
	uint64_t v;
	int err = str_to_u64(s, (uint64_t)CC_FOREVER_S, &v);
	if (err != ERR_OK && err != ERR_TOO_LARGE)
		return false;
	*out = err == ERR_OK ? (int64_t)v : CC_FOREVER_S;
	return true;
}

static void set_flag(const struct directive *d, struct str argument, void *out)
{
	bool *flag = (void *)((char *)out + d->offset);
	if (d->kind != BARE_FLAG || !argument.p)
		*flag = true;
}

/* RFC 9111 5.2: "recipients ought to accept both forms" of an argument. A quoted-pair stays, and makes it no number. */
static struct str unquoted(struct str s)
{
	bool is_quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
	return is_quoted ? str_take(str_skip(s, 1), s.n - 2) : s;
}

/* False when the argument is no number. */
static bool set_seconds(const struct directive *d, struct str argument, void *out)
{
	int64_t *seconds = (void *)((char *)out + d->offset);
	int64_t v = CC_FOREVER_S;
	bool is_any = d->kind == OPTIONAL_AGE && !argument.p;
	if (!is_any && !cc_read_delta_seconds(unquoted(argument), &v))
		return false;
	if (d->kind == LONGEST)
		*seconds = v > *seconds ? v : *seconds;
	else if (*seconds == CC_ABSENT || v < *seconds)
		*seconds = v;
	return true;
}

static bool is_flag(const struct directive *d)
{
	return d->kind == FLAG || d->kind == NAMES || d->kind == BARE_FLAG;
}

/* One list element: name ["=" argument]. Blanks around the name do not hide a directive that forbids; those around a
 * number make it none. */
static void read_element(struct str element, const struct directive *table, size_t n, void *out, bool *has_invalid_age)
{
	size_t equals = str_index(element, '=');
	struct str name = str_trim(str_take(element, equals));
	struct str argument = equals < element.n ? str_skip(element, equals + 1) : STR_NONE;
	bool has_blank = name.n < equals;
	for (size_t i = 0; i < n; i++) {
		const struct directive *d = &table[i];
		if (!str_eq_nocase(d->name, name))
			continue;
		if (is_flag(d))
			set_flag(d, argument, out);
		else if (has_blank || !set_seconds(d, argument, out))
			*has_invalid_age = *has_invalid_age || d->kind == AGE;
		return;
	}
}

void policy__cc_clear(struct cc_response *out)
{
	*out = (struct cc_response){
	    .max_age_s = CC_ABSENT,
	    .s_maxage_s = CC_ABSENT,
	    .stale_while_revalidate_s = CC_ABSENT,
	    .stale_if_error_s = CC_ABSENT,
	};
}

void policy__cc_element(struct str element, struct cc_response *out)
{
	read_element(element, response_directives, COUNT_OF(response_directives), out, &out->has_invalid_age);
}

/* 1.2.2: no delta-seconds are negative. */
static bool set_integer(const struct directive *d, const struct sf_bare *v, void *out)
{
	int64_t *seconds = (void *)((char *)out + d->offset);
	if (v->type != SF_INTEGER || v->number < 0)
		return false;
	*seconds = v->number < CC_FOREVER_S ? v->number : CC_FOREVER_S;
	return true;
}

static bool set_boolean(const struct directive *d, const struct sf_bare *v, void *out)
{
	bool *flag = (void *)((char *)out + d->offset);
	bool is_true = v->type == SF_BOOLEAN && v->number != 0;
	bool is_names = v->type == SF_STRING && d->kind == NAMES;
	*flag = true;
	return is_true || is_names;
}

bool policy__cc_member(const struct sf_member *m, struct cc_response *out)
{
	for (size_t i = 0; i < COUNT_OF(response_directives); i++) {
		const struct directive *d = &response_directives[i];
		if (!str_eq_nocase(d->name, m->key))
			continue;
		if (m->is_inner)
			return false;
		return is_flag(d) ? set_boolean(d, &m->bare, out) : set_integer(d, &m->bare, out);
	}
	return true; /* 5.2.3: unknown */
}

void cc_read_response(const struct headers *h, struct cc_response *out)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, element;
	policy__cc_clear(out);
	while (headers_list_next(h, STR("Cache-Control"), &field, &rest, &element))
		policy__cc_element(element, out);
}

static const struct cc_request no_wishes = {
    .max_age_s = CC_ABSENT,
    .min_fresh_s = CC_ABSENT,
    .max_stale_s = CC_ABSENT,
    .stale_if_error_s = CC_ABSENT,
};

/* Runs on every hit: the fields are told apart by their length before anything is compared. */
void cc_read_request(const struct headers *h, struct cc_request *out)
{
	static const struct str cache_control = {"Cache-Control", 13}, pragma = {"Pragma", 6};
	bool has_cache_control = false, pragma_no_cache = false, ignored = false;
	*out = no_wishes;
	for (uint32_t i = 0; i < h->n; i++) {
		const struct header *f = &h->v[i];
		struct str rest = f->value, element;
		if (str_eq_nocase(f->name, cache_control)) {
			has_cache_control = true;
			while (list_next(&rest, &element))
				read_element(element, request_directives, COUNT_OF(request_directives), out, &ignored);
		} else if (str_eq_nocase(f->name, pragma)) {
			while (list_next(&rest, &element))
				pragma_no_cache = pragma_no_cache || str_eq_nocase(element, STR("no-cache"));
		}
	}
	/* RFC 9111 5.4: what an HTTP/1.0 client says; a Cache-Control field says it better. */
	if (pragma_no_cache && !has_cache_control)
		out->no_cache = true;
}

void cc_read_client(const struct route *route, const struct headers *h, struct cc_request *out)
{
	if (route->client_cache_control == CLIENT_IGNORE)
		*out = no_wishes;
	else
		cc_read_request(h, out);
}
