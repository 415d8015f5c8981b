/* Readers of what a route is made of: patterns, names, statuses, header operations. */
#include "conf/value.h"

#include "base/mem.h"
#include "base/nearest.h"
#include "conf/ini.h"

enum { NAMES_MAX = 256, HEADER_OPS_MAX = 64, FORM_NAME_MAX = 128 };

/* The elements of a list with commas; `accept` judges one and sets v->wrong. */
static int read_names(
    struct value *v, struct str text, int (*accept)(struct value *v, struct str name), struct str_list *out)
{
	struct str_list list = {0};
	unsigned n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',';
	if (n > NAMES_MAX)
		return conf__wrong(v, "more than %d names", NAMES_MAX);
	list.v = arena_alloc(v->arena, n * sizeof(*list.v));
	struct str rest = text, name;
	while (rest.p && str_cut(&rest, ',', &name)) {
		name = str_trim(name);
		int err = name.n == 0 ? conf__wrong(v, "a name is missing at a comma") : accept(v, name);
		if (err != ERR_OK)
			return err;
		list.v[list.n++] = name;
	}
	*out = list;
	return ERR_OK;
}

int conf__read_patterns(struct value *v)
{
	unsigned n = 1;
	for (size_t i = 0; i < v->text.n; i++)
		n += v->text.p[i] == ',';
	struct str_list list = {.v = arena_alloc(v->arena, n * sizeof(struct str))};
	struct str rest = v->text, pattern;
	while (ini_list_next(&rest, &pattern)) {
		if (pattern.n == 0)
			return conf__wrong(v, "a pattern is missing at a comma");
		list.v[list.n++] = pattern;
	}
	*(struct str_list *)v->slot = list;
	return ERR_OK;
}

static int accept_field_name(struct value *v, struct str name)
{
	if (!is_token(name))
		return conf__wrong(v, "\"%.*s\" is not a name of a header field", STR_ARG(str_take(name, 64)));
	if (str_eq(name, STR("*")))
		return conf__wrong(v, "* names no field");
	return ERR_OK;
}

static int accept_cookie_name(struct value *v, struct str name)
{
	if (!is_token(name)) /* RFC 6265 4.1.1 */
		return conf__wrong(v, "\"%.*s\" is not a name of a cookie", STR_ARG(str_take(name, 64)));
	return ERR_OK;
}

static int accept_parameter(struct value *v, struct str name)
{
	size_t star = str_index(name, '*');
	if (star + 1 < name.n)
		return conf__wrong(v, "\"%.*s\": a * may only end a name", STR_ARG(str_take(name, 64)));
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == '&' || name.p[i] == '=' || name.p[i] == '#')
			return conf__wrong(v, "\"%.*s\" is not a name of a parameter", STR_ARG(str_take(name, 64)));
	return ERR_OK;
}

static int read_names_or_none(struct value *v, int (*accept)(struct value *v, struct str name))
{
	struct str_list list = {0};
	int err = conf__is_none(v->text) ? ERR_OK : read_names(v, v->text, accept, &list);
	if (err == ERR_OK)
		*(struct str_list *)v->slot = list;
	return err;
}

int conf__read_field_names(struct value *v)
{
	return read_names_or_none(v, accept_field_name);
}

int conf__read_cookie_names(struct value *v)
{
	return read_names_or_none(v, accept_cookie_name);
}

/* As in the name="..." of an <input>: what could end the attribute is none. */
static int accept_form_name(struct value *v, struct str name)
{
	bool odd = name.n > FORM_NAME_MAX;
	for (size_t i = 0; i < name.n && !odd; i++)
		odd = name.p[i] <= ' ' || name.p[i] >= 0x7f || strchr("\"'<>=&*", name.p[i]);
	return odd ? conf__wrong(v, "\"%.*s\" is not a name of a form field", STR_ARG(str_take(name, 64))) : ERR_OK;
}

int conf__read_form_names(struct value *v)
{
	return read_names_or_none(v, accept_form_name);
}

static int accept_field_pattern(struct value *v, struct str name)
{
	size_t star = str_index(name, '*');
	if (star + 1 < name.n)
		return conf__wrong(v, "\"%.*s\": a * may only end a name", STR_ARG(str_take(name, 64)));
	return accept_field_name(v, name);
}

int conf__read_field_patterns(struct value *v)
{
	return read_names_or_none(v, accept_field_pattern);
}

int conf__read_query(struct value *v)
{
	static const struct {
		const char *word;
		enum query_mode mode;
		bool names;
	} modes[] = {{"all", QUERY_ALL, false}, {"none", QUERY_NONE, false}, {"only", QUERY_ONLY, true},
	    {"without", QUERY_WITHOUT, true}};
	struct route *route = CONTAINER_OF(v->slot, struct route, query);
	size_t end = 0;
	while (end < v->text.n && v->text.p[end] != ' ' && v->text.p[end] != '\t')
		end++;
	struct str word = str_take(v->text, end), names = str_trim(str_skip(v->text, end));
	struct nearest near = nearest_to(word);
	for (unsigned i = 0; i < COUNT_OF(modes); i++) {
		nearest_offer(&near, str_of(modes[i].word));
		if (!str_eq(word, str_of(modes[i].word)))
			continue;
		if (modes[i].names != (names.n > 0))
			return conf__wrong(
			    v, "%s names behind \"%s\"", modes[i].names ? "there are no" : "there are", modes[i].word);
		struct str_list list = {0};
		int err = modes[i].names ? read_names(v, names, accept_parameter, &list) : ERR_OK;
		if (err == ERR_OK) {
			route->query = modes[i].mode;
			route->query_names = list;
		}
		return err;
	}
	return conf__wrong_near(v, near.word, "\"%.*s\" is no rule for the query", STR_ARG(str_take(word, 64)));
}

