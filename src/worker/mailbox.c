/* A ring of embedded letters under a lock, and one uv_async_t that wakes the owner when the ring was empty.
 *
 * The owner takes letters one by one, not the whole ring at once: a letter may withdraw another (mailbox_unpost), which must
 * not run then. A turn runs as many as were there when it began, so that letters which post letters do not starve
 * the loop. */
#include "worker/mailbox.h"

#include "base/mem.h"

static void link_last(struct mailbox *b, struct mail *m)
{
	b->n++;
	m->next = &b->head;
	m->prev = b->head.prev;
	b->head.prev->next = m;
	b->head.prev = m;
	m->queued = true;
}

static void unlink_mail(struct mailbox *b, struct mail *m)
{
	b->n--;
	m->prev->next = m->next;
	m->next->prev = m->prev;
	m->next = m->prev = NULL;
	m->queued = false;
}

static struct mail *take_first(struct mailbox *b)
{
	struct mail *m = NULL;
	pthread_mutex_lock(&b->lock);
	if (b->n > 0) {
		m = b->head.next;
		unlink_mail(b, m);
	}
	pthread_mutex_unlock(&b->lock);
	return m;
}

static void on_async(uv_async_t *async)
{
	struct mailbox *b = async->data;
	pthread_mutex_lock(&b->lock);
	size_t n = b->n;
	pthread_mutex_unlock(&b->lock);
	for (; n > 0; n--) {
		struct mail *m = take_first(b);
		if (!m)
			return;
		m->fn(m); /* may free itself */
	}
	pthread_mutex_lock(&b->lock);
	if (b->open && b->n > 0)
		uv_async_send(&b->async);
	pthread_mutex_unlock(&b->lock);
}

int mailbox_init(struct mailbox *b, uv_loop_t *loop)
{
	*b = (struct mailbox){.open = true};
	b->head.next = b->head.prev = &b->head;
	if (uv_async_init(loop, &b->async, on_async) != 0)
		return ERR_IO;
	b->async.data = b;
	pthread_mutex_init(&b->lock, NULL);
	return ERR_OK;
}

void mailbox_close(struct mailbox *b)
{
	pthread_mutex_lock(&b->lock);
	b->open = false;
	pthread_mutex_unlock(&b->lock);
	uv_close((uv_handle_t *)&b->async, NULL);
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
		/* Under the lock, so that the async is not closed in between. */
		if (b->n == 1 && b->open)
			uv_async_send(&b->async);
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
