/* A list of embedded letters under a lock. Whoever posts into a mailbox that sleeps wakes it: another thread by uv_async_t (an
 * eventfd, written and read), the loop's own by an idle handle, which only keeps the next poll from waiting.
 *
 *   asleep -> awake     the first letter                                        by the poster
 *   awake -> asleep     the letters were read and none is left                  by the owner
 *
 * The owner takes letters one by one, not the whole list at once: a letter may withdraw another (mailbox_unpost), which must
 * not run then. A turn runs as many as were there when it began, so that letters which post letters do not starve
 * the loop. */
#include "worker/mailbox.h"

#include "base/mem.h"

/* Whose letters this thread reads. */
static _Thread_local const struct mailbox *here;

static void link_last(struct mailbox *b, struct mail *m)
{
	b->n++;
	list_add_last(&b->letters, &m->link);
	m->queued = true;
}

static void unlink_mail(struct mailbox *b, struct mail *m)
{
	b->n--;
	list_remove(&m->link);
	m->queued = false;
}

static struct mail *take_first(struct mailbox *b)
{
	pthread_mutex_lock(&b->lock);
	struct mail *m = LIST_FIRST(&b->letters, struct mail, link);
	if (m)
		unlink_mail(b, m);
	pthread_mutex_unlock(&b->lock);
	return m;
}

static void on_idle(uv_idle_t *idle);

/* Under the lock, so that neither handle is closed in between. */
static void wake(struct mailbox *b)
{
	b->awake = true;
	if (here == b)
		uv_idle_start(&b->idle, on_idle);
	else
		uv_async_send(&b->async);
}

static void read_letters(struct mailbox *b)
{
	uv_idle_stop(&b->idle);
	pthread_mutex_lock(&b->lock);
	size_t n = b->n;
	pthread_mutex_unlock(&b->lock);
	for (; n > 0; n--) {
		struct mail *m = take_first(b);
		if (!m)
			break;
		m->fn(m); /* may free itself */
	}
	pthread_mutex_lock(&b->lock);
	b->awake = false;
	if (b->open && b->n > 0)
		wake(b);
	pthread_mutex_unlock(&b->lock);
}

static void on_async(uv_async_t *async)
{
	read_letters(async->data);
}

static void on_idle(uv_idle_t *idle)
{
	read_letters(idle->data);
}

static void on_check(uv_check_t *check)
{
	struct mailbox *b = check->data;
	if (uv_is_active((uv_handle_t *)&b->idle))
		read_letters(b);
}

int mailbox_init(struct mailbox *b, uv_loop_t *loop)
{
	*b = (struct mailbox){.open = true};
	list_init(&b->letters);
	if (uv_async_init(loop, &b->async, on_async) != 0)
		return ERR_IO;
	uv_idle_init(loop, &b->idle);
	uv_check_init(loop, &b->check);
	b->async.data = b->idle.data = b->check.data = b;
	pthread_mutex_init(&b->lock, NULL);
	return ERR_OK;
}

void mailbox_run_here(struct mailbox *b)
{
	here = b;
	/* libuv calls the check that was started last first: before the one in which client.c answers. */
	uv_check_start(&b->check, on_check);
}

void mailbox_close(struct mailbox *b)
{
	pthread_mutex_lock(&b->lock);
	b->open = false;
	pthread_mutex_unlock(&b->lock);
	uv_close((uv_handle_t *)&b->async, NULL);
	uv_close((uv_handle_t *)&b->idle, NULL);
	uv_close((uv_handle_t *)&b->check, NULL);
}

void mailbox_free(struct mailbox *b)
{
	pthread_mutex_destroy(&b->lock);
}

void mailbox_post(struct mailbox *b, struct mail *m)
{
	pthread_mutex_lock(&b->lock);
	if (!m->queued) {
		link_last(b, m);
		if (!b->awake && b->open)
			wake(b);
	}
	pthread_mutex_unlock(&b->lock);
}

void mailbox_unpost(struct mailbox *b, struct mail *m)
{
	pthread_mutex_lock(&b->lock);
	if (m->queued)
		unlink_mail(b, m);
	pthread_mutex_unlock(&b->lock);
}
