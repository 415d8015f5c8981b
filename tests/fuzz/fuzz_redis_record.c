/* Records of the stream of purges. Input: the wire form of a server's reply. */
#include "fuzz.h"

#include "tier/redis_record.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct redis_tier tier = {.mark = "00000000000000aa", .key_seed = 1};
	struct record r, again;
	void *reply = NULL;
	redisReader *reader = redisReaderCreate();
	if (redisReaderFeed(reader, (const char *)data, size) == REDIS_OK &&
	    redisReaderGetReply(reader, &reply) == REDIS_OK && reply && record__read(reply, &tier, &r)) {
		assert(r.print != 0 && r.purge.kind <= PURGE_ALL);
		assert(!r.invalidates || r.purge.kind == PURGE_URL);
		assert(record__read(reply, &tier, &again) && again.print == r.print && again.seq == r.seq);
	}
	if (reply)
		freeReplyObject(reply);
	redisReaderFree(reader);
	return 0;
}
