/* Lists of header fields and the list syntax inside them. Linear searches throughout: a message has ten to thirty
 * fields, and the length of a name tells almost all of them apart. */
#include "http/headers.h"

#include "base/mem.h"
#include "http/chars.h"

#include <assert.h>

#define FIRST_CAP 16
#define SPARE_CAP 4 /* fields that a copy has room for */
#define BYTES(x)  ((uint64_t)(x)*0x0101010101010101u)

static void grow(struct headers *h, struct arena *a)
{
	assert(h->cap <= UINT32_MAX / 2);
	uint32_t cap = h->cap > 0 ? h->cap * 2 : FIRST_CAP;
	struct header *v = arena_alloc(a, cap * sizeof(*v));
	if (h->n > 0)
		memcpy(v, h->v, h->n * sizeof(*v));
	h->v = v;
	h->cap = cap;
}

void headers_add(struct headers *h, struct arena *a, struct str name, struct str value)
{
	if (h->n == h->cap)
		grow(h, a);
	h->v[h->n++] = (struct header){name, value};
}

/* Index of the first field of that name at `from` or behind it, h->n when there is none. */
static uint32_t find_from(const struct headers *h, uint32_t from, struct str name)
{
	uint32_t i = from;
	while (i < h->n && !str_eq_nocase(h->v[i].name, name))
		i++;
	return i;
}

static struct str put(char **p, struct str s)
{
	char *to = *p;
	*p = str_put(to, s);
	*(*p)++ = '\0';
	return str_make(to, s.n);
}

void headers_copy(const struct headers *from, struct arena *a, struct headers *to)
{
	size_t size = 0;
	for (uint32_t i = 0; i < from->n; i++)
		size += from->v[i].name.n + from->v[i].value.n + 2;
	*to = (struct headers){.n = from->n, .cap = from->n + SPARE_CAP};
	to->v = arena_alloc(a, to->cap * sizeof(*to->v));
	char *p = arena_alloc(a, size);
	for (uint32_t i = 0; i < from->n; i++) {
		to->v[i].name = put(&p, from->v[i].name);
		to->v[i].value = put(&p, from->v[i].value);
	}
}

const struct header *headers_find(const struct headers *h, struct str name)
{
	uint32_t i = find_from(h, 0, name);
	return i < h->n ? &h->v[i] : NULL;
}

struct str headers_get(const struct headers *h, struct str name)
{
	uint32_t i = find_from(h, 0, name);
	if (i == h->n)
		return STR_NONE;
	return h->v[i].value.p ? h->v[i].value : STR("");
}

unsigned headers_count(const struct headers *h, struct str name)
{
	unsigned count = 0;
	for (uint32_t i = find_from(h, 0, name); i < h->n; i = find_from(h, i + 1, name))
		count++;
	return count;
}

struct str headers_joined(const struct headers *h, struct arena *a, struct str name)
{
	uint32_t first = find_from(h, 0, name);
	if (first == h->n)
		return STR_NONE;
	uint32_t second = find_from(h, first + 1, name);
	if (second == h->n)
		return h->v[first].value.p ? h->v[first].value : STR("");

	size_t size = h->v[first].value.n;
	for (uint32_t i = second; i < h->n; i = find_from(h, i + 1, name))
		size += 2 + h->v[i].value.n;
	char *p = arena_alloc(a, size);
	size_t n = 0;
	for (uint32_t i = first; i < h->n; i = find_from(h, i + 1, name)) {
		if (i != first) {
			p[n++] = ',';
			p[n++] = ' ';
		}
		if (h->v[i].value.n > 0)
			memcpy(p + n, h->v[i].value.p, h->v[i].value.n);
		n += h->v[i].value.n;
	}
	return str_make(p, n);
}

/* Removes the fields of that name at `from` or behind it. */
static unsigned remove_from(struct headers *h, uint32_t from, struct str name)
{
	uint32_t kept = find_from(h, from, name);
	for (uint32_t i = kept; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, name))
			h->v[kept++] = h->v[i];
	}
	unsigned removed = h->n - kept;
	h->n = kept;
	return removed;
}

unsigned headers_remove(struct headers *h, struct str name)
{
	return remove_from(h, 0, name);
}

void headers_remove_all(struct headers *h, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		headers_remove(h, names[i]);
}

void headers_set(struct headers *h, struct arena *a, struct str name, struct str value)
{
	uint32_t i = find_from(h, 0, name);
	if (i == h->n) {
		headers_add(h, a, name, value);
		return;
	}
	h->v[i] = (struct header){name, value};
	remove_from(h, i + 1, name);
}

/* Length of the quoted string at the front of s, with its quotes; all of s when it is not closed. */
static size_t quoted_length(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\') /* quoted-pair (RFC 9110 5.6.4) */
			i++;
	}
	return s.n;
}

bool list_next(struct str *rest, struct str *element)
{
	while (rest->n > 0) {
		size_t end = 0;
		while (end < rest->n && rest->p[end] != ',')
			end += rest->p[end] == '"' ? quoted_length(str_skip(*rest, end)) : 1;
		*element = str_trim(str_take(*rest, end));
		*rest = str_skip(*rest, end + 1);
		/* "a recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110 5.6.1.2) */
		if (element->n > 0)
			return true;
	}
	*rest = STR_NONE;
	return false;
}