static int read_status(struct value *v, struct str text, struct ttl_status *out)
{
	size_t end = 0;
	while (end < text.n && text.p[end] >= '0' && text.p[end] <= '9')
		end++;
	struct str time = str_trim(str_skip(text, end));
	uint64_t status;
	if (str_to_u64(str_take(text, end), 599, &status) != ERR_OK || status < 200 || end == text.n ||
	    (text.p[end] != ' ' && text.p[end] != '\t'))
		return conf__wrong(
		    v, "\"%.*s\" is not a status from 200 to 599 with a time", STR_ARG(str_take(text, 64)));
	if (status == 200)
		return conf__wrong(v, "200 is what ttl is for");
	if (status == 206 || status == 304) /* RFC 9111 3.3, 4.3.4: parts of something else */
		return conf__wrong(v, "an answer with status %u is not stored by itself", (unsigned)status);
	out->status = (int)status;
	return conf__time(v, time, &out->ttl_ms);
}

int conf__read_ttl_status(struct value *v)
{
	struct route *route = CONTAINER_OF(v->slot, struct route, ttl_status);
	struct ttl_status list[400];
	unsigned n = 0;
	struct str rest = conf__is_none(v->text) ? STR_NONE : v->text, one;
	while (rest.p && str_cut(&rest, ',', &one)) {
		struct ttl_status next;
		int err = read_status(v, str_trim(one), &next);
		if (err != ERR_OK)
			return err;
		/* No status twice: so the 400 there are fit the list. */
		for (unsigned i = 0; i < n; i++)
			if (list[i].status == next.status)
				return conf__wrong(v, "status %d stands there twice", next.status);
		list[n++] = next;
	}
	route->ttl_status = n ? arena_alloc(v->arena, n * sizeof(list[0])) : NULL;
	if (n)
		memcpy(route->ttl_status, list, n * sizeof(list[0]));
	route->n_ttl_status = n;
	return ERR_OK;
}

static int append_op(struct value *v, struct header_op op)
{
	struct header_ops *ops = v->slot;
	if (ops->n == HEADER_OPS_MAX)
		return conf__wrong(v, "more than %d operations in this route", HEADER_OPS_MAX);
	struct header_op *longer = arena_alloc(v->arena, (ops->n + 1) * sizeof(*longer));
	if (ops->n > 0)
		memcpy(longer, ops->v, ops->n * sizeof(*longer));
	longer[ops->n] = op;
	*ops = (struct header_ops){longer, ops->n + 1};
	return ERR_OK;
}

/* Fields that frame a message or belong to one connection are written by the proxy alone: whoever could set them could
 * make one message look like two (RFC 9112 11.2). */
static int accept_op_name(struct value *v, struct str name)
{
	static const char *const framing[] = {"Content-Length", "Transfer-Encoding", "Host", "Expect"};
	int err = accept_field_name(v, name);
	if (err != ERR_OK)
		return err;
	bool refused = header_is_hop_by_hop(name);
	for (unsigned i = 0; i < COUNT_OF(framing); i++)
		refused |= str_eq_nocase(name, str_of(framing[i]));
	if (refused)
		return conf__wrong(v,
		    "%.*s frames the message or belongs to one connection: the proxy writes it itself", STR_ARG(name));
	return ERR_OK;
}

static int read_header(struct value *v, enum header_op_kind kind)
{
	size_t colon = str_index(v->text, ':');
	struct str name = str_trim(str_take(v->text, colon)), value = str_trim(str_skip(v->text, colon + 1));
	if (colon == v->text.n)
		return conf__wrong(v, "no colon stands behind the name");
	int err = accept_op_name(v, name);
	if (err != ERR_OK)
		return err;
	if (value.n == 0 || !is_field_value(value))
		return conf__wrong(v, value.n == 0 ? "the field has no value" : "the value cannot be sent");
	return append_op(v, (struct header_op){kind, name, value});
}

int conf__read_header_add(struct value *v)
{
	return read_header(v, HEADER_ADD);
}

int conf__read_header_set(struct value *v)
{
	return read_header(v, HEADER_SET);
}

int conf__read_header_remove(struct value *v)
{
	struct str_list names = {0};
	int err = read_names(v, v->text, accept_op_name, &names);
	for (unsigned i = 0; err == ERR_OK && i < names.n; i++)
		err = append_op(v, (struct header_op){HEADER_REMOVE, names.v[i], STR_NONE});
	return err;
}
