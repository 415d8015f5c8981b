/* Idle connections, see pool.h. An origin lives as long as someone holds it: a connection to it, idle or in use. There are
 * as many as there are upstreams in use, and the one that was asked for last is looked at first. */
#include "worker/pool.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void pool_init(struct pool *p, unsigned max, void (*close)(struct idle *i))
{
	*p = (struct pool){.max = max, .close = close};
	list_init(&p->by_age);
}

static bool leads_to(const struct origin *o, const struct conf_upstream *u)
{
	return o->port == u->url.port && str_eq(o->host, u->url.host) && str_eq(o->scheme, u->url.scheme) &&
	       o->tls_verify == u->tls_verify && str_eq(o->tls_ca, u->tls_ca);
}

static struct str copy(struct str s)
{
	return str_make(mem_dup(s.n ? s.p : "", s.n), s.n);
}

static struct origin *make(const struct conf_upstream *u)
{
	struct origin *o = mem_zalloc(sizeof(*o));
	o->scheme = copy(u->url.scheme);
	o->host = copy(u->url.host);
	o->port = u->url.port;
	o->tls_verify = u->tls_verify;
	o->tls_ca = copy(u->tls_ca);
	list_init(&o->idle);
	return o;
}

static void drop_unused(struct pool *p)
{
	struct origin **at = &p->origins;
	while (*at) {
		struct origin *o = *at;
		if (o->refs > 0) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		free((char *)o->scheme.p);
		free((char *)o->host.p);
		free((char *)o->tls_ca.p);
		free(o);
	}
}

struct origin *pool_origin(struct pool *p, const struct conf_upstream *upstream)
{
	struct origin **at = &p->origins;
	while (*at && !leads_to(*at, upstream))
		at = &(*at)->next;
	struct origin *o = *at;
	if (o)
		*at = o->next;
	else
		o = make(upstream);
	o->next = p->origins;
	p->origins = o;
	o->refs++;
	return o;
}

void origin_release(struct origin **o)
{
	assert((*o)->refs > 0);
	(*o)->refs--; /* an unused one stays for the next request; reload and free drop it */
	*o = NULL;
}

void pool_remove(struct pool *p, struct idle *i)
{
	struct origin *o = i->origin;
	list_remove(&i->link);
	list_remove(&i->age);
	i->origin = NULL;
	o->n_idle--;
	p->n--;
	origin_release(&o);
}

static void evict(struct pool *p, struct idle *i)
{
	pool_remove(p, i);
	p->close(i);
}

struct idle *pool_take(struct pool *p, struct origin *o)
{
	struct idle *i = LIST_FIRST(&o->idle, struct idle, link);
	if (i)
		pool_remove(p, i);
	return i;
}

void pool_put(struct pool *p, struct origin *o, struct idle *i, unsigned max_idle)
{
	assert(!i->origin);
	if (max_idle == 0 || p->max == 0) {
		p->close(i);
		return;
	}
	while (o->n_idle >= max_idle)
		evict(p, LIST_LAST(&o->idle, struct idle, link));
	while (p->n >= p->max)
		evict(p, LIST_FIRST(&p->by_age, struct idle, age));
	i->origin = o;
	list_add_first(&o->idle, &i->link);
	list_add_last(&p->by_age, &i->age);
	o->refs++;
	o->n_idle++;
	p->n++;
}

static bool is_wanted(const struct origin *o, const struct conf *conf)
{
	for (unsigned i = 0; conf && i < conf->n_upstreams; i++)
		if (leads_to(o, &conf->upstreams[i]))
			return true;
	return false;
}

void pool_reload(struct pool *p, const struct conf *conf)
{
	for (struct origin *o = p->origins; o; o = o->next)
		if (str_eq(o->scheme, STR("https")) || !is_wanted(o, conf))
			LIST_EACH_SAFE (struct idle, i, &o->idle, link)
				evict(p, i);
	drop_unused(p);
}

void pool_free(struct pool *p)
{
	pool_reload(p, NULL);
	assert(p->n == 0 && !p->origins);
}
