/* The commands. Those that ask the running proxy find its admin interface by the settings that it was started with itself:
 * the same file, environment and flags. */
#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { TEXT_MAX = 16 << 20, FORM_MAX = 60 << 10 };

int cli_complain(int status, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "larder: %s\n", text);
	return status;
}

int cli_print(const struct buf *text)
{
	if (text->overflow)
		return cli_complain(EXIT_FAILED, "the text is larger than %zu bytes", text->max);
	if (fwrite(text->p ? text->p : "", 1, text->n, stdout) == text->n && fflush(stdout) == 0)
		return EXIT_OK;
	return cli_complain(EXIT_FAILED, "standard output: %s", strerrordesc_np(errno));
}

static void print_lines(struct str text)
{
	if (!text.n)
		return;
	fwrite(text.p, 1, text.n, stderr);
	if (text.p[text.n - 1] != '\n')
		fputc('\n', stderr);
}

struct conf *cli_load(const struct conf_source *source)
{
	struct conf *conf = NULL;
	struct buf problems;
	buf_init(&problems, TEXT_MAX);
	if (conf_load(source, &conf, &problems) != ERR_OK)
		conf = NULL;
	print_lines(buf_str(&problems));
	buf_free(&problems);
	return conf;
}

static int check(const struct argv *argv, char **environ)
{
	struct conf_source source = {argv->path, environ, argv->flags, argv->n_flags};
	struct conf *conf = cli_load(&source);
	if (!conf)
		return EXIT_FAILED;
	struct buf text;
	buf_init(&text, TEXT_MAX);
	conf_print(conf, &text);
	int status = cli_print(&text);
	buf_free(&text);
	conf_release(&conf);
	return status;
}

static int print_config(const struct argv *argv)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	if (argv->example)
		conf_write_example(&text);
	else
		conf_write_docs(&text);
	int status = cli_print(&text);
	buf_free(&text);
	return status;
}

static bool has_upstream(const struct argv *argv)
{
	for (unsigned i = 0; i < argv->n_flags; i++)
		if (strcmp(argv->flags[i].section, "upstream") == 0 && strcmp(argv->flags[i].name, "url") == 0)
			return true;
	return false;
}

/* The settings as far as the admin interface goes: who asks it need not say which upstream the proxy has. */
static struct conf *load_admin(const struct argv *argv, char **environ)
{
	struct conf_flag *flags = mem_alloc((argv->n_flags + 1) * sizeof(*flags));
	unsigned n = argv->n_flags;
	if (n)
		memcpy(flags, argv->flags, n * sizeof(*flags));
	if (!has_upstream(argv))
		flags[n++] = (struct conf_flag){"upstream", "url", "http://127.0.0.1:8000"};
	struct conf_source source = {argv->path, environ, flags, n};
	struct conf *conf = cli_load(&source);
	free(flags);
	if (conf && !conf->admin.enabled) {
		cli_complain(EXIT_FAILED, "the admin interface is off ([admin] listen = off)");
		conf_release(&conf);
	}
	return conf;
}

static void add_encoded(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '.' || c == '_' || c == '~';
		if (plain) {
			buf_addc(out, (char)c);
		} else {
			buf_addc(out, '%');
			buf_addc(out, hex[c >> 4]);
			buf_addc(out, hex[c & 15]);
		}
	}
}

static void add_param(struct buf *form, const char *name, const char *value)
{
	if (!value)
		return;
	if (form->n)
		buf_addc(form, '&');
	buf_addf(form, "%s=", name);
	add_encoded(form, str_of(value));
}

/* The error of an answer that is none of ours, or says no. */
static int complain_of(const struct cli_answer *answer, const cJSON *json)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	const char *hint = answer->status == 401 ? " (the settings here have another [admin] token, or none)" : "";
	if (cJSON_IsString(error))
		return cli_complain(EXIT_FAILED, "%s%s", error->valuestring, hint);
	return cli_complain(EXIT_FAILED,
	    "the admin interface answers with status %d, in no form that larder knows: is it larder?", answer->status);
}

/* Who shares the tiers and has carried it out, or has not. EXIT_FAILED: some have not. */
static int add_receipts(const cJSON *json, struct buf *out)
{
	const cJSON *receipt, *why = cJSON_GetObjectItemCaseSensitive(json, "why");
	cJSON_ArrayForEach(receipt, cJSON_GetObjectItemCaseSensitive(json, "receipts"))
	{
		const cJSON *instance = cJSON_GetObjectItemCaseSensitive(receipt, "instance");
		const cJSON *ms = cJSON_GetObjectItemCaseSensitive(receipt, "ms");
		buf_addf(out, "  %s: ", cJSON_IsString(instance) ? instance->valuestring : "?");
		if (cJSON_IsNumber(ms))
			buf_addf(out, "after %.0f ms\n", ms->valuedouble);
		else
			buf_add(out, STR("not yet\n"));
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "complete"))) {
		buf_add(out, STR("  complete\n"));
		return EXIT_OK;
	}
	buf_addf(
	    out, "  not complete%s%s\n", cJSON_IsString(why) ? ": " : "", cJSON_IsString(why) ? why->valuestring : "");
	return EXIT_FAILED;
}

