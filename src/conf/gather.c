/* Gathering: sections and values from file, environment and flags, as text, each with its place. What is unknown is said
 * here, with the nearest name that is known; what the values mean is read later (load.c), so that the order of
 * sources and sections does not matter. */
#include "conf/load.h"

#include "base/mem.h"
#include "base/nearest.h"
#include "conf/ini.h"

enum { LABEL_MAX = 64, SECTIONS_MAX = 10000 };

static bool is_pattern(const struct conf_origin *s)
{
	return s->section == &sections[SECTION_ROUTE] && s->label.n > 0 && s->label.p[0] == '/';
}

/* Labels that the environment cannot tell apart are the same: "static-files" and "static_files". */
static bool same_label(const struct conf_origin *s, struct str label)
{
	if (is_pattern(s) || (label.n > 0 && label.p[0] == '/') || s->label.n != label.n)
		return str_eq(s->label, label);
	for (size_t i = 0; i < label.n; i++) {
		char a = s->label.p[i], b = label.p[i];
		bool mark_a = a == '-' || a == '_' || a == '.', mark_b = b == '-' || b == '_' || b == '.';
		if (mark_a != mark_b || (!mark_a && (a | 0x20) != (b | 0x20)))
			return false;
	}
	return true;
}

static struct conf_origin *find_section(const struct loader *l, const struct section *section, struct str label)
{
	for (struct conf_origin *s = l->first; s; s = s->next)
		if (s->section == section && same_label(s, label))
			return s;
	return NULL;
}

struct conf_origin *loader_section(struct loader *l, enum section_id id, struct str label)
{
	struct conf_origin *s = find_section(l, &sections[id], label);
	if (s)
		return s;
	s = arena_zalloc(l->arena, sizeof(*s));
	s->section = &sections[id];
	s->label = label;
	s->last = &s->given;
	*l->last = s;
	l->last = &s->next;
	return s;
}

static struct given *add_given(struct loader *l, struct conf_origin *s, const struct option *o, struct str text)
{
	struct given *g = arena_zalloc(l->arena, sizeof(*g));
	g->option = o;
	g->text = text;
	*s->last = g;
	s->last = &g->next;
	return g;
}

/* A stronger source takes the place of what weaker ones gave for the option. */
static void beat_weaker(struct conf_origin *s, const struct option *o, enum conf_from from)
{
	for (struct given *g = s->given; g; g = g->next)
		g->beaten |= g->option == o && g->from < from;
}

static struct str nearest_option(enum section_id id, struct str name)
{
	struct nearest n = nearest_to(name);
	for (unsigned i = 0; i < n_options; i++)
		if (options[i].section == id)
			nearest_offer(&n, str_of(options[i].name));
	return n.word;
}

static const char *other_section_with(struct str name)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		if (option_find((enum section_id)i, name))
			return sections[i].keyword;
	return NULL;
}

static void list_options(enum section_id id, struct buf *out)
{
	bool any = false;
	for (unsigned i = 0; i < n_options; i++) {
		if (options[i].section != id)
			continue;
		(void)buf_addf(out, "%s%s", any ? ", " : "", options[i].name);
		any = true;
	}
}

static void unknown_option(struct loader *l, const struct conf_origin *s, const struct ini_item *item)
{
	enum section_id id = (enum section_id)(s->section - sections);
	struct buf text;
	buf_init(&text, 4096);
	origin_write_name(s, &text);
	(void)buf_addc(&text, ' ');
	write_clean(item->name, VALUE_SHOWN, &text);
	(void)buf_add(&text, STR(" = "));
	write_clean(item->value, VALUE_SHOWN, &text);
	(void)buf_add(&text, STR(": there is no such option"));
	const char *other = other_section_with(item->name);
	struct str near = nearest_option(id, item->name);
	if (other)
		(void)buf_addf(&text, " in this section (did you mean it for [%s]?)", other);
	if (!other) {
		(void)buf_add(&text, STR("; allowed: "));
		list_options(id, &text);
	}
	if (!other && near.p)
		(void)buf_addf(&text, " (did you mean \"%.*s\"?)", STR_ARG(near));
	problem_at(&l->problems, item->line, false, "%.*s", STR_ARG(buf_str(&text)));
	buf_free(&text);
}

