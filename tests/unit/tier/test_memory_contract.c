/* The memory tier keeps the contract of all tiers. */
#include "tier/contract.h"

#include "tier/memory.h"

enum { MAX_VARIANTS = 8 };

static struct tier *memory_open(size_t bytes)
{
	return memory_tier_new(&(struct memory_options){.memory_size = bytes, .max_variants = MAX_VARIANTS});
}

int main(void)
{
	static const struct contract memory = {
	    .name = "memory",
	    .open = memory_open,
	    .max_variants = MAX_VARIANTS,
	};
	Suite *s = suite_create("tier/contract");
	contract_add(s, &memory);
	return suite_run(s);
}
