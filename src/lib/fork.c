/* Forks of the host program. In the child only the thread that forked goes on, so a lock that another held would stay locked for ever, and
 * a computation of another would never end. So the short locks of all open caches are taken before a fork and let go of after it, and each
 * cache is told in the child. What is held long (a connection to Redis) is not waited for: the child leaves it.
 *
 *	all.lock -> lock of a cache (cache.c) -> lock of its backend
 */
#include "lib/lib.h"

#include <pthread.h>

static struct {
	pthread_mutex_t lock;
	struct list forkers; /* the newest first */
	bool watching;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .forkers = LIST_EMPTY(all.forkers)};

static void prepare(void)
{
	pthread_mutex_lock(&all.lock);
	LIST_EACH (struct lib_forker, f, &all.forkers, link)
		f->prepare(f->ctx);
}

static void done(bool child)
{
	LIST_EACH (struct lib_forker, f, &all.forkers, link)
		f->done(f->ctx, child);
	pthread_mutex_unlock(&all.lock);
}

static void in_parent(void)
{
	done(false);
}

static void in_child(void)
{
	done(true);
}

int lib_fork_watch(struct lib_forker *f)
{
	int status = LARDER_OK;
	pthread_mutex_lock(&all.lock);
	if (!all.watching && pthread_atfork(prepare, in_parent, in_child) != 0)
		status = lib_no_memory();
	if (status == LARDER_OK) {
		all.watching = true;
		list_add_first(&all.forkers, &f->link);
	}
	pthread_mutex_unlock(&all.lock);
	return status;
}

void lib_fork_unwatch(struct lib_forker *f)
{
	pthread_mutex_lock(&all.lock);
	list_remove(&f->link);
	pthread_mutex_unlock(&all.lock);
}
