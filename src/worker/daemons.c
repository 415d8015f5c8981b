/* Daemons of libmicrohttpd, see daemons.h. The first DAEMON_CONNECTIONS connections go to the first, more to others: whenever one
 * is resumed, the library walks over all that are suspended in its daemon, 12 ns each. With 3,000 requests that wait for the
 * origin in a single one, each answer would cost twice as much as it does without them.
 *
 *   due -> (check: the turn's events are over) MHD_run -> more to do -> due
 *                                                     \-> its epoll descriptor is readable, a connection came, or is resumed -> due
 *
 * The library calls back only from inside MHD_run. It keeps no timeouts for us, so it either has more to do at once or waits for
 * its descriptor. */
#include "worker/daemons.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

enum { HANDLES = 3 };

struct daemon {
	struct daemons *all;
	struct daemon *next;	 /* in the order they were made */
	struct daemon *next_due; /* while is_due */
	struct MHD_Daemon *mhd;
	uv_poll_t poll; /* its epoll descriptor */
	unsigned connections;
	bool is_due;
};

struct daemons {
	uv_loop_t *loop;
	const struct daemons_events *events;
	void *ctx;
	struct daemon *first, *last;
	struct daemon *due; /* in any order */
	uv_check_t check;
	uv_prepare_t prepare;
	uv_idle_t idle; /* active while one is due, so that the loop does not wait */
	unsigned closed;
};

void daemon_is_due(struct daemon *d)
{
	if (d->is_due)
		return;
	d->is_due = true;
	d->next_due = d->all->due;
	d->all->due = d;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	daemon_is_due(poll->data);
}

static bool has_more(const struct daemon *d)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	return MHD_get_timeout(d->mhd, &wait_ms) == MHD_YES;
}

static void on_check(uv_check_t *check)
{
	struct daemons *all = check->data;
	struct daemon *ran = all->due;
	if (!ran)
		return;
	all->due = NULL;
	/* What becomes due meanwhile is due in the next turn; the list of these does not change. */
	for (struct daemon *d = ran; d; d = d->next_due)
		MHD_run(d->mhd);
	struct daemon *next;
	for (struct daemon *d = ran; d; d = next) {
		next = d->next_due;
		d->is_due = false;
		if (has_more(d))
			daemon_is_due(d);
	}
	all->events->ran(all->ctx);
}

static void on_idle(uv_idle_t *idle)
{
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct daemons *all = prepare->data;
	if (all->due)
		uv_idle_start(&all->idle, on_idle);
	else
		uv_idle_stop(&all->idle);
}

static struct daemon *daemon_new(struct daemons *all)
{
	struct MHD_Daemon *mhd = all->events->make(all->ctx);
	if (!mhd)
		return NULL;
	struct daemon *d = mem_zalloc(sizeof(*d));
	d->all = all;
	d->mhd = mhd;
	d->poll.data = d;
	*(all->last ? &all->last->next : &all->first) = d;
	all->last = d;
	uv_poll_init(all->loop, &d->poll, MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	uv_poll_start(&d->poll, UV_READABLE, on_readable);
	return d;
}

struct daemons *daemons_new(uv_loop_t *loop, const struct daemons_events *events, void *ctx)
{
	struct daemons *all = mem_zalloc(sizeof(*all));
	all->loop = loop;
	all->events = events;
	all->ctx = ctx;
	all->check.data = all->prepare.data = all->idle.data = all;
	if (!daemon_new(all)) {
		free(all);
		return NULL;
	}
	uv_check_init(loop, &all->check);
	uv_prepare_init(loop, &all->prepare);
	uv_idle_init(loop, &all->idle);
	uv_check_start(&all->check, on_check);
	uv_prepare_start(&all->prepare, on_prepare);
	return all;
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(CONTAINER_OF((uv_poll_t *)handle, struct daemon, poll));
}

static void on_closed(uv_handle_t *handle)
{
	struct daemons *all = handle->data;
	if (++all->closed == HANDLES)
		free(all);
}

void daemons_free(struct daemons **ref)
{
	struct daemons *all = *ref;
	if (!all)
		return;
	struct daemon *next;
	for (struct daemon *d = all->first; d; d = next) {
		next = d->next;
		uv_close((uv_handle_t *)&d->poll, on_poll_closed); /* before the daemon closes the descriptor */
		MHD_run(d->mhd);
		MHD_stop_daemon(d->mhd);
	}
	uv_close((uv_handle_t *)&all->check, on_closed);
	uv_close((uv_handle_t *)&all->prepare, on_closed);
	uv_close((uv_handle_t *)&all->idle, on_closed);
	*ref = NULL;
}

struct daemon *daemon_join(struct daemons *all)
{
	struct daemon *d = all->first;
	while (d && d->connections >= DAEMON_CONNECTIONS)
		d = d->next;
	if (!d)
		d = daemon_new(all);
	if (!d)
		d = all->last;
	d->connections++;
	return d;
}

void daemon_left(struct daemon *d)
{
	d->connections--;
}

struct MHD_Daemon *daemon_mhd(const struct daemon *d)
{
	return d->mhd;
}
