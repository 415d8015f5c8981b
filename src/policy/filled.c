/* One pass over the fields: what speaks to caches or of the bytes leaves, then come the words that are true. */
#include "policy/filled.h"

#include "base/mem.h"
#include "http/etag.h"

enum { HASH_DIGITS = 16 };

/* A suffix does not make a targeted field (RFC 9213 2.4), and nothing is read from one that has it. But to leave out what is none
 * does no harm, and what some CDN obeys would hand one visitor's token to all. */
static const struct str targeted_suffix = STR("-Cache-Control");

static const struct str of_others[] = {
    /* how long it may be kept, said to all or to some */
    STR("Cache-Control"),
    STR("Expires"),
    STR("Pragma"),
    STR("Surrogate-Control"),
    STR("Edge-Control"),
    STR("X-Accel-Expires"),
    /* which bytes the origin sent */
    STR("ETag"),
    STR("Last-Modified"),
    STR("Accept-Ranges"),
    STR("Content-MD5"),
    STR("Digest"),
    STR("Content-Digest"),
    STR("Repr-Digest"),
};

static bool is_of_others(const struct conf_cache *cache, struct str name)
{
	for (size_t i = 0; i < COUNT_OF(of_others); i++) {
		if (str_eq_nocase(name, of_others[i]))
			return true;
	}
	return str_list_has(&cache->targeted_control, name) ||
	       (name.n > targeted_suffix.n &&
		   str_eq_nocase(str_skip(name, name.n - targeted_suffix.n), targeted_suffix));
}

struct str policy_filled_tag(struct str etag, uint64_t hash, struct arena *a)
{
	struct etag tag = etag_of(etag);
	if (!tag.valid)
		return STR("");
	/* W/"opaque-0123456789abcdef": without printf, which is slow, on the path of each hit. */
	size_t n = 2 + tag.opaque.n + 1 + HASH_DIGITS;
	char *text = arena_alloc(a, n), *p = text + n;
	*--p = '"';
	for (unsigned i = 0; i < HASH_DIGITS; i++, hash >>= 4)
		*--p = "0123456789abcdef"[hash & 15];
	*--p = '-';
	memcpy(text, "W/", 2);
	memcpy(text + 2, tag.opaque.p, tag.opaque.n - 1);
	return str_make(text, n);
}

void policy_personal_headers(const struct conf_cache *cache, struct str etag, struct arena *a, struct headers *h)
{
	/* Two directives that are no permission: they stay true of what was filled in. */
	bool no_store = false, no_transform = false;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		struct header *field = &h->v[i];
		if (!is_of_others(cache, field->name)) {
			h->v[kept++] = *field;
		} else if (str_eq_nocase(field->name, STR("Cache-Control"))) {
			struct str rest = field->value, directive;
			while (list_next(&rest, &directive)) {
				no_store |= str_eq_nocase(directive, STR("no-store"));
				no_transform |= str_eq_nocase(directive, STR("no-transform"));
			}
		}
	}
	h->n = kept;
	struct str control = STR("private, max-age=0, must-revalidate");
	if (no_store || no_transform)
		control = arena_printf(a, "%.*s%s%s", STR_ARG(control), no_store ? ", no-store" : "",
		    no_transform ? ", no-transform" : "");
	headers_add(h, a, STR("Cache-Control"), control);
	if (etag.n > 0)
		headers_add(h, a, STR("ETag"), etag);
}
