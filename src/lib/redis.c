/* Values in Redis, which other programs may share: they know the name of a value's key, and that it holds JSON text.
 *
 *	namespace:prefix:key                       the value, with its ttl
 *	larder-tags:{namespace:prefix:key}         set: the tags that this very value carries; in the same slot, with the same ttl
 *	larder-tag:namespace:prefix:tag            sorted set: keys that may carry the tag, by when they expire (ms)
 *
 * Whether a value carries a tag is what its own set says; the sorted set only says where to look. So it may name too many: what was forgotten or
 * replaced is found out when it is looked at, and what expired is cut off whenever the tag is used. It lives as long as the last of its keys.
 * (A key with a '{' or '}' has its set under another name, see tags_key, and in a cluster perhaps none.)
 *
 * A value with tags is stored between two entries into the sorted sets: with the first it is found even if this process ends right then, and
 * the second is for a forget_tag at the same time, which looked too early and took the first one away. forget_tag takes entries away only as it
 * saw them, so that it never takes away a later one.
 *
 * What is done to one key is one command or one script; scripts are sent whole, since they are short. What is told of it to keep the number of
 * values within its bound (bound.c) goes along in the same exchange, in a cluster before it. */
#include "lib/lib.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/mem.h"
#include "lib/bound.h"
#include "lib/json.h"
#include "lib/pages.h"

enum { CHUNK = 500, WORDS = 16 + LARDER_TAGS_MAX, DIGITS = 32 };
/* Clocks of machines differ: an entry stays in the sorted set a minute longer than its value. */
#define SKEW_MS 60000
/* The score of what never expires: above every time, and later for a later one. */
#define FOREVER_MS ((int64_t)4000000000000000)

struct redis_cache {
	struct lib_backend backend;
	struct fleet *fleet;
	char *space; /* "namespace:prefix:" */
	char *pages_prefix;
	struct bound bound;
};

static const struct str eval = STR("EVAL"), one_key = STR("1"), two_keys = STR("2");

/* value, tags of it | json, ttl, tags ... */
static const struct str store_script =
    STR("if ARGV[2] == '0' then redis.call('SET', KEYS[1], ARGV[1])\n"
	"else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end\n"
	"redis.call('DEL', KEYS[2])\n"
	"for i = 3, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end\n"
	"if #ARGV > 2 and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end\n"
	"return 1");

/* value, tags of it | amount, ttl. The sum as text: a number of Lua's has 53 bits. */
static const struct str incr_script = STR("local new = redis.call('EXISTS', KEYS[1]) == 0\n"
					  "local r = redis.pcall('INCRBY', KEYS[1], ARGV[1])\n"
					  "if type(r) == 'table' then\n"
					  "  if string.find(r.err, '^ERR') or string.find(r.err, '^WRONGTYPE') then "
					  "return redis.error_reply('NOTINT it is none') end\n"
					  "  return r\n"
					  "end\n"
					  "if new then\n"
					  "  if KEYS[2] then redis.call('DEL', KEYS[2]) end\n"
					  "  if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end\n"
					  "end\n"
					  "return redis.call('GET', KEYS[1])");

/* value, tags of it -> how many there were, the tags */
static const struct str forget_script = STR("local tags = redis.call('SMEMBERS', KEYS[2])\n"
					    "redis.call('DEL', KEYS[2])\n"
					    "return {redis.call('UNLINK', KEYS[1]), tags}");

/* value, tags of it | tag */
static const struct str drop_script = STR("if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 then return 0 end\n"
					  "redis.call('DEL', KEYS[2])\n"
					  "return redis.call('UNLINK', KEYS[1])");

/* sorted set | key, score, below which all leave, FOREVER, how much longer it lives */
static const struct str enter_script =
    STR("redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])\n"
	"redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])\n"
	"local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]\n"
	"if tonumber(last) >= tonumber(ARGV[4]) then redis.call('PERSIST', KEYS[1])\n"
	"else redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tonumber(last) + tonumber(ARGV[5]))) end\n"
	"return 1");

/* sorted set | key, score: that entry leaves, but not a later one */
static const struct str leave_script = STR("if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end\n"
					   "return redis.call('ZREM', KEYS[1], ARGV[1])");

