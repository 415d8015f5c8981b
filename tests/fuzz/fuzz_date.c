/* Dates: what is read can be written and read again. Input: eight bytes for the present, then the date. */
#include "fuzz.h"

#include "base/mem.h"
#include "http/date.h"

#include <assert.h>

/* The seconds that the written form can say. */
#define FIRST (-62167219200)
#define LAST  253402300799

static void check_write(int64_t s, int64_t now)
{
	char text[HTTP_DATE_SIZE];
	int64_t back;
	struct str written = http_date_write(s, text);
	assert(written.n == HTTP_DATE_SIZE - 1 && text[HTTP_DATE_SIZE - 1] == '\0');
	assert(http_date_read(written, now, &back) == ERR_OK);
	assert(back == (s < FIRST ? FIRST : s > LAST ? LAST : s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t any;
	if (size < sizeof(any))
		return 0;
	memcpy(&any, data, sizeof(any));
	check_write(any, 0);

	/* The present is a clock's: no more than some thousand years from 1970. */
	int64_t now = any % (1LL << 40), read;
	struct str in = str_make((const char *)data + sizeof(any), size - sizeof(any));
	int err = http_date_read(in, now, &read);
	assert(err == ERR_OK || err == ERR_INVALID);
	if (err == ERR_OK)
		check_write(read, now);
	return 0;
}
