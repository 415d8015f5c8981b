/* Who is asked:
 *
 *	redis://, unix://     the server
 *	redis+sentinel://     the master that the first sentinel to answer names; asked again when that one is gone or has become a replica
 *	redis+cluster://      the owner of the key's slot, by the map that any node gives (CLUSTER SLOTS); MOVED corrects it, ASK is obeyed once
 *
 * A connection is used by one thread at a time and then kept for the next, so there are as many as threads that asked at once, and IDLE_MAX of
 * them stay. Nodes are never taken from the list, so their numbers are good until the end. What was sent on a connection that had been idle, and
 * broke, is sent again on a new one if it may be. */
#include "lib/fleet.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "lib/link.h"
#include "redis/slots.h"
#include "redis/url.h"

enum { IDLE_MAX = 16, TRIES = 6, HOST_MAX = 254, URL_ROOM = 64 * 1024, NOBODY = FLEET_NODES, SLOT_PAUSE_MS = 20 };

struct node {
	char host[HOST_MAX]; /* "": the unix socket */
	unsigned port;
	struct link *idle;
	unsigned n_idle;
};

struct fleet {
	pthread_mutex_t lock; /* of nodes, their idle connections, and what is known below; never held across I/O */
	struct arena arena;   /* what the URL points to */
	struct redis_url url;
	struct tls_context *tls; /* of rediss://; else NULL */
	int64_t timeout_ms;
	struct node *nodes[FLEET_NODES];
	unsigned n_nodes;
	unsigned master;	    /* of sentinels; NOBODY: to be asked for */
	bool mapped;		    /* of a cluster */
	unsigned char owner[SLOTS]; /* a node's number, or NOBODY */
};

void reply_free(struct reply *r)
{
	free(r->raw.p);
	*r = (struct reply){.rest = STR_NONE};
}

/* --- nodes; under the lock --- */

static int node_find(struct fleet *f, struct str host, unsigned port, unsigned *out)
{
	for (*out = 0; *out < f->n_nodes; ++*out) {
		struct node *n = f->nodes[*out];
		if (n->port == port && str_eq(str_of(n->host), host))
			return LARDER_OK;
	}
	if (f->n_nodes == FLEET_NODES || host.n >= HOST_MAX)
		return lib_fail(
		    LARDER_SERVER, "Redis names more than %d nodes, or one of too long a name", FLEET_NODES);
	struct node *n = alloc_try_zero(sizeof(*n));
	if (!n)
		return lib_no_memory();
	str_put(n->host, host);
	n->port = port;
	f->nodes[f->n_nodes++] = n;
	return LARDER_OK;
}

static int node_of(struct fleet *f, struct str host, unsigned port, unsigned *out)
{
	pthread_mutex_lock(&f->lock);
	int status = node_find(f, host, port, out);
	pthread_mutex_unlock(&f->lock);
	return status;
}

/* --- connections --- */

/* An idle one that is good still, or NULL. */
static struct link *take(struct fleet *f, struct node *n)
{
	for (;;) {
		pthread_mutex_lock(&f->lock);
		struct link *l = n->idle;
		if (l) {
			n->idle = l->next;
			n->n_idle--;
		}
		pthread_mutex_unlock(&f->lock);
		if (!l || link_is_good(l))
			return l;
		link_drop(&l);
	}
}

