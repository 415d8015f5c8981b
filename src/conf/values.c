/* Readers of single values: numbers with units, switches, words, names. A reader says what is wrong and, where it can
 * guess it, what was meant; what is allowed stands in values.def. */
#include "conf/value.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "redis/tls.h"

static int (*const readers[VALUE_COUNT_OF_TYPES])(struct value *v) = {
#define VALUE(type, reader, allowed) [VALUE_##type] = reader,
#include "conf/values.def"
#undef VALUE
};

int value_read(struct value *v)
{
	v->wrong = v->nearest = STR_NONE;
	if (v->text.n == 0)
		return conf__wrong(v, "there is no value");
	return readers[v->option->type](v);
}

void value_explain(const struct value *v, struct buf *out)
{
	(void)buf_add(out, v->wrong);
	(void)buf_add(out, STR("; allowed: "));
	option_allowed(v->option, out);
	if (v->nearest.p)
		(void)buf_addf(out, " (did you mean \"%.*s\"?)", STR_ARG(v->nearest));
}

__attribute__((format(printf, 2, 0))) static struct str format_text(struct value *v, const char *format, va_list args)
{
	char text[512];
	int n = vsnprintf(text, sizeof(text), format, args);
	size_t length = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	return arena_str(v->arena, str_make(text, length));
}

int conf__wrong(struct value *v, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	v->wrong = format_text(v, format, args);
	va_end(args);
	return ERR_INVALID;
}

int conf__wrong_near(struct value *v, struct str nearest, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	v->wrong = format_text(v, format, args);
	va_end(args);
	v->nearest = nearest;
	return ERR_INVALID;
}

bool conf__is_none(struct str s)
{
	return str_eq(s, STR("none"));
}

/* "256M" is 256 and "M". False when it does not begin with a digit or the number is too long to be meant. */
static bool split_number(struct str s, uint64_t *number, struct str *unit)
{
	size_t digits = 0;
	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	*unit = str_skip(s, digits);
	return str_to_u64(str_take(s, digits), UINT64_C(1) << 50, number) == ERR_OK;
}

static int in_bounds(struct value *v, struct str text, uint64_t n, void (*write)(int64_t, struct buf *))
{
	const struct option *o = v->option;
	if (n >= (uint64_t)o->low && n <= (uint64_t)o->high)
		return ERR_OK;
	bool small = n < (uint64_t)o->low;
	struct buf bound;
	buf_init(&bound, 64);
	write(small ? o->low : o->high, &bound);
	struct str nearest = arena_str(v->arena, buf_str(&bound));
	buf_free(&bound);
	return conf__wrong_near(v, nearest, "%.*s is too %s", STR_ARG(str_take(text, 32)), small ? "small" : "large");
}

static void write_bytes(int64_t bytes, struct buf *out)
{
	write_size((uint64_t)bytes, out);
}

static void write_plain(int64_t n, struct buf *out)
{
	(void)buf_addf(out, "%lld", (long long)n);
}

int conf__read_size(struct value *v)
{
	uint64_t number;
	struct str unit;
	if (!split_number(v->text, &number, &unit))
		return conf__wrong(v, "not a size");
	struct str rest = str_trim(unit);
	char letter = rest.n > 0 ? (char)(rest.p[0] & ~0x20) : '\0';
	unsigned shift = letter == 'K' ? 10 : letter == 'M' ? 20 : letter == 'G' ? 30 : 0;
	if (unit.n > 1 || (unit.n == 1 && shift == 0)) {
		struct str near = STR_NONE;
		if (shift > 0)
			near = arena_printf(v->arena, "%llu%c", (unsigned long long)number, letter);
		return conf__wrong_near(v, near, "not a size");
	}
	if (number > UINT64_C(1) << (62 - shift))
		number = UINT64_C(1) << (62 - shift);
	number <<= shift;
	int err = in_bounds(v, v->text, number, write_bytes);
	if (err == ERR_OK)
		*(size_t *)v->slot = (size_t)number;
	return err;
}

static const struct unit {
	const char *name;
	const char *prefix; /* of the ways it is misspelled */
	int64_t ms;
} units[] = {
    /* The longer prefix first: "minutes" and "milliseconds" both begin with m. */
    {"ms", "ms", 1},
    {"ms", "mil", 1},
    {"m", "m", 60 * 1000},
    {"s", "s", 1000},
    {"h", "h", 3600 * 1000},
    {"d", "d", 24 * 3600 * 1000},
};

