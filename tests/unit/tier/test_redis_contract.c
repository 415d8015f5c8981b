/* The Redis tier keeps the contract of all tiers, but for what only memory can promise: on one server, on a cluster of three, and on a
 * pair that a sentinel watches; and over TLS. */
#include "redis/tls_server.h"

#include "tier/contract.h"
#include "tier/redis_rig.h"

static struct server nodes[3], sentinel;

static const char *one_server(void)
{
	return rig_redis()->url;
}

static const char *cluster(void)
{
	static char url[64];
	if (!nodes[0].pid)
		cluster_start(nodes, COUNT_OF(nodes));
	snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%u", nodes[0].port);
	return url;
}

static const char *watched_pair(void)
{
	static char url[64];
	if (!nodes[0].pid) {
		server_start(&nodes[0], NULL);
		replica_start(&nodes[1], &nodes[0]);
		sentinel_start(&sentinel, &nodes[0], "pages");
	}
	snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u/pages", sentinel.port);
	return url;
}

static const char *over_tls(void)
{
	static char url[64];
	if (!nodes[0].pid) {
		tls_make_files();
		snprintf(url, sizeof url, "rediss://localhost:%u", tls_start(&nodes[0], "host", tls_any_client));
	}
	return url;
}

static const struct place {
	const char *name;
	const char *(*url)(void);
	bool tls;
} places[] = {
    {"redis", one_server, .tls = false},
    {"redis cluster", cluster, .tls = false},
    {"redis sentinel", watched_pair, .tls = false},
    {"redis over TLS", over_tls, .tls = true},
};

static const struct place *place;

static struct tier *redis_open(size_t bytes)
{
	const char *url = place->url();
	return rig_open(
	    &(struct rig){.url = url, .ca = place->tls ? tls_file("ca.pem") : NULL, .max_object = bytes / 2});
}

static void end_nodes(void)
{
	server_end(&sentinel);
	for (size_t i = 0; i < COUNT_OF(nodes); i++)
		server_end(&nodes[i]);
}

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (places[i].tls && !tls_is_there())
			continue;
		const struct contract redis = {
		    .name = places[i].name,
		    .open = redis_open,
		    .max_variants = RIG_VARIANTS,
		    .no_sweep = "the server drops what expires, by its own clock",
		    .no_counts = "a wide purge is one record, and nobody walks over the pages",
		    .no_epochs = "the order is that of the server: a purge takes what was stored before it came there",
		    .small = places[i].tls,
		    .slow = "each operation goes to the server and back",
		};
		place = &places[i];
		Suite *s = suite_create("tier/redis_contract");
		contract_add(s, &redis);
		failed |= suite_run(s);
		end_nodes();
		tls_remove_files();
	}
	return failed;
}