static void give_back(struct fleet *f, struct node *n, struct link *l)
{
	pthread_mutex_lock(&f->lock);
	if (n->n_idle < IDLE_MAX) {
		l->next = n->idle;
		n->idle = l;
		n->n_idle++;
		l = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	link_drop(&l);
}

/* One exchange, of one command or two. *unreached: surely nothing of it was done. */
static int exchange(struct fleet *f, struct node *n, const struct command *c, size_t n_commands, bool asking,
    int64_t deadline_us, struct text *raw, bool *unreached)
{
	static const struct str word = STR("ASKING");
	const struct link_login login = {
	    .user = f->url.user, .password = f->url.password, .db = f->url.db, .tls = f->tls};
	const struct link_command ask = {&word, 1},
				  commands[2] = {{c[0].words, c[0].n}, {c[n_commands - 1].words, c[n_commands - 1].n}};
	struct link *l = take(f, n);
	bool reused = l != NULL;
	int status = LARDER_OK;
	*unreached = false;
	*raw = (struct text){.p = NULL};
	if (!l)
		status = link_open(n->host, n->port, f->url.path.p, &login, deadline_us, &l);
	if (status != LARDER_OK) {
		*unreached = true;
		return status;
	}
	if (asking) {
		status = link_ask(l, &ask, 1, deadline_us, raw);
		free(raw->p);
		*raw = (struct text){.p = NULL};
	}
	if (status == LARDER_OK)
		status = link_ask(l, commands, n_commands, deadline_us, raw);
	if (status == LARDER_OK) {
		give_back(f, n, l);
		return status;
	}
	link_drop(&l);
	if (status == LARDER_CONNECT && reused && c[n_commands - 1].repeatable)
		return exchange(f, n, c, n_commands, asking, deadline_us, raw, unreached);
	return status;
}

/* One behind the other in the memory of the last. */
static int read_replies(struct text *raw, struct reply *out, size_t n)
{
	struct str rest = str_make(raw->p, raw->n);
	for (size_t i = 0, size; i < n; i++) {
		out[i] = (struct reply){.rest = STR_NONE};
		if (resp_length(rest, &size) != ERR_OK)
			return lib_fail(LARDER_CONNECT, "an empty answer");
		out[i].rest = str_take(rest, size);
		rest = str_skip(rest, size);
		(void)!resp_next(&out[i].rest, &out[i].first);
	}
	out[n - 1].raw = *raw;
	return LARDER_OK;
}

/* --- sentinels --- */

static int ask_sentinel(struct fleet *f, const struct redis_host *s, int64_t deadline_us, unsigned *master)
{
	const struct link_login login = {
	    .user = f->url.sentinel_user, .password = f->url.sentinel_password, .tls = f->tls};
	const struct str words[] = {STR("SENTINEL"), STR("get-master-addr-by-name"), f->url.group};
	const struct link_command command = {words, COUNT_OF(words)};
	struct link *l;
	struct text raw = {.p = NULL};
	struct reply r = {.rest = STR_NONE};
	struct resp host, port;
	uint64_t number;
	int status = link_open(s->name.p, s->port, "", &login, deadline_us, &l);
	if (status == LARDER_OK) {
		status = link_ask(l, &command, 1, deadline_us, &raw);
		link_drop(&l);
	}
	if (status == LARDER_OK)
		status = read_replies(&raw, &r, 1);
	if (status == LARDER_OK && r.first.kind == RESP_ERROR)
		status = link_refused(r.first.text);
	else if (status == LARDER_OK && (!resp_next(&r.rest, &host) || !resp_next(&r.rest, &port) ||
					    str_to_u64(port.text, 65535, &number) != ERR_OK))
		status = lib_fail(
		    LARDER_CONNECT, "the sentinels know no master of %.*s", STR_ARG(str_take(f->url.group, 100)));
	if (status == LARDER_OK)
		status = node_of(f, host.text, (unsigned)number, master);
	free(raw.p);
	return status;
}

/* A sentinel that does not answer must not use up the time of the others. */
static int find_master(struct fleet *f, int64_t deadline_us, unsigned *master)
{
	int status = LARDER_CONNECT;
	for (unsigned i = 0; i < f->url.n_hosts; i++) {
		int64_t now = clock_mono_us(), part = (deadline_us - now) / (f->url.n_hosts - i);
		status = ask_sentinel(f, &f->url.hosts[i], now + part, master);
		if (status == LARDER_OK || status == LARDER_NO_MEMORY)
			break;
	}
	if (status == LARDER_OK) {
		pthread_mutex_lock(&f->lock);
		f->master = *master;
		pthread_mutex_unlock(&f->lock);
	}
	return status;
}

/* --- clusters --- */

/* [[first, last, [host, port, ...], ...], ...]; what follows the master's port in a range is skipped. Under the lock. */
static int read_map(struct fleet *f, struct reply *r, const struct node *asked)
{
	struct resp range, first, last, node, host, port, skipped;
	unsigned number;
	f->mapped = false;
	memset(f->owner, NOBODY, sizeof(f->owner));
	for (int64_t i = 0; i < r->first.number; i++) {
		if (!resp_next(&r->rest, &range) || !resp_next(&r->rest, &first) || !resp_next(&r->rest, &last) ||
		    !resp_next(&r->rest, &node) || !resp_next(&r->rest, &host) || !resp_next(&r->rest, &port) ||
		    range.kind != RESP_ARRAY || node.kind != RESP_ARRAY || first.number < 0 || last.number >= SLOTS ||
		    port.number <= 0 || port.number > 65535)
			return lib_fail(LARDER_SERVER, "the map of the cluster cannot be read");
		for (int64_t open = node.number - 2 + range.number - 3; open > 0; open--) {
			if (!resp_next(&r->rest, &skipped))
				return lib_fail(LARDER_SERVER, "the map of the cluster cannot be read");
			open += skipped.kind == RESP_ARRAY ? skipped.number : 0;
		}
		struct str name = host.text.n > 0 && !str_eq(host.text, STR("?")) ? host.text : str_of(asked->host);
		int status = node_find(f, name, (unsigned)port.number, &number);
		if (status != LARDER_OK)
			return status;
		for (int64_t slot = first.number; slot <= last.number; slot++)
			f->owner[slot] = (unsigned char)number;
	}
	f->mapped = true;
	return LARDER_OK;
}

/* From the first node that gives it: of the list, those that are known. */
static int load_map(struct fleet *f, int64_t deadline_us)
{
	const struct str words[] = {STR("CLUSTER"), STR("SLOTS")};
	const struct command c = {.words = words, .n = COUNT_OF(words), .repeatable = true};
	int status = LARDER_CONNECT;
	pthread_mutex_lock(&f->lock);
	unsigned n = f->n_nodes;
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < n && status != LARDER_OK && status != LARDER_NO_MEMORY; i++) {
		struct text raw;
		struct reply r;
		bool unreached;
		int64_t now = clock_mono_us(), part = (deadline_us - now) / (n - i);
		status = exchange(f, f->nodes[i], &c, 1, false, now + part, &raw, &unreached);
		if (status != LARDER_OK)
			continue;
		status = read_replies(&raw, &r, 1);
		if (status == LARDER_OK && r.first.kind != RESP_ARRAY)
			status = link_refused(r.first.text);
		pthread_mutex_lock(&f->lock);
		if (status == LARDER_OK)
			status = read_map(f, &r, f->nodes[i]);
		pthread_mutex_unlock(&f->lock);
		free(raw.p);
	}
	return status;
}

