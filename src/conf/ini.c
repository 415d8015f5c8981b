/* Lines in, items out. What a line means is decided from its first byte: comment, section or option; a line that is
 * none of them is one problem and nothing more, so that all problems of a file are found in one run.
 *
 * Not here: which sections and options exist (options.def), what values mean (values.c). */
#include "conf/ini.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A quote behind an odd number of backslashes is a plain character. */
static bool is_quote(struct str s, size_t at)
{
	if (s.p[at] != '"')
		return false;
	size_t backslashes = 0;
	while (backslashes < at && s.p[at - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 0;
}

struct str ini_without_comment(struct str s, bool *open)
{
	bool quoted = false;
	size_t i;
	for (i = 0; i < s.n; i++) {
		if (is_quote(s, i))
			quoted = !quoted;
		else if (!quoted && (s.p[i] == ';' || s.p[i] == '#') && (i == 0 || is_blank(s.p[i - 1])))
			break;
	}
	*open = quoted;
	return str_trim(str_take(s, i));
}

struct str ini_unquote(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || !is_quote(s, s.n - 1))
		return s;
	for (size_t i = 1; i < s.n - 1; i++)
		if (is_quote(s, i))
			return s;
	return str_make(s.p + 1, s.n - 2);
}

bool ini_needs_quotes(struct str value)
{
	bool open;
	struct str read = ini_without_comment(value, &open);
	return value.n > 0 && (!str_eq(read, value) || open || !str_eq(ini_unquote(value), value));
}

/* The comma that ends the element at the start of s, or s.n. Brackets count only behind a ~: in a glob they are plain. */
static size_t element_end(struct str s)
{
	bool quoted = false, regex = false, in_class = false;
	unsigned depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (is_quote(s, i)) {
			quoted = !quoted;
			continue;
		}
		if (quoted)
			continue;
		if (s.p[i] == ',' && !in_class && depth == 0)
			return i;
		if (!regex)
			regex = s.p[i] == '~' && (i == 0 || is_blank(s.p[i - 1]));
		else if (s.p[i] == '\\')
			i++;
		else if (in_class)
			in_class = s.p[i] != ']';
		else if (s.p[i] == '[')
			in_class = true;
		else if (s.p[i] == '(' || s.p[i] == '{')
			depth++;
		else if ((s.p[i] == ')' || s.p[i] == '}') && depth > 0)
			depth--;
	}
	return s.n;
}

bool ini_list_next(struct str *rest, struct str *element)
{
	if (!rest->p)
		return false;
	size_t end = element_end(*rest);
	*element = ini_unquote(str_trim(str_take(*rest, end)));
	*rest = end < rest->n ? str_skip(*rest, end + 1) : STR_NONE;
	return true;
}

static enum ini_kind bad(struct ini_item *item, const char *problem)
{
	item->problem = problem;
	return item->kind = INI_BAD;
}

static bool has_control_byte(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static enum ini_kind read_section(struct str line, struct ini_item *item)
{
	/* Quotes mean nothing in the name of a section. */
	size_t end = 1;
	while (end < line.n && !((line.p[end] == ';' || line.p[end] == '#') && is_blank(line.p[end - 1])))
		end++;
	line = str_trim(str_take(line, end));
	if (line.p[line.n - 1] != ']')
		return bad(item, str_index(line, ']') < line.n ? "there is text behind the ] of the section"
							       : "the section is not closed with ]");
	struct str inside = str_trim(str_make(line.p + 1, line.n - 2));
	size_t blank = 0;
	while (blank < inside.n && !is_blank(inside.p[blank]))
		blank++;
	item->name = str_take(inside, blank);
	item->value = str_trim(str_skip(inside, blank));
	if (item->name.n == 0)
		return bad(item, "the section has no name");
	return item->kind = INI_SECTION;
}

static enum ini_kind read_option(struct str line, struct ini_item *item)
{
	size_t equals = str_index(line, '=');
	if (equals == line.n)
		return bad(item, "neither \"[section]\" nor \"name = value\"");
	item->name = str_trim(str_take(line, equals));
	if (item->name.n == 0)
		return bad(item, "no name stands before the =");
	bool open;
	struct str value = ini_without_comment(str_skip(line, equals + 1), &open);
	if (open)
		return bad(item, "a double quote is not closed");
	item->value = ini_unquote(value);
	return item->kind = INI_OPTION;
}

void ini_init(struct ini *i, struct str text)
{
	struct str bom = STR("\xef\xbb\xbf");
	*i = (struct ini){.rest = str_starts(text, bom) ? str_skip(text, bom.n) : text};
}

enum ini_kind ini_next(struct ini *i, struct ini_item *item)
{
	*item = (struct ini_item){.kind = INI_END};
	struct str line;
	while (i->rest.p && str_cut(&i->rest, '\n', &line)) {
		item->line = ++i->line;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == ';' || line.p[0] == '#')
			continue;
		if (has_control_byte(line))
			return bad(item, "a control byte stands in the line");
		return line.p[0] == '[' ? read_section(line, item) : read_option(line, item);
	}
	return INI_END;
}
