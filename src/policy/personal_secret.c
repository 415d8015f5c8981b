/* What must not be found in a stored page: values that tell who asked, or let others ask as he did.
 *
 * A value stands in a page as the app's templates write it, so it is looked for in several forms. From a cookie's value as it is
 * sent come up to three texts: without its quotes, with the escapes undone that quotes allow, and percent-decoded; the last of them
 * is what the app has in its hands, and is written in each form of http/hole.h and each way that the table `escapes` knows. Most
 * values have no character that any of them changes: they are one text.
 *
 * Not looked for: parts of a value, what was encrypted or hashed, and short ones, which stand in pages by chance. */
#include "policy/private.h"

#include "base/mem.h"
#include "http/cookie.h"

enum { SECRET_MIN = 16, NAMED_MIN = 8 }; /* NAMED: an Authorization, a field of leak_patterns; not there by chance */

/* Spellings beyond the forms of http/hole.h, which differ for quotes, brackets and '&' alone. Each word: a character and what it
 * becomes. */
static const char *const escapes[] = {
    "&&amp; <&lt; >&gt; \"&quot; '&#x27;",				      /* Python, Django */
    "&&amp; <&lt; >&gt; \"&quot; '&#039;",				      /* PHP */
    "&&amp; <&lt; >&gt; \"&#34; '&#39;",				      /* Jinja */
    "&&amp; <&lt; >&gt; \"&#34; '&#39; +&#43;",				      /* Go */
    "&&amp; <&lt; >&gt; \"&quot; '&#x27; +&#x2B;",			      /* .NET */
    "\\\\\\ \"\\\" <\\u003c >\\u003e &\\u0026",				      /* JSON of Go, Rails */
    "\\\\\\ \"\\\" <\\u003c >\\u003e &\\u0026 =\\u003d '\\u0027",	      /* of Gson */
    "\\\\\\ \"\\u0022 <\\u003C >\\u003E &\\u0026 +\\u002B '\\u0027 `\\u0060", /* of .NET */
    "\\\\u005C \"\\u0022 <\\u003C >\\u003E &\\u0026 =\\u003D '\\u0027 -\\u002D ;\\u003B `\\u0060", /* Django in scripts */
};

enum { ESCAPE_MAX = 6 }; /* of "\u0026", "&quot;" */

struct finder {
	struct arena *a;
	struct personal *out;
	unsigned cap;
	bool too_many;
	/* Of the value that is being added. */
	enum reason reason;
	struct str name;
	size_t min;
};

/* ---- adding ---- */

static bool is_known(const struct finder *f, struct str text)
{
	for (unsigned i = 0; i < f->out->n_secrets; i++) {
		if (str_eq(f->out->secrets[i].text, text))
			return true;
	}
	return false;
}

static void add(struct finder *f, struct str text)
{
	text = str_take(text, PERSONAL_TEXT_MAX);
	if (f->too_many || text.n < f->min || is_known(f, text))
		return;
	if (f->out->n_secrets == PERSONAL_SECRETS_MAX) {
		f->too_many = true;
		return;
	}
	if (f->out->n_secrets == f->cap) {
		struct personal_secret *more = arena_alloc(f->a, (f->cap = 2 * f->cap + 8) * sizeof *more);
		if (f->out->n_secrets > 0)
			memcpy(more, f->out->secrets, f->out->n_secrets * sizeof *more);
		f->out->secrets = more;
	}
	f->out->secrets[f->out->n_secrets++] = (struct personal_secret){text, f->reason, f->name};
}

/* ---- forms ---- */

/* What each character becomes; STR_NONE: itself. */
struct escape_map {
	struct str of[128];
};

static void read_escape(const char *escape, struct escape_map *map)
{
	struct str rest = str_of(escape), word;
	*map = (struct escape_map){0};
	while (str_cut(&rest, ' ', &word))
		map->of[(unsigned char)word.p[0]] = str_skip(word, 1);
}

