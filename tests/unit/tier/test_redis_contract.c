/* The Redis tier keeps the contract of all tiers, but for what only memory can promise. */
#include "tier/contract.h"
#include "tier/redis_rig.h"

static struct tier *redis_open(size_t bytes)
{
	return rig_open(&(struct rig){.max_object = bytes / 2});
}

int main(void)
{
	static const struct contract redis = {
	    .name = "redis",
	    .open = redis_open,
	    .max_variants = RIG_VARIANTS,
	    .no_sweep = "the server drops what expires, by its own clock",
	    .no_counts = "a wide purge is one record, and nobody walks over the pages",
	    .no_epochs = "the order is that of the server: a purge takes what was stored before it came there",
	    .slow = "each operation goes to the server and back",
	};
	Suite *s = suite_create("tier/redis_contract");
	contract_add(s, &redis);
	return suite_run(s);
}