/* --- who is asked --- */

static int route(struct fleet *f, struct str key, int64_t deadline_us, unsigned *out)
{
	*out = 0;
	if (f->url.kind == REDIS_SENTINEL) {
		pthread_mutex_lock(&f->lock);
		*out = f->master;
		pthread_mutex_unlock(&f->lock);
		return *out == NOBODY ? find_master(f, deadline_us, out) : LARDER_OK;
	}
	if (f->url.kind != REDIS_CLUSTER)
		return LARDER_OK;
	/* A cluster that is changing may have a slot that nobody owns for a moment. */
	for (bool loaded = false;; loaded = true) {
		pthread_mutex_lock(&f->lock);
		*out = f->mapped ? f->owner[slot_of(key)] : NOBODY;
		pthread_mutex_unlock(&f->lock);
		if (*out != NOBODY)
			return LARDER_OK;
		if (loaded && clock_mono_us() + SLOT_PAUSE_MS * 1000 >= deadline_us)
			break;
		if (loaded)
			poll(NULL, 0, SLOT_PAUSE_MS);
		int status = load_map(f, deadline_us);
		if (status != LARDER_OK)
			return status;
	}
	return lib_fail(LARDER_SERVER, "no node of the cluster has the slot");
}

/* What was known turned out wrong: it is asked for anew. */
static void forget_route(struct fleet *f)
{
	pthread_mutex_lock(&f->lock);
	f->master = NOBODY;
	f->mapped = false;
	pthread_mutex_unlock(&f->lock);
}