bool headers_list_next(const struct headers *h, struct str name, uint32_t *field, struct str *rest, struct str *element)
{
	while (!list_next(rest, element)) {
		uint32_t i = find_from(h, *field, name);
		if (i == h->n) {
			*field = i;
			return false;
		}
		*rest = h->v[i].value;
		*field = i + 1;
	}
	return true;
}

bool headers_has_token(const struct headers *h, struct str name, struct str token)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, element;
	while (headers_list_next(h, name, &field, &rest, &element)) {
		if (str_eq_nocase(element, token))
			return true;
	}
	return false;
}

/* A set of lengths, below 64: hardly a name has the length of one that is looked for. */
static bool has_length_of(struct str name, uint64_t lengths)
{
	return name.n < 64 && (lengths >> name.n & 1) != 0;
}

static bool is_one_of(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq_nocase(name, names[i]))
			return true;
	}
	return false;
}

#define HOP_BY_HOP(X)                                                                                                  \
	X("Connection")                                                                                                \
	X("Keep-Alive")                                                                                                \
	X("Proxy-Connection")                                                                                          \
	X("TE")                                                                                                        \
	X("Trailer")                                                                                                   \
	X("Transfer-Encoding")                                                                                         \
	X("Upgrade")                                                                                                   \
	X("Proxy-Authenticate")                                                                                        \
	X("Proxy-Authorization")                                                                                       \
	X("Proxy-Authentication-Info")

bool header_is_hop_by_hop(struct str name)
{
#define NAME(text)   STR(text),
#define LENGTH(text) | (uint64_t)1 << (sizeof(text) - 1)
	static const struct str names[] = {HOP_BY_HOP(NAME)};
	static const uint64_t lengths = 0 HOP_BY_HOP(LENGTH);
#undef NAME
#undef LENGTH
	return has_length_of(name, lengths) && is_one_of(name, names, COUNT_OF(names));
}

/* Fields that are meant for every recipient, which a sender must not name in Connection (RFC 9110 7.6.1). One that does
 * would take away what routes, frames or restricts the message (as with CVE-2022-45059), so the option is ignored. */
static bool is_never_of_a_connection(struct str name)
{
	static const struct str names[] = {
	    STR("Age"),
	    STR("Authorization"),
	    STR("Cache-Control"),
	    STR("Content-Encoding"),
	    STR("Content-Length"),
	    STR("Content-Range"),
	    STR("Content-Type"),
	    STR("Date"),
	    STR("Expires"),
	    STR("Host"),
	    STR("Set-Cookie"),
	    STR("Vary"),
	};
	return is_one_of(name, names, COUNT_OF(names));
}

/* Takes the name from the fields that Connection lists, so that the sweep after it finds them. Their rows must stay in
 * place until the list, which is one of the rows, has been read to its end. */
static void mark_connection_options(struct headers *h)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, option;
	while (headers_list_next(h, STR("Connection"), &field, &rest, &option)) {
		if (header_is_hop_by_hop(option) || is_never_of_a_connection(option))
			continue;
		for (uint32_t i = find_from(h, 0, option); i < h->n; i = find_from(h, i + 1, option))
			h->v[i].name = STR_NONE;
	}
}

void headers_remove_hop_by_hop(struct headers *h)
{
	mark_connection_options(h);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->v[i].name.n > 0 && !header_is_hop_by_hop(h->v[i].name))
			h->v[kept++] = h->v[i];
	}
	h->n = kept;
}

bool is_token(struct str s)
{
	return s.n > 0 && http__all(s, CHAR_TOKEN);
}

bool is_field_name(struct str s)
{
	return s.n > 0 && http__all(s, CHAR_FIELD_NAME);
}

/* True when one of eight bytes is below SP or DEL: a borrow can only spoil bytes above one that is truly so. */
static bool word_has_control(uint64_t word)
{
	uint64_t below_space = (word - BYTES(0x20)) & ~word;
	uint64_t not_del = word ^ BYTES(0x7f);
	uint64_t is_del = (not_del - BYTES(1)) & ~not_del;
	return ((below_space | is_del) & BYTES(0x80)) != 0;
}

/* A word with an HTAB in it is looked at again. */
static bool is_clean_word(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return !word_has_control(word) || http__all(str_make(p, sizeof(word)), CHAR_VALUE);
}

bool is_field_value(struct str s)
{
	/* Every field of every message passes here, hence by words. */
	size_t i = 0;
	for (; i + sizeof(uint64_t) <= s.n; i += sizeof(uint64_t)) {
		if (!is_clean_word(s.p + i))
			return false;
	}
	if (i == s.n || s.n < sizeof(uint64_t))
		return http__all(str_skip(s, i), CHAR_VALUE);
	/* The last word, of which the front was looked at already. */
	return is_clean_word(s.p + s.n - sizeof(uint64_t));
}