/* A time within the bounds of the option. 0 needs no unit. */
int conf__time(struct value *v, struct str text, int64_t *ms)
{
	uint64_t number;
	struct str unit;
	if (!split_number(text, &number, &unit))
		return conf__wrong(v, "%.*s is not a time", STR_ARG(str_take(text, 64)));
	if (number == 0 && unit.n == 0)
		unit = STR("s");
	const char *near = "s";
	struct str rest = str_trim(unit);
	for (unsigned i = 0; i < COUNT_OF(units); i++) {
		const struct unit *u = &units[i];
		if (str_eq(unit, str_of(u->name))) {
			uint64_t most = (UINT64_C(1) << 62) / (uint64_t)u->ms;
			uint64_t total = (number < most ? number : most) * (uint64_t)u->ms;
			int err = in_bounds(v, text, total, write_time);
			if (err == ERR_OK)
				*ms = (int64_t)total;
			return err;
		}
	}
	for (unsigned i = COUNT_OF(units); i-- > 0;)
		if (str_starts_nocase(rest, str_of(units[i].prefix)))
			near = units[i].name;
	return conf__wrong_near(v, arena_printf(v->arena, "%llu%s", (unsigned long long)number, near),
	    unit.n == 0 ? "%.*s has no unit" : "%.*s is not a time", STR_ARG(str_take(text, 64)));
}

int conf__read_time(struct value *v)
{
	return conf__time(v, v->text, v->slot);
}

int conf__read_ttl(struct value *v)
{
	if (str_eq(v->text, STR("origin"))) {
		*(int64_t *)v->slot = -1;
		return ERR_OK;
	}
	return conf__time(v, v->text, v->slot);
}

int conf__read_count(struct value *v)
{
	uint64_t number;
	struct str unit;
	if (!split_number(v->text, &number, &unit) || unit.n > 0)
		return conf__wrong(v, "not a whole number");
	int err = in_bounds(v, v->text, number, write_plain);
	if (err == ERR_OK)
		*(unsigned *)v->slot = (unsigned)number;
	return err;
}

int conf__read_workers(struct value *v)
{
	if (!str_eq(v->text, STR("auto")))
		return conf__read_count(v);
	/* What this process may use, not what the machine has: containers and taskset narrow it. */
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	*(unsigned *)v->slot = n < 1 ? 1 : n > (int)v->option->high ? (unsigned)v->option->high : (unsigned)n;
	return ERR_OK;
}

/* What other programs call on and off; none where it is neither. */
static struct str switch_meant(struct str given)
{
	static const struct {
		const char *given, *meant;
	} others[] = {{"yes", "on"}, {"true", "on"}, {"1", "on"}, {"no", "off"}, {"false", "off"}, {"0", "off"}};
	for (unsigned i = 0; i < COUNT_OF(others); i++)
		if (str_eq_nocase(given, str_of(others[i].given)))
			return str_of(others[i].meant);
	return STR_NONE;
}

int conf__read_bool(struct value *v)
{
	bool on = str_eq(v->text, STR("on"));
	if (on || str_eq(v->text, STR("off"))) {
		*(bool *)v->slot = on;
		return ERR_OK;
	}
	struct nearest n = nearest_to(v->text);
	nearest_offer(&n, STR("on"));
	nearest_offer(&n, STR("off"));
	struct str meant = switch_meant(v->text);
	return conf__wrong_near(v, meant.p ? meant : n.word, "neither on nor off");
}

/* Position of the word, or -1 with v->wrong set. */
static int find_word(struct value *v, struct str word)
{
	struct nearest n = nearest_to(word);
	struct str meant = switch_meant(word);
	bool is_switch = false;
	for (unsigned i = 0; option_word(v->option, i).p; i++) {
		if (str_eq(option_word(v->option, i), word))
			return (int)i;
		is_switch |= meant.p && str_eq(option_word(v->option, i), meant);
		nearest_offer(&n, option_word(v->option, i));
	}
	if (is_switch) /* "yes" is nearer to "key" by its letters */
		n.word = meant;
	(void)conf__wrong_near(v, n.word, "\"%.*s\" is none of the words", STR_ARG(str_take(word, 64)));
	return -1;
}

