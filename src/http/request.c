/* The writer of request heads, and what is done with requests that were read. What it is given was checked where it came in; it is checked here once more, since one
 * line break that slips through makes two requests of one. The size is known before the first byte is written, so a
 * refused request leaves nothing behind. */
#include "http/message.h"

#include "http/chars.h"

static const struct str version = STR(" HTTP/1.1\r\n");

void http_request_copy(const struct http_request *from, struct arena *a, struct http_request *to)
{
	*to = *from;
	to->method_name = arena_str(a, from->method_name);
	to->target = arena_str(a, from->target);
	to->scheme = arena_str(a, from->scheme);
	to->host = arena_str(a, from->host);
	headers_copy(&from->headers, a, &to->headers);
}

int http_write_request(struct buf *out, struct str method, struct str target, const struct headers *h)
{
	/* The target stands between two blanks, so it holds neither blanks nor controls. */
	if (!is_token(method) || target.n == 0 || !http__all(target, CHAR_VISIBLE))
		return ERR_INVALID;
	size_t size = method.n + 1 + target.n + version.n + 2;
	for (uint32_t i = 0; i < h->n; i++) {
		const struct header *field = &h->v[i];
		if (field->name.n == 0 || !http__all(field->name, CHAR_FIELD_NAME) || !is_field_value(field->value))
			return ERR_INVALID;
		size += field->name.n + 2 + field->value.n + 2;
	}
	if (out->overflow || buf_reserve(out, size) < 0) {
		out->overflow = true;
		return ERR_TOO_LARGE;
	}

	char *p = str_put(out->p + out->n, method);
	*p++ = ' ';
	p = str_put(str_put(p, target), version);
	for (uint32_t i = 0; i < h->n; i++) {
		p = str_put(str_put(p, h->v[i].name), STR(": "));
		p = str_put(str_put(p, h->v[i].value), STR("\r\n"));
	}
	str_put(p, STR("\r\n"));
	out->n += size;
	return ERR_OK;
}
