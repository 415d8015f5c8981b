/* Texts for people, made from the table: docs/configuration.md, proxy.example.ini and the options part of --help. What is
 * the same for all options (where values come from, how a file is written) is prose here; what an option is stands in
 * options.def alone. The files in the repository are compared with this by a test. */
#include "conf/option.h"

static bool in_section(unsigned i, unsigned section)
{
	return options[i].section == (enum section_id)section;
}

/* The name that stands for the section in a heading. */
static void write_heading(const struct section *s, struct buf *out)
{
	switch (s->shape) {
	case SECTION_ONE:
		(void)buf_addf(out, "[%s]", s->keyword);
		break;
	case SECTION_DEFAULTED:
		(void)buf_addf(out, "[%s] and [%s NAME]", s->keyword, s->keyword);
		break;
	case SECTION_NAMED:
		(void)buf_addf(out, "[%s NAME]", s->keyword);
		break;
	}
}

/* Lines of at most `width` columns, each behind the prefix. */
static void write_wrapped(struct str text, const char *prefix, size_t width, struct buf *out)
{
	struct str word;
	size_t column = 0;
	while (text.p && str_cut(&text, ' ', &word)) {
		if (column > 0 && column + 1 + word.n > width) {
			(void)buf_addc(out, '\n');
			column = 0;
		}
		if (column == 0) {
			(void)buf_add(out, str_of(prefix));
			column = strlen(prefix);
		} else {
			(void)buf_addc(out, ' ');
			column++;
		}
		(void)buf_add(out, word);
		column += word.n;
	}
	(void)buf_addc(out, '\n');
}

static bool text_is_example(const struct option *o)
{
	return o->text && o->type != VALUE_CHOICE && o->type != VALUE_TIERS && o->type != VALUE_FLAGS;
}

/* What a line of the example shows: the default, or where that says nothing, an example. */
static const char *sample(const struct option *o)
{
	if (o->type == VALUE_FLAGS)
		return "private";
	return o->preset && !(o->section == SECTION_ROUTE && text_is_example(o)) ? o->preset
	       : text_is_example(o)						 ? o->text
										 : "";
}

/* " In the environment also REDIS_URL, ASOK_REDIS_URL." */
static void write_aliases(const struct option *o, struct buf *out)
{
	const char *name;
	for (unsigned i = 0; (name = option_alias(o, i)) != NULL; i++)
		(void)buf_addf(out, "%s%s", i == 0 ? " In the environment also " : ", ", name);
	if (option_alias(o, 0))
		(void)buf_addc(out, '.');
}

static void write_allowed_comment(const struct option *o, struct buf *out)
{
	struct buf text;
	buf_init(&text, 1024);
	(void)buf_addf(&text, "%s (", o->help);
	option_allowed(o, &text);
	(void)buf_addc(&text, ')');
	write_aliases(o, &text);
	write_wrapped(buf_str(&text), "; ", 110, out);
	buf_free(&text);
}

static void example_section(unsigned section, const char *heading, struct buf *out)
{
	(void)buf_addc(out, '\n');
	write_wrapped(str_of(sections[section].help), "; ", 110, out);
	(void)buf_addf(out, "%s\n", heading);
	for (unsigned i = 0; i < n_options; i++) {
		const struct option *o = &options[i];
		/* The two that a first file needs stand there without a comment sign. */
		bool needed = o->type == VALUE_URL || o->type == VALUE_PATTERNS;
		if (!in_section(i, section))
			continue;
		write_allowed_comment(o, out);
		(void)buf_addf(out, "%s%s = %s\n", needed ? "" : ";", o->name, sample(o));
	}
}

void conf_write_example(struct buf *out)
{
	static const char *const headings[SECTION_COUNT] = {[SECTION_ROUTE] = "[route api]"};
	(void)buf_add(out,
	    STR("; Every option of Larder with its default; larder check -c FILE tells what is in effect, and from "
		"where.\n"
		"; Sizes take K M G, times take ms s m h d. A comment begins with ; or # at the start of a line or "
		"after a\n"
		"; blank; a value in double quotes may hold both. This file is made from src/conf/options.def.\n"));
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		struct buf heading;
		buf_init(&heading, 64);
		(void)buf_addf(&heading, "[%s]", sections[i].keyword);
		(void)buf_addc(&heading, '\0');
		example_section(i, headings[i] ? headings[i] : heading.p, out);
		buf_free(&heading);
	}
	(void)buf_add(out, STR("\n; A name that begins with / is its own pattern.\n"
			       "[route /static/*]\nttl = 1h\nset_cookie = strip\n\n"
			       "[route /account/*]\ncache = off\n"));
}

