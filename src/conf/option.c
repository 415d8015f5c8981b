/* The tables that options.def makes, and what is asked of them: by name, by environment name, by nearness. */
#include "conf/option.h"

#include "base/mem.h"
#include "base/nearest.h"

#define SECTION_STRUCT_SERVER	struct conf_server
#define SECTION_STRUCT_UPSTREAM struct conf_upstream
#define SECTION_STRUCT_CACHE	struct conf_cache
#define SECTION_STRUCT_ADMIN	struct conf_admin
#define SECTION_STRUCT_LOG	struct conf_log
#define SECTION_STRUCT_ROUTE	struct route

/* The parameters that mail and advertising systems put into links to follow a visitor. */
#define TRACKING_PARAMETERS                                                                                            \
	"utm_*, gclid, gclsrc, dclid, gbraid, wbraid, fbclid, msclkid, twclid, ttclid, yclid, igshid, li_fat_id, "     \
	"mc_cid, mc_eid, _ga, _gl, _hsenc, _hsmi, mkt_tok, vero_id"

#define K    INT64_C(1024)
#define M    (1024 * K)
#define G    (1024 * M)
#define MS   INT64_C(1)
#define S    (1000 * MS)
#define MIN  (60 * S)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

enum {
	RESTART = OPTION_RESTART,
	SECRET = OPTION_SECRET,
	REPEAT = OPTION_REPEAT,
	ONE = SECTION_ONE,
	DEFAULTED = SECTION_DEFAULTED,
	NAMED = SECTION_NAMED
};

#define OPTION(section, name, type, member, preset, text, low, high, flags, help)
#define FLAG(flag, section, name)
#define ALIAS(variable, section, name)
#define SECTION(id, keyword, shape, help) {keyword, (enum section_shape)shape, help, sizeof(SECTION_STRUCT_##id)},
const struct section sections[SECTION_COUNT] = {
#include "conf/options.def"
};
#undef SECTION
#undef OPTION

#define SECTION(id, keyword, shape, help)
#define OPTION(section, name, type, member, preset, text, low, high, flags, help)                                      \
	{SECTION_##section, #name, VALUE_##type, offsetof(SECTION_STRUCT_##section, member), preset, text, low, high,  \
	    flags, help},
const struct option options[] = {
#include "conf/options.def"
};
const unsigned n_options = COUNT_OF(options);
#undef OPTION
#undef FLAG

static const struct {
	const char *flag;
	enum section_id section;
	const char *name;
} flags[] = {
#define OPTION(section, name, type, member, preset, text, low, high, flags, help)
#define FLAG(flag, section, name) {flag, SECTION_##section, #name},
#include "conf/options.def"
#undef FLAG
#undef ALIAS
};

static const struct {
	const char *variable;
	enum section_id section;
	const char *name;
} aliases[] = {
#define FLAG(flag, section, name)
#define ALIAS(variable, section, name) {variable, SECTION_##section, #name},
#include "conf/options.def"
#undef SECTION
#undef OPTION
#undef FLAG
#undef ALIAS
};

static const char *const value_allowed[VALUE_COUNT_OF_TYPES] = {
#define VALUE(type, reader, allowed) [VALUE_##type] = allowed,
#include "conf/values.def"
#undef VALUE
};

const struct section *section_find(struct str keyword)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		if (str_eq(keyword, str_of(sections[i].keyword)))
			return &sections[i];
	return NULL;
}

const struct option *option_find(enum section_id section, struct str name)
{
	for (unsigned i = 0; i < n_options; i++)
		if (options[i].section == section && str_eq(name, str_of(options[i].name)))
			return &options[i];
	return NULL;
}

static void add_upper(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			c = '_';
		(void)buf_addc(out, c);
	}
}

void option_env_name(const struct option *o, struct str label, struct buf *out)
{
	(void)buf_add(out, STR("LARDER_"));
	add_upper(out, str_of(sections[o->section].keyword));
	if (label.n > 0) {
		(void)buf_addc(out, '_');
		add_upper(out, label);
	}
	(void)buf_addc(out, '_');
	add_upper(out, str_of(o->name));
}

const char *option_alias(const struct option *o, unsigned i)
{
	for (unsigned k = 0; k < COUNT_OF(aliases); k++)
		if (aliases[k].section == o->section && strcmp(aliases[k].name, o->name) == 0 && i-- == 0)
			return aliases[k].variable;
	return NULL;
}

static void write_long_flag(const struct option *o, struct buf *out)
{
	(void)buf_addf(out, "--%s-", sections[o->section].keyword);
	for (const char *c = o->name; *c; c++)
		(void)buf_addc(out, *c == '_' ? '-' : *c);
}

void option_flag_name(const struct option *o, struct buf *out)
{
	for (unsigned i = 0; i < COUNT_OF(flags); i++)
		if (flags[i].section == o->section && str_eq(str_of(flags[i].name), str_of(o->name))) {
			(void)buf_addf(out, "--%s", flags[i].flag);
			return;
		}
	write_long_flag(o, out);
}

