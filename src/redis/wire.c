/* Commands in Redis' protocol: an array of bulk strings, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n". The length is reckoned first, so that there
 * is one allocation and each byte of a page is copied once. */
#include "redis/wire.h"

#include "base/mem.h"

#include <assert.h>

enum { DIGITS = 20 };

static const struct str crlf = STR("\r\n");

static struct str digits(uint64_t v, char out[DIGITS])
{
	char *p = out + DIGITS;
	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	return str_make(p, (size_t)(out + DIGITS - p));
}

/* Writes when `to` is not NULL; returns the number of bytes in any case. */
static size_t put(char *to, struct str s)
{
	if (to)
		str_put(to, s);
	return s.n;
}

static size_t put_head(char *to, char mark, uint64_t v)
{
	char room[DIGITS];
	struct str number = digits(v, room);
	if (to) {
		*to++ = mark;
		str_put(str_put(to, number), crlf);
	}
	return 1 + number.n + crlf.n;
}

static size_t put_word(char *to, struct str word)
{
	size_t n = put_head(to, '$', word.n);
	n += put(to ? to + n : NULL, word);
	return n + put(to ? to + n : NULL, crlf);
}

static size_t put_words(char *to, const struct str *words, unsigned n_words)
{
	size_t n = 0;
	for (unsigned i = 0; i < n_words; i++)
		n += put_word(to ? to + n : NULL, words[i]);
	return n;
}

static size_t put_command(char *to, const struct redis_command *c, enum wire_form form, struct str script, bool asking)
{
	char room[DIGITS];
	size_t n = 0;
	if (asking) {
		n += put_head(to, '*', 1);
		n += put_word(to ? to + n : NULL, STR("ASKING"));
	}
	n += put_head(to ? to + n : NULL, '*', c->argc + (form == WIRE_PLAIN ? 0 : 3));
	if (form != WIRE_PLAIN) {
		struct str head[] = {form == WIRE_EVAL ? STR("EVAL") : STR("EVALSHA"), script, digits(c->n_keys, room)};
		n += put_words(to ? to + n : NULL, head, COUNT_OF(head));
	}
	return n + put_words(to ? to + n : NULL, c->argv, c->argc);
}

char *wire_command(const struct redis_command *c, enum wire_form form, const char *sha, bool asking, size_t *n)
{
	assert((form == WIRE_PLAIN) == !c->script);
	struct str script = form == WIRE_EVAL ? str_of(c->script->text) : str_of(form == WIRE_EVALSHA ? sha : "");
	*n = put_command(NULL, c, form, script, asking);
	char *p = mem_alloc(*n);
	put_command(p, c, form, script, asking);
	return p;
}

size_t wire_cost(const struct redis_command *c)
{
	size_t n = 0;
	for (unsigned i = 0; i < c->argc; i++)
		n += c->argv[i].n + 16;
	return n;
}

void wire_add(char **p, size_t *n, const struct str *words, unsigned n_words)
{
	size_t more = put_head(NULL, '*', n_words) + put_words(NULL, words, n_words);
	*p = mem_realloc(*p, *n + more);
	char *to = *p + *n;
	put_words(to + put_head(to, '*', n_words), words, n_words);
	*n += more;
}