int conf__read_choice(struct value *v)
{
	int i = find_word(v, v->text);
	if (i < 0)
		return ERR_INVALID;
	memcpy(v->slot, &i, sizeof(i)); /* an enum or an int: the same size, not the same type */
	return ERR_OK;
}

int conf__read_tiers(struct value *v)
{
	unsigned bits = 0;
	struct str rest = v->text, word;
	while (rest.p && str_cut(&rest, ',', &word)) {
		int i = find_word(v, str_trim(word));
		if (i < 0)
			return ERR_INVALID;
		if (bits & 1U << i)
			return conf__wrong(v, "%.*s stands there twice", STR_ARG(str_trim(word)));
		if (bits > 1U << i)
			return conf__wrong(v, "%.*s comes before what is slower", STR_ARG(str_trim(word)));
		bits |= 1U << i;
	}
	*(unsigned *)v->slot = bits;
	return ERR_OK;
}

int conf__read_flags(struct value *v)
{
	unsigned bits = 0;
	struct str rest = v->text, word;
	while (!conf__is_none(v->text) && rest.p && str_cut(&rest, ',', &word)) {
		int i = find_word(v, str_trim(word));
		if (i < 0)
			return ERR_INVALID;
		bits |= 1U << i;
	}
	*(unsigned *)v->slot = bits;
	return ERR_OK;
}

/* "12.5%" is 1250 and "%"; false when it does not begin with a number. More than two decimals: the sign is left at them. */
static bool split_percent(struct str s, uint64_t *of_10000, struct str *sign)
{
	uint64_t whole;
	if (!split_number(s, &whole, sign))
		return false;
	*of_10000 = (whole < 1000 ? whole : 1000) * 100;
	if (sign->n == 0 || sign->p[0] != '.')
		return true;
	*sign = str_skip(*sign, 1);
	for (uint64_t unit = 10; unit > 0 && sign->n > 0 && sign->p[0] >= '0' && sign->p[0] <= '9'; unit /= 10) {
		*of_10000 += (uint64_t)(sign->p[0] - '0') * unit;
		*sign = str_skip(*sign, 1);
	}
	return true;
}

int conf__read_percent(struct value *v)
{
	uint64_t of_10000;
	struct str sign;
	if (!split_percent(v->text, &of_10000, &sign))
		return conf__wrong(v, "not a percentage");
	if (!str_eq(sign, STR("%"))) {
		struct buf text;
		buf_init(&text, 32);
		write_percent((int64_t)(of_10000 < 10000 ? of_10000 : 10000), &text);
		struct str nearest = arena_str(v->arena, buf_str(&text));
		buf_free(&text);
		return conf__wrong_near(v, nearest, sign.n == 0 ? "the percent sign is missing" : "not a percentage");
	}
	int err = in_bounds(v, v->text, of_10000, write_percent);
	if (err == ERR_OK)
		*(unsigned *)v->slot = (unsigned)of_10000;
	return err;
}

int conf__read_path_or_none(struct value *v)
{
	struct str *out = v->slot;
	if (conf__is_none(v->text)) {
		*out = STR_NONE;
		return ERR_OK;
	}
	if (v->text.p[0] != '/') {
		size_t scheme = str_find(v->text, STR("://"));
		size_t slash = str_index(str_skip(v->text, scheme + 3), '/');
		struct str near = scheme < v->text.n ? str_skip(v->text, scheme + 3 + slash)
						     : arena_printf(v->arena, "/%.*s", STR_ARG(str_take(v->text, 64)));
		return conf__wrong_near(v, near.n > 0 ? near : STR_NONE, "not a path of the app: it begins with no /");
	}
	for (size_t i = 0; i < v->text.n; i++)
		if (v->text.p[i] <= ' ' || v->text.p[i] >= 0x7f || strchr("#\"<>\\", v->text.p[i]))
			return conf__wrong(v, "a character in it cannot be sent as part of a path");
	if (v->text.n > 1024)
		return conf__wrong(v, "longer than 1024 bytes");
	*out = v->text;
	return ERR_OK;
}