static int purge_one(const struct conf *conf, const struct argv *argv, const char *url)
{
	struct buf form;
	buf_init(&form, FORM_MAX);
	add_param(&form, "url", url);
	add_param(&form, "prefix", argv->prefix);
	add_param(&form, "glob", argv->glob);
	add_param(&form, "tag", argv->tag);
	add_param(&form, "all", argv->all ? "1" : NULL);
	add_param(&form, "host", argv->host);
	add_param(&form, "soft", argv->soft ? "1" : NULL);
	add_param(&form, "wait", argv->wait ? "1" : NULL);
	if (form.overflow) {
		buf_free(&form);
		return cli_complain(EXIT_USAGE, "what is to be purged is too long");
	}
	struct cli_answer answer;
	int status = EXIT_FAILED;
	if (cli_ask(&conf->admin, "/purge", buf_str(&form), &answer) == ERR_OK) {
		cJSON *json = cJSON_ParseWithLength(answer.body.p, answer.body.n);
		const cJSON *purged = cJSON_GetObjectItemCaseSensitive(json, "purged");
		const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "id");
		if (answer.status == 200 && cJSON_IsNumber(purged) && cJSON_IsNumber(id)) {
			buf_reset(&form);
			buf_addf(&form, "%s%.0f %s (purge %.0f)\n",
			    argv->soft ? "made stale: " : "purged: ", purged->valuedouble,
			    purged->valuedouble == 1 ? "entry" : "entries", id->valuedouble);
			int waited = argv->wait ? add_receipts(json, &form) : EXIT_OK;
			status = cli_print(&form);
			status = status ? status : waited;
		} else {
			status = complain_of(&answer, json);
		}
		cJSON_Delete(json);
	}
	buf_free(&answer.body);
	buf_free(&form);
	return status;
}

static int purge(const struct conf *conf, const struct argv *argv)
{
	if (!argv->n_words)
		return purge_one(conf, argv, NULL);
	int status = EXIT_OK;
	for (unsigned i = 0; i < argv->n_words; i++) {
		int one = purge_one(conf, argv, argv->words[i]);
		status = one ? one : status;
	}
	return status;
}

static int stats(const struct conf *conf, const struct argv *argv)
{
	struct cli_answer answer;
	int status = EXIT_FAILED;
	if (cli_ask(&conf->admin, "/stats", STR_NONE, &answer) == ERR_OK) {
		struct buf text;
		buf_init(&text, TEXT_MAX);
		if (answer.status == 200 && cli_write_stats(buf_str(&answer.body), &text) == ERR_OK) {
			status = cli_print(argv->json ? &answer.body : &text);
		} else {
			cJSON *json = cJSON_ParseWithLength(answer.body.p, answer.body.n);
			status = complain_of(&answer, json);
			cJSON_Delete(json);
		}
		buf_free(&text);
	}
	buf_free(&answer.body);
	return status;
}

static int why(const struct conf *conf, const struct argv *argv)
{
	struct buf query;
	struct cli_answer answer;
	int status = EXIT_FAILED;
	buf_init(&query, FORM_MAX);
	add_param(&query, "url", argv->words[0]);
	add_param(&query, "method", argv->method);
	for (unsigned i = 0; i < argv->headers.n; i++)
		add_param(&query, "header", argv->headers.v[i]);
	add_param(&query, "format", argv->json ? "json" : "text");
	if (query.overflow) {
		buf_free(&query);
		return cli_complain(EXIT_USAGE, "the question is too long");
	}
	struct arena a;
	arena_init(&a, 0);
	struct str path = arena_printf(&a, "/why?%.*s", STR_ARG(buf_str(&query)));
	if (cli_ask(&conf->admin, path.p, STR_NONE, &answer) == ERR_OK) {
		if (answer.status == 200) {
			status = cli_print(&answer.body);
		} else {
			cJSON *json = cJSON_ParseWithLength(answer.body.p, answer.body.n);
			status = complain_of(&answer, json);
			cJSON_Delete(json);
		}
	}
	arena_free(&a);
	buf_free(&answer.body);
	buf_free(&query);
	return status;
}

static int reload(const struct conf *conf)
{
	struct cli_answer answer;
	int status = EXIT_FAILED;
	if (cli_ask(&conf->admin, "/reload", STR(""), &answer) == ERR_OK) {
		cJSON *json = cJSON_ParseWithLength(answer.body.p, answer.body.n);
		const cJSON *reloaded = cJSON_GetObjectItemCaseSensitive(json, "reloaded"), *line;
		bool good = cJSON_IsTrue(reloaded);
		const cJSON *lines = cJSON_GetObjectItemCaseSensitive(json, good ? "warnings" : "errors");
		cJSON_ArrayForEach(line, lines) if (cJSON_IsString(line))
		    cli_complain(EXIT_FAILED, "%s", line->valuestring);
		if (good) {
			struct buf text;
			buf_init(&text, 64);
			buf_add(&text, STR("the settings are loaded anew\n"));
			status = cli_print(&text);
			buf_free(&text);
		} else if (cJSON_IsFalse(reloaded)) {
			status = cli_complain(EXIT_FAILED, "the old settings stay");
		} else {
			status = complain_of(&answer, json);
		}
		cJSON_Delete(json);
	}
	buf_free(&answer.body);
	return status;
}

int cli_run(const struct argv *argv, char **environ)
{
	if (argv->command == COMMAND_CHECK)
		return check(argv, environ);
	if (argv->command == COMMAND_CONFIG)
		return print_config(argv);
	struct conf *conf = load_admin(argv, environ);
	if (!conf)
		return EXIT_FAILED;
	int status = EXIT_USAGE;
	if (argv->command == COMMAND_PURGE)
		status = purge(conf, argv);
	else if (argv->command == COMMAND_STATS)
		status = stats(conf, argv);
	else if (argv->command == COMMAND_WHY)
		status = why(conf, argv);
	else if (argv->command == COMMAND_RELOAD)
		status = reload(conf);
	conf_release(&conf);
	return status;
}
