/* See values.h. */
#include "admin/values.h"

#include <stdlib.h>

#include "base/mem.h"

enum { STALES_BYTES = 64 << 20 };

struct values *values_new(const struct values_options *o)
{
	struct values *v = mem_zalloc(sizeof(*v));
	const struct str given[COUNT_OF(v->texts)] = {
	    o->path, o->url, o->name_space, o->prefix, o->pages_prefix, o->tls_ca, o->tls_cert, o->tls_key};
	for (size_t i = 0; i < COUNT_OF(given); i++)
		v->texts[i] = str_make(mem_dup(given[i].p ? given[i].p : "", given[i].n), given[i].n);
	larder_options_init(&v->options);
	v->options.backend = o->backend;
	v->options.path = v->texts[0].p;
	v->options.url = v->texts[1].p;
	v->options.name_space = v->texts[2].p;
	v->options.prefix = v->texts[3].p;
	v->options.pages_prefix = v->texts[4].p;
	v->options.tls_ca = o->tls_ca.n > 0 ? v->texts[5].p : NULL;
	v->options.tls_cert = o->tls_cert.n > 0 ? v->texts[6].p : NULL;
	v->options.tls_key = o->tls_key.n > 0 ? v->texts[7].p : NULL;
	v->options.tls_accept_any_server = o->tls_accept_any_server;
	v->options.max_entries = o->max_entries;
	v->options.timeout = (double)o->timeout_ms / 1000;
	v->is_memory = str_eq(str_of(o->backend), STR("memory"));
	v->leases = leases_new();
	v->stales = stales_new(STALES_BYTES);
	pthread_mutex_init(&v->lock, NULL);
	return v;
}

larder_cache *values_cache(struct values *v, const char **why)
{
	pthread_mutex_lock(&v->lock);
	if (!v->cache && larder_open(&v->options, &v->cache) != LARDER_OK)
		*why = larder_last_error();
	larder_cache *cache = v->cache;
	pthread_mutex_unlock(&v->lock);
	return cache;
}

void values_free(struct values **values)
{
	struct values *v = *values;
	if (!v)
		return;
	leases_free(&v->leases);
	stales_free(&v->stales);
	larder_close(v->cache);
	for (size_t i = 0; i < COUNT_OF(v->texts); i++)
		free((char *)v->texts[i].p);
	pthread_mutex_destroy(&v->lock);
	free(v);
	*values = NULL;
}