/* False: the value has nothing that is escaped so. */
static bool escape(const char *escape, struct str value, char *out, size_t *n)
{
	struct escape_map map;
	bool any = false;
	read_escape(escape, &map);
	*n = 0;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		struct str as = c < COUNT_OF(map.of) ? map.of[c] : STR_NONE;
		any = any || as.p;
		as = as.p ? as : str_make(value.p + i, 1);
		memcpy(out + *n, as.p, as.n);
		*n += as.n;
	}
	return any;
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return char_lower(c) >= 'a' && char_lower(c) <= 'f' ? char_lower(c) - 'a' + 10 : -1;
}

/* "%2B" is '+'; what is no such escape stays. */
static struct str decoded(struct str value, struct arena *a)
{
	if (str_index(value, '%') == value.n)
		return value;
	char *p = arena_alloc(a, value.n);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		bool is_escape =
		    value.p[i] == '%' && value.n - i > 2 && hex_of(value.p[i + 1]) >= 0 && hex_of(value.p[i + 2]) >= 0;
		p[n++] = is_escape ? (char)(hex_of(value.p[i + 1]) << 4 | hex_of(value.p[i + 2])) : value.p[i];
		i += is_escape ? 2 : 0;
	}
	return str_make(p, n);
}

static bool is_octal(struct str s)
{
	return s.n >= 3 && s.p[0] >= '0' && s.p[0] <= '3' && s.p[1] >= '0' && s.p[1] <= '7' && s.p[2] >= '0' &&
	       s.p[2] <= '7';
}

/* What stood in quotes: \" is a quote, \054 a comma, as Python's cookies write it. */
static struct str unslashed(struct str value, struct arena *a)
{
	if (str_index(value, '\\') == value.n)
		return value;
	char *p = arena_alloc(a, value.n);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		struct str behind = str_skip(value, i + 1);
		if (value.p[i] != '\\' || behind.n == 0) {
			p[n++] = value.p[i];
		} else if (is_octal(behind)) {
			p[n++] = (char)((behind.p[0] - '0') << 6 | (behind.p[1] - '0') << 3 | (behind.p[2] - '0'));
			i += 3;
		} else {
			p[n++] = behind.p[0];
			i++;
		}
	}
	return str_make(p, n);
}

static bool is_cut(const struct finder *f, struct str value)
{
	for (unsigned i = 0; i < f->out->n_values; i++) {
		struct str text = f->out->values[i].text;
		if (text.n > 0 && str_eq(text, value))
			return true;
	}
	return false;
}

static void add_forms(struct finder *f, struct str value)
{
	struct policy__form forms[HOLE_FORMS];
	unsigned n_forms = policy__forms(value, f->a, forms);
	for (unsigned i = 0; i < n_forms; i++)
		add(f, forms[i].text);
	if (n_forms == 1)
		return;
	char *scratch = arena_alloc(f->a, value.n * ESCAPE_MAX);
	for (size_t i = 0, n; i < COUNT_OF(escapes); i++) {
		if (escape(escapes[i], value, scratch, &n) && !is_known(f, str_make(scratch, n)))
			add(f, arena_str(f->a, str_make(scratch, n)));
	}
}

/* A value as it was sent, in all its forms. */
static void add_value(struct finder *f, enum reason reason, struct str name, struct str value, size_t min)
{
	bool quoted = value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';
	struct str bare = quoted ? str_make(value.p + 1, value.n - 2) : value;
	if (f->too_many || bare.n < min)
		return;
	struct str whole = quoted ? unslashed(bare, f->a) : bare;
	struct str meant = decoded(whole, f->a);
	f->reason = reason;
	f->name = name;
	f->min = min;
	if (is_cut(f, bare) || is_cut(f, whole) || is_cut(f, meant))
		return;
	add(f, bare);
	add(f, whole);
	add(f, meant);
	meant = str_take(meant, PERSONAL_TEXT_MAX); /* a beginning is written like the beginning of the whole */
	add_forms(f, meant);
}

