/* Lists by what a connection waits for, each in the order of entry. Within a list everybody has the same timeout, so a sweep
 * of HEAD and IDLE looks at those who are late and at one more.
 *
 * BODY and SEND end when no byte moved for send_timeout. The client code tells of bytes that came (watch_moved); nobody tells
 * when the kernel passes bytes on, so the sweep asks it: how many the peer acknowledged (TCP), how many still wait (unix).
 *
 * Whether a client left is asked with one poll(2) for all: cheaper than registering each with epoll. Those in PARKED are
 * asked at every sweep once they stand there for a while, which most never do. The others are asked once after
 * each rest: the library polls them edge-triggered and forgets an end that came together with the last bytes. */
#include "worker/watch.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#include <stdlib.h>

#include "base/mem.h"

enum { LINGER_MS = 10000 };

void watch_init(struct watch *w)
{
	*w = (struct watch){0};
	for (unsigned i = 0; i < WATCH_KINDS; i++)
		list_init(&w->lists[i]);
}

void watch_free(struct watch *w)
{
	free(w->polled);
	free(w->polled_items);
	*w = (struct watch){0};
}

void watch_set(struct watch *w, struct watch_item *item, enum watch_kind kind, int64_t now_ms)
{
	list_remove(&item->link);
	item->kind = kind;
	item->since_ms = item->moved_ms = now_ms;
	item->taken = 0;
	item->looked = false;
	if (kind != WATCH_NONE)
		list_add_last(&w->lists[kind], &item->link);
}

/* What the peer took so far; only ever compared with an earlier count. */
static uint64_t bytes_taken(const struct watch_item *item)
{
	if (item->is_tcp) {
		struct tcp_info info = {0};
		socklen_t n = sizeof(info);
		return getsockopt(item->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_acked
										   : item->taken;
	}
	int waiting = 0;
	return ioctl(item->fd, SIOCOUTQ, &waiting) == 0 ? (uint64_t)(unsigned)waiting : item->taken;
}

static void sweep_deadline(struct watch *w, enum watch_kind kind, int64_t timeout_ms, int64_t now_ms,
    void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	LIST_EACH_SAFE (struct watch_item, item, &w->lists[kind], link) {
		if (now_ms - item->since_ms < timeout_ms)
			return;
		late(ctx, item);
	}
}

static void sweep_progress(struct watch *w, enum watch_kind kind, int64_t timeout_ms, int64_t now_ms,
    void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	LIST_EACH_SAFE (struct watch_item, item, &w->lists[kind], link) {
		uint64_t taken = kind == WATCH_SEND ? bytes_taken(item) : item->taken;
		if (taken != item->taken) {
			item->taken = taken;
			item->moved_ms = now_ms;
		} else if (now_ms - item->moved_ms >= timeout_ms) {
			late(ctx, item);
		}
	}
}

static void grow_polled(struct watch *w, size_t n)
{
	if (n <= w->polled_cap)
		return;
	size_t cap = w->polled_cap ? w->polled_cap : 64;
	while (cap < n)
		cap *= 2;
	w->polled = mem_realloc(w->polled, cap * sizeof(*w->polled));
	w->polled_items = mem_realloc(w->polled_items, cap * sizeof(struct watch_item *));
	w->polled_cap = cap;
}

static void poll_later(struct watch *w, struct watch_item *item)
{
	grow_polled(w, w->n_polled + 1);
	w->polled[w->n_polled] = (struct pollfd){.fd = item->fd, .events = POLLRDHUP};
	w->polled_items[w->n_polled++] = item;
	item->looked = true;
}

/* Those at rest for `rest_ms` that nobody has looked at since. */
static void gather_resting(struct watch *w, enum watch_kind kind, int64_t rest_ms, int64_t now_ms)
{
	const struct list *list = &w->lists[kind];
	struct watch_item *item = LIST_LAST(list, struct watch_item, link);
	/* Bodies come in any order; in the other lists all before one that was looked at were looked at too. */
	for (; item && (kind == WATCH_BODY || !item->looked); item = LIST_PREV(list, item, struct watch_item, link))
		if (!item->looked && now_ms - item->moved_ms >= rest_ms)
			poll_later(w, item);
}

static void gather_parked(struct watch *w, int64_t rest_ms, int64_t now_ms)
{
	LIST_EACH (struct watch_item, item, &w->lists[WATCH_PARKED], link) {
		if (now_ms - item->since_ms < rest_ms)
			return;
		poll_later(w, item);
	}
}

/* The peer sends no more. With bytes still unread that is no news yet, unless the connection is parked. */
static bool has_left(const struct watch_item *item, int revents)
{
	int unread = 0;
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		return true;
	if (!(revents & POLLRDHUP))
		return false;
	return item->kind == WATCH_PARKED || ioctl(item->fd, SIOCINQ, &unread) != 0 || unread == 0;
}

static void sweep_left(
    struct watch *w, int64_t rest_ms, int64_t now_ms, void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	w->n_polled = 0;
	gather_parked(w, rest_ms, now_ms);
	gather_resting(w, WATCH_HEAD, rest_ms, now_ms);
	gather_resting(w, WATCH_IDLE, rest_ms, now_ms);
	gather_resting(w, WATCH_BODY, rest_ms, now_ms);
	if (w->n_polled == 0 || poll(w->polled, w->n_polled, 0) <= 0)
		return;
	for (size_t i = 0; i < w->n_polled; i++)
		if (w->polled[i].revents && has_left(w->polled_items[i], w->polled[i].revents))
			late(ctx, w->polled_items[i]);
}

void watch_sweep(struct watch *w, const struct conf_server *limits, int64_t rest_ms, int64_t now_ms,
    void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	sweep_deadline(w, WATCH_HEAD, limits->header_timeout_ms, now_ms, late, ctx);
	sweep_deadline(w, WATCH_IDLE, limits->keepalive_timeout_ms, now_ms, late, ctx);
	sweep_progress(w, WATCH_BODY, limits->send_timeout_ms, now_ms, late, ctx);
	sweep_progress(w, WATCH_SEND, limits->send_timeout_ms, now_ms, late, ctx);
	sweep_deadline(w, WATCH_ANSWER, rest_ms, now_ms, late, ctx);
	sweep_deadline(w, WATCH_LINGER, LINGER_MS, now_ms, late, ctx);
	sweep_left(w, rest_ms, now_ms, late, ctx);
}

void watch_each(struct watch *w, enum watch_kind kind, void (*fn)(void *ctx, struct watch_item *item), void *ctx)
{
	LIST_EACH_SAFE (struct watch_item, item, &w->lists[kind], link)
		fn(ctx, item);
}