bool conf_find_flag(const char *flag, struct conf_flag *out)
{
	struct buf name;
	bool found = false;
	for (unsigned i = 0; i < COUNT_OF(flags) && !found; i++) {
		found = str_eq(str_of(flags[i].flag), str_of(flag));
		if (found)
			*out = (struct conf_flag){sections[flags[i].section].keyword, flags[i].name, NULL};
	}
	buf_init(&name, 256);
	for (unsigned i = 0; i < n_options && !found; i++) {
		const struct option *o = &options[i];
		buf_reset(&name);
		write_long_flag(o, &name);
		/* Routes come from a file: a flag would have to say which one it means. */
		found =
		    sections[o->section].shape != SECTION_NAMED && str_eq(str_skip(buf_str(&name), 2), str_of(flag));
		if (found)
			*out = (struct conf_flag){sections[o->section].keyword, o->name, NULL};
	}
	buf_free(&name);
	return found;
}

void conf_nearest_flag(const char *flag, struct buf *out)
{
	struct buf name;
	buf_init(&name, 256);
	struct nearest near = nearest_to(str_of(flag));
	const struct option *found = NULL;
	for (unsigned i = 0; i < n_options; i++) {
		if (sections[options[i].section].shape == SECTION_NAMED)
			continue;
		buf_reset(&name);
		option_flag_name(&options[i], &name);
		unsigned before = near.distance;
		nearest_offer(&near, str_skip(buf_str(&name), 2));
		if (near.distance < before)
			found = &options[i];
	}
	if (found)
		option_flag_name(found, out);
	buf_free(&name);
}

struct str option_word(const struct option *o, unsigned i)
{
	struct str rest = str_of(o->text), word;
	while (rest.p && str_cut(&rest, ' ', &word))
		if (i-- == 0)
			return word;
	return STR_NONE;
}

void write_size(uint64_t bytes, struct buf *out)
{
	static const char units[] = {'G', 'M', 'K'};
	for (unsigned i = 0; i < COUNT_OF(units); i++) {
		uint64_t unit = (uint64_t)1 << (30 - 10 * i);
		if (bytes >= unit && bytes % unit == 0) {
			(void)buf_addf(out, "%llu%c", (unsigned long long)(bytes / unit), units[i]);
			return;
		}
	}
	(void)buf_add_u64(out, bytes);
}

void write_time(int64_t ms, struct buf *out)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"d", DAY}, {"h", HOUR}, {"m", MIN}, {"s", S}, {"ms", MS}};
	for (unsigned i = 0; i < COUNT_OF(units); i++) {
		/* A minute is 60s: that is how lifetimes are written and spoken of. */
		int64_t least = units[i].ms == MIN ? 2 * MIN : units[i].ms;
		if (ms >= least && ms % units[i].ms == 0) {
			(void)buf_addf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
			return;
		}
	}
	(void)buf_add(out, STR("0s"));
}

void write_percent(int64_t of_10000, struct buf *out)
{
	long long whole = (long long)of_10000 / 100, part = (long long)of_10000 % 100;
	(void)buf_addf(out, "%lld", whole);
	if (part > 0)
		(void)buf_addf(out, part % 10 == 0 ? ".%lld" : ".%02lld", part % 10 == 0 ? part / 10 : part);
	(void)buf_addc(out, '%');
}

static void write_bound(const struct option *o, int64_t v, struct buf *out)
{
	if (o->type == VALUE_SIZE)
		write_size((uint64_t)v, out);
	else if (o->type == VALUE_TIME || o->type == VALUE_TTL || o->type == VALUE_TTL_STATUS)
		write_time(v, out);
	else if (o->type == VALUE_PERCENT)
		write_percent(v, out);
	else
		(void)buf_addf(out, "%lld", (long long)v);
}

static void write_words(const struct option *o, struct buf *out)
{
	const char *last = o->type == VALUE_FLAGS || o->type == VALUE_TIERS ? " and " : " or ";
	for (unsigned i = 0; option_word(o, i).p; i++) {
		if (i > 0)
			(void)buf_add(out, option_word(o, i + 1).p ? STR(", ") : str_of(last));
		(void)buf_add(out, option_word(o, i));
	}
}

void option_allowed(const struct option *o, struct buf *out)
{
	(void)buf_add(out, str_of(value_allowed[o->type]));
	if (o->type == VALUE_CHOICE || o->type == VALUE_TIERS || o->type == VALUE_FLAGS)
		write_words(o, out);
	if (o->low == 0 && o->high == 0)
		return;
	(void)buf_add(out, STR(", from "));
	write_bound(o, o->low, out);
	(void)buf_add(out, STR(" to "));
	write_bound(o, o->high, out);
}
