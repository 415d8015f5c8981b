/* The stacks without Redis keep the contract of all tiers. */
#include "tier/stack_open.h"

/* Each page in a directory takes two blocks, and most have a directory of their own. */
#define FILE_BYTES ((size_t)2 << 30)

int main(void)
{
	static const char slow[] = "each page is two files";
	const struct stack_kind kinds[] = {
	    {BACKEND_MEMORY, {.name = "memory in a stack"}},
	    {BACKEND_MEMORY | BACKEND_FILE, {.name = "memory, file",
						.bytes = FILE_BYTES,
						.purges_by_hash = true,
						.sweepers = 2,
						.no_full = stack_takes,
						.moves_on = stack_moves,
						.slow = slow}},
	    {BACKEND_FILE, {.name = "file with handles",
			       .bytes = FILE_BYTES,
			       .purges_by_hash = true,
			       .sweepers = 2,
			       .no_full = stack_takes,
			       .no_memory = stack_counts_memory,
			       .moves_on = stack_moves,
			       .slow = slow}},
	};
	return stack_contracts("tier/stack_contract", kinds, COUNT_OF(kinds));
}
