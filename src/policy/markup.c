/* One tag as browsers read it (HTML 13.2.5), but for what they call an error: a quote or a '<' where none belongs ends it. So a
 * piece of a script that looks like the beginning of a tag swallows no real one behind it, and of all tags that are begun at one
 * place only three can be read on - one outside of quotes, one within each kind of them - so that hostile text does not make many
 * readings of one byte.
 *
 * A quote may have a backslash before it: a tag in the string of a script. */
#include "policy/markup.h"

#include "base/mem.h"

/* Where a field of a form stands: in which attribute of which tag. */
static const struct tag {
	struct str begin, attribute;
} tags[] = {{STR("<input"), STR("value")}, {STR("<meta"), STR("content")}};

struct reader {
	struct str text;
	size_t at;
};

enum read {
	READ,
	READ_BROKEN, /* or the tag's end */
	READ_MORE
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

static bool ends_name(char c)
{
	return is_blank(c) || c == '/' || c == '=' || c == '>' || c == '<' || is_quote(c);
}

static bool ends_bare(char c)
{
	return is_blank(c) || c == '>' || c == '<' || is_quote(c);
}

static bool at_end(const struct reader *r)
{
	return r->at == r->text.n;
}

static char peek(const struct reader *r)
{
	return r->text.p[r->at];
}

static void skip_blanks(struct reader *r)
{
	while (!at_end(r) && is_blank(peek(r)))
		r->at++;
}

/* Behind the opening quote. */
static enum read read_quoted(struct reader *r, char quote, bool escaped, struct str *value)
{
	struct str rest = str_skip(r->text, r->at);
	*value = str_take(rest, str_index(rest, quote));
	if (value->n == rest.n)
		return READ_MORE;
	r->at += value->n + 1;
	if (escaped && str_ends(*value, STR("\\")))
		value->n--;
	return READ;
}

static enum read read_bare(struct reader *r, struct str *value)
{
	size_t begin = r->at;
	while (!at_end(r) && !ends_bare(peek(r)))
		r->at++;
	if (at_end(r))
		return READ_MORE;
	*value = str_make(r->text.p + begin, r->at - begin);
	return is_blank(peek(r)) || peek(r) == '>' ? READ : READ_BROKEN;
}

/* What stands behind '='. */
static enum read read_value(struct reader *r, struct str *value)
{
	skip_blanks(r);
	struct str rest = str_skip(r->text, r->at);
	bool escaped = rest.n > 0 && rest.p[0] == '\\';
	rest = str_skip(rest, escaped);
	if (rest.n == 0)
		return READ_MORE;
	if (!is_quote(rest.p[0]))
		return read_bare(r, value);
	r->at += escaped + 1u;
	return read_quoted(r, rest.p[0], escaped, value);
}

static enum read read_attribute(struct reader *r, struct str *name, struct str *value)
{
	while (!at_end(r) && (is_blank(peek(r)) || peek(r) == '/'))
		r->at++;
	size_t begin = r->at;
	while (!at_end(r) && !ends_name(peek(r)))
		r->at++;
	*name = str_make(r->text.p + begin, r->at - begin);
	*value = STR("");
	if (!at_end(r) && (name->n == 0 || peek(r) == '<' || is_quote(peek(r))))
		return READ_BROKEN;
	skip_blanks(r);
	if (at_end(r))
		return READ_MORE;
	if (peek(r) != '=')
		return READ;
	r->at++;
	return read_value(r, value);
}

/* The attributes up to the one that decides. */
static enum markup read_tag(struct reader *r, const struct tag *tag, const struct str_list *names, struct str *text)
{
	struct str found[2] = {STR_NONE, STR_NONE}, name, value; /* of name=, and of the tag's own attribute */
	enum read read;
	while ((read = read_attribute(r, &name, &value)) == READ) {
		bool is_name = str_eq_nocase(name, STR("name"));
		if (!is_name && !str_eq_nocase(name, tag->attribute))
			continue;
		struct str *slot = &found[is_name ? 0 : 1];
		if (!slot->p)
			*slot = value;
		if (found[0].p && !str_list_has(names, found[0]))
			return MARKUP_OTHER;
		if (!found[0].p || !found[1].p)
			continue;
		if (found[1].n == 0)
			return MARKUP_OTHER;
		*text = found[1];
		return MARKUP_FIELD;
	}
	return read == READ_MORE ? MARKUP_MORE : MARKUP_OTHER;
}

static enum markup read_begin(struct str text, const struct str_list *names, struct str *value)
{
	enum markup verdict = MARKUP_OTHER;
	for (size_t i = 0; i < COUNT_OF(tags); i++) {
		struct str begin = tags[i].begin;
		if (text.n > 1 && char_lower(text.p[1]) != begin.p[1]) /* most tags: told without a call */
			continue;
		if (!str_starts_nocase(text, str_take(begin, text.n)))
			continue;
		if (text.n <= begin.n) {
			verdict = MARKUP_MORE;
			continue;
		}
		if (!is_blank(text.p[begin.n]) && text.p[begin.n] != '/')
			return MARKUP_OTHER;
		return read_tag(&(struct reader){text, begin.n}, &tags[i], names, value);
	}
	return verdict;
}

enum markup markup_field(struct str text, const struct str_list *names, struct str *value)
{
	enum markup verdict = read_begin(str_take(text, MARKUP_MAX), names, value);
	return verdict == MARKUP_MORE && text.n >= MARKUP_MAX ? MARKUP_OTHER : verdict;
}