int conf__read_pseudonym(struct value *v)
{
	/* A name that is a token of Via (RFC 9110 7.6.3) and of Cache-Status (RFC 9211 2) alike. */
	for (size_t i = 0; i < v->text.n; i++) {
		char c = v->text.p[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		bool more = i > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '_');
		if (!letter && !more)
			return conf__wrong(v, "not a name");
	}
	if (v->text.n > 64)
		return conf__wrong(v, "longer than 64 bytes");
	*(struct str *)v->slot = v->text;
	return ERR_OK;
}

int conf__read_token(struct value *v)
{
	for (size_t i = 0; i < v->text.n; i++)
		if (v->text.p[i] <= 0x20 || v->text.p[i] >= 0x7f || v->text.p[i] == '"')
			return conf__wrong(v, "a byte in it cannot be sent in a header field");
	if (v->text.n > 512)
		return conf__wrong(v, "longer than 512 bytes");
	*(struct str *)v->slot = v->text;
	return ERR_OK;
}

int conf__read_file(struct value *v)
{
	if (v->text.n > 4000)
		return conf__wrong(v, "longer than a file name can be");
	*(struct str *)v->slot = v->text;
	return ERR_OK;
}

int conf__read_log_target(struct value *v)
{
	bool word = str_eq(v->text, STR("off")) || str_eq(v->text, STR("stdout"));
	if (!word && str_index(v->text, '/') == v->text.n) {
		/* "stdot" is a slip, not a file in a folder that nobody thought of. */
		struct nearest n = nearest_to(v->text);
		nearest_offer(&n, STR("off"));
		nearest_offer(&n, STR("stdout"));
		return conf__wrong_near(v,
		    n.word.p ? n.word : arena_printf(v->arena, "./%.*s", STR_ARG(str_take(v->text, 64))),
		    "neither a word nor a path");
	}
	return conf__read_file(v);
}

int conf__read_upstream(struct value *v)
{
	struct nearest n = nearest_to(v->text);
	for (unsigned i = 0; i < v->conf->n_upstreams; i++) {
		const struct conf_upstream *u = &v->conf->upstreams[i];
		if (str_eq(u->name, v->text)) {
			*(const struct conf_upstream **)v->slot = u;
			return ERR_OK;
		}
		nearest_offer(&n, u->name);
	}
	return conf__wrong_near(v, n.word, "there is no [upstream %.*s]", STR_ARG(str_take(v->text, 64)));
}

int conf__read_redis_url(struct value *v)
{
	struct redis_url *url = arena_zalloc(v->arena, sizeof(*url));
	struct str why;
	if (redis_url_parse(v->text, v->arena, url, &why) != ERR_OK)
		return conf__wrong(v, "%.*s", STR_ARG(why));
	if (url->tls && !tls_is_there())
		return conf__wrong(v, "TLS to Redis was left out of this build: let stunnel speak it, and name "
				      "stunnel's own address as redis://127.0.0.1:port");
	*(struct redis_url **)v->slot = url;
	return ERR_OK;
}

int conf__read_url(struct value *v)
{
	struct conf_upstream *u = CONTAINER_OF(v->slot, struct conf_upstream, url_text);
	struct url url;
	const char *why = "not a URL";
	if (url_read(v->text, &url, &why) != ERR_OK) {
		struct str http = arena_printf(v->arena, "http://%.*s", STR_ARG(str_take(v->text, 200)));
		bool meant =
		    str_find(v->text, STR("://")) == v->text.n && url_read(http, &url, &(const char *){NULL}) == ERR_OK;
		return conf__wrong_near(v, meant ? http : STR_NONE, "%s", why);
	}
	bool is_unix = str_eq(url.scheme, STR("unix"));
	if (is_unix && url.host.n > 107)
		return conf__wrong(v, "the path of a socket has at most 107 bytes");
	if (!is_unix && !str_eq(url.path, STR("/"))) {
		size_t without = v->text.n - url.path.n;
		return conf__wrong_near(v, str_ends(v->text, url.path) ? str_take(v->text, without) : STR_NONE,
		    "an upstream has no path: the target of a request goes there as it came");
	}
	u->url_text = v->text;
	u->url = url;
	return ERR_OK;
}
