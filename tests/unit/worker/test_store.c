/* The tiers as the settings want them. What they do together is in tests/unit/tier. */
#include "worker/store.h"

#include <sys/resource.h>

#include "suite.h"
#include "tier/folder.h"

static struct conf conf_with(unsigned backend, const struct folder *folder)
{
	struct conf conf = {.cache = {.backend = backend,
				.memory_size = 64 << 20,
				.max_variants = 4,
				.max_entries = 5000,
				.path = str_of(folder->path),
				.file_size = 64 << 20,
				.file_open = 1000}};
	return conf;
}

static uint64_t entries_at_most(const struct conf *conf)
{
	struct tier *store = store_open(conf, 1);
	struct tier_stats stats;
	ck_assert_ptr_nonnull(store);
	tier_stats(tier_part(store, 0), &stats);
	tier_close(&store);
	return stats.max_entries;
}

START_TEST(files_held_open_leave_descriptors_for_clients)
{
	struct folder folder;
	struct rlimit before, few;
	folder_make(&folder);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct conf files = conf_with(BACKEND_FILE, &folder), both = conf_with(BACKEND_MEMORY | BACKEND_FILE, &folder);
	few = (struct rlimit){.rlim_cur = 400, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	uint64_t held = entries_at_most(&files), kept = entries_at_most(&both);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_uint_eq(held, 100);
	ck_assert_msg(kept == 5000, "pages in memory need no descriptors");
	if (before.rlim_cur >= 4000)
		ck_assert_uint_eq(entries_at_most(&files), 1000);
	folder_remove(&folder);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker/store");
	TCase *c = tcase_create("store");
	tcase_add_test(c, files_held_open_leave_descriptors_for_clients);
	suite_add_tcase(s, c);
	return suite_run(s);
}