static void unknown_section(struct loader *l, const struct ini_item *item)
{
	struct nearest n = nearest_to(item->name);
	struct buf text;
	buf_init(&text, 1024);
	(void)buf_addc(&text, '[');
	write_clean(item->name, VALUE_SHOWN, &text);
	(void)buf_add(&text, STR("]: there is no such section; allowed: "));
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		nearest_offer(&n, str_of(sections[i].keyword));
		(void)buf_addf(&text, "%s[%s%s]", i ? ", " : "", sections[i].keyword,
		    sections[i].shape == SECTION_NAMED ? " NAME" : "");
	}
	if (n.word.p)
		(void)buf_addf(&text, " (did you mean \"[%.*s]\"?)", STR_ARG(n.word));
	problem_at(&l->problems, item->line, false, "%.*s", STR_ARG(buf_str(&text)));
	buf_free(&text);
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
			c == '.'))
			return false;
	}
	return s.n > 0 && s.n <= LABEL_MAX;
}

/* What is wrong with the label of a section, or NULL. */
static const char *judge_label(const struct section *section, struct str label)
{
	switch (section->shape) {
	case SECTION_ONE:
		return label.n > 0 ? "this section has no name of its own" : NULL;
	case SECTION_DEFAULTED:
		return is_word(label) ? NULL : "a name is made of at most 64 letters, digits, -, _ and .";
	case SECTION_NAMED:
		break;
	}
	if (label.n == 0)
		return "a route has a name: [route api], or a pattern for a name: [route /blog/*]";
	if (label.p[0] == '/')
		return label.n > 1024 ? "a name has at most 1024 bytes" : NULL;
	return is_word(label)
		   ? NULL
		   : "a name is made of at most 64 letters, digits, -, _ and ., or it is a pattern that begins with /; "
		     "every other pattern stands in match = ...";
}

static struct conf_origin *begin_section(struct loader *l, const struct ini_item *item)
{
	const struct section *section = section_find(item->name);
	if (!section) {
		unknown_section(l, item);
		return NULL;
	}
	struct str label = item->value;
	if (section->shape == SECTION_DEFAULTED && label.n == 0)
		label = STR("default");
	struct conf_origin probe = {.section = section, .label = item->value};
	struct buf name;
	buf_init(&name, 1024);
	origin_write_name(&probe, &name);
	const char *wrong = judge_label(section, label);
	struct conf_origin *known = wrong ? NULL : find_section(l, section, label), *s = NULL;
	if (wrong)
		problem_at(&l->problems, item->line, false, "%.*s: %s", STR_ARG(buf_str(&name)), wrong);
	else if (known && str_eq(known->label, label))
		problem_at(&l->problems, item->line, false, "%.*s: this section stands already on line %u",
		    STR_ARG(buf_str(&name)), known->line);
	else if (known)
		problem_at(&l->problems, item->line, false,
		    "%.*s: the environment could not tell it from the section on line %u", STR_ARG(buf_str(&name)),
		    known->line);
	else
		s = loader_section(l, (enum section_id)(section - sections), label);
	buf_free(&name);
	if (s)
		s->line = item->line;
	return s;
}

static void add_option(struct loader *l, struct conf_origin *s, const struct ini_item *item)
{
	const struct option *o = option_find((enum section_id)(s->section - sections), item->name);
	if (!o) {
		unknown_option(l, s, item);
		return;
	}
	const struct given *before = origin_given(s, o);
	struct given *g = add_given(l, s, o, item->value);
	g->from = FROM_FILE;
	g->line = item->line;
	g->source = arena_printf(l->arena, "%.*s:%u", STR_ARG(l->problems.file), item->line);
	if (before && !(o->flags & OPTION_REPEAT)) {
		struct str text = arena_printf(l->arena, "this option is given already on line %u", before->line);
		problem_value(&l->problems, s, g, false, text);
	}
}

