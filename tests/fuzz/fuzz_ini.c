/* The settings as a file gives them: any text is either refused with a reason or taken, and what is taken is shown as a
 * text that loads again to the same. Routes are found the same by the index and by a search from the top. */
#include "fuzz.h"

#include "conf/ini.h"
#include "conf/load.h"
#include "conf/route.h"
#include "conf/route_table.h"

#include <assert.h>

static bool is_within(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_items(struct str in)
{
	struct ini ini;
	struct ini_item item;
	unsigned line = 0;
	ini_init(&ini, in);
	while (ini_next(&ini, &item) != INI_END) {
		assert(item.line > line);
		line = item.line;
		assert(is_within(item.name, in) && is_within(item.value, in));
		assert(item.kind != INI_BAD || item.problem);
		struct str rest = item.value, element;
		while (ini_list_next(&rest, &element))
			assert(is_within(element, in));
	}
}

static void check_routes(const struct conf *c)
{
	static const char *const paths[] = {"/", "/a", "/a/b", "/api/v1/x", "/blog/1"};
	const struct route *last = &c->routes[c->n_routes - 1];
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct route *r = route_find(c, STR("h.example"), str_of(paths[i]));
		const struct route *top = route_table_find_linear(c->table, last, STR("h.example"), str_of(paths[i]));
		/* A regex that met its limits is answered by a twin. */
		assert(r->index == top->index && str_eq(r->name, top->name));
	}
}

static int load(struct str text, struct conf **out, struct buf *errors)
{
	static const struct conf_flag flags[] = {{"upstream", "url", "http://127.0.0.1:1"}};
	/* Without the administrator: his token is not shown, and his files are not ours. */
	static const char *const environment[] = {"LARDER_ADMIN_LISTEN=off", NULL};
	struct conf_source source = {.environ = (char **)environment, .flags = flags, .n_flags = 1};
	return conf__load_text(&source, "f", text, out, errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	struct conf *c, *again, *third;
	struct buf errors, shown, twice;
	check_items(in);
	buf_init(&errors, 1 << 20);
	buf_init(&shown, 8 << 20);
	buf_init(&twice, 8 << 20);
	if (load(in, &c, &errors) != ERR_OK) {
		assert(errors.n > 0 && errors.p[errors.n - 1] == '\n');
	} else {
		check_routes(c);
		conf_print_json(c, &shown);
		buf_reset(&shown);
		conf_print(c, &shown);
		assert(!shown.overflow);
		buf_reset(&errors);
		int err = load(buf_str(&shown), &again, &errors);
		assert(err == ERR_OK);
		/* From the second on, the places are the same too. */
		conf_print(again, &twice);
		buf_reset(&shown);
		err = load(buf_str(&twice), &third, &errors);
		assert(err == ERR_OK);
		conf_print(third, &shown);
		assert(str_eq(buf_str(&shown), buf_str(&twice)));
		conf_release(&c);
		conf_release(&again);
		conf_release(&third);
	}
	buf_free(&errors);
	buf_free(&shown);
	buf_free(&twice);
	return 0;
}
