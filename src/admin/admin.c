/* Finds the page of a request, checks what it was given against the page's row of admin.def, and asks it.
 *
 * Not done here: HTTP (worker/admin.c), who may ask (guard.c), the pages themselves. */
#include "admin/admin.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/page.h"
#include "base/mem.h"
#include "base/nearest.h"

static const struct page {
	struct str path;
	const char *methods, *params;
	enum admin_lane lane;
	const char *help;
	void (*handle)(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer);
} pages[] = {
#define PAGE(name, path, methods, params, lane, help)                                                                  \
	{{path, sizeof(path) - 1}, methods, params, lane, help, admin__##name},
#include "admin/admin.def"
#undef PAGE
};

void admin_refuse(struct admin_answer *answer, int status, struct str sentence)
{
	admin__json(answer);
	answer->status = status;
	buf_addc(&answer->body, '{');
	admin__add_text(&answer->body, "error", sentence);
	buf_add(&answer->body, STR("}\n"));
}

void admin__error(struct admin_answer *answer, int status, const char *format, ...)
{
	char text[1024]; /* longer ones are cut: they quote what the client sent */
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	admin_refuse(answer, status, str_take(str_make(text, sizeof(text) - 1), n > 0 ? (size_t)n : 0));
}

struct buf *admin__json(struct admin_answer *answer)
{
	answer->status = 200;
	answer->content_type = "application/json";
	buf_reset(&answer->body);
	return &answer->body;
}

struct str admin__param(const struct admin_request *request, struct str name)
{
	for (unsigned i = 0; i < request->n_params; i++)
		if (str_eq(request->params[i].name, name))
			return request->params[i].value;
	return STR_NONE;
}

enum admin_flag admin__flag(const struct admin_request *request, struct str name, struct admin_answer *answer)
{
	static const char *const on[] = {"", "1", "true", "yes", "on"}, *const off[] = {"0", "false", "no", "off"};
	struct str value = admin__param(request, name);
	if (!value.p)
		return FLAG_OFF;
	for (size_t i = 0; i < COUNT_OF(on); i++)
		if (str_eq_nocase(value, str_of(on[i])))
			return FLAG_ON;
	for (size_t i = 0; i < COUNT_OF(off); i++)
		if (str_eq_nocase(value, str_of(off[i])))
			return FLAG_OFF;
	admin__error(answer, 400, "%.*s=%.*s: give no value, or 1 or 0", STR_ARG(name), STR_ARG(value));
	return FLAG_BAD;
}

static void write_page(struct buf *out, const struct page *page)
{
	buf_add(out, out->p[out->n - 1] == '[' ? STR("\n {") : STR(",\n {"));
	admin__add_text(out, "path", page->path);
	admin__add_text(out, "methods", str_of(page->methods));
	admin__add_name(out, "params");
	buf_addc(out, '[');
	struct str rest = str_of(page->params), param;
	while (str_cut(&rest, ' ', &param) && param.n)
		admin__add_element(out, str_take(param, str_index(param, '*')));
	buf_addc(out, ']');
	admin__add_text(out, "help", str_of(page->help));
	buf_addc(out, '}');
}

static void write_pages(struct buf *out)
{
	admin__add_name(out, "pages");
	buf_addc(out, '[');
	for (size_t i = 0; i < COUNT_OF(pages); i++)
		write_page(out, &pages[i]);
	buf_add(out, STR("]}\n"));
}

void admin__index(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct buf *out = admin__json(answer);
	buf_addc(out, '{');
	admin__add_text(out, "name", STR("larder"));
	admin__add_text(out, "version", STR(LARDER_VERSION));
	write_pages(out);
}

static void refuse_path(const struct admin_request *request, struct admin_answer *answer)
{
	struct buf *out = admin__json(answer);
	answer->status = 404;
	struct nearest near = nearest_to(request->path);
	for (size_t i = 0; i < COUNT_OF(pages); i++)
		nearest_offer(&near, pages[i].path);
	buf_addc(out, '{');
	admin__add_text(out, "error", STR("There is no such page."));
	admin__add_text(out, "path", str_take(request->path, 1024));
	admin__add_text(out, "nearest", near.word);
	write_pages(out);
}

static bool method_is_allowed(const struct page *page, struct str method)
{
	struct str rest = str_of(page->methods), one;
	while (str_cut(&rest, ',', &one))
		if (str_eq(str_trim(one), method))
			return true;
	return false;
}

static bool is_param(const struct page *page, struct str given, struct nearest *near, bool *repeats)
{
	struct str rest = str_of(page->params), one;
	while (str_cut(&rest, ' ', &one) && one.n) {
		*repeats = str_ends(one, STR("*"));
		one = str_take(one, one.n - *repeats);
		if (str_eq(one, given))
			return true;
		nearest_offer(near, one);
	}
	return false;
}

static void refuse_param(
    const struct page *page, const struct admin_request *request, struct nearest near, struct admin_answer *answer)
{
	struct str given = str_take(near.given, 100);
	if (!page->params[0]) {
		admin__error(answer, 400, "%.*s takes no parameters, and was given \"%.*s\"", STR_ARG(page->path),
		    STR_ARG(given));
		return;
	}
	if (near.word.p) {
		admin__error(answer, 400, "unknown parameter \"%.*s\" (did you mean \"%.*s\"?); there are: %s",
		    STR_ARG(given), STR_ARG(near.word), page->params);
		return;
	}
	/* The usual cause: an unescaped URL, whose second query parameter looks like one of ours. */
	const char *hint = admin__param(request, STR("url")).p
			       ? " (if it belongs to the URL: curl --data-urlencode url=URL escapes its &)"
			       : "";
	admin__error(answer, 400, "unknown parameter \"%.*s\"%s; there are: %s", STR_ARG(given), hint, page->params);
}

/* Each parameter known to the page, and given once where it does not repeat. */
static bool params_are_good(const struct page *page, const struct admin_request *request, struct admin_answer *answer)
{
	for (unsigned i = 0; i < request->n_params; i++) {
		struct str given = request->params[i].name;
		struct nearest near = nearest_to(given);
		bool repeats;
		if (!is_param(page, given, &near, &repeats)) {
			refuse_param(page, request, near, answer);
			return false;
		}
		for (unsigned k = 0; k < i && !repeats; k++) {
			if (str_eq(request->params[k].name, given)) {
				admin__error(answer, 400, "parameter \"%.*s\" is given twice", STR_ARG(given));
				return false;
			}
		}
	}
	return true;
}

/* A * in the pattern is one byte or more. */
static bool path_fits(struct str pattern, struct str path)
{
	size_t star = str_index(pattern, '*');
	if (star == pattern.n)
		return str_eq(pattern, path);
	return path.n >= pattern.n && str_starts(path, str_take(pattern, star)) &&
	       str_ends(path, str_skip(pattern, star + 1));
}

/* One that takes the method goes before one that does not. */
static const struct page *page_of(struct str method, struct str path)
{
	const struct page *found = NULL;
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		if (!path_fits(pages[i].path, path))
			continue;
		if (method_is_allowed(&pages[i], method))
			return &pages[i];
		found = found ? found : &pages[i];
	}
	return found;
}

enum admin_lane admin_lane_of(struct str method, struct str path)
{
	const struct page *page = page_of(method, path);
	return page && method_is_allowed(page, method) ? page->lane : ADMIN_HERE;
}

void admin_handle(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	const struct page *page = page_of(request->method, request->path);
	if (!page) {
		refuse_path(request, answer);
		return;
	}
	if (!method_is_allowed(page, request->method)) {
		admin__error(answer, 405, "%.*s takes %s", STR_ARG(page->path), page->methods);
		answer->allow = page->methods;
		return;
	}
	if (params_are_good(page, request, answer))
		page->handle(env, request, answer);
	if (answer->body.overflow) /* half of a JSON text helps nobody */
		admin__error(answer, 500, "The answer is larger than the limit of %zu bytes.", answer->body.max);
}
