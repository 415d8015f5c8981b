/* Two sorted sets, in one slot of a cluster, name the values that were written through liblarder:
 *
 *	larder-used:{larder:namespace:prefix:}     by when they were last used (us)
 *	larder-ends:{larder:namespace:prefix:}     by when they expire (us), or for ever; both live as long as the last of their values
 *
 * Who writes a value sends one script along, which enters it, takes out a hundred at most that are expired, and names those that were not used
 * for the longest time when there are too many: a sixteenth of the limit at once, a hundred at most. The writer unlinks their values, and then
 * takes them out, unless they were used meanwhile. So no value is without its entry when somebody dies in between; an entry without a value is
 * harmless, and leaves as others do. (But a value that is written while another thread forgets its tag may lose its entry, until it is
 * written again.)
 *
 * Who reads a value tells so once a minute at most; more often when values come and go quickly, after a sixteenth of the time for which they
 * stay unused. What was told lately is kept in a small table, in which a key may take another one's place: then it is told once more.
 *
 * What other programs wrote is not known here, is not counted and does not leave. All this is of use, not of need: a value is written and read
 * also where Redis refuses these keys. */
#include "lib/bound.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/mem.h"

#define RENEW_MAX_MS ((int64_t)60 * 1000)
#define RENEW_MIN_MS ((int64_t)50)
/* Clocks of machines differ, and Redis counts from when it hears of it. */
#define SLACK_US ((int64_t)1000 * 1000)
/* The score of what never expires, above every time. */
#define FOREVER_US ((int64_t)8000000000000000)

#define NEXT_SCORE                                                                                                     \
	"local score = tonumber(ARGV[2])\n"                                                                            \
	"local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]\n"                                      \
	"if newest and tonumber(newest) >= score then score = tonumber(newest) + 1 end\n"                              \
	"redis.call('ZADD', KEYS[1], string.format('%.0f', score), ARGV[1])\n"
#define OLDEST                                                                                                         \
	"local n, max, oldest = redis.call('ZCARD', KEYS[1]), tonumber(ARGV[3]), '0'\n"                                \
	"if n * 10 >= max * 9 then oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] end\n"

static const struct str eval = STR("EVAL"), one_key = STR("1"), two_keys = STR("2");

/* used, ends | key, now, limit, when it expires, whether an older one may expire later, how many leave at once, for ever
 * -> when the oldest was used where it is nearly full, and those that are to leave, with when they were used */
static const struct str enter_script =
    STR("local late = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, 100)\n"
	"if #late > 0 then\n"
	"  redis.call('ZREM', KEYS[1], unpack(late))\n"
	"  redis.call('ZREM', KEYS[2], unpack(late))\n"
	"end\n" NEXT_SCORE "local ends = ARGV[5] == '1' and redis.call('ZSCORE', KEYS[2], ARGV[1])\n"
	"if not ends or tonumber(ends) < tonumber(ARGV[4]) then redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1]) end\n"
	"local last = tonumber(redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])\n"
	"for _, k in ipairs(KEYS) do\n"
	"  if last >= tonumber(ARGV[7]) then redis.call('PERSIST', k)\n"
	"  else redis.call('PEXPIREAT', k, string.format('%.0f', last / 1000 + 60000)) end\n"
	"end\n" OLDEST "local out = {oldest}\n"
	"if n > max then\n"
	"  local last = math.min(n - max + tonumber(ARGV[6]) - 1, 100) - 1\n"
	"  for _, v in ipairs(redis.call('ZRANGE', KEYS[1], 0, last, 'WITHSCORES')) do out[#out + 1] = v end\n"
	"end\n"
	"return out");

/* used | key, now, limit -> when the oldest was used */
static const struct str touch_script =
    STR("if redis.call('ZSCORE', KEYS[1], ARGV[1]) then\n" NEXT_SCORE "end\n" OLDEST "return oldest or '0'");

/* used, ends | not later than (or nothing), keys ... */
static const struct str leave_script = STR("for i = 2, #ARGV do\n"
					   "  local at = redis.call('ZSCORE', KEYS[1], ARGV[i])\n"
					   "  if at and (ARGV[1] == '' or tonumber(at) <= tonumber(ARGV[1])) then\n"
					   "    redis.call('ZREM', KEYS[1], ARGV[i])\n"
					   "    redis.call('ZREM', KEYS[2], ARGV[i])\n"
					   "  end\n"
					   "end\n"
					   "return 1");

int bound_init(struct bound *b, struct fleet *fleet, struct str space, size_t max)
{
	static const struct str used = STR("larder-used:{larder:"), ends = STR("larder-ends:{larder:"),
				close = STR("}");
	b->fleet = fleet;
	b->max = max;
	atomic_init(&b->renew_ms, RENEW_MAX_MS);
	b->room = alloc_try(used.n + ends.n + 2 * (space.n + close.n));
	if (!b->room)
		return lib_no_memory();
	char *middle = str_put(str_put(str_put(b->room, used), space), close);
	char *end = str_put(str_put(str_put(middle, ends), space), close);
	b->used = str_make(b->room, (size_t)(middle - b->room));
	b->ends = str_make(middle, (size_t)(end - middle));
	return LARDER_OK;
}