static struct redis_cache *redis_of(struct lib_backend *b)
{
	return CONTAINER_OF(b, struct redis_cache, backend);
}

/* --- names --- */

/* The keys of a value, in one piece of memory. */
struct names {
	char *room;
	struct str value, tags; /* tags.p NULL: none that lies in the value's slot */
};

/* Redis takes as a key's slot that of what stands in its first {}, if that is not empty. */
static bool has_hash_tag(struct str key)
{
	size_t open = str_index(key, '{');
	struct str inside = str_skip(key, open + 1);
	size_t n = str_index(inside, '}');
	return open < key.n && n > 0 && n < inside.n;
}

/* The value's key in braces; but as it is when it has braces that count, since the first ones do. With a '}' that would end them too early it
 * can have none in its slot. */
static char *tags_key(const struct redis_cache *r, struct names *n, char *to)
{
	bool own = has_hash_tag(n->value);
	char *begin = to;
	if (!own && str_index(n->value, '}') < n->value.n && fleet_is_cluster(r->fleet))
		return to;
	to = str_put(to, own ? STR("larder-tags:") : STR("larder-tags:{"));
	to = str_put(to, n->value);
	to = str_put(to, own ? STR("") : STR("}"));
	n->tags = str_make(begin, (size_t)(to - begin));
	return to;
}

static int names_of(const struct redis_cache *r, struct str key, struct names *out)
{
	struct str space = str_of(r->space);
	*out = (struct names){.room = alloc_try(2 * (space.n + key.n) + 32)};
	if (!out->room)
		return lib_no_memory();
	char *end = str_put(str_put(out->room, space), key);
	out->value = str_make(out->room, (size_t)(end - out->room));
	tags_key(r, out, end);
	return LARDER_OK;
}

/* To be freed. */
static int tag_key(const struct redis_cache *r, struct str tag, struct text *out)
{
	static const struct str begin = STR("larder-tag:");
	struct str space = str_of(r->space);
	out->n = begin.n + space.n + tag.n;
	out->p = alloc_try(out->n + 1);
	if (!out->p)
		return lib_no_memory();
	*str_put(str_put(str_put(out->p, begin), space), tag) = '\0';
	return LARDER_OK;
}

/* --- asking --- */

struct script_words {
	struct str v[WORDS];
};

/* A script of one value's keys, and what is behind them. */
static struct command script_of(
    struct str script, const struct names *n, const struct str *args, size_t n_args, struct script_words *w)
{
	const struct str head[] = {eval, script, n->tags.p ? two_keys : one_key, n->value, n->tags};
	size_t at = n->tags.p ? 5 : 4;
	memcpy(w->v, head, sizeof(head));
	for (size_t i = 0; i < n_args && at < WORDS; i++)
		w->v[at++] = args[i];
	return (struct command){.key = n->value, .words = w->v, .n = at, .repeatable = true};
}

static int ask_script(struct redis_cache *r, struct str script, const struct names *n, const struct str *args,
    size_t n_args, struct reply *out)
{
	struct script_words w;
	const struct command c = script_of(script, n, args, n_args, &w);
	return fleet_ask(r->fleet, &c, out);
}

/* A command of a key and no more; the answer is of no interest. */
static int tell(struct redis_cache *r, struct str key, const struct str *words, size_t n)
{
	struct reply reply;
	const struct command c = {.key = key, .words = words, .n = n, .repeatable = true};
	int status = fleet_ask(r->fleet, &c, &reply);
	if (status == LARDER_OK)
		reply_free(&reply);
	return status;
}

/* Values and the sets of their tags; together, but in a cluster one by one, since each has a slot of its own. */
static int unlink_some(struct redis_cache *r, const struct str *keys, size_t n)
{
	struct names names[CHUNK];
	struct str words[1 + 2 * CHUNK] = {STR("UNLINK")};
	size_t used = 1, named = 0;
	int status = LARDER_OK;
	while (named < n && status == LARDER_OK) {
		status = names_of(r, keys[named], &names[named]);
		if (status != LARDER_OK)
			break;
		struct names *one = &names[named++];
		words[used++] = one->value;
		if (one->tags.p)
			words[used++] = one->tags;
		if (fleet_is_cluster(r->fleet)) {
			status = tell(r, one->value, words, used);
			used = 1;
		}
	}
	if (status == LARDER_OK && used > 1)
		status = tell(r, words[1], words, used);
	for (size_t i = 0; i < named; i++)
		free(names[i].room);
	return status;
}