static void docs_option(const struct option *o, struct buf *out)
{
	(void)buf_addf(out, "### `%s`\n\n%s\n\n- allowed: ", o->name, o->help);
	option_allowed(o, out);
	(void)buf_add(out, STR("\n"));
	if (o->preset)
		(void)buf_addf(out, "- default: `%s`\n", o->preset);
	if (text_is_example(o))
		(void)buf_addf(out, "- example: `%s = %s`\n", o->name, o->text);
	if (o->flags & OPTION_REPEAT)
		(void)buf_add(out, STR("- may stand on several lines, which are done in their order\n"));
	bool named = sections[o->section].shape == SECTION_NAMED;
	(void)buf_add(out, STR("- environment: `"));
	option_env_name(o, named ? STR("NAME") : STR_NONE, out);
	(void)buf_add(out, STR("`"));
	const char *alias;
	for (unsigned i = 0; (alias = option_alias(o, i)) != NULL; i++)
		(void)buf_addf(out, ", else `%s`", alias);
	if (!named) {
		(void)buf_add(out, STR(", flag: `"));
		option_flag_name(o, out);
		(void)buf_add(out, STR("`"));
	}
	(void)buf_add(out, o->flags & OPTION_RESTART ? STR("\n- a change needs a restart\n\n") : STR("\n\n"));
}

static const char docs_head[] =
    "# Configuration\n\n"
    "<!-- Made from src/conf/options.def by conf_write_docs; a test compares. Change the table, not this page. -->\n\n"
    "Larder runs without a file: `larder --upstream http://127.0.0.1:8000`. Everything else has a default, listed "
    "here.\n\n"
    "## Where values come from\n\n"
    "A flag wins over the environment, the environment over the file, the file over the default. `larder check -c "
    "proxy.ini`\nprints each value that is in effect with the place it came from, and the routes in the order they are "
    "tried.\n\n"
    "In the environment an option is `LARDER_<SECTION>_<NAME>`: `LARDER_CACHE_MEMORY_SIZE`. For a section with a name "
    "of\n"
    "its own the name stands between them in capitals, with `_` for every other sign: `LARDER_UPSTREAM_API_URL` is "
    "the\n"
    "`url` of `[upstream api]`, which the file must have. A route whose name is a pattern has no variables. An empty\n"
    "variable counts as not set; one that no option has is a warning. A few options have other names besides, which\n"
    "frameworks and hosts give to the same thing (`REDIS_URL`, only where `backend` names redis): they are told "
    "there.\n\n"
    "All errors of a file are told in one run. SIGHUP (or `larder reload`) loads anew: a file with an error is "
    "refused\n"
    "whole and the old settings stay; a good one is in effect for the next requests and cuts no connection.\n\n"
    "## The file\n\n"
    "```ini\n"
    "[section]                     ; a comment begins with ; or # at the start of a line or after a blank\n"
    "name = value\n"
    "name = \"a value ; with both\"  # quotes around a whole value are taken off\n"
    "```\n\n"
    "A section and an option stand there once; only `request_header_...` and `response_header_...` repeat. Lines may "
    "have\n"
    "any length, a file up to 4 MB. Sizes are bytes or take `K`, `M`, `G` (1024 each); times take `ms`, `s`, `m`, `h`, "
    "`d`.\n\n"
    "## Patterns\n\n"
    "| pattern | fits |\n|---|---|\n"
    "| `/about` | this path alone |\n"
    "| `/blog/*` | every path that begins with `/blog/`; a `*` stands for any run of characters, `/` too, and may "
    "stand "
    "anywhere |\n"
    "| `~ ^/api/v[0-9]+/` | every path the regular expression (PCRE2) is found in |\n"
    "| `shop.example.com/cart/*` | the same on one host, with any port; `*.example.com/*` on many |\n"
    "| `shop.example.com ~ ^/cart/` | a regular expression on one host |\n\n"
    "Patterns see the path without its query, in normal form: `%7E` is `~`, `/a/../b` is `/b`. In a list commas "
    "separate,\n"
    "except within brackets of a regular expression; `~ \"^/a,b\"` in quotes is safe. The first route that fits wins,\n"
    "whatever the patterns of the others; thousands of routes cost no more than a few, as only those are tried whose\n"
    "literal beginning (`/api/v` of `^/api/v[0-9]+/`) fits the path. A regular expression that needs more than "
    "100,000\n"
    "steps for a path is given up: the request then passes through uncached.\n\n";

void conf_write_docs(struct buf *out)
{
	(void)buf_add(out, str_make(docs_head, sizeof(docs_head) - 1));
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		(void)buf_add(out, STR("## "));
		write_heading(&sections[i], out);
		(void)buf_addf(out, "\n\n%s\n\n", sections[i].help);
		for (unsigned j = 0; j < n_options; j++)
			if (in_section(j, i))
				docs_option(&options[j], out);
	}
	/* One newline ends the page. */
	if (out->n > 0 && !out->overflow)
		out->n--;
}

void conf_write_help(struct buf *out)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		(void)buf_addc(out, '\n');
		write_heading(&sections[i], out);
		(void)buf_addc(out, '\n');
		for (unsigned j = 0; j < n_options; j++) {
			const struct option *o = &options[j];
			if (!in_section(j, i))
				continue;
			bool named = sections[i].shape == SECTION_NAMED;
			(void)buf_add(out, STR("  "));
			if (named)
				(void)buf_add(out, str_of(o->name));
			else
				option_flag_name(o, out);
			(void)buf_addf(out, " %s\n", o->preset ? o->preset : "...");
			struct buf text;
			buf_init(&text, 4096);
			(void)buf_add(&text, str_of(o->help));
			write_aliases(o, &text);
			write_wrapped(buf_str(&text), "      ", 100, out);
			buf_free(&text);
		}
	}
}
