/* Replies of Redis, which may come in any pieces: a whole one is as long as its pieces foretold, and every item of it can be taken. */
#include "fuzz.h"

#include "lib/resp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	size_t n, wanted;
	int err = resp_length(in, &n);
	assert(err == ERR_OK || err == ERR_AGAIN || err == ERR_PROTOCOL);
	if (err == ERR_AGAIN)
		assert(n > size);
	if (err != ERR_OK)
		return 0;
	assert(n > 0 && n <= size);
	for (size_t part = 0; part < n; part += 1 + n / 64) {
		assert(resp_length(str_take(in, part), &wanted) == ERR_AGAIN);
		assert(wanted > part && wanted <= n);
	}
	struct str rest = str_take(in, n);
	struct resp item;
	int64_t open = 1;
	for (; open > 0; open--) {
		assert(resp_next(&rest, &item));
		if (item.kind == RESP_ARRAY)
			open += item.number;
	}
	assert(rest.n == 0);
	return 0;
}