/* --- how many there are --- */

/* Those that are to leave. Fails without harm: the next one who writes does it. */
static void make_room(struct redis_cache *r, struct reply *entered)
{
	struct str keys[BOUND_STEP], before;
	size_t n = bound_entered(&r->bound, entered, keys, &before);
	if (n > 0 && unlink_some(r, keys, n) == LARDER_OK)
		(void)!bound_leave(&r->bound, before, keys, n);
}

/* A command that writes a value, which is entered before. */
static int write_value(
    struct redis_cache *r, struct str key, int64_t ttl_ms, bool keep, const struct command *c, struct reply *out)
{
	struct bound_words w;
	struct reply replies[2];
	const struct command both[] = {bound_enter(&r->bound, key, ttl_ms, keep, &w), *c};
	int status = fleet_ask_two(r->fleet, both, replies);
	if (status != LARDER_OK)
		return status;
	make_room(r, &replies[0]);
	reply_free(&replies[0]);
	*out = replies[1];
	return LARDER_OK;
}

/* One that reads it. */
static int read_value(struct redis_cache *r, struct str key, const struct command *c, struct reply *out)
{
	struct bound_words w;
	struct reply replies[2];
	struct command both[] = {{.n = 0}, *c};
	if (!bound_touch(&r->bound, key, &w, &both[0]))
		return fleet_ask(r->fleet, c, out);
	int status = fleet_ask_two(r->fleet, both, replies);
	if (status != LARDER_OK)
		return status;
	bound_touched(&r->bound, &replies[0]);
	reply_free(&replies[0]);
	*out = replies[1];
	return LARDER_OK;
}

/* --- values --- */

/* The text takes over the reply's memory. What is no text, or no JSON, is missing. */
static int take_json(struct reply *r, struct text *out)
{
	struct str json;
	if (r->first.kind != RESP_TEXT || !json_whole(r->first.text, &json)) {
		reply_free(r);
		return LARDER_MISSING;
	}
	memmove(r->raw.p, json.p, json.n);
	r->raw.p[json.n] = '\0';
	*out = (struct text){.p = r->raw.p, .n = json.n};
	return LARDER_OK;
}

/* What a word says of a value: GET, which is a use of it, or EXISTS. */
static int ask_value(struct redis_cache *r, struct str key, struct str word, bool is_use, struct reply *out)
{
	struct names n;
	int status = names_of(r, key, &n);
	if (status != LARDER_OK)
		return status;
	const struct str words[] = {word, n.value};
	const struct command c = {.key = n.value, .words = words, .n = COUNT_OF(words), .repeatable = true};
	status = is_use ? read_value(r, key, &c, out) : fleet_ask(r->fleet, &c, out);
	free(n.room);
	return status;
}

static int redis_get(struct lib_backend *b, struct str key, struct text *out)
{
	struct reply reply;
	int status = ask_value(redis_of(b), key, STR("GET"), true, &reply);
	if (status == LARDER_OK)
		return take_json(&reply, out);
	if (status == LARDER_SERVER && strstr(larder_last_error(), "WRONGTYPE"))
		return LARDER_MISSING; /* a hash, a list: no value of ours */
	return status;
}

static int redis_has(struct lib_backend *b, struct str key)
{
	struct reply reply;
	int status = ask_value(redis_of(b), key, STR("EXISTS"), false, &reply);
	if (status != LARDER_OK)
		return status;
	bool found = reply.first.number > 0;
	reply_free(&reply);
	return found ? LARDER_OK : LARDER_MISSING;
}

/* Into the sorted set of each tag. */
static int enter_tags(struct redis_cache *r, struct str key, const struct lib_value *v)
{
	char score[DIGITS], past[DIGITS], forever[DIGITS], skew[DIGITS];
	int64_t now = lib_now_ms();
	int status = LARDER_OK;
	for (size_t i = 0; i < v->n_tags && status == LARDER_OK; i++) {
		struct text set;
		status = tag_key(r, v->tags[i], &set);
		if (status != LARDER_OK)
			return status;
		const struct str words[] = {eval, enter_script, one_key, str_make(set.p, set.n), key,
		    lib_int_text(v->ttl_ms > 0 ? now + v->ttl_ms : FOREVER_MS + now, score),
		    lib_int_text(now - SKEW_MS, past), lib_int_text(FOREVER_MS, forever), lib_int_text(SKEW_MS, skew)};
		status = tell(r, words[3], words, COUNT_OF(words));
		free(set.p);
	}
	return status;
}