/* ---- where they come from ---- */

/* Names of cookies are told apart by case (RFC 6265 4.2.2 says nothing of ignoring it). */
bool policy__is_allowed(const struct route *route, struct str cookie)
{
	return str_list_has_exact(&route->leak_allow, cookie);
}

static void add_cookies(struct finder *f, const struct personal_in *in)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, name, value;
	while (cookie_next(&in->request->headers, &field, &rest, &name, &value)) {
		if (!policy__is_allowed(in->route, name))
			add_value(f, REASON_NOT_LEAK_COOKIE, name, value, SECRET_MIN);
	}
}

static void add_set_cookies(struct finder *f, const struct personal_in *in)
{
	const struct headers *h = &in->response->headers;
	for (uint32_t i = 0; i < h->n; i++) {
		struct set_cookie cookie;
		if (str_eq_nocase(h->v[i].name, STR("Set-Cookie")) && set_cookie_read(h->v[i].value, &cookie) &&
		    !policy__is_allowed(in->route, cookie.name))
			add_value(f, REASON_NOT_LEAK_SET_COOKIE, cookie.name, cookie.value, SECRET_MIN);
	}
}

static int base64_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Up to the first character that is none of base64 (RFC 4648 4): the padding, as a rule. */
static struct str base64_decoded(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	unsigned bits = 0, n_bits = 0;
	for (size_t i = 0; i < s.n && base64_of(s.p[i]) >= 0; i++) {
		bits = bits << 6 | (unsigned)base64_of(s.p[i]);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			p[n++] = (char)(bits >> n_bits);
		}
	}
	return str_make(p, n);
}

/* RFC 9110 11.4: the scheme, a blank, what is secret. Basic (RFC 7617 2) hides "user:password". */
static void add_authorization(struct finder *f, struct str name, struct str value)
{
	size_t blank = str_index(value, ' ');
	struct str scheme = str_take(value, blank);
	struct str credential = blank < value.n ? str_trim(str_skip(value, blank)) : value;
	add_value(f, REASON_NOT_LEAK_AUTHORIZATION, name, credential, NAMED_MIN);
	if (blank == value.n || !str_eq_nocase(scheme, STR("Basic")))
		return;
	struct str pair = base64_decoded(credential, f->a);
	size_t colon = str_index(pair, ':');
	add_value(f, REASON_NOT_LEAK_AUTHORIZATION, name, str_skip(pair, colon + 1), SECRET_MIN);
}

static void add_fields(struct finder *f, const struct personal_in *in)
{
	const struct headers *h = &in->request->headers;
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq_nocase(h->v[i].name, STR("Authorization")))
			add_authorization(f, h->v[i].name, h->v[i].value);
		else if (policy__is_named(&in->route->leak_patterns, h->v[i].name))
			add_value(f, REASON_NOT_LEAK_FIELD, h->v[i].name, h->v[i].value, NAMED_MIN);
	}
}

bool policy__is_named(const struct str_list *patterns, struct str name)
{
	for (unsigned i = 0; i < patterns->n; i++) {
		struct str p = patterns->v[i];
		bool is_prefix = p.n > 0 && p.p[p.n - 1] == '*';
		if (is_prefix ? str_starts_nocase(name, str_take(p, p.n - 1)) : str_eq_nocase(name, p))
			return true;
	}
	return false;
}

enum reason policy__secrets(const struct personal_in *in, struct arena *a, struct personal *out)
{
	struct finder f = {.a = a, .out = out};
	if (!in->route->leak_guard)
		return REASON_NONE;
	add_cookies(&f, in);
	add_set_cookies(&f, in);
	add_fields(&f, in);
	if (!f.too_many)
		return REASON_NONE;
	out->n_secrets = 0;
	return REASON_NOT_LEAK_MANY;
}
