/* Problems are gathered and sorted, not printed as they come: a file is read in several rounds (names of upstreams
 * first, then what refers to them), but a person reads it from top to bottom. */
#include "conf/given.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 4096 };

const struct given *origin_given(const struct conf_origin *s, const struct option *o)
{
	for (const struct given *g = s->given; g; g = g->next)
		if (g->option == o && !g->beaten)
			return g;
	return NULL;
}

const struct given *origin_given_name(const struct conf_origin *s, const char *name)
{
	for (const struct given *g = s->given; g; g = g->next)
		if (!g->beaten && str_eq(str_of(g->option->name), str_of(name)))
			return g;
	return NULL;
}

void write_clean(struct str s, size_t max, struct buf *out)
{
	for (size_t i = 0; i < s.n && i < max; i++) {
		unsigned char c = (unsigned char)s.p[i];
		(void)buf_addc(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	if (s.n > max)
		(void)buf_add(out, STR("..."));
}

void origin_write_name(const struct conf_origin *s, struct buf *out)
{
	(void)buf_addf(out, "[%s", s->section->keyword);
	if (s->label.n > 0 && !(s->section->shape == SECTION_DEFAULTED && str_eq(s->label, STR("default")))) {
		(void)buf_addc(out, ' ');
		write_clean(s->label, VALUE_SHOWN, out);
	}
	(void)buf_addc(out, ']');
}

static void keep(struct problems *p, enum conf_from from, unsigned line, bool warning, struct str text)
{
	unsigned order = p->errors + p->warnings;
	warning ? p->warnings++ : p->errors++;
	/* An error is kept before a warning: it is what stands in the way. */
	unsigned slot = p->n;
	if (p->n == PROBLEMS_KEPT) {
		for (slot = 0; slot < p->n && !(p->kept[slot].warning && !warning); slot++)
			;
		if (slot == p->n)
			return;
	} else {
		p->n++;
	}
	struct buf clean;
	buf_init(&clean, MESSAGE_MAX);
	write_clean(text, MESSAGE_MAX, &clean);
	p->kept[slot] = (struct problem){from, line, order, warning, arena_str(p->arena, buf_str(&clean))};
	buf_free(&clean);
}

__attribute__((format(printf, 5, 0))) static void keepf(
    struct problems *p, enum conf_from from, unsigned line, bool warning, const char *format, va_list args)
{
	char message[MESSAGE_MAX];
	int n = vsnprintf(message, sizeof(message), format, args);
	size_t length = n < 0 ? 0 : (size_t)n < sizeof(message) ? (size_t)n : sizeof(message) - 1;
	keep(p, from, line, warning, str_make(message, length));
}

void problem_at(struct problems *p, unsigned line, bool warning, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	keepf(p, FROM_FILE, line, warning, format, args);
	va_end(args);
}

void problem_plain(struct problems *p, enum conf_from from, bool warning, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	keepf(p, from, 0, warning, format, args);
	va_end(args);
}

void problem_value(
    struct problems *p, const struct conf_origin *s, const struct given *g, bool warning, struct str text)
{
	struct buf message;
	buf_init(&message, MESSAGE_MAX);
	if (g->from == FROM_FILE) {
		origin_write_name(s, &message);
		(void)buf_addf(&message, " %s", g->option->name);
	} else {
		(void)buf_add(&message, g->source);
	}
	(void)buf_add(&message, g->from == FROM_FLAG ? STR(" ") : g->text.n > 0 ? STR(" = ") : STR(" ="));
	if (g->option->flags & OPTION_SECRET)
		(void)buf_add(&message, STR("(not shown)"));
	else
		write_clean(g->text, VALUE_SHOWN, &message);
	(void)buf_add(&message, STR(": "));
	(void)buf_add(&message, str_take(text, MESSAGE_MAX / 2));
	keep(p, g->from, g->line, warning, buf_str(&message));
	buf_free(&message);
}

static int compare(const void *x, const void *y)
{
	const struct problem *a = x, *b = y;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void problems_write(struct problems *p, struct buf *out)
{
	qsort(p->kept, p->n, sizeof(p->kept[0]), compare);
	for (unsigned i = 0; i < p->n; i++) {
		const struct problem *problem = &p->kept[i];
		if (problem->from == FROM_FILE && p->file.n > 0)
			(void)buf_add(out, p->file);
		if (problem->from == FROM_FILE && problem->line > 0)
			(void)buf_addf(out, ":%u", problem->line);
		if (problem->from == FROM_FILE && p->file.n > 0)
			(void)buf_add(out, STR(": "));
		if (problem->warning)
			(void)buf_add(out, STR("warning: "));
		(void)buf_add(out, problem->text);
		(void)buf_addc(out, '\n');
	}
	if (p->errors + p->warnings > p->n)
		(void)buf_addf(out, "and %u more\n", p->errors + p->warnings - p->n);
}