/* An error that says "elsewhere": true, and who. */
static bool elsewhere(struct fleet *f, struct str error, const struct node *said, unsigned *node, bool *asking)
{
	struct redirection to;
	if (f->url.kind == REDIS_SENTINEL &&
	    (str_starts(error, STR("READONLY")) || str_starts(error, STR("MASTERDOWN")))) {
		forget_route(f);
		*node = NOBODY;
		return true;
	}
	if (f->url.kind != REDIS_CLUSTER || redirection_of(error, &to) != ERR_OK)
		return false;
	if (node_of(f, to.host.n > 0 ? to.host : str_of(said->host), to.port, node) != LARDER_OK)
		return false;
	*asking = to.ask;
	if (!to.ask) {
		pthread_mutex_lock(&f->lock);
		f->owner[to.slot] = (unsigned char)*node;
		pthread_mutex_unlock(&f->lock);
	}
	return true;
}

/* The last of the commands is what it is about; those before it go along. */
static int ask(struct fleet *f, unsigned node, const struct command *c, size_t n_commands, struct reply *out)
{
	int64_t deadline_us = clock_mono_us() + f->timeout_ms * 1000;
	const struct command *main = &c[n_commands - 1];
	struct reply *last = &out[n_commands - 1];
	bool asking = false, any = node == NOBODY;
	int status = LARDER_CONNECT;
	for (int i = 0; i < TRIES; i++) {
		struct text raw;
		bool unreached;
		if (node == NOBODY) {
			status = route(f, main->key, deadline_us, &node);
			if (status != LARDER_OK)
				return status;
		}
		struct node *n = f->nodes[node];
		status = exchange(f, n, c, n_commands, asking, deadline_us, &raw, &unreached);
		asking = false;
		if (status == LARDER_CONNECT && any && (unreached || main->repeatable) &&
		    f->url.kind >= REDIS_SENTINEL && i < 2) {
			forget_route(f);
			node = NOBODY;
			continue;
		}
		if (status == LARDER_OK)
			status = read_replies(&raw, out, n_commands);
		if (status != LARDER_OK)
			return status;
		if (last->first.kind != RESP_ERROR)
			return LARDER_OK;
		bool again = any && elsewhere(f, last->first.text, n, &node, &asking);
		status = link_refused(last->first.text);
		reply_free(last);
		if (!again)
			return status;
	}
	return status;
}

int fleet_ask(struct fleet *f, const struct command *c, struct reply *out)
{
	*out = (struct reply){.rest = STR_NONE};
	return ask(f, NOBODY, c, 1, out);
}

int fleet_ask_two(struct fleet *f, const struct command commands[2], struct reply out[2])
{
	const struct reply none = {.first = {.kind = RESP_NIL}, .rest = STR_NONE};
	out[0] = out[1] = none;
	if (!fleet_is_cluster(f)) {
		int status = ask(f, NOBODY, commands, 2, out);
		if (status != LARDER_OK || out[0].first.kind == RESP_ERROR)
			out[0] = none;
		return status;
	}
	if (ask(f, NOBODY, &commands[0], 1, &out[0]) != LARDER_OK)
		out[0] = none;
	int status = ask(f, NOBODY, &commands[1], 1, &out[1]);
	if (status != LARDER_OK)
		reply_free(&out[0]);
	return status;
}

