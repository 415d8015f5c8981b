/* What is particular to the file tier: restarts, damage, several on one directory, the bound on disk, disks that fail. */
#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "capture.h"
#include "tier/file_make.h"
#include "tier/purge_log.h"

enum { LARGE = 1 << 30 };

static struct folder folder;

static void begin(void)
{
	folder_remove(&folder);
	folder_make(&folder);
}

static const char *page_key(unsigned i)
{
	static _Thread_local char key[64];
	snprintf(key, sizeof(key), "GET http://h/page?%u", i);
	return key;
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

START_TEST(pages_survive_a_restart)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	for (unsigned i = 0; i < 200; i++)
		must(store_numbered(t, page_key(i), i, i % 2 ? "odd" : "even") == ERR_OK, "%u", i);
	ck_assert_uint_eq(file_stats(t).bytes, file_bytes_on_disk(folder.path));
	tier_close(&t);

	t = file_open_at(folder.path, LARGE);
	ck_assert_uint_eq(file_stats(t).bytes, file_bytes_on_disk(folder.path));
	for (unsigned i = 0; i < 200; i++) /* in memory, and as files */
		must(find_numbered(t, page_key(i), i % 3 ? 0 : NUMBERED_MAX) == i, "%u", i);
	file_wait_filled(t);
	ck_assert_uint_eq(file_stats(t).entries, 200);
	ck_assert_uint_eq(purge(t, PURGE_TAG, "odd", false).count, 100);
	for (unsigned i = 0; i < 200; i++)
		must(find_numbered(t, page_key(i), 0) == (i % 2 ? UINT64_MAX : i), "%u", i);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* What nobody has listed yet is purged all the same. */
START_TEST(purges_right_after_a_restart_cover_what_was_there)
{
	static const struct {
		const char *what;
		enum purge_kind kind;
		const char *arg;
		bool soft;
	} rows[] = {
	    {"all", PURGE_ALL, "", false},
	    {"a tag", PURGE_TAG, "t", false},
	    {"a prefix", PURGE_PREFIX, "/page", false},
	    {"a url", PURGE_URL, "GET http://h/page?7", false},
	    {"a tag, softly", PURGE_TAG, "t", true},
	    {"a url, softly", PURGE_URL, "GET http://h/page?7", true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin();
		struct tier *t = file_open_at(folder.path, LARGE);
		ck_assert_int_eq(store_numbered(t, page_key(7), 7, "t"), ERR_OK);
		ck_assert_int_eq(store_numbered(t, "GET http://other/", 8, "u"), ERR_OK);
		tier_close(&t);
		for (unsigned k = 0; k < 2; k++) { /* and it stays so */
			t = file_open_at(folder.path, LARGE);
			if (k == 0)
				purge(t, rows[i].kind, rows[i].arg, rows[i].soft);
			struct entry *e = find(t, page_key(7));
			ck_assert_msg(rows[i].soft ? e && atomic_load(&e->purged) : !e, "%s, %u", rows[i].what, k);
			entry_release(&e);
			ck_assert_msg(has(t, "GET http://other/") == (rows[i].kind != PURGE_ALL), "%s", rows[i].what);
			tier_close(&t);
		}
	}
	folder_remove(&folder);
}
END_TEST

START_TEST(a_restart_with_10000_pages_is_at_once)
{
	enum { N = 10000 };
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	int64_t began_us = clock_mono_us();
	for (unsigned i = 0; i < N; i++) {
		struct recipe r = {.key = page_key(i), .body = STR("small"), .lifetime_ms = INT64_MAX / 2};
		must(store(t, &r) == ERR_OK, "%u", i);
	}
	int64_t stored_us = clock_mono_us();
	tier_close(&t);
	int64_t closed_us = clock_mono_us();
	t = file_open_at(folder.path, LARGE);
	ck_assert(has(t, page_key(N - 1)));
	int64_t first_us = clock_mono_us();
	for (unsigned i = 0; i < N; i++)
		must(has(t, page_key(i)), "%u", i);
	int64_t all_us = clock_mono_us();
	file_wait_filled(t);
	int64_t filled_us = clock_mono_us();
	ck_assert_uint_eq(file_stats(t).entries, N);
	printf("10,000 pages: stored in %lld ms; after a restart the first was found in %lld us, all in %lld ms, index "
	       "full after %lld ms\n",
	    (long long)(stored_us - began_us) / 1000, (long long)(first_us - closed_us),
	    (long long)(all_us - closed_us) / 1000, (long long)(filled_us - closed_us) / 1000);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* A burst */

struct burst_put {
	struct tier_put op;
	struct burst *burst;
};

struct burst {
	atomic_uint stored, refused;
	struct burst_put puts[20000];
};

static void on_burst_put(struct tier_put *op, int err)
{
	struct burst *b = CONTAINER_OF(op, struct burst_put, op)->burst;
	must(err == ERR_OK || err == ERR_BUSY, "%s", err_name(err));
	entry_release(&op->entry);
	atomic_fetch_add(err == ERR_OK ? &b->stored : &b->refused, 1);
}

static void burst_add(struct tier *t, struct burst *b)
{
	for (unsigned i = 0; i < COUNT_OF(b->puts); i++) {
		struct burst_put *put = &b->puts[i];
		struct recipe r = {.key = page_key(i), .body = STR("small"), .lifetime_ms = INT64_MAX / 2};
		*put = (struct burst_put){.op.done = on_burst_put, .burst = b};
		must(make_entry(t, &r, &put->op.entry) == ERR_OK, "%u", i);
		must(tier_put(t, &put->op) == ERR_AGAIN, "the %uth of a burst is not taken", i);
	}
}

START_TEST(a_burst_waits_for_the_disk_and_no_purge_for_it)
{
	begin();
	struct burst *b = mem_zalloc(sizeof(*b));
	struct file_options o = {.path = str_of(folder.path),
	    .file_size = LARGE,
	    .max_variants = 4,
	    .threads = 1,
	    .close_ms = 1,
	    .key_seed = KEY_SEED};
	struct tier *t;
	const char *why;
	ck_assert_int_eq(file_tier_new(&o, &t, &why), ERR_OK);
	burst_add(t, b);
	purge(t, PURGE_TAG, "t", false);
	for (unsigned i = 0; i <= PURGE_LOG_MAX; i++) { /* none of them is purged, though nobody can tell any more */
		char key[64];
		snprintf(key, sizeof(key), "GET http://elsewhere/%u", i);
		purge(t, PURGE_URL, key, false);
	}
	unsigned before = atomic_load(&b->stored);
	ck_assert_uint_lt(before, COUNT_OF(b->puts));
	tier_close(&t); /* which is not held up by so many */
	unsigned stored = atomic_load(&b->stored), refused = atomic_load(&b->refused);
	ck_assert_uint_eq(stored + refused, COUNT_OF(b->puts));
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_ge(stored, before);
	t = file_open_at(folder.path, LARGE);
	file_wait_filled(t);
	ck_assert_uint_eq(file_stats(t).entries, stored);
	tier_close(&t);
	free(b);
	folder_remove(&folder);
}
END_TEST

/* Damage */

static char damaged_path[512];
static unsigned damaged_choice;

static int choose_file(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	if (kind == FTW_F && where->level == 3 && damaged_choice-- == 0)
		snprintf(damaged_path, sizeof(damaged_path), "%s", path);
	return 0;
}

/* A random file of a page, spoilt in one of several ways. */
static void damage_one(uint32_t *random, unsigned n_files)
{
	char pages[128], byte;
	snprintf(pages, sizeof(pages), "%s/pages", folder.path);
	damaged_path[0] = 0;
	damaged_choice = next_random(random) % n_files;
	nftw(pages, choose_file, 16, FTW_PHYS);
	if (!damaged_path[0])
		return;
	struct stat st;
	int fd = open(damaged_path, O_RDWR);
	if (fd < 0) /* what was replaced leaves in the background: it has just gone */
		return;
	must(fstat(fd, &st) == 0, "%s", damaged_path);
	off_t at = st.st_size > 0 ? (off_t)(next_random(random) % (uint32_t)st.st_size) : 0;
	switch (next_random(random) % 6) {
	case 0: /* cut */
		must(ftruncate(fd, at) == 0, "cut");
		break;
	case 1: /* longer */
		must(pwrite(fd, "x", 1, st.st_size) == 1, "longer");
		break;
	case 2: /* gone */
		must(unlink(damaged_path) == 0 || errno == ENOENT, "gone");
		break;
	case 3: /* something else in its place */
		must((unlink(damaged_path) == 0 || errno == ENOENT) && mkdir(damaged_path, 0700) == 0, "a directory");
		break;
	default: /* one bit */
		if (pread(fd, &byte, 1, at) == 1) {
			byte = (char)(byte ^ 1 << next_random(random) % 8);
			must(pwrite(fd, &byte, 1, at) == 1, "one bit");
		}
	}
	close(fd);
}

START_TEST(damage_is_a_miss_and_never_a_wrong_byte)
{
	enum { N = 20, ROUNDS = 40 };
	begin();
	uint32_t random = 2463534242u;
	struct tier *t = file_open_at(folder.path, LARGE);
	uint64_t missed = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < N; i++)
			must(store_numbered(t, page_key(i), round * N + i, "t") == ERR_OK, "%u: %u", round, i);
		for (unsigned k = 0; k < 5; k++)
			damage_one(&random, 2 * N);
		if (round % 4 == 3) { /* the background pass finds it as well */
			tier_close(&t);
			t = file_open_at(folder.path, LARGE);
		}
		if (round % 8 == 7)
			file_wait_filled(t);
		for (unsigned i = 0; i < N; i++) {
			uint64_t number = find_numbered(t, page_key(i), round % 2 ? 0 : NUMBERED_MAX);
			must(number == UINT64_MAX || number == round * N + i, "an old page came back");
			missed += number == UINT64_MAX;
		}
		must(missed == 0 || file_stats(t).corrupt > 0 || round % 4 == 3, "%u: not counted", round);
	}
	ck_assert_uint_gt(missed, ROUNDS);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

START_TEST(what_is_damaged_is_removed_and_another_variant_found)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	struct recipe r = {.key = page_key(1), .body = STR("default"), .lifetime_ms = INT64_MAX / 2};
	ck_assert_int_eq(store(t, &r), ERR_OK);
	r.vary[0] = (struct header){STR("l"), STR("de")};
	r.body = STR("german");
	ck_assert_int_eq(store(t, &r), ERR_OK);
	struct entry *e = find_how(t, page_key(1), 0);
	ck_assert_msg(e && body_is(e, STR("german")), "what varies comes first");
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", body_file(e->body));
	int fd = open(path, O_WRONLY);
	must(fd >= 0 && pwrite(fd, "G", 1, 0) == 1, "cannot spoil it");
	close(fd);
	ck_assert_msg(!body_is_current(e->body), "a change is not seen");
	entry_release(&e);
	capture_begin();
	e = find_how(t, page_key(1), 0);
	char *log = capture_end();
	ck_assert_msg(e && body_is(e, STR("default")), "the other one is good");
	ck_assert_msg(capture_count(log, "\n") == 1 && strstr(log, " is damaged, and counts as missing") &&
			  strstr(log, folder.path),
	    "%s", log);
	free(log);
	entry_release(&e);
	struct tier_stats s = file_stats(t);
	ck_assert_uint_eq(s.corrupt, 1);
	ck_assert_uint_eq(s.entries, 1);
	ck_assert_uint_eq(s.bytes, file_bytes_on_disk(folder.path));
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* Several on one directory */

static void count_receipt(void *ctx, const struct tier_receipt *r)
{
	++*(unsigned *)ctx;
}

static void reach(struct tier *t, uint64_t seq)
{
	ck_assert_uint_ne(seq, 0);
	unsigned receipts = 0;
	ck_assert_int_eq(tier_await(t, seq, 10000, count_receipt, &receipts), ERR_OK);
	ck_assert_uint_eq(receipts, 2);
}

START_TEST(two_tiers_share_a_directory)
{
	begin();
	struct tier *a = file_open_at(folder.path, LARGE), *b = file_open_at(folder.path, LARGE);
	static const struct {
		const char *what;
		enum purge_kind kind;
		const char *arg;
	} rows[] = {
	    {"a url", PURGE_URL, "GET http://h/page?1"},
	    {"a tag", PURGE_TAG, "t"},
	    {"a prefix", PURGE_PREFIX, "http://h/"},
	    {"a glob", PURGE_GLOB, "*page*1"},
	    {"all", PURGE_ALL, ""},
	};
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		bool soft = i % 2;
		uint64_t began = tier_epoch(b);
		must(store_numbered(a, page_key(1), i, "t") == ERR_OK, "%s", rows[i / 2].what);
		ck_assert_msg(find_numbered(b, page_key(1), 0) == i, "%s: not shared", rows[i / 2].what);
		struct tier_purge op = purge(a, rows[i / 2].kind, rows[i / 2].arg, soft);
		ck_assert_uint_eq(op.count, 1);
		reach(a, op.seq);
		struct entry *e = find(b, page_key(1));
		ck_assert_msg(soft ? e && atomic_load(&e->purged) : !e, "%s: b does not know", rows[i / 2].what);
		entry_release(&e);
		struct recipe r = {.key = page_key(1), .tags = "t", .body = STR("old"), .epoch = began};
		ck_assert_msg(store(b, &r) == ERR_STALE, "%s: b stores what began before", rows[i / 2].what);
		/* and the other way round */
		must(store_numbered(b, page_key(1), i, "t") == ERR_OK, "%s", rows[i / 2].what);
		ck_assert(find_numbered(a, page_key(1), 0) == i);
		ck_assert_uint_eq(invalidate(b, page_key(1)).count, 1);
		ck_assert(!has(a, page_key(1)));
		op = purge(b, PURGE_TAG, "nobody's", false);
		reach(b, op.seq);
		ck_assert_uint_eq(file_stats(a).bytes, file_bytes_on_disk(folder.path));
	}
	tier_close(&a);
	tier_close(&b);
	folder_remove(&folder);
}
END_TEST

START_TEST(what_one_replaces_the_other_finds)
{
	begin();
	struct tier *a = file_open_at(folder.path, LARGE), *b = file_open_at(folder.path, LARGE);
	for (unsigned i = 0; i < 100; i++) {
		must(store_numbered(i % 2 ? a : b, page_key(1), i, NULL) == ERR_OK, "%u", i);
		must(
		    find_numbered(a, page_key(1), 0) == i && find_numbered(b, page_key(1), NUMBERED_MAX) == i, "%u", i);
	}
	ck_assert_uint_eq(file_stats(a).bytes, file_bytes_on_disk(folder.path));
	struct entry *e = find(b, page_key(1));
	tier_remove(b, e);
	entry_release(&e);
	ck_assert(!has(b, page_key(1)));
	FILE_WAIT(!has(a, page_key(1)));
	tier_close(&a);
	tier_close(&b);
	folder_remove(&folder);
}
END_TEST

/* The one that purges does not know what the other has stored since it began: that one takes its files away. */
/* A store that is slow on its way, or a page that another tier had, against what lies there by then. */
START_TEST(what_is_overtaken_gives_way)
{
	static const struct {
		const char *what;
		int64_t here_ms, comes_ms;
		bool late, found; /* asked for before the one that is here was; found in another tier */
		bool stays;
	} rows[] = {
	    {"a later store", 2000, 3000, false, false, false},
	    {"a later store of an older page", 2000, 1000, false, false, false},
	    {"one that was asked for before", 2000, 1000, true, false, true},
	    {"a newer one that was asked for before", 2000, 3000, true, false, false},
	    {"an older one that was found", 2000, 1000, false, true, true},
	    {"the same that was found", 2000, 2000, false, true, true},
	    {"a newer one that was found", 2000, 3000, false, true, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin();
		struct tier *t = file_open_at(folder.path, LARGE);
		uint64_t before = file_store__new_id(file_inside(t), 0);
		struct recipe r = {.key = "GET http://h/p", .body = STR("here"), .lifetime_ms = 1};
		r.response_ms = rows[i].here_ms;
		ck_assert_int_eq(store(t, &r), ERR_OK);
		struct tier_put op = {.found = rows[i].found};
		r.response_ms = rows[i].comes_ms;
		r.body = STR("comes");
		ck_assert_int_eq(make_entry(t, &r, &op.entry), ERR_OK);
		uint64_t id = rows[i].late ? before : file_store__new_id(file_inside(t), 0);
		ck_assert_msg(file_write__entry(file_inside(t), &op, id) == ERR_OK, "%s", rows[i].what);
		entry_release(&op.entry);
		struct entry *e = find(t, r.key);
		ck_assert_msg(e && body_is(e, rows[i].stays ? STR("here") : STR("comes")), "%s", rows[i].what);
		entry_release(&e);
		ck_assert_uint_eq(file_left_in_tmp(folder.path), 0);
		ck_assert_uint_eq(file_stats(t).bytes, file_bytes_on_disk(folder.path));
		tier_close(&t);
		folder_remove(&folder);
	}
}
END_TEST

START_TEST(what_only_the_other_knows_leaves_the_disk)
{
	begin();
	struct tier *a = file_open_at(folder.path, LARGE), *b = file_open_at(folder.path, LARGE);
	file_wait_filled(a);
	file_wait_filled(b);
	for (unsigned i = 0; i < 50; i++)
		must(store_numbered(b, page_key(i), i, i % 2 ? "odd" : "even") == ERR_OK, "%u", i);
	struct tier_purge op = purge(a, PURGE_TAG, "odd", false);
	ck_assert_msg(op.count == 0, "it knows them");
	FILE_WAIT(file_stats(b).entries == 25);
	reach(b, op.seq); /* else what is stored now is labelled before it */
	ck_assert_int_eq(store_numbered(b, page_key(1), 1, "odd"), ERR_OK);
	reach(a, op.seq);
	tier_close(&a);
	tier_close(&b);
	a = file_open_at(folder.path, LARGE);
	file_wait_filled(a);
	ck_assert_uint_eq(file_stats(a).entries, 26);
	ck_assert(find_numbered(a, page_key(1), 0) == 1 && !has(a, page_key(3)));
	tier_close(&a);
	folder_remove(&folder);
}
END_TEST

/* The bound */

struct storing {
	struct tier *tier;
	unsigned from, n;
};

static void *store_many(void *arg)
{
	struct storing *s = arg;
	for (unsigned i = 0; i < s->n; i++) {
		int err = store_numbered(s->tier, page_key(s->from + i), i, "t");
		must(err == ERR_OK || err == ERR_FULL, "%s", err_name(err));
	}
	return NULL;
}

START_TEST(the_sum_on_disk_stays_below_the_bound)
{
	enum { BOUND = 4 << 20 };
	begin();
	struct tier *a = file_open_at(folder.path, BOUND), *b = file_open_at(folder.path, BOUND);
	for (unsigned round = 0; round < 4; round++) {
		struct storing s[] = {{a, round * 1000, 150}, {b, round * 1000 + 500, 150}};
		pthread_t threads[2];
		for (unsigned i = 0; i < 2; i++)
			must(pthread_create(&threads[i], NULL, store_many, &s[i]) == 0, "no thread");
		for (unsigned i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		uint64_t there = file_bytes_on_disk(folder.path);
		ck_assert_msg(there <= BOUND, "%u: %llu", round, (unsigned long long)there);
		ck_assert_msg(there >= BOUND / 2, "%u: only %llu", round, (unsigned long long)there);
		ck_assert_uint_eq(file_stats(a).bytes, there);
	}
	ck_assert_uint_gt(file_stats(a).evicted + file_stats(b).evicted, 0);
	/* One that knows nothing yet makes room as well. */
	tier_close(&a);
	tier_close(&b);
	a = file_open_at(folder.path, BOUND / 2);
	FILE_WAIT(tier_sweep(a, 0, 1) == 0 && file_stats(a).bytes <= BOUND / 2);
	ck_assert_uint_le(file_bytes_on_disk(folder.path), BOUND / 2);
	ck_assert_int_eq(store_numbered(a, page_key(9), 9, NULL), ERR_OK);
	ck_assert(find_numbered(a, page_key(9), 0) == 9);
	tier_close(&a);
	folder_remove(&folder);
}
END_TEST

START_TEST(lost_counts_are_made_anew)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	for (unsigned i = 0; i < 50; i++)
		must(store_numbered(t, page_key(i), i, NULL) == ERR_OK, "%u", i);
	uint64_t bytes = file_stats(t).bytes;
	tier_close(&t);
	char path[128];
	snprintf(path, sizeof(path), "%s/pages/usage", folder.path);
	for (unsigned i = 0; i < 2; i++) {
		must(i ? truncate(path, 5) == 0 : unlink(path) == 0, "%s", path);
		t = file_open_at(folder.path, LARGE);
		ck_assert_uint_eq(file_stats(t).bytes, bytes);
		file_wait_filled(t);
		ck_assert_uint_eq(file_stats(t).bytes, bytes);
		ck_assert_uint_eq(file_stats(t).entries, 50);
		tier_close(&t);
	}
	folder_remove(&folder);
}
END_TEST

static atomic_uint puts_done;

static void on_put(struct tier_put *op, int err)
{
	must(err == ERR_OK, "%s", err_name(err));
	atomic_fetch_add(&puts_done, 1);
}

/* As one that is stopped (SIGSTOP) while it adds to the journal. */
START_TEST(another_process_with_a_lock_in_its_hand_holds_up_no_lookup)
{
	enum { PUTS = 8 };
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	must(store_numbered(t, page_key(1), 1, NULL) == ERR_OK, "not stored");
	char path[128];
	snprintf(path, sizeof(path), "%s/pages/journal", folder.path);
	int fd = open(path, O_RDWR);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 2};
	must(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0, "no lock");
	struct tier_put ops[PUTS];
	for (unsigned i = 0; i < PUTS; i++) {
		struct recipe r = {
		    .key = page_key(100 + i), .body = STR("x"), .lifetime_ms = 1, .epoch = tier_epoch(t)};
		ops[i] = (struct tier_put){.done = on_put};
		must(make_entry(t, &r, &ops[i].entry) == ERR_OK, "no room");
		ck_assert_int_eq(tier_put(t, &ops[i]), ERR_AGAIN);
	}
	ck_assert_uint_eq(find_numbered(t, page_key(1), 0), 1);
	ck_assert_uint_eq(find_numbered(t, page_key(2), 0), UINT64_MAX);
	ck_assert_uint_eq(atomic_load(&puts_done), 0);
	close(fd);
	FILE_WAIT(atomic_load(&puts_done) == PUTS);
	for (unsigned i = 0; i < PUTS; i++)
		entry_release(&ops[i].entry);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* Mapped bytes behind the end of their file would end the process. */
START_TEST(counts_that_are_spoiled_while_in_use_are_made_anew)
{
	char path[128], junk[4096];
	memset(junk, 0xa5, sizeof(junk));
	for (unsigned how = 0; how < 3; how++) {
		begin();
		struct tier *t = file_open_at(folder.path, LARGE);
		for (unsigned i = 0; i < 20; i++)
			must(store_numbered(t, page_key(i), i, NULL) == ERR_OK, "%u", i);
		FILE_WAIT(
		    atomic_load(&file_inside(t)->filled)); /* nobody looks at it while it is cut: see file_usage.c */
		snprintf(path, sizeof(path), "%s/pages/usage", folder.path);
		int fd = open(path, O_WRONLY);
		must(fd >= 0 && (how == 2 ? pwrite(fd, junk, sizeof(junk), 0) == sizeof(junk)
					  : ftruncate(fd, how ? 5000 : 0) == 0),
		    "%s", path);
		close(fd);
		(void)file_stats(t);
		for (unsigned i = 20; i < 40; i++)
			must(store_numbered(t, page_key(i), i, NULL) == ERR_OK, "%u: %u", how, i);
		for (unsigned i = 0; i < 40; i++)
			ck_assert_uint_eq(find_numbered(t, page_key(i), 0), i);
		ck_assert_msg(file_stats(t).bytes >= file_bytes_on_disk(folder.path), "%u: the bound holds again", how);
		tier_close(&t);
		folder_remove(&folder);
	}
}
END_TEST

START_TEST(what_is_filled_late_is_found_before)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	must(store_numbered(t, page_key(1), 1, NULL) == ERR_OK, "not stored");
	tier_close(&t);
	const char *why;
	struct file_options o = {.path = str_of(folder.path),
	    .file_size = LARGE,
	    .max_variants = 4,
	    .threads = 2,
	    .key_seed = KEY_SEED,
	    .fill_late = true};
	ck_assert_int_eq(file_tier_new(&o, &t, &why), ERR_OK);
	ck_assert_uint_eq(find_numbered(t, page_key(1), 0), 1);
	ck_assert(!atomic_load(&file_inside(t)->filled));
	for (unsigned i = 0; i < 2; i++)
		tier_sweep(t, clock_wall_ms(), 1);
	file_wait_filled(t);
	ck_assert_uint_eq(file_stats(t).entries, 1);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* Each leaf's own count, of which the sum is made when a process begins. */
START_TEST(a_soft_purge_leaves_the_counts_right)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	must(store_numbered(t, page_key(1), 1, NULL) == ERR_OK, "not stored");
	struct tier_purge p = {.kind = PURGE_URL, .key = key_of(page_key(1)), .arg = str_of(page_key(1)), .soft = true};
	ck_assert_int_eq(make_purge(t, &p), ERR_OK);
	ck_assert_uint_eq(p.count, 1);
	char sha[SHA256_HEX + 1];
	sha256_hex(p.key.text, sha);
	/* All but the directory of the first level. */
	ck_assert_uint_eq((file_usage__of_leaf(&file_inside(t)->usage, file_leaf__of(sha)) + 1) * FILE_UNIT,
	    file_bytes_on_disk(folder.path));
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

START_TEST(more_may_stay_counted_than_was_reserved)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	struct file_usage *u = &file_inside(t)->usage;
	uint64_t before = file_usage__bytes(u);
	ck_assert(file_usage__reserve(u, 4, LARGE));
	file_usage__settle(u, 4, 5);
	ck_assert_uint_eq(file_usage__bytes(u), before + 5 * FILE_UNIT);
	ck_assert(file_usage__reserve(u, 4, LARGE));
	file_usage__settle(u, 4, 1);
	ck_assert_uint_eq(file_usage__bytes(u), before + 6 * FILE_UNIT);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* A renewed page takes the bytes of the old one along without a copy. */
START_TEST(a_renewed_page_links_its_body)
{
	begin();
	struct tier *t = file_open_at(folder.path, LARGE);
	ck_assert_int_eq(store_numbered(t, page_key(1), 1234, NULL), ERR_OK);
	struct entry *old = find_how(t, page_key(1), 0), *renewed;
	struct stat before, after;
	must(old && fstat(body_file(old->body), &before) == 0, "not found");
	struct stored stored = *ENTRY_STORED(old);
	stored.lifetime_ms = 7777;
	struct arena a;
	arena_init(&a, 0);
	struct entry_spec spec = {.stored = &stored, .headers = entry_headers(old, &a), .epoch = old->epoch};
	ck_assert_int_eq(entry_renew(old, &spec, &renewed), ERR_OK);
	struct tier_put op = {.entry = renewed};
	ck_assert_int_eq(make_put(t, &op), ERR_OK);
	struct entry *e = find_how(t, page_key(1), 0);
	must(e && fstat(body_file(e->body), &after) == 0, "not found");
	ck_assert_int_eq(ENTRY_STORED(e)->lifetime_ms, 7777);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_uint_eq(after.st_nlink, 1);
	ck_assert(find_numbered(t, page_key(1), 0) == 1234);
	ck_assert_uint_eq(file_stats(t).bytes, file_bytes_on_disk(folder.path));
	/* Gone meanwhile: its bytes are copied out of the open file. */
	tier_remove(t, e);
	FILE_WAIT(!has(t, page_key(1)) && !body_is_current(e->body));
	entry_release(&renewed);
	ck_assert_int_eq(entry_renew(e, &spec, &renewed), ERR_OK);
	op.entry = renewed;
	arena_free(&a);
	FILE_WAIT(fstat(body_file(e->body), &after) == 0 && after.st_nlink == 0);
	ck_assert_int_eq(make_put(t, &op), ERR_OK);
	ck_assert(find_numbered(t, page_key(1), 0) == 1234);
	entry_release(&renewed);
	entry_release(&old);
	entry_release(&e);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

/* Disks that fail */

START_TEST(a_full_disk_fails_no_lookup)
{
	begin();
	if (mount("tmpfs", folder.path, "tmpfs", 0, "size=2m")) {
		printf("skipped: no right to mount a small tmpfs\n");
		folder_remove(&folder);
		return;
	}
	log_set_level(LOG_ERROR);
	struct tier *t = file_open_at(folder.path, LARGE);
	unsigned stored = 0, refused = 0;
	for (unsigned i = 0; i < 200; i++) {
		int err = store_numbered(t, page_key(i), i, "t");
		must(err == ERR_OK || err == ERR_FULL || err == ERR_IO, "%s", err_name(err));
		stored += err == ERR_OK;
		refused += err != ERR_OK;
		uint64_t number = find_numbered(t, page_key(i), 0);
		must(number == (err ? UINT64_MAX : i), "%u", i);
	}
	ck_assert_msg(stored > 10 && refused > 0, "%u stored, %u refused", stored, refused);
	ck_assert_uint_gt(file_stats(t).errors, 0);
	ck_assert_uint_eq(file_left_in_tmp(folder.path), 0);
	ck_assert_uint_eq(file_stats(t).bytes, file_bytes_on_disk(folder.path));
	for (unsigned i = 0; i < 200; i++) {
		struct tier_invalidate op = {.key = key_of(page_key(i))};
		int err = make_invalidate(t, &op);
		/* The first ones may find no room for their record; their pages leave all the same, and make some. */
		must(err == ERR_OK || err == ERR_IO || err == ERR_FULL, "%s", err_name(err));
		must(!has(t, page_key(i)), "%u is found after its invalidation", i);
	}
	ck_assert_int_eq(store_numbered(t, page_key(1), 1, "t"), ERR_OK);
	tier_close(&t);
	must(umount(folder.path) == 0, "umount");
	log_set_level(LOG_INFO);
	folder_remove(&folder);
}
END_TEST

START_TEST(a_directory_that_vanishes_is_made_again)
{
	begin();
	log_set_level(LOG_ERROR);
	struct tier *t = file_open_at(folder.path, LARGE);
	char pages[128], gone[128];
	snprintf(pages, sizeof(pages), "%s/pages", folder.path);
	snprintf(gone, sizeof(gone), "%s/gone", folder.path);
	ck_assert_int_eq(store_numbered(t, page_key(1), 1, NULL), ERR_OK);
	must(rename(pages, gone) == 0, "rename");
	ck_assert(!has(t, page_key(1)));
	unsigned tries = 0;
	while (store_numbered(t, page_key(2), 2, NULL) && ++tries < 1000)
		;
	ck_assert_msg(tries < 1000, "nothing can be stored any more");
	FILE_WAIT(store_numbered(t, page_key(2), 2, NULL) == ERR_OK && find_numbered(t, page_key(2), 0) == 2);
	FILE_WAIT(file_stats(t).entries == 1);
	tier_close(&t);
	log_set_level(LOG_INFO);
	folder_remove(&folder);
}
END_TEST

START_TEST(what_cannot_be_a_directory_is_told)
{
	begin();
	struct tier *t;
	const char *why = NULL;
	char path[128];
	snprintf(path, sizeof(path), "%s/file", folder.path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	struct file_options o = {.path = str_of(path), .file_size = LARGE, .threads = 1};
	ck_assert_int_ne(file_tier_new(&o, &t, &why), ERR_OK);
	ck_assert(why && why[0]);
	ck_assert_ptr_null(t);
	o.path = STR("/nowhere/at/all");
	ck_assert_int_ne(file_tier_new(&o, &t, &why), ERR_OK);
	folder_remove(&folder);
}
END_TEST

/* Files of others in the directory stay. */
START_TEST(plain_values_and_strange_files_are_let_alone)
{
	begin();
	char value[256], strange[256];
	snprintf(value, sizeof(value), "%s/%064d.json", folder.path, 7);
	close(open(value, O_CREAT | O_WRONLY, 0600));
	struct tier *t = file_open_at(folder.path, LARGE);
	ck_assert_int_eq(store_numbered(t, page_key(1), 1, NULL), ERR_OK);
	char sha[SHA256_HEX + 1];
	sha256_hex(str_of(page_key(1)), sha);
	snprintf(strange, sizeof(strange), "%s/pages/%.2s/%.2s/README", folder.path, sha, sha + 2);
	close(open(strange, O_CREAT | O_WRONLY, 0600));
	purge(t, PURGE_ALL, "", false);
	tier_close(&t);
	t = file_open_at(folder.path, LARGE);
	file_wait_filled(t);
	ck_assert(access(value, F_OK) == 0);
	ck_assert_msg(access(strange, F_OK) == 0, "%s", strange);
	struct stat st;
	ck_assert(stat(folder.path, &st) == 0 && (st.st_mode & 0777) == 0700);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/file");
	TCase *t = tcase_create("file");
	tcase_add_test(t, pages_survive_a_restart);
	tcase_add_test(t, purges_right_after_a_restart_cover_what_was_there);
	tcase_add_test(t, a_restart_with_10000_pages_is_at_once);
	tcase_add_test(t, a_burst_waits_for_the_disk_and_no_purge_for_it);
	tcase_add_test(t, damage_is_a_miss_and_never_a_wrong_byte);
	tcase_add_test(t, what_is_damaged_is_removed_and_another_variant_found);
	tcase_add_test(t, two_tiers_share_a_directory);
	tcase_add_test(t, what_one_replaces_the_other_finds);
	tcase_add_test(t, what_is_overtaken_gives_way);
	tcase_add_test(t, what_only_the_other_knows_leaves_the_disk);
	tcase_add_test(t, the_sum_on_disk_stays_below_the_bound);
	tcase_add_test(t, lost_counts_are_made_anew);
	tcase_add_test(t, another_process_with_a_lock_in_its_hand_holds_up_no_lookup);
	tcase_add_test(t, counts_that_are_spoiled_while_in_use_are_made_anew);
	tcase_add_test(t, a_soft_purge_leaves_the_counts_right);
	tcase_add_test(t, more_may_stay_counted_than_was_reserved);
	tcase_add_test(t, what_is_filled_late_is_found_before);
	tcase_add_test(t, a_renewed_page_links_its_body);
	tcase_add_test(t, a_full_disk_fails_no_lookup);
	tcase_add_test(t, a_directory_that_vanishes_is_made_again);
	tcase_add_test(t, what_cannot_be_a_directory_is_told);
	tcase_add_test(t, plain_values_and_strange_files_are_let_alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
