/* Reads the command line: switches of ours by argv.def, every option of the settings by its flag (conf_find_flag), commands and
 * words. Order is free: "larder -c a.ini check" and "larder check -c a.ini" are the same. What is wrong is told with the
 * nearest word that is not. */
#include "cli/argv.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/nearest.h"

static const struct {
	const char *name, *arguments, *help;
} commands[COMMAND_COUNT] = {
#define COMMAND(id, name, arguments, help) {name, arguments, help},
#include "cli/argv.def"
};

static const struct switch_row {
	enum command command;
	size_t offset;
	const char *name, *argument, *help;
	bool repeats;
} switches[] = {
#define SWITCH(command, member, name, argument, help)                                                                  \
	{COMMAND_##command, offsetof(struct argv, member), name, argument, help, false},
#define LIST(command, member, name, argument, help)                                                                    \
	{COMMAND_##command, offsetof(struct argv, member), name, argument, help, true},
#include "cli/argv.def"
};

static const struct {
	char letter;
	const char *name;
} letters[] = {{'c', "config"}, {'h', "help"}, {'V', "version"}, {'H', "header"}};

struct reader {
	struct argv *out;
	struct buf *wrong;
	char **next; /* NULL at the end */
	bool named;  /* a command was */
	bool seen[COUNT_OF(switches)];
};

static int refuse_near(struct reader *r, const char *what, struct str given, struct str near)
{
	buf_addf(r->wrong, "%s ", what);
	buf_add(r->wrong, given);
	if (near.n)
		buf_addf(r->wrong, " (did you mean %.*s?)", STR_ARG(near));
	return ERR_INVALID;
}

/* The value of a flag: behind its = or the next argument. NULL with the refusal made. */
static const char *value_of(struct reader *r, struct str flag, const char *attached, const char *argument)
{
	if (attached)
		return attached;
	if (*r->next)
		return *r->next++;
	buf_addf(r->wrong, "%.*s needs a value: %.*s %s", STR_ARG(flag), STR_ARG(flag), argument);
	return NULL;
}

static void add_flag(struct argv *out, struct conf_flag flag)
{
	struct conf_flag *grown = arena_alloc(&out->arena, (out->n_flags + 1) * sizeof(*grown));
	if (out->n_flags)
		memcpy(grown, out->flags, out->n_flags * sizeof(*grown));
	grown[out->n_flags++] = flag;
	out->flags = grown;
}

/* --set "route api.ttl=60s": the name stands behind the last dot before the first =. */
static int read_set(struct reader *r, const char *attached)
{
	const char *text = value_of(r, STR("--set"), attached, "SECTION.NAME=VALUE");
	if (!text)
		return ERR_INVALID;
	struct str all = str_of(text);
	size_t equals = str_index(all, '=');
	const char *dot = equals < all.n ? memrchr(text, '.', equals) : NULL;
	if (!dot || dot == text || dot + 1 == text + equals)
		return refuse_near(
		    r, "--set takes SECTION.NAME=VALUE, such as cache.memory_size=1G, not", all, STR_NONE);
	struct arena *a = &r->out->arena;
	size_t section = (size_t)(dot - text);
	add_flag(r->out, (struct conf_flag){.section = arena_str(a, str_take(all, section)).p,
			     .name = arena_str(a, str_make(dot + 1, equals - section - 1)).p,
			     .value = text + equals + 1});
	return ERR_OK;
}

static int read_switch(struct reader *r, size_t i, struct str flag, const char *attached)
{
	char *member = (char *)r->out + switches[i].offset;
	r->seen[i] = true;
	if (!switches[i].argument[0]) {
		if (attached)
			return refuse_near(r, "no value is taken by", flag, STR_NONE);
		memcpy(member, &(bool){true}, sizeof(bool));
		return ERR_OK;
	}
	const char *value = value_of(r, flag, attached, switches[i].argument);
	if (!value)
		return ERR_INVALID;
	if (switches[i].repeats) {
		struct argv_list *list = (struct argv_list *)(void *)member;
		const char **grown = arena_alloc(&r->out->arena, (list->n + 1) * sizeof(*grown));
		if (list->n)
			memcpy(grown, list->v, list->n * sizeof(*grown));
		grown[list->n++] = value;
		list->v = grown;
	} else {
		memcpy(member, &value, sizeof(value));
	}
	return ERR_OK;
}

static int refuse_flag(struct reader *r, struct str flag, const char *name)
{
	struct nearest near = nearest_to(str_of(name));
	for (size_t i = 0; i < COUNT_OF(switches); i++)
		nearest_offer(&near, str_of(switches[i].name));
	nearest_offer(&near, STR("set"));
	struct buf text;
	buf_init(&text, 256);
	conf_nearest_flag(name, &text);
	/* Of the two tables the nearer one; without its dashes. */
	struct str of_conf = str_skip(buf_str(&text), 2);
	if (of_conf.n)
		nearest_offer(&near, of_conf);
	struct str word = near.word.p ? arena_printf(&r->out->arena, "--%.*s", STR_ARG(near.word)) : STR_NONE;
	buf_free(&text);
	return refuse_near(r, "unknown option", flag, word);
}

/* --name, --name=value */
static int read_long(struct reader *r, const char *argument)
{
	size_t n = str_index(str_of(argument), '=');
	const char *attached = argument[n] ? argument + n + 1 : NULL;
	struct str flag = str_make(argument, n);
	const char *name = arena_str(&r->out->arena, str_skip(flag, 2)).p;
	if (strcmp(name, "set") == 0)
		return read_set(r, attached);
	for (size_t i = 0; i < COUNT_OF(switches); i++)
		if (strcmp(name, switches[i].name) == 0)
			return read_switch(r, i, flag, attached);
	struct conf_flag option;
	if (!conf_find_flag(name, &option))
		return refuse_flag(r, flag, name);
	option.value = value_of(r, flag, attached, "VALUE");
	if (!option.value)
		return ERR_INVALID;
	add_flag(r->out, option);
	return ERR_OK;
}

/* -c FILE, -cFILE */
static int read_letter(struct reader *r, const char *argument)
{
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		if (letters[i].letter != argument[1])
			continue;
		for (size_t k = 0; k < COUNT_OF(switches); k++)
			if (strcmp(switches[k].name, letters[i].name) == 0)
				return read_switch(r, k, str_make(argument, 2), argument[2] ? argument + 2 : NULL);
	}
	return refuse_near(r, "unknown option", str_of(argument), argument[1] == 'v' ? STR("-V") : STR_NONE);
}

static int read_word(struct reader *r, const char *word)
{
	struct argv *out = r->out;
	if (r->named) {
		out->words[out->n_words++] = word;
		return ERR_OK;
	}
	struct nearest near = nearest_to(str_of(word));
	for (unsigned i = COMMAND_RUN + 1; i < COMMAND_COUNT; i++) {
		if (strcmp(word, commands[i].name) == 0) {
			out->command = (enum command)i;
			r->named = true;
			return ERR_OK;
		}
		nearest_offer(&near, str_of(commands[i].name));
	}
	bool is_file = str_ends(str_of(word), STR(".ini"));
	bool is_url = str_find(str_of(word), STR("://")) < strlen(word);
	struct str meant = near.word;
	if (is_file || is_url)
		meant = arena_printf(&out->arena, "%s %s", is_file ? "-c" : "--upstream", word);
	return refuse_near(r, "unknown command", str_of(word), meant);
}

/* Does the command take the switch? Rows of the same name share their member: the first of them was read. */
static bool belongs(size_t i, enum command command)
{
	for (size_t k = 0; k < COUNT_OF(switches); k++)
		if (strcmp(switches[k].name, switches[i].name) == 0 &&
		    (switches[k].command == COMMAND_ANY || switches[k].command == command))
			return true;
	return false;
}

/* What only the whole line tells. */
static int check(struct reader *r)
{
	struct argv *out = r->out;
	if (out->help || out->version)
		return ERR_OK;
	for (size_t i = 0; i < COUNT_OF(switches); i++) {
		if (!r->seen[i] || belongs(i, out->command))
			continue;
		buf_addf(r->wrong, "--%s belongs to larder %s", switches[i].name, commands[switches[i].command].name);
		return ERR_INVALID;
	}
	if (out->command == COMMAND_WHY && out->n_words != 1) {
		buf_addf(r->wrong, "why takes one URL, such as http://127.0.0.1:8080/page");
		return ERR_INVALID;
	}
	if (out->n_words && out->command != COMMAND_PURGE && out->command != COMMAND_WHY) {
		struct str meant = str_ends(str_of(out->words[0]), STR(".ini"))
				       ? arena_printf(&out->arena, "-c %s", out->words[0])
				       : STR_NONE;
		return refuse_near(r, "unexpected argument", str_of(out->words[0]), meant);
	}
	unsigned kinds =
	    (out->n_words > 0) + (out->prefix != NULL) + (out->glob != NULL) + (out->tag != NULL) + out->all;
	if (out->command == COMMAND_PURGE && kinds != 1) {
		buf_addf(r->wrong, "purge takes one of %s", commands[COMMAND_PURGE].arguments);
		return ERR_INVALID;
	}
	if (out->command == COMMAND_CONFIG && out->example + out->docs != 1) {
		buf_addf(r->wrong, "config takes one of %s", commands[COMMAND_CONFIG].arguments);
		return ERR_INVALID;
	}
	return ERR_OK;
}

int argv_read(int argc, char **argv, struct argv *out, struct buf *wrong)
{
	*out = (struct argv){.command = COMMAND_RUN};
	arena_init(&out->arena, 0);
	out->words = arena_alloc(&out->arena, ((size_t)argc + 1) * sizeof(*out->words));
	struct reader r = {.out = out, .wrong = wrong, .next = argv + (argc > 0)};
	bool only_words = false;
	int err = ERR_OK;
	while (!err && *r.next) {
		const char *argument = *r.next++;
		if (only_words || argument[0] != '-' || !argument[1])
			err = read_word(&r, argument);
		else if (strcmp(argument, "--") == 0)
			only_words = true;
		else
			err = argument[1] == '-' ? read_long(&r, argument) : read_letter(&r, argument);
	}
	return err ? err : check(&r);
}

void argv_free(struct argv *a)
{
	arena_free(&a->arena);
}

static void write_switches(enum command command, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(switches); i++) {
		if (switches[i].command != command)
			continue;
		buf_addf(out, "  --%s%s%s\n      %s\n", switches[i].name, switches[i].argument[0] ? " " : "",
		    switches[i].argument, switches[i].help);
	}
}

