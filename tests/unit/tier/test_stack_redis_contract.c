/* The stacks with Redis keep the contract of all tiers. */
#include "tier/stack_open.h"

#define FILE_BYTES ((size_t)2 << 30)

int main(void)
{
	static const char by_server[] = "the server drops what expires, by its own clock",
			  order[] =
			      "the order is that of the server: a purge takes what was stored before it came there",
			  records[] = "a wide purge is one record, and nobody walks over the pages",
			  slow[] = "each operation goes to the server and back";
	const struct stack_kind kinds[] = {
	    {BACKEND_MEMORY | BACKEND_REDIS, {.name = "memory, redis",
						 .no_sweep = by_server,
						 .no_epochs = order,
						 .no_full = stack_takes,
						 .moves_on = stack_moves,
						 .slow = slow}},
	    {BACKEND_REDIS, {.name = "redis, nothing kept",
				.no_sweep = by_server,
				.no_counts = records,
				.no_epochs = order,
				.no_full = stack_takes,
				.no_memory = stack_counts_memory,
				.moves_on = stack_moves,
				.slow = slow}},
	    {BACKEND_MEMORY | BACKEND_FILE | BACKEND_REDIS, {.name = "memory, file, redis",
								.bytes = FILE_BYTES,
								.purges_by_hash = true,
								.no_sweep = by_server,
								.no_epochs = order,
								.no_full = stack_takes,
								.moves_on = stack_moves,
								.slow = slow}},
	    {BACKEND_FILE | BACKEND_REDIS, {.name = "file with handles, redis",
					       .bytes = FILE_BYTES,
					       .purges_by_hash = true,
					       .no_sweep = by_server,
					       .no_epochs = order,
					       .no_full = stack_takes,
					       .no_memory = stack_counts_memory,
					       .moves_on = stack_moves,
					       .slow = slow}},
	};
	return stack_contracts("tier/stack_redis_contract", kinds, COUNT_OF(kinds));
}