static int redis_store(struct redis_cache *r, struct str key, const struct names *n, const struct lib_value *v)
{
	char ttl[DIGITS];
	struct str args[2 + LARDER_TAGS_MAX] = {v->json, lib_int_text(v->ttl_ms, ttl)};
	const struct str plain[] = {STR("SET"), n->value, v->json, STR("PX"), args[1]};
	struct command c = {.key = n->value, .words = plain, .n = v->ttl_ms > 0 ? 5 : 3, .repeatable = true};
	struct script_words w;
	struct reply reply;
	for (size_t i = 0; i < v->n_tags; i++)
		args[2 + i] = v->tags[i];
	if (n->tags.p)
		c = script_of(store_script, n, args, 2 + v->n_tags, &w);
	int status = write_value(r, key, v->ttl_ms, false, &c, &reply);
	if (status == LARDER_OK)
		reply_free(&reply);
	return status;
}

static int redis_set(struct lib_backend *b, struct str key, const struct lib_value *v)
{
	struct redis_cache *r = redis_of(b);
	struct names n;
	int status = names_of(r, key, &n);
	if (status != LARDER_OK)
		return status;
	if (v->n_tags > 0 && !n.tags.p)
		status =
		    lib_fail(LARDER_UNSUPPORTED, "in a cluster a key with a '}' that no '{' opens cannot carry tags");
	if (status == LARDER_OK)
		status = enter_tags(r, key, v);
	if (status == LARDER_OK)
		status = redis_store(r, key, &n, v);
	if (status == LARDER_OK)
		status = enter_tags(r, key, v);
	free(n.room);
	return status;
}

static int redis_incr(struct lib_backend *b, struct str key, int64_t amount, int64_t ttl_ms, int64_t *result)
{
	struct redis_cache *r = redis_of(b);
	char digits[DIGITS], ttl[DIGITS];
	const struct str args[] = {lib_int_text(amount, digits), lib_int_text(ttl_ms, ttl)};
	struct script_words w;
	struct names n;
	struct reply reply;
	int status = names_of(r, key, &n);
	if (status != LARDER_OK)
		return status;
	struct command c = script_of(incr_script, &n, args, COUNT_OF(args), &w);
	c.repeatable = false;
	status = write_value(r, key, ttl_ms, true, &c, &reply);
	if (status == LARDER_OK) {
		if (!json_int(reply.first.text, result))
			status = lib_fail(LARDER_SERVER, "Redis gave no number");
		reply_free(&reply);
	}
	free(n.room);
	return status;
}

/* Out of the sorted sets, which otherwise would keep the keys of values without a ttl until somebody forgets the tag. */
static int leave_tags(struct redis_cache *r, struct str key, struct reply *reply)
{
	struct resp item;
	int status = LARDER_OK;
	while (status == LARDER_OK && resp_next(&reply->rest, &item)) {
		struct text set;
		if (item.kind != RESP_TEXT)
			continue;
		status = tag_key(r, item.text, &set);
		if (status != LARDER_OK)
			return status;
		const struct str words[] = {STR("ZREM"), str_make(set.p, set.n), key};
		status = tell(r, words[1], words, COUNT_OF(words));
		free(set.p);
	}
	return status;
}

static int redis_forget(struct lib_backend *b, struct str key)
{
	struct redis_cache *r = redis_of(b);
	struct names n;
	struct script_words script;
	struct bound_words w;
	struct reply replies[2];
	struct resp count;
	int status = names_of(r, key, &n);
	if (status != LARDER_OK)
		return status;
	const struct str plain[] = {STR("UNLINK"), n.value};
	struct command both[] = {
	    bound_left(&r->bound, key, &w), {.key = n.value, .words = plain, .n = COUNT_OF(plain), .repeatable = true}};
	if (n.tags.p)
		both[1] = script_of(forget_script, &n, NULL, 0, &script);
	status = fleet_ask_two(r->fleet, both, replies);
	if (status == LARDER_OK) {
		count = replies[1].first;
		if (n.tags.p && resp_next(&replies[1].rest, &count))
			status = leave_tags(r, key, &replies[1]);
		if (status == LARDER_OK && count.number == 0)
			status = LARDER_MISSING;
		reply_free(&replies[0]);
		reply_free(&replies[1]);
	}
	free(n.room);
	return status;
}

