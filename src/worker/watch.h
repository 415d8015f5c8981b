/* Deadlines of client connections: libmicrohttpd's inactivity timeout lets a trickling client live for ever and does not
 * see that the client of a suspended connection left, so every connection stands in one list here, by what it waits for.
 * Loop thread only. Knows descriptors and times, not HTTP. */
#ifndef LARDER_WORKER_WATCH_H
#define LARDER_WORKER_WATCH_H

#include <poll.h>

#include "base/list.h"
#include "conf/conf.h"

enum watch_kind {
	WATCH_NONE,
	WATCH_HEAD,   /* for the rest of a request's head: header_timeout, whatever trickles in */
	WATCH_IDLE,   /* for the next request: keepalive_timeout */
	WATCH_BODY,   /* for bytes of the request's body: send_timeout without any */
	WATCH_ANSWER, /* the answer is there: for the rest of the body, a moment longer */
	WATCH_LINGER, /* the answer was sent early: for the client to read it and close, 10 s */
	WATCH_SEND,   /* for the client to take bytes: send_timeout without any */
	WATCH_PARKED, /* for us: only whether the client is still there */
	WATCH_BROKEN, /* for the library to let go of it */
	WATCH_KINDS
};

struct watch_item {
	struct list link;
	enum watch_kind kind;
	int fd;
	bool is_tcp;
	int64_t since_ms; /* in this list */
	int64_t moved_ms; /* BODY, SEND: last time that bytes were seen to move */
	uint64_t taken;	  /* SEND: what was counted then */
	bool looked;	  /* whether its peer has left was asked since then */
};

struct watch {
	struct list lists[WATCH_KINDS]; /* oldest first */
	struct pollfd *polled;
	struct watch_item **polled_items;
	size_t n_polled, polled_cap;
};

void watch_init(struct watch *w);
void watch_free(struct watch *w);

/* Moves the item to the end of that list (WATCH_NONE: to no list). A new item is zeroed but for its fd. */
void watch_set(struct watch *w, struct watch_item *item, enum watch_kind kind, int64_t now_ms);

/* Bytes of the request's body came. */
static inline void watch_moved(struct watch_item *item, int64_t now_ms)
{
	item->moved_ms = now_ms;
	item->looked = false;
}

/* Calls `late` for each item whose time is over or whose client left (not in SEND). It may move that item and no others.
 * An item that moved less than `rest_ms` ago is not asked whether its client left. */
void watch_sweep(struct watch *w, const struct conf_server *limits, int64_t rest_ms, int64_t now_ms,
    void (*late)(void *ctx, struct watch_item *item), void *ctx);

/* Calls fn for each item of a list; it may move that item. */
void watch_each(struct watch *w, enum watch_kind kind, void (*fn)(void *ctx, struct watch_item *item), void *ctx);

#endif