int fleet_ask_node(struct fleet *f, unsigned node, const struct command *c, struct reply *out)
{
	*out = (struct reply){.rest = STR_NONE};
	return ask(f, node, c, 1, out);
}

int fleet_masters(struct fleet *f, unsigned masters[FLEET_NODES], unsigned *n)
{
	int64_t deadline_us = clock_mono_us() + f->timeout_ms * 1000;
	bool listed[FLEET_NODES] = {false};
	*n = 0;
	if (f->url.kind != REDIS_CLUSTER) {
		*n = 1;
		return route(f, STR_NONE, deadline_us, &masters[0]);
	}
	int status = load_map(f, deadline_us);
	if (status != LARDER_OK)
		return status;
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < SLOTS; i++) {
		unsigned node = f->owner[i];
		if (node != NOBODY && !listed[node]) {
			listed[node] = true;
			masters[(*n)++] = node;
		}
	}
	pthread_mutex_unlock(&f->lock);
	return LARDER_OK;
}

/* --- its life --- */

void fleet_hold(struct fleet *f)
{
	pthread_mutex_lock(&f->lock);
}

void fleet_let_go(struct fleet *f)
{
	pthread_mutex_unlock(&f->lock);
}

bool fleet_is_cluster(const struct fleet *f)
{
	return f->url.kind == REDIS_CLUSTER;
}

/* The URL's parser has an arena, which ends the process without memory. It gets more than it can need beforehand: the text twice, a few
 * sentences, and each host rounded up. */
static int read_url(struct fleet *f, struct str url)
{
	struct str why;
	void *room = alloc_try(URL_ROOM);
	if (!room)
		return lib_no_memory();
	arena_init_in(&f->arena, room, URL_ROOM);
	if (redis_url_parse(url, &f->arena, &f->url, &why) != ERR_OK)
		return lib_fail(LARDER_INVALID, "options.url: %.*s", STR_ARG(str_take(why, 200)));
	return LARDER_OK;
}

static int trust(struct fleet *f, const struct redis_tls *files)
{
	char why[TLS_WHY];
	if (!f->url.tls)
		return LARDER_OK;
	f->tls = tls_context_new(files, why);
	return f->tls ? LARDER_OK
		      : lib_fail(tls_is_there() ? LARDER_INVALID : LARDER_UNSUPPORTED, "rediss://: %s", why);
}

/* A server, or what a cluster is known by. */
static int first_nodes(struct fleet *f)
{
	unsigned node;
	int status = LARDER_OK;
	if (f->url.kind == REDIS_UNIX)
		return node_find(f, STR(""), 0, &node);
	if (f->url.kind == REDIS_SENTINEL)
		return LARDER_OK;
	for (unsigned i = 0; i < f->url.n_hosts && status == LARDER_OK; i++)
		status = node_find(f, f->url.hosts[i].name, f->url.hosts[i].port, &node);
	return status;
}

struct fleet *fleet_new(struct str url, const struct redis_tls *tls, int64_t timeout_ms, int *status)
{
	struct fleet *f = alloc_try_zero(sizeof(*f));
	if (!f || pthread_mutex_init(&f->lock, NULL) != 0) {
		free(f);
		*status = lib_no_memory();
		return NULL;
	}
	f->timeout_ms = timeout_ms;
	f->master = NOBODY;
	*status = read_url(f, url);
	if (*status == LARDER_OK)
		*status = trust(f, tls);
	if (*status == LARDER_OK)
		*status = first_nodes(f);
	if (*status == LARDER_OK)
		return f;
	fleet_free(f);
	return NULL;
}

void fleet_free(struct fleet *f)
{
	for (unsigned i = 0; i < f->n_nodes; i++) {
		for (struct link *l = f->nodes[i]->idle, *next; l; l = next) {
			next = l->next;
			link_drop(&l);
		}
		free(f->nodes[i]);
	}
	tls_context_free(&f->tls);
	arena_free(&f->arena);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