void loader_gather_file(struct loader *l, struct str text)
{
	struct ini ini;
	struct ini_item item;
	struct conf_origin *s = NULL;
	bool in_section = false;
	unsigned n = 0;
	ini_init(&ini, text);
	while (ini_next(&ini, &item) != INI_END) {
		if (item.kind == INI_BAD) {
			problem_at(&l->problems, item.line, false, "%s", item.problem);
		} else if (item.kind == INI_SECTION) {
			in_section = true;
			if (++n > SECTIONS_MAX) {
				problem_at(&l->problems, item.line, false, "more than %d sections", SECTIONS_MAX);
				return;
			}
			s = begin_section(l, &item);
		} else if (s) {
			add_option(l, s, &item);
		} else if (!in_section) {
			problem_at(&l->problems, item.line, false, "%.*s: the option stands before any [section]",
			    STR_ARG(str_take(item.name, 64)));
		}
		/* Options of a section that is none are not judged: which one was meant is not known. */
	}
}

/* The option whose variable it is, and its section. */
static const struct option *find_variable(struct loader *l, struct str name, struct conf_origin **section)
{
	struct buf known;
	buf_init(&known, 512);
	const struct option *found = NULL;
	/* Sections without a name of their own come first: LARDER_UPSTREAM_IDLE_TIMEOUT is [upstream] idle_timeout. */
	for (unsigned i = 0; i < n_options && !found; i++) {
		const struct option *o = &options[i];
		buf_reset(&known);
		option_env_name(o, STR_NONE, &known);
		if (sections[o->section].shape == SECTION_NAMED || !str_eq(buf_str(&known), name))
			continue;
		found = o;
		*section =
		    loader_section(l, o->section, sections[o->section].shape == SECTION_ONE ? STR("") : STR("default"));
	}
	for (struct conf_origin *s = l->first; s && !found; s = s->next) {
		if (s->section->shape == SECTION_ONE || is_pattern(s))
			continue;
		for (unsigned i = 0; i < n_options && !found; i++) {
			const struct option *o = &options[i];
			if (&sections[o->section] != s->section)
				continue;
			buf_reset(&known);
			option_env_name(o, s->label, &known);
			if (str_eq(buf_str(&known), name)) {
				found = o;
				*section = s;
			}
		}
	}
	buf_free(&known);
	return found;
}

static void unknown_variable(struct loader *l, struct str name)
{
	/* Distances are judged in lower case, so the names are compared without what all of them share. */
	struct str best = STR_NONE, given = str_skip(name, STR("LARDER_").n);
	struct nearest n = nearest_to(given);
	struct buf known;
	buf_init(&known, 512);
	for (unsigned i = 0; i < n_options; i++) {
		const struct option *o = &options[i];
		if (sections[o->section].shape == SECTION_NAMED)
			continue;
		struct str lower = arena_printf(l->arena, "%s_%s", sections[o->section].keyword, o->name);
		nearest_offer(&n, lower);
		if (n.word.p != lower.p)
			continue;
		buf_reset(&known);
		option_env_name(o, STR_NONE, &known);
		best = arena_str(l->arena, buf_str(&known));
	}
	buf_free(&known);
	name = str_take(name, 128);
	if (best.p)
		problem_plain(&l->problems, FROM_ENVIRONMENT, true,
		    "%.*s: no option has this variable, it is ignored (did you mean \"%.*s\"?)", STR_ARG(name),
		    STR_ARG(best));
	else
		problem_plain(&l->problems, FROM_ENVIRONMENT, true, "%.*s: no option has this variable, it is ignored",
		    STR_ARG(name));
}

static void take_variable(
    struct loader *l, struct conf_origin *s, const struct option *o, struct str name, struct str value)
{
	beat_weaker(s, o, FROM_ENVIRONMENT);
	struct given *g = add_given(l, s, o, arena_str(l->arena, value));
	g->from = FROM_ENVIRONMENT;
	g->source = arena_str(l->arena, name);
}