/* --- all of a namespace --- */

/* The space with what a glob would take for its own escaped, and a '*'. To be freed. */
static int pattern_of(const struct redis_cache *r, struct text *out)
{
	struct str space = str_of(r->space);
	char *to = out->p = alloc_try(2 * space.n + 2);
	if (!to)
		return lib_no_memory();
	for (size_t i = 0; i < space.n; i++) {
		if (memchr("*?[]\\^-", space.p[i], 7))
			*to++ = '\\';
		*to++ = space.p[i];
	}
	*to++ = '*';
	out->n = (size_t)(to - out->p);
	return LARDER_OK;
}

/* One answer of SCAN: the cursor, and keys, of which there may be more than were asked for. */
static int unlink_found(struct redis_cache *r, struct reply *reply, char cursor[DIGITS])
{
	struct resp item, list;
	struct str keys[CHUNK], space = str_of(r->space);
	size_t n = 0;
	int status = LARDER_OK;
	if (!resp_next(&reply->rest, &item) || item.text.n == 0 || item.text.n >= DIGITS ||
	    !resp_next(&reply->rest, &list))
		return lib_fail(LARDER_SERVER, "what Redis answers to SCAN cannot be read");
	*str_put(cursor, item.text) = '\0';
	while (status == LARDER_OK && resp_next(&reply->rest, &item)) {
		if (str_starts(item.text, space))
			keys[n++] = str_skip(item.text, space.n);
		if (n == CHUNK) {
			status = unlink_some(r, keys, n);
			n = 0;
		}
	}
	return status == LARDER_OK ? unlink_some(r, keys, n) : status;
}

static int flush_node(struct redis_cache *r, unsigned node, struct str pattern)
{
	char cursor[DIGITS] = "0", count[DIGITS];
	int status;
	do {
		struct reply reply;
		const struct str words[] = {
		    STR("SCAN"), str_of(cursor), STR("MATCH"), pattern, STR("COUNT"), lib_int_text(CHUNK, count)};
		const struct command c = {.words = words, .n = COUNT_OF(words), .repeatable = true};
		status = fleet_ask_node(r->fleet, node, &c, &reply);
		if (status == LARDER_OK) {
			status = unlink_found(r, &reply, cursor);
			reply_free(&reply);
		}
	} while (status == LARDER_OK && strcmp(cursor, "0") != 0);
	return status;
}

static int redis_flush(struct lib_backend *b)
{
	struct redis_cache *r = redis_of(b);
	unsigned masters[FLEET_NODES], n = 0;
	struct text pattern = {.p = NULL};
	int status = pattern_of(r, &pattern);
	if (status != LARDER_OK)
		return status;
	(void)!bound_forget(&r->bound);
	status = fleet_masters(r->fleet, masters, &n);
	for (unsigned i = 0; i < n && status == LARDER_OK; i++)
		status = flush_node(r, masters[i], str_make(pattern.p, pattern.n));
	free(pattern.p);
	return status;
}

/* --- tags --- */

/* An entry of the sorted set: its value is dropped if it carries the tag (then *dropped), and then the entry leaves. */
static int drop_entry(
    struct redis_cache *r, struct str set, struct str tag, struct str key, struct str score, bool *dropped)
{
	struct names n;
	struct reply reply;
	int status = names_of(r, key, &n);
	*dropped = false;
	if (status != LARDER_OK)
		return status;
	if (n.tags.p)
		status = ask_script(r, drop_script, &n, &tag, 1, &reply);
	if (status == LARDER_OK && n.tags.p) {
		*dropped = reply.first.number > 0;
		reply_free(&reply);
	}
	free(n.room);
	if (status != LARDER_OK)
		return status;
	const struct str words[] = {eval, leave_script, one_key, set, key, score};
	return tell(r, set, words, COUNT_OF(words));
}

