/* The dispatch: what callers may rely on whatever the tier is. */
#include "suite.h"

#include "tier/purge_log.h"

struct fake {
	struct tier tier;
	uint64_t epoch_seen; /* of the log, when purge was called */
	unsigned calls;
};

static int fake_get(struct tier *t, struct tier_get *op)
{
	((struct fake *)t)->calls++;
	return ERR_MISSING;
}

static int fake_purge(struct tier *t, struct tier_purge *op)
{
	((struct fake *)t)->epoch_seen = tier_epoch(t);
	op->count += 3;
	return ERR_OK;
}

static void fake_stats(struct tier *t, struct tier_stats *out)
{
	out->entries++;
}

static void fake_close(struct tier *t)
{
	((struct fake *)t)->calls++;
	purge_log__free(t->purges);
}

static const struct tier_ops fake_ops = {
    .name = "fake", .get = fake_get, .purge = fake_purge, .stats = fake_stats, .close = fake_close};

START_TEST(results_are_cleared_before_the_tier_is_asked)
{
	struct fake fake = {.tier = {.ops = &fake_ops, .purges = purge_log__new()}};
	struct tier *t = &fake.tier;
	struct tier_get get = {.entry = (struct entry *)1, .other_variant = true};
	ck_assert_int_eq(tier_get(t, &get), ERR_MISSING);
	ck_assert_ptr_null(get.entry);
	ck_assert(!get.other_variant);
	struct tier_stats stats = {.entries = 7, .bytes = 7};
	tier_stats(t, &stats);
	ck_assert_uint_eq(stats.entries, 1);
	ck_assert_uint_eq(stats.bytes, 0);

	struct tier_purge purge = {.kind = PURGE_ALL, .count = 9};
	ck_assert_int_eq(tier_purge(t, &purge), ERR_OK);
	ck_assert_uint_eq(purge.count, 3);
	ck_assert_uint_eq(purge.epoch, 1);
	ck_assert_msg(fake.epoch_seen == 1, "the tier was walked before the purge was remembered");
	ck_assert(tier_purged_since(t, 0, &get.key, NULL, 0));
	ck_assert(!tier_purged_since(t, 1, &get.key, NULL, 0));

	tier_close(&t);
	tier_close(&t); /* closed already: harmless */
	ck_assert_uint_eq(fake.calls, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/tier");
	TCase *t = tcase_create("dispatch");
	tcase_add_test(t, results_are_cleared_before_the_tier_is_asked);
	suite_add_tcase(s, t);
	return suite_run(s);
}
