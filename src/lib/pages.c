/* The pages of a proxy lie in pages/ of the directory, with a journal of purges that all its users follow (tier/journal.h); or in Redis, with a
 * stream of purges (tier/redis.c), to which a script adds. A purge is a record that they carry out, and this does not wait for them. */
#include "lib/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/mem.h"
#include "tier/journal_add.h"
#include "tier/purge_log.h"
#include "tier/redis_scripts.h"

static const struct str purges = STR(":{purges}");

int pages_purge_directory(const char *path, struct str tag)
{
	char pages[PATH_MAX + 8];
	int n = snprintf(pages, sizeof(pages), "%s/pages", path);
	const struct tier_purge op = {.kind = PURGE_TAG, .arg = tag};
	struct str directory = str_make(pages, (size_t)n);
	if (tag.n > PURGE_LOG_ARG_MAX) /* no page has such a tag */
		return LARDER_OK;
	int err = journal_add(directory, &op);
	if (err == ERR_OK)
		return LARDER_OK;
	if (err == ERR_IO)
		return lib_fail_errno("cannot purge the pages in", directory);
	return lib_fail(LARDER_IO, "the journal of the pages in %.150s is %s", pages,
	    err == ERR_INVALID ? "damaged" : "out of reach");
}

/* An incarnation of the stream, for when there is none yet: as tier/redis_follow.c draws them. */
static struct str draw_id(char room[24])
{
	uint64_t id = 0;
	while (getrandom(&id, sizeof(id), 0) < 0 && errno == EINTR)
		;
	int n = snprintf(room, 24, "%016" PRIx64, id | 1);
	return str_make(room, (size_t)n);
}

/* "prefix:{purges}" and what is behind it. Returns what is behind that. */
static char *put_key(char *to, struct str prefix, struct str what, struct str *out)
{
	char *end = str_put(str_put(str_put(to, prefix), purges), what);
	*out = str_make(to, (size_t)(end - to));
	return end;
}

int pages_purge_redis(struct fleet *f, struct str prefix, struct str tag)
{
	struct str id, seq, stream;
	char digits[24], name[32];
	struct reply reply;
	if (prefix.n == 0 || tag.n > PURGE_LOG_ARG_MAX)
		return LARDER_OK;
	char *keys = alloc_try(3 * (prefix.n + 32));
	if (!keys)
		return lib_no_memory();
	put_key(put_key(put_key(keys, prefix, STR(":id"), &id), prefix, STR(":seq"), &seq), prefix, STR(""), &stream);
	int n = snprintf(name, sizeof(name), "liblarder-%d", (int)getpid());
	const struct str words[] = {STR("EVAL"), str_of(redis__purge.text), STR("3"), id, seq, stream, draw_id(digits),
	    STR("0"), STR("tag"), tag, STR("0"), STR("liblarder"), str_make(name, (size_t)n)};
	/* Twice is no harm: what was purged is purged. */
	const struct command c = {.key = stream, .words = words, .n = COUNT_OF(words), .repeatable = true};
	int status = fleet_ask(f, &c, &reply);
	if (status == LARDER_OK)
		reply_free(&reply);
	free(keys);
	return status;
}
