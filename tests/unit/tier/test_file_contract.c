/* The file tier keeps the contract of all tiers. */
#include "tier/contract.h"

#include "tier/file.h"
#include "tier/folder.h"

enum { MAX_VARIANTS = 8 };

static struct folder folder;

/* A directory of its own for each, removed with the next. */
static struct tier *file_open(size_t bytes)
{
	struct tier *t;
	const char *why;
	folder_remove(&folder);
	folder_make(&folder);
	struct file_options o = {.path = str_of(folder.path),
	    .file_size = bytes,
	    .max_variants = MAX_VARIANTS,
	    .threads = 2,
	    .key_seed = KEY_SEED};
	must(file_tier_new(&o, &t, &why) == ERR_OK, "%s: %s", folder.path, why);
	return t;
}

int main(void)
{
	/* Each page takes two blocks, and most have a directory of their own. */
	static const struct contract file = {.name = "file",
	    .open = file_open,
	    .max_variants = MAX_VARIANTS,
	    .purges_by_hash = true,
	    .bytes = (size_t)2 << 30};
	Suite *s = suite_create("tier/file_contract");
	contract_add(s, &file);
	int failed = suite_run(s);
	folder_remove(&folder);
	return failed;
}