static void write_commands(struct buf *out)
{
	buf_add(out, STR("\nCommands\n"));
	for (unsigned i = COMMAND_RUN + 1; i < COMMAND_COUNT; i++)
		buf_addf(out, "  %s%s%s\n      %s\n", commands[i].name, commands[i].arguments[0] ? " " : "",
		    commands[i].arguments, commands[i].help);
}

void argv_write_help(enum command command, struct buf *out)
{
	if (command == COMMAND_RUN) {
		buf_add(out, STR("Larder keeps the pages of an app server and answers from memory.\n\n"
				 "Usage\n"
				 "  larder --upstream http://127.0.0.1:8000\n"
				 "  larder -c FILE [OPTION VALUE]...\n"
				 "  larder COMMAND [-c FILE] [OPTION VALUE]...\n"));
		write_commands(out);
	} else {
		buf_addf(out, "Usage\n  larder %s%s%s [-c FILE] [OPTION VALUE]...\n\n%s\n", commands[command].name,
		    commands[command].arguments[0] ? " " : "", commands[command].arguments, commands[command].help);
	}
	buf_add(out, STR("\nOptions\n"));
	write_switches(command, out);
	write_switches(COMMAND_ANY, out);
	buf_add(out, STR("  --set SECTION.NAME=VALUE\n      Any option, such as \"route api.ttl=60s\" for a route of "
			 "the file.\n"));
	if (command == COMMAND_RUN)
		conf_write_help(out);
	else
		buf_add(out, STR("\nThe settings are those of the proxy (the same -c, options and LARDER_ variables): "
				 "larder --help\n"));
}
