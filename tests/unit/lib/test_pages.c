/* larder_forget_tag reaches the pages of proxies: those who follow the journal of the directory, and those who follow the stream in Redis, as
 * they really do. */
#include "tier/journal_side.h"
#include "tier/redis_rig.h"

#include "larder.h"

static larder_cache *open_directory(const char *path)
{
	larder_options o;
	larder_cache *c;
	larder_options_init(&o);
	o.backend = "file";
	o.path = path;
	ck_assert_int_eq(larder_open(&o, &c), LARDER_OK);
	return c;
}

START_TEST(those_who_follow_the_journal_hear_of_it)
{
	struct place p = place_make();
	char pages[80];
	snprintf(pages, sizeof(pages), "%s/pages", p.path);
	larder_cache *c = open_directory(p.path);

	/* Nobody keeps pages there: nothing is made. */
	ck_assert_int_eq(larder_forget_tag(c, "news"), LARDER_OK);
	ck_assert_int_lt(access(pages, F_OK), 0);
	ck_assert_int_eq(mkdir(pages, 0700), 0);
	ck_assert_int_eq(larder_forget_tag(c, "news"), LARDER_OK);

	struct side *a = side_open(pages, "a"), *b = side_open(pages, "b");
	uint64_t before = journal_position(a->journal);
	ck_assert_int_eq(larder_forget_tag(c, "news"), LARDER_OK);
	side_until(a, 1, 0);
	side_until(b, 1, 0);
	ck_assert_int_eq(a->heard[0].kind, PURGE_TAG);
	ck_assert(!a->heard[0].soft);
	ck_assert(str_eq(str_make(a->heard[0].arg, a->heard[0].n_arg), STR("news")));
	ck_assert_uint_eq(a->heard[0].seq, before + 1);
	ck_assert_int_eq(side_judge(b, before, "news"), LEDGER_HARD);
	ck_assert_int_eq(side_judge(b, before, "sport"), LEDGER_CLEAN);

	/* Theirs and ours, in one order. */
	ck_assert_uint_eq(side_purge(a, PURGE_TAG, "x"), before + 2);
	ck_assert_int_eq(larder_forget_tag(c, "caf\xc3\xa9 \"%\""), LARDER_OK);
	side_until(b, 3, 0);
	ck_assert(str_eq(str_make(b->heard[2].arg, b->heard[2].n_arg), STR("caf\xc3\xa9 \"%\"")));
	ck_assert_uint_eq(b->heard[2].seq, before + 3);
	ck_assert_uint_eq(side_everything(b), 0);

	/* What a crash cut short is cut off. */
	snprintf(p.journal, sizeof(p.journal), "%s/journal", pages);
	int fd = open(p.journal, O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "{\"seq\":1,", 9), 9);
	close(fd);
	ck_assert_int_eq(larder_forget_tag(c, "y"), LARDER_OK);
	side_until(b, 4, 0);
	ck_assert_uint_eq(b->heard[3].seq, before + 4);
	ck_assert_uint_eq(side_everything(b), 0);
	side_close(a);
	side_close(b);

	/* Damage is told, and left to who mends it. */
	place_write(&p, "nonsense\n", 9);
	ck_assert_int_eq(larder_forget_tag(c, "y"), LARDER_IO);
	larder_close(c);
	place_clear(&p);
}
END_TEST

/* Who follows one keeps it short. */
START_TEST(a_journal_that_nobody_follows_is_bounded)
{
	enum { LONG = 33 << 20 };
	struct place p = place_make();
	char pages[80];
	struct stat st;
	snprintf(pages, sizeof(pages), "%s/pages", p.path);
	ck_assert_int_eq(mkdir(pages, 0700), 0);
	struct side *a = side_open(pages, "a");
	uint64_t before = journal_position(a->journal);
	side_close(a);
	snprintf(p.journal, sizeof(p.journal), "%s/journal", pages);
	ck_assert_int_eq(truncate(p.journal, LONG), 0);
	larder_cache *c = open_directory(p.path);
	ck_assert_int_eq(larder_forget_tag(c, "news"), LARDER_OK);
	ck_assert(stat(p.journal, &st) == 0 && st.st_size == 0);
	a = side_open(pages, "a");
	ck_assert_msg(side_judge(a, before, "sport") == LEDGER_HARD, "what was stored before is trusted");
	side_close(a);
	larder_close(c);
	place_clear(&p);
}
END_TEST

