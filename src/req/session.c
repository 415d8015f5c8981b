/* A fixed table of tokens: shards of one mutex, sets of a few ways, as the memory of verdicts (recall.c) is. */
#include "req/session.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/siphash.h"

enum { SHARDS = 64, WAYS = 4, SETS = SESSIONS / SHARDS / WAYS };

/* until_ms 0: free. */
struct slot {
	uint64_t hi, lo;
	int64_t until_ms;
	uint16_t n;
	char token[HOLE_MAX];
};
_Static_assert(sizeof(struct slot) == 544, "the documented size of the memory is SESSIONS of these");

struct shard {
	pthread_mutex_t lock;
	struct slot (*sets)[WAYS]; /* NULL until something is remembered */
};

struct sessions {
	struct siphash_key secret[2]; /* 64 bits of each */
	bool has_secret;	      /* without it strangers could choose what meets: nothing is remembered */
	struct shard shards[SHARDS];
};

struct sessions *sessions_new(void)
{
	struct sessions *s = mem_zalloc(sizeof(*s));
	s->has_secret = random_bytes(s->secret, sizeof(s->secret)) == ERR_OK;
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&s->shards[i].lock, NULL);
	return s;
}

void sessions_free(struct sessions **ref)
{
	if (!*ref)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&(*ref)->shards[i].lock);
		free((*ref)->shards[i].sets);
	}
	free(*ref);
	*ref = NULL;
}

struct session_key session_key_of(const struct sessions *s, struct str place, struct jar *jar, struct arena *a)
{
	if (!s->has_secret || !jar_tells(jar))
		return (struct session_key){0};
	/* No cookie holds a line break, so no two pairs of both make one text. */
	struct str cookies = jar_text(jar, a);
	struct str text = arena_printf(a, "%.*s\n\n%.*s", STR_ARG(place), STR_ARG(cookies));
	return (struct session_key){
	    .hi = siphash(&s->secret[0], text), .lo = siphash(&s->secret[1], text), .tells = true};
}

static struct shard *shard_of(struct sessions *s, const struct session_key *key)
{
	return &s->shards[key->hi % SHARDS];
}

static struct slot *set_of(struct shard *s, const struct session_key *key)
{
	return s->sets[(key->hi / SHARDS) % SETS];
}

/* Shard lock held, as below. */
static struct slot *find(struct shard *s, const struct session_key *key)
{
	if (!s->sets)
		return NULL;
	struct slot *set = set_of(s, key);
	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].until_ms > 0 && set[i].lo == key->lo && set[i].hi == key->hi)
			return &set[i];
	return NULL;
}

static struct slot *make_room(struct shard *s, const struct session_key *key)
{
	struct slot *set = set_of(s, key), *victim = &set[0];
	for (unsigned i = 1; i < WAYS; i++)
		if (set[i].until_ms < victim->until_ms)
			victim = &set[i];
	return victim;
}

/* Further ahead than anything can be remembered: the clock was set back. */
static bool is_alive(const struct slot *slot, int64_t now_ms)
{
	return slot->until_ms > now_ms && slot->until_ms - now_ms <= SESSION_MS;
}

struct str session_find(struct sessions *s, const struct session_key *key, int64_t now_ms, struct arena *a)
{
	struct str token = STR_NONE;
	if (!key->tells)
		return token;
	struct shard *shard = shard_of(s, key);
	pthread_mutex_lock(&shard->lock);
	const struct slot *slot = find(shard, key);
	if (slot && is_alive(slot, now_ms))
		token = arena_str(a, str_make(slot->token, slot->n));
	pthread_mutex_unlock(&shard->lock);
	return token;
}

void session_remember(
    struct sessions *s, const struct session_key *key, struct str token, int64_t now_ms, int64_t for_ms)
{
	assert(token.n <= HOLE_MAX && for_ms > 0 && for_ms <= SESSION_MS);
	if (!key->tells)
		return;
	struct shard *shard = shard_of(s, key);
	pthread_mutex_lock(&shard->lock);
	if (!shard->sets)
		shard->sets = mem_zalloc(SETS * sizeof(*shard->sets));
	struct slot *slot = find(shard, key);
	if (!slot)
		slot = make_room(shard, key);
	slot->hi = key->hi;
	slot->lo = key->lo;
	slot->until_ms = now_ms + for_ms;
	slot->n = (uint16_t)token.n;
	if (token.n > 0)
		memcpy(slot->token, token.p, token.n);
	pthread_mutex_unlock(&shard->lock);
}
