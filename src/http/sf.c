/* The containers of structured fields, by the algorithms of RFC 9651 4.2 to 4.2.3.2. Nothing calls itself: a list or
 * dictionary has members, a member may be an inner list of items, an item has parameters, and there it ends. Arrays grow in
 * the arena by doubling, so a field costs a fixed multiple of its length. */
#include "http/sf.h"

#include "http/sf_bare.h"

static void skip_spaces(struct str *in)
{
	while (http__sf_eat(in, ' '))
		;
}

static void skip_ows(struct str *in)
{
	while (http__sf_eat(in, ' ') || http__sf_eat(in, '\t'))
		;
}

/* Room for one more behind n elements. The room is a power of two, so n alone tells when it is used up. */
static void *make_room(struct arena *a, void *v, uint32_t n, size_t size)
{
	bool is_full = (n & (n - 1)) == 0;
	if (!is_full)
		return v;
	void *grown = arena_alloc(a, (n > 0 ? 2 * (size_t)n : 1) * size);
	if (n > 0)
		memcpy(grown, v, n * size);
	return grown;
}

static struct sf_bare boolean_true(void)
{
	return (struct sf_bare){.type = SF_BOOLEAN, .number = 1};
}

static struct sf_parameter *find_parameter(const struct sf_parameters *p, struct str key)
{
	for (uint32_t i = 0; i < p->n; i++) {
		if (str_eq(p->v[i].key, key))
			return &p->v[i];
	}
	return NULL;
}

/* The place of that key: the one it has already, since the last value counts, or a new one. */
static int place_parameter(struct sf_parameters *p, struct arena *a, struct str key, struct sf_parameter **out)
{
	*out = find_parameter(p, key);
	if (*out)
		return ERR_OK;
	if (p->n == SF_PARAMETERS_MAX)
		return ERR_TOO_LARGE;
	p->v = make_room(a, p->v, p->n, sizeof(*p->v));
	*out = &p->v[p->n++];
	(*out)->key = key;
	return ERR_OK;
}

/* RFC 9651 4.2.3.2 */
static int read_parameters(struct str *in, struct arena *a, struct sf_parameters *out)
{
	*out = (struct sf_parameters){.n = 0};
	while (http__sf_eat(in, ';')) {
		skip_spaces(in);
		struct str key;
		struct sf_bare value = boolean_true();
		struct sf_parameter *place;
		int err = http__sf_key(in, &key);
		if (err == ERR_OK && http__sf_eat(in, '='))
			err = http__sf_bare(in, a, &value);
		if (err == ERR_OK)
			err = place_parameter(out, a, key, &place);
		if (err < 0)
			return err;
		place->value = value;
	}
	return ERR_OK;
}

/* RFC 9651 4.2.3 */
static int read_item(struct str *in, struct arena *a, struct sf_item *out)
{
	int err = http__sf_bare(in, a, &out->bare);
	return err < 0 ? err : read_parameters(in, a, &out->parameters);
}

/* RFC 9651 4.2.1.2, behind the opening parenthesis. */
static int read_inner(struct str *in, struct arena *a, struct sf_member *out)
{
	out->is_inner = true;
	for (;;) {
		skip_spaces(in);
		if (http__sf_eat(in, ')'))
			return read_parameters(in, a, &out->parameters);
		if (out->inner.n == SF_INNER_MAX)
			return ERR_TOO_LARGE;
		out->inner.v = make_room(a, out->inner.v, out->inner.n, sizeof(*out->inner.v));
		int err = read_item(in, a, &out->inner.v[out->inner.n]);
		if (err < 0)
			return err;
		out->inner.n++;
		if (in->n == 0 || (in->p[0] != ' ' && in->p[0] != ')'))
			return ERR_INVALID;
	}
}

/* An item or inner list (RFC 9651 4.2.1.1). */
static int read_value(struct str *in, struct arena *a, struct sf_member *out)
{
	if (http__sf_eat(in, '('))
		return read_inner(in, a, out);
	int err = http__sf_bare(in, a, &out->bare);
	return err < 0 ? err : read_parameters(in, a, &out->parameters);
}

/* key[=value] (RFC 9651 4.2.2); without a value it is true. */
static int read_pair(struct str *in, struct arena *a, struct sf_member *out)
{
	int err = http__sf_key(in, &out->key);
	if (err < 0)
		return err;
	if (http__sf_eat(in, '='))
		return read_value(in, a, out);
	out->bare = boolean_true();
	return read_parameters(in, a, &out->parameters);
}

/* What stands between two members: the comma must have a member behind it. *more tells whether one comes. */
static int read_separator(struct str *in, bool *more)
{
	skip_ows(in);
	*more = in->n > 0;
	if (!*more)
		return ERR_OK;
	if (!http__sf_eat(in, ','))
		return ERR_INVALID;
	skip_ows(in);
	return in->n > 0 ? ERR_OK : ERR_INVALID;
}

static int add_member(struct sf_list *list, struct arena *a, const struct sf_member *member)
{
	if (list->n == SF_MEMBERS_MAX)
		return ERR_TOO_LARGE;
	list->v = make_room(a, list->v, list->n, sizeof(*list->v));
	list->v[list->n++] = *member;
	return ERR_OK;
}

static struct sf_member *find_member(struct sf_member *v, uint32_t n, struct str key)
{
	for (uint32_t i = 0; i < n; i++) {
		if (str_eq(v[i].key, key))
			return &v[i];
	}
	return NULL;
}

int sf_item_read(struct str field, struct arena *a, struct sf_item *out)
{
	skip_spaces(&field);
	int err = read_item(&field, a, out);
	if (err < 0)
		return err;
	skip_spaces(&field);
	return field.n == 0 ? ERR_OK : ERR_INVALID;
}

/* Spaces at the end of a list or dictionary are eaten as those before a comma would be. */
int sf_list_read(struct str field, struct arena *a, struct sf_list *out)
{
	*out = (struct sf_list){.n = 0};
	skip_spaces(&field);
	bool more = field.n > 0;
	while (more) {
		struct sf_member member = {.key = STR_NONE};
		int err = read_value(&field, a, &member);
		if (err == ERR_OK)
			err = add_member(out, a, &member);
		if (err == ERR_OK)
			err = read_separator(&field, &more);
		if (err < 0)
			return err;
	}
	return ERR_OK;
}

int sf_dictionary_read(struct str field, struct arena *a, struct sf_dictionary *out)
{
	struct sf_list members = {.n = 0};
	skip_spaces(&field);
	bool more = field.n > 0;
	while (more) {
		struct sf_member member = {.key = STR_NONE};
		int err = read_pair(&field, a, &member);
		if (err < 0)
			return err;
		struct sf_member *same = find_member(members.v, members.n, member.key);
		if (same)
			*same = member;
		else
			err = add_member(&members, a, &member);
		if (err == ERR_OK)
			err = read_separator(&field, &more);
		if (err < 0)
			return err;
	}
	*out = (struct sf_dictionary){members.v, members.n};
	return ERR_OK;
}

const struct sf_member *sf_dictionary_find(const struct sf_dictionary *d, struct str key)
{
	return find_member(d->v, d->n, key);
}

const struct sf_bare *sf_parameter_find(const struct sf_parameters *p, struct str key)
{
	const struct sf_parameter *found = find_parameter(p, key);
	return found ? &found->value : NULL;
}
