/* What the tests of the file tier share: pages whose bytes tell their number, and what lies on disk. */
#ifndef LARDER_TESTS_TIER_FILE_MAKE_H
#define LARDER_TESTS_TIER_FILE_MAKE_H

#include "base/clock.h"
#include "base/log.h"
#include "tier/file_private.h"
#include "tier/folder.h"
#include "tier/make.h"

enum { NUMBERED_MAX = 100000 };

static inline struct tier *file_open_at(const char *path, uint64_t file_size)
{
	struct tier *t;
	const char *why = "";
	struct file_options o = {
	    .path = str_of(path), .file_size = file_size, .max_variants = 4, .threads = 2, .key_seed = KEY_SEED};
	int err = file_tier_new(&o, &t, &why);
	must(err == ERR_OK, "%s: %s", path, why);
	return t;
}

static inline struct file_tier *file_inside(struct tier *t)
{
	return CONTAINER_OF(t, struct file_tier, tier);
}

/* Waits until something in the tier's background has come true. */
#define FILE_WAIT(condition)                                                                                           \
	do {                                                                                                           \
		int64_t until_us = clock_mono_us() + 30 * (int64_t)1000000;                                            \
		while (!(condition)) {                                                                                 \
			must(clock_mono_us() < until_us, "it does not come true: %s", #condition);                     \
			sched_yield();                                                                                 \
		}                                                                                                      \
	} while (0)

static inline void file_wait_filled(struct tier *t)
{
	FILE_WAIT(atomic_load(&file_inside(t)->filled));
}

/* A body that says which one it is: the number, then bytes that follow from it. Its size too. */
static inline struct str numbered_bytes(uint64_t number, char *room)
{
	size_t n = sizeof(number) + number * 7919 % (NUMBERED_MAX - sizeof(number));
	memcpy(room, &number, sizeof(number));
	for (size_t i = sizeof(number); i < n; i++)
		room[i] = (char)(number * 31 + i * 7 + (i >> 8));
	return str_make(room, n);
}

static inline int store_numbered(struct tier *t, const char *key, uint64_t number, const char *tags)
{
	char *room = mem_alloc(NUMBERED_MAX);
	struct recipe r = {.key = key,
	    .tags = tags,
	    .body = numbered_bytes(number, room),
	    .response_ms = clock_wall_ms(),
	    .lifetime_ms = 3600000,
	    .epoch = tier_epoch(t)};
	int err = store(t, &r);
	free(room);
	return err;
}

static inline struct entry *find_how(struct tier *t, const char *key, size_t in_memory)
{
	struct tier_get op = {.key = key_of(key), .in_memory = in_memory};
	int err = make_get(t, &op);
	must(err == (op.entry ? ERR_OK : ERR_MISSING), "%s: %s", key, err_name(err));
	return op.entry;
}

/* The number that the page has, after each byte was compared; UINT64_MAX: there is no page. */
static inline uint64_t find_numbered(struct tier *t, const char *key, size_t in_memory)
{
	struct entry *e = find_how(t, key, in_memory);
	if (!e)
		return UINT64_MAX;
	uint64_t number = UINT64_MAX;
	struct str first;
	if (body_file(e->body) >= 0)
		must(pread(body_file(e->body), &number, sizeof(number), 0) == sizeof(number), "%s: short", key);
	else if (body_segments(e->body, &first, 1) > 0 && first.n >= sizeof(number))
		memcpy(&number, first.p, sizeof(number));
	char *room = mem_alloc(NUMBERED_MAX);
	must(number != UINT64_MAX && body_is(e, numbered_bytes(number, room)), "%s: wrong bytes", key);
	must(str_eq(entry_key(e).text, str_of(key)), "%s: another page", key);
	free(room);
	entry_release(&e);
	return number;
}

static uint64_t file_walk_units;

static inline int file_walk_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	/* pages/ab, pages/ab/cd and the files there; not pages/tmp, the journal and the like. */
	const char *below = strstr(path, "/pages/");
	if (below && (below[9] == 0 || below[9] == '/'))
		file_walk_units += kind == FTW_D ? 1 : file__units((uint64_t)st->st_size);
	return 0;
}

/* What is really there, as the tier counts it. */
static inline uint64_t file_bytes_on_disk(const char *path)
{
	char pages[128];
	snprintf(pages, sizeof(pages), "%s/pages", path);
	file_walk_units = 0;
	nftw(pages, file_walk_one, 16, FTW_PHYS);
	return file_walk_units * FILE_UNIT;
}

static inline unsigned file_left_in_tmp(const char *path)
{
	char tmp[128];
	snprintf(tmp, sizeof(tmp), "%s/pages/tmp", path);
	unsigned n = 0;
	DIR *dir = opendir(tmp);
	for (const struct dirent *d; dir && (d = readdir(dir));)
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static inline struct tier_stats file_stats(struct tier *t)
{
	struct tier_stats s;
	tier_stats(t, &s);
	return s;
}

#endif
