/* What nodes of a cluster say: the error of a redirection, and the answer of CLUSTER SLOTS. Input: a line with the text of an error, then
 * an answer as it comes over the wire. */
#include "fuzz.h"

#include <assert.h>
#include <hiredis/hiredis.h>

#include "redis/slots.h"

static void check_range(void *ctx, unsigned first, unsigned last, struct str host, unsigned port)
{
	unsigned *n = ctx;
	assert(first <= last && last < SLOTS && port > 0 && port <= 65535);
	assert(host.n == 0 || host.p);
	(*n)++;
}

/* hiredis believes the length of an array and has it at once: that is no matter of this target (see node.c). */
static bool has_long_array(struct str wire)
{
	for (size_t i = 0; i + 5 < wire.n; i++) {
		if (wire.p[i] == '*' && wire.p[i + 5] >= '0' && wire.p[i + 5] <= '9')
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size), line;
	struct redirection to;
	if (!str_cut(&in, '\n', &line) || has_long_array(in))
		return 0;
	assert(slot_of(line) < SLOTS);
	int err = redirection_of(line, &to);
	if (err == ERR_OK)
		assert(to.slot < SLOTS && to.port > 0 && to.port <= 65535 && to.host.n < line.n);
	else
		assert(err == ERR_MISSING || err == ERR_INVALID);
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;
	unsigned ranges = 0;
	if (reader && in.n > 0 && redisReaderFeed(reader, in.p, in.n) == REDIS_OK &&
	    redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
		err = slots_read(reply, check_range, &ranges);
		assert(err == ERR_OK || err == ERR_INVALID);
		assert(err != ERR_OK || ranges == ((struct redisReply *)reply)->elements);
	}
	if (reply)
		freeReplyObject(reply);
	redisReaderFree(reader);
	return 0;
}
