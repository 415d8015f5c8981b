/* A reply is a line, or a line that tells how many bytes or how many replies follow it. So "how long is it" needs a count of the replies that are
 * still to come, and no stack. */
#include "lib/resp.h"

enum { LINE_MAX_BYTES = 64 * 1024, LENGTH_DIGITS = 20 };
#define BULK_MAX  ((int64_t)512 * 1024 * 1024) /* of the server's */
#define ARRAY_MAX ((int64_t)1024 * 1024)

static const struct str crlf = STR("\r\n");

/* "$5\r\n" */
static char *put_head(char *to, char mark, uint64_t v)
{
	char digits[LENGTH_DIGITS], *p = digits + sizeof(digits);
	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	*to++ = mark;
	return str_put(str_put(to, str_make(p, (size_t)(digits + sizeof(digits) - p))), crlf);
}

static size_t head_size(uint64_t v)
{
	char room[LENGTH_DIGITS + 3];
	return (size_t)(put_head(room, '$', v) - room);
}

size_t resp_command_size(const struct str *words, size_t n)
{
	size_t size = head_size(n);
	for (size_t i = 0; i < n; i++)
		size += head_size(words[i].n) + words[i].n + crlf.n;
	return size;
}

char *resp_command(const struct str *words, size_t n, char *to)
{
	to = put_head(to, '*', n);
	for (size_t i = 0; i < n; i++)
		to = str_put(str_put(put_head(to, '$', words[i].n), words[i]), crlf);
	return to;
}

/* A number, or the -1 of nil. */
static bool read_number(struct str s, int64_t *out)
{
	uint64_t size;
	bool minus = s.n > 0 && *s.p == '-';
	if (str_to_u64(str_skip(s, minus), (uint64_t)INT64_MAX + minus, &size) != ERR_OK)
		return false;
	*out = minus ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

/* ERR_OK with the item and how many bytes it has, of an array its head's; ERR_AGAIN with how many it has at least. */
static int item_of(struct str s, struct resp *item, size_t *n)
{
	*item = (struct resp){.kind = RESP_NIL};
	size_t end = str_find(str_take(s, LINE_MAX_BYTES), crlf);
	if (s.n > 0 && !memchr("+-:$*", *s.p, 5))
		return ERR_PROTOCOL;
	if (end + crlf.n > s.n || s.n == 0) {
		*n = s.n + 1;
		return s.n >= LINE_MAX_BYTES ? ERR_PROTOCOL : ERR_AGAIN;
	}
	if (end == LINE_MAX_BYTES)
		return ERR_PROTOCOL;
	struct str line = str_make(s.p + 1, end - 1);
	*n = end + crlf.n;
	if (*s.p == '+' || *s.p == '-') {
		item->kind = *s.p == '+' ? RESP_TEXT : RESP_ERROR;
		item->text = line;
		return ERR_OK;
	}
	if (!read_number(line, &item->number))
		return ERR_PROTOCOL;
	if (*s.p == ':') {
		item->kind = RESP_INT;
		return ERR_OK;
	}
	if (item->number == -1)
		return ERR_OK;
	if (item->number < 0 || item->number > (*s.p == '$' ? BULK_MAX : ARRAY_MAX))
		return ERR_PROTOCOL;
	if (*s.p == '*') {
		item->kind = RESP_ARRAY;
		return ERR_OK;
	}
	size_t size = (size_t)item->number;
	item->kind = RESP_TEXT;
	item->text = str_make(s.p + *n, size);
	*n += size + crlf.n;
	if (*n > s.n)
		return ERR_AGAIN;
	return memcmp(item->text.p + size, crlf.p, crlf.n) == 0 ? ERR_OK : ERR_PROTOCOL;
}

int resp_length(struct str s, size_t *n)
{
	struct resp item;
	size_t size = 0;
	*n = 0;
	for (int64_t open = 1; open > 0; open--) {
		int err = item_of(str_skip(s, *n), &item, &size);
		*n += size;
		if (err != ERR_OK)
			return err;
		if (item.kind == RESP_ARRAY)
			open += item.number;
		if (open > ARRAY_MAX)
			return ERR_PROTOCOL;
	}
	return ERR_OK;
}

bool resp_next(struct str *rest, struct resp *out)
{
	size_t n;
	if (rest->n == 0 || item_of(*rest, out, &n) != ERR_OK)
		return false;
	*rest = str_skip(*rest, n);
	return true;
}