void bound_free(struct bound *b)
{
	free(b->room);
}

/* Notes that the use is told now; true when the last time was long ago. */
static bool tell_now(struct bound *b, struct str key)
{
	uint64_t hash = hash_str(key, 0), now = (uint32_t)lib_now_ms();
	atomic_uint_fast64_t *slot = &b->lately[hash % BOUND_SLOTS];
	uint64_t last = atomic_load_explicit(slot, memory_order_relaxed), renew = (uint64_t)atomic_load(&b->renew_ms);
	if (last >> 32 == hash >> 32 && (uint32_t)(now - last) < renew)
		return false;
	atomic_store_explicit(slot, hash >> 32 << 32 | now, memory_order_relaxed);
	return true;
}

static int64_t end_of(int64_t ttl_ms)
{
	int64_t now_ms = lib_now_ms();
	bool ends = ttl_ms > 0 && ttl_ms < FOREVER_US / 1000 - now_ms - SLACK_US / 1000;
	return ends ? (now_ms + ttl_ms) * 1000 + SLACK_US : FOREVER_US;
}

struct command bound_enter(struct bound *b, struct str key, int64_t ttl_ms, bool keep, struct bound_words *w)
{
	size_t step = b->max / 16;
	(void)tell_now(b, key);
	step = step < 1 ? 1 : (step < BOUND_STEP ? step : BOUND_STEP);
	const struct str words[] = {eval, enter_script, two_keys, b->used, b->ends, key,
	    lib_int_text(lib_now_ms() * 1000, w->digits[0]), lib_int_text((int64_t)b->max, w->digits[1]),
	    lib_int_text(end_of(ttl_ms), w->digits[2]), keep ? STR("1") : STR("0"),
	    lib_int_text((int64_t)step, w->digits[3]), lib_int_text(FOREVER_US, w->digits[4])};
	memcpy(w->v, words, sizeof(words));
	return (struct command){.key = b->used, .words = w->v, .n = COUNT_OF(words), .repeatable = true};
}

/* How long values stay unused, by the oldest; 0 where there is room. */
static void learn(struct bound *b, struct str oldest)
{
	uint64_t us;
	int64_t renew = RENEW_MAX_MS;
	if (str_to_u64(oldest, INT64_MAX, &us) != ERR_OK)
		return;
	if (us > 0)
		renew = (lib_now_ms() - (int64_t)us / 1000) / 16;
	renew = renew < RENEW_MIN_MS ? RENEW_MIN_MS : renew;
	atomic_store(&b->renew_ms, renew < RENEW_MAX_MS ? renew : RENEW_MAX_MS);
}

size_t bound_entered(struct bound *b, struct reply *r, struct str keys[BOUND_STEP], struct str *before)
{
	struct resp oldest, key, used;
	size_t n = 0;
	*before = STR("");
	if (r->first.kind != RESP_ARRAY || !resp_next(&r->rest, &oldest))
		return 0;
	learn(b, oldest.text);
	while (n < BOUND_STEP && resp_next(&r->rest, &key) && resp_next(&r->rest, &used)) {
		keys[n++] = key.text;
		*before = used.text;
	}
	return n;
}

bool bound_touch(struct bound *b, struct str key, struct bound_words *w, struct command *out)
{
	if (!tell_now(b, key))
		return false;
	const struct str words[] = {eval, touch_script, one_key, b->used, key,
	    lib_int_text(lib_now_ms() * 1000, w->digits[0]), lib_int_text((int64_t)b->max, w->digits[1])};
	memcpy(w->v, words, sizeof(words));
	*out = (struct command){.key = b->used, .words = w->v, .n = COUNT_OF(words), .repeatable = true};
	return true;
}

void bound_touched(struct bound *b, const struct reply *r)
{
	if (r->first.kind == RESP_TEXT)
		learn(b, r->first.text);
}

static int tell(struct bound *b, const struct str *words, size_t n)
{
	struct reply reply;
	const struct command c = {.key = b->used, .words = words, .n = n, .repeatable = true};
	int status = fleet_ask(b->fleet, &c, &reply);
	if (status == LARDER_OK)
		reply_free(&reply);
	return status;
}

struct command bound_left(struct bound *b, struct str key, struct bound_words *w)
{
	const struct str words[] = {eval, leave_script, two_keys, b->used, b->ends, STR(""), key};
	memcpy(w->v, words, sizeof(words));
	return (struct command){.key = b->used, .words = w->v, .n = COUNT_OF(words), .repeatable = true};
}

int bound_leave(struct bound *b, struct str before, const struct str *keys, size_t n)
{
	struct str words[6 + BOUND_STEP] = {eval, leave_script, two_keys, b->used, b->ends, before};
	int status = LARDER_OK;
	for (size_t i = 0, some; i < n && status == LARDER_OK; i += some) {
		some = n - i < BOUND_STEP ? n - i : BOUND_STEP;
		memcpy(words + 6, keys + i, some * sizeof(*keys));
		status = tell(b, words, 6 + some);
	}
	return status;
}

int bound_forget(struct bound *b)
{
	const struct str words[] = {STR("UNLINK"), b->used, b->ends};
	return tell(b, words, COUNT_OF(words));
}