/* A journal that was shortened begins with what is remembered. */
START_TEST(a_shortened_journal_is_no_harm)
{
	struct place p = place_make();
	char pages[80];
	snprintf(pages, sizeof(pages), "%s/pages", p.path);
	ck_assert_int_eq(mkdir(pages, 0700), 0);
	larder_cache *c = open_directory(p.path);
	struct side *a = side_open_sized(pages, "a", 256 * 1024), *b = side_open_sized(pages, "b", 256 * 1024);
	uint64_t seq = 0;
	for (int i = 0; i < 2000; i++) {
		char tag[16];
		snprintf(tag, sizeof(tag), "t%d", i % 7);
		seq = side_purge(a, PURGE_TAG, tag);
		if (i % 100 > 0)
			continue;
		/* Who is left behind by a shortening misses records, and knows it: not here. */
		ck_assert_int_eq(larder_forget_tag(c, tag), LARDER_OK);
		side_until(b, (size_t)(i + 1 + i / 100 + 1), 0);
	}
	ck_assert_int_eq(larder_forget_tag(c, "last"), LARDER_OK);
	side_until(b, 2021, 0);
	ck_assert_uint_eq(b->heard[2020].seq, seq + 1);
	ck_assert_uint_eq(side_everything(a) + side_everything(b), 0);
	side_close(a);
	side_close(b);
	larder_close(c);
	place_clear(&p);
}
END_TEST

struct heard {
	pthread_mutex_t lock;
	int tags, others;
	char arg[64];
};

static void hear(void *ctx, const struct tier_heard *what)
{
	struct heard *h = ctx;
	pthread_mutex_lock(&h->lock);
	if (what->purge.kind == PURGE_TAG && !what->everything && !what->purge.soft) {
		h->tags++;
		snprintf(h->arg, sizeof(h->arg), "%.*s", STR_ARG(what->purge.arg));
	} else {
		h->others++;
	}
	pthread_mutex_unlock(&h->lock);
}

static int tags_heard(struct heard *h)
{
	pthread_mutex_lock(&h->lock);
	int n = h->tags;
	pthread_mutex_unlock(&h->lock);
	return n;
}

START_TEST(those_who_follow_the_stream_hear_of_it)
{
	struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct tier *t = rig_open(&(struct rig){.url = rig_redis()->url, .prefix = 900, .heard = hear, .ctx = &h});
	larder_options o;
	larder_cache *c;
	larder_options_init(&o);
	o.backend = "redis";
	o.url = rig_redis()->socket_url;
	o.pages_prefix = "t900";
	ck_assert_int_eq(larder_open(&o, &c), LARDER_OK);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (int i = 1; i <= 3; i++) {
		ck_assert_msg(larder_forget_tag(c, "news of \"today\"") == LARDER_OK, "%s", larder_last_error());
		while (tags_heard(&h) < i)
			server_pause(deadline, "a purge of the library's");
	}
	ck_assert_str_eq(h.arg, "news of \"today\"");
	ck_assert_int_eq(h.others, 0);
	larder_close(c);
	o.pages_prefix = "";
	ck_assert_int_eq(larder_open(&o, &c), LARDER_OK);
	ck_assert_int_eq(larder_forget_tag(c, "news"), LARDER_OK);
	larder_close(c);
	ck_assert_int_eq(tags_heard(&h), 3);
	tier_close(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/pages");
	TCase *c = tcase_create("pages");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, those_who_follow_the_journal_hear_of_it);
	tcase_add_test(c, a_journal_that_nobody_follows_is_bounded);
	tcase_add_test(c, a_shortened_journal_is_no_harm);
	tcase_add_test(c, those_who_follow_the_stream_hear_of_it);
	suite_add_tcase(s, c);
	return suite_run(s);
}