void loader_gather_environment(struct loader *l, char **environment)
{
	for (; environment && *environment; environment++) {
		struct str all = str_of(*environment);
		size_t equals = str_index(all, '=');
		struct str name = str_take(all, equals), value = str_trim(str_skip(all, equals + 1));
		/* Empty is how a container's file says "not set". */
		if (!str_starts(name, STR("LARDER_")) || value.n == 0)
			continue;
		struct conf_origin *s;
		const struct option *o = find_variable(l, name, &s);
		if (o)
			take_variable(l, s, o, name, value);
		else
			unknown_variable(l, name);
	}
}

static struct str variable(char **environment, struct str name)
{
	for (; environment && *environment; environment++) {
		struct str all = str_of(*environment);
		size_t equals = str_index(all, '=');
		if (str_eq(str_take(all, equals), name))
			return str_trim(str_skip(all, equals + 1));
	}
	return STR("");
}

/* A host sets REDIS_URL for whoever wants it: it is read, and judged, only where backend names Redis. */
static bool is_wanted(const struct conf_origin *cache, const struct option *o)
{
	const struct given *backend = origin_given_name(cache, "backend");
	return !str_eq(str_of(o->name), STR("redis_url")) ||
	       (backend && str_find(backend->text, STR("redis")) < backend->text.n);
}

/* Larder's own name beats those that frameworks and hosts give to the same thing, the first of them the second. */
static void gather_aliases(struct loader *l, const struct option *o, char **environment)
{
	struct conf_origin *s = loader_section(l, o->section, STR(""));
	const struct given *own = origin_given(s, o);
	if (!is_wanted(s, o) || (own && own->from >= FROM_ENVIRONMENT))
		return;
	const char *name;
	for (unsigned i = 0; (name = option_alias(o, i)) != NULL; i++) {
		struct str value = variable(environment, str_of(name));
		if (value.n == 0)
			continue;
		take_variable(l, s, o, str_of(name), value);
		return;
	}
}

void loader_gather_aliases(struct loader *l, char **environment)
{
	for (unsigned i = 0; i < n_options; i++)
		if (option_alias(&options[i], 0))
			gather_aliases(l, &options[i], environment);
}

static struct conf_origin *flag_section(struct loader *l, const char *text)
{
	struct str all = str_of(text);
	size_t blank = str_index(all, ' ');
	const struct section *section = section_find(str_take(all, blank));
	struct str label = str_trim(str_skip(all, blank));
	if (!section)
		return NULL;
	if (section->shape == SECTION_DEFAULTED && label.n == 0)
		label = STR("default");
	if (section->shape == SECTION_ONE || str_eq(label, STR("default")))
		return loader_section(l, (enum section_id)(section - sections), label);
	return find_section(l, section, label);
}

void loader_gather_flags(struct loader *l, const struct conf_flag *flags, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct conf_flag *f = &flags[i];
		if (!f->value)
			continue;
		struct conf_origin *s = flag_section(l, f->section);
		const struct option *o =
		    s ? option_find((enum section_id)(s->section - sections), str_of(f->name)) : NULL;
		if (!o) {
			problem_plain(
			    &l->problems, FROM_FLAG, false, "there is no option %s in [%s]", f->name, f->section);
			continue;
		}
		struct buf name;
		buf_init(&name, 256);
		option_flag_name(o, &name);
		beat_weaker(s, o, FROM_FLAG);
		const struct given *before = origin_given(s, o);
		struct given *g = add_given(l, s, o, arena_str(l->arena, str_trim(str_of(f->value))));
		g->from = FROM_FLAG;
		g->source = arena_str(l->arena, buf_str(&name));
		buf_free(&name);
		if (before && !(o->flags & OPTION_REPEAT))
			problem_value(&l->problems, s, g, false, STR("the flag is given twice"));
	}
}
