/* Lists by what a connection waits for, each in the order of entry. Within a list everybody has the same timeout, so a sweep
 * of HEAD and IDLE looks at those who are late and at one more.
 *
 * BODY and SEND end when no byte moved for send_timeout. The client code tells of bytes that came (watch_moved); nobody tells
 * when the kernel passes bytes on, so the sweep asks it: how many the peer acknowledged (TCP), how many still wait (unix).
 *
 * PARKED is one poll(2) over those who stand there since the last sweep: cheaper than registering each with epoll, since
 * most are parked for less than that. */
#include "worker/watch.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#include <stdlib.h>

#include "base/mem.h"

void watch_init(struct watch *w)
{
	*w = (struct watch){0};
	for (unsigned i = 0; i < WATCH_KINDS; i++)
		w->lists[i].next = w->lists[i].prev = &w->lists[i];
}

void watch_free(struct watch *w)
{
	free(w->polled);
	free(w->polled_items);
	*w = (struct watch){0};
}

void watch_set(struct watch *w, struct watch_item *item, enum watch_kind kind, int64_t now_ms)
{
	if (item->kind != WATCH_NONE) {
		item->prev->next = item->next;
		item->next->prev = item->prev;
	}
	item->kind = kind;
	item->since_ms = item->moved_ms = now_ms;
	item->taken = 0;
	if (kind == WATCH_NONE)
		return;
	struct watch_item *list = &w->lists[kind];
	item->next = list;
	item->prev = list->prev;
	list->prev->next = item;
	list->prev = item;
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
	struct watch_item *list = &w->lists[kind], *next;
	for (struct watch_item *item = list->next; item != list && now_ms - item->since_ms >= timeout_ms; item = next) {
		next = item->next;
		late(ctx, item);
	}
}

static void sweep_progress(struct watch *w, enum watch_kind kind, int64_t timeout_ms, int64_t now_ms,
    void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	struct watch_item *list = &w->lists[kind], *next;
	for (struct watch_item *item = list->next; item != list; item = next) {
		next = item->next;
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

static void sweep_parked(
    struct watch *w, int64_t parked_ms, int64_t now_ms, void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	size_t n = 0;
	struct watch_item *list = &w->lists[WATCH_PARKED];
	for (struct watch_item *item = list->next; item != list && now_ms - item->since_ms >= parked_ms;
	     item = item->next) {
		grow_polled(w, n + 1);
		w->polled[n] = (struct pollfd){.fd = item->fd, .events = POLLRDHUP};
		w->polled_items[n++] = item;
	}
	if (n == 0 || poll(w->polled, n, 0) <= 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (w->polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))
			late(ctx, w->polled_items[i]);
}

void watch_sweep(struct watch *w, const struct conf_server *limits, int64_t parked_ms, int64_t now_ms,
    void (*late)(void *ctx, struct watch_item *item), void *ctx)
{
	sweep_deadline(w, WATCH_HEAD, limits->header_timeout_ms, now_ms, late, ctx);
	sweep_deadline(w, WATCH_IDLE, limits->keepalive_timeout_ms, now_ms, late, ctx);
	sweep_progress(w, WATCH_BODY, limits->send_timeout_ms, now_ms, late, ctx);
	sweep_progress(w, WATCH_SEND, limits->send_timeout_ms, now_ms, late, ctx);
	sweep_parked(w, parked_ms, now_ms, late, ctx);
}

void watch_each(struct watch *w, enum watch_kind kind, void (*fn)(void *ctx, struct watch_item *item), void *ctx)
{
	struct watch_item *list = &w->lists[kind], *next;
	for (struct watch_item *item = list->next; item != list; item = next) {
		next = item->next;
		fn(ctx, item);
	}
}
