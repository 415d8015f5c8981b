/* The writer of requests: what it writes is one message with these fields and no other. Its fields are read back by the
 * reader of responses, under another start line. Input: method, target, "name:value" lines. */
#include "fuzz.h"

#include "http/message.h"

#include <assert.h>

static struct str take_line(struct str *in)
{
	struct str line;
	return str_cut(in, '\n', &line) ? line : STR("");
}

static struct headers read_fields(struct str in, struct arena *a)
{
	struct headers h = {.n = 0};
	struct str line, name;
	while (str_cut(&in, '\n', &line)) {
		str_cut(&line, ':', &name);
		headers_add(&h, a, name, line.p ? line : STR(""));
	}
	return h;
}

static void check_written(struct str written, struct str method, struct str target, struct headers h, struct arena *a)
{
	struct str start = arena_printf(a, "%.*s %.*s HTTP/1.1\r\n", STR_ARG(method), STR_ARG(target));
	assert(str_starts(written, start));
	struct str fields = str_skip(written, start.n);
	struct str in = arena_printf(a, "HTTP/1.1 200 \r\n%.*s", STR_ARG(fields));
	struct http_limits limits = {.max_head = in.n, .max_headers = h.n};
	struct http_response back;
	size_t used;
	assert(http_read_response(in, &limits, a, &back, &used) == ERR_OK);
	assert(used == in.n && back.headers.n == h.n);
	for (uint32_t i = 0; i < h.n; i++) {
		assert(str_eq(back.headers.v[i].name, h.v[i].name));
		assert(str_eq(back.headers.v[i].value, str_trim(h.v[i].value)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	arena_init(&arena, 0);
	struct str in = str_make((const char *)data, size);
	struct str method = take_line(&in), target = take_line(&in);
	struct headers h = read_fields(in, &arena);
	struct buf out;
	buf_init(&out, 1 << 20);
	int err = http_write_request(&out, method, target, &h);
	assert(err == ERR_OK || err == ERR_INVALID || err == ERR_TOO_LARGE);
	if (err == ERR_OK)
		check_written(buf_str(&out), method, target, h, &arena);
	else
		assert(out.n == 0);
	buf_free(&out);
	arena_free(&arena);
	return 0;
}