/* The first ones; *n: how many there were. */
static int drop_chunk(struct redis_cache *r, struct str set, struct str tag, size_t *n)
{
	char last[DIGITS];
	const struct str words[] = {STR("ZRANGE"), set, STR("0"), lib_int_text(CHUNK - 1, last), STR("WITHSCORES")};
	const struct command c = {.key = set, .words = words, .n = COUNT_OF(words), .repeatable = true};
	struct str gone[CHUNK];
	size_t n_gone = 0;
	struct reply reply;
	struct resp key, score;
	int status = fleet_ask(r->fleet, &c, &reply);
	*n = 0;
	if (status != LARDER_OK)
		return status;
	while (status == LARDER_OK && *n < CHUNK && resp_next(&reply.rest, &key) && resp_next(&reply.rest, &score)) {
		bool dropped;
		status = drop_entry(r, set, tag, key.text, score.text, &dropped);
		if (dropped)
			gone[n_gone++] = key.text;
		++*n;
	}
	(void)!bound_leave(&r->bound, STR(""), gone, n_gone);
	reply_free(&reply);
	return status;
}

/* How many entries there are now: more that come meanwhile are not waited for. */
static int count_entries(struct redis_cache *r, struct str set, int64_t *out)
{
	const struct str words[] = {STR("ZCARD"), set};
	const struct command c = {.key = set, .words = words, .n = COUNT_OF(words), .repeatable = true};
	struct reply reply;
	int status = fleet_ask(r->fleet, &c, &reply);
	if (status == LARDER_OK) {
		*out = reply.first.number;
		reply_free(&reply);
	}
	return status;
}

static int redis_forget_tag(struct lib_backend *b, struct str tag)
{
	struct redis_cache *r = redis_of(b);
	struct text set;
	int64_t left = 0;
	int status = tag_key(r, tag, &set);
	if (status != LARDER_OK)
		return status;
	struct str key = str_make(set.p, set.n);
	status = count_entries(r, key, &left);
	while (status == LARDER_OK && left > 0) {
		size_t n;
		status = drop_chunk(r, key, tag, &n);
		left = n > 0 ? left - (int64_t)n : 0;
	}
	free(set.p);
	return status == LARDER_OK ? pages_purge_redis(r->fleet, str_of(r->pages_prefix), tag) : status;
}

/* --- its life --- */

static void redis_close(struct lib_backend *b)
{
	struct redis_cache *r = redis_of(b);
	fleet_free(r->fleet);
	bound_free(&r->bound);
	free(r->space);
	free(r->pages_prefix);
	free(r);
}

static void redis_fork_prepare(struct lib_backend *b)
{
	fleet_hold(redis_of(b)->fleet);
}

static void redis_fork_done(struct lib_backend *b, bool child)
{
	fleet_let_go(redis_of(b)->fleet);
}

static const struct lib_ops redis_ops = {
    .get = redis_get,
    .set = redis_set,
    .has = redis_has,
    .forget = redis_forget,
    .flush = redis_flush,
    .incr = redis_incr,
    .forget_tag = redis_forget_tag,
    .close = redis_close,
    .fork_prepare = redis_fork_prepare,
    .fork_done = redis_fork_done,
};

struct lib_backend *redis_backend_open(const struct lib_settings *s, int *status)
{
	struct redis_cache *r = alloc_try_zero(sizeof(*r));
	char *space = alloc_try(s->name_space.n + s->prefix.n + 3);
	char *pages_prefix = alloc_try_copy(s->pages_prefix);
	if (!r || !space || !pages_prefix) {
		*status = lib_no_memory();
		goto failed;
	}
	char *end = str_put(str_put(space, s->name_space), STR(":"));
	*str_put(str_put(end, s->prefix), STR(":")) = '\0';
	r->backend.ops = &redis_ops;
	r->space = space;
	r->pages_prefix = pages_prefix;
	r->fleet = fleet_new(s->url, &s->tls, s->timeout_ms, status);
	if (!r->fleet)
		goto failed;
	*status = bound_init(&r->bound, r->fleet, str_of(space), s->max_entries);
	if (*status == LARDER_OK)
		return &r->backend;
	fleet_free(r->fleet);
failed:
	free(pages_prefix);
	free(space);
	free(r);
	return NULL;
}
