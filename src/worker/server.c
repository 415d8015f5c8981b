/* The main thread: makes what the workers share, starts them, and then runs a loop for signals, letters and the sweeping of
 * the tier.
 *
 *   server_run: make -> open doors -> start workers -> [SERVING] -SIGTERM-> [DRAINING] -all idle, or drain_timeout->
 *   stop workers -> join -> unmake, in reverse
 *
 * The settings are changed in one place (reload), under a lock, from the main loop (SIGHUP) or the admin interface's
 * thread; workers get them by letter. Everything else of the struct is made before the workers start and constant
 * then, or thread-safe by itself. */
#include "worker/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "policy/reason.h"
#include "req/flight.h"
#include "req/why.h"
#include "worker/admin.h"
#include "worker/doors.h"
#include "worker/mailbox.h"
#include "worker/notify.h"
#include "worker/store.h"
#include "worker/worker.h"

enum {
	ERRORS_MAX = 64 * 1024, /* text of a reload */
	DESCRIPTION_MAX = 8192, /* of the tiers */
	GATES_MAX = 64		/* upstreams whose figures are shown */
};

enum phase { STARTING, SERVING, DRAINING, STOPPING };

enum { SIGNAL_TERM, SIGNAL_INT, SIGNAL_HUP, SIGNAL_USR1, SIGNALS };
static const int signal_numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

struct server {
	const struct conf_source *source;
	pthread_mutex_t lock; /* over conf and its replacement */
	struct conf *conf;
	struct doors *doors;
	struct tier *tier;
	struct values *values;
	struct flights *flights;
	struct gates *gates;
	struct metrics *metrics;
	struct accesslog *access;
	struct admin_server *admin;
	struct worker **workers;
	unsigned n_workers;
	atomic_uint connections;
	uint64_t key_seed, instance;
	struct siphash_key tag_key;
	int64_t started_ms;
	_Atomic(enum phase) phase;
	uv_loop_t loop;
	struct mailbox mailbox;
	struct mail idle_mail;
	atomic_uint n_idle;
	uv_signal_t signals[SIGNALS];
	uv_timer_t sweep, drain;
};

static int secret(uint64_t *out)
{
	int err = random_u64(out);
	if (err != ERR_OK)
		log_error("server", "the system gives no random bytes");
	return err;
}

/* Settings */

static unsigned route_slot(void *ctx, struct str name)
{
	return metrics_route(ctx, name);
}

static void number_routes(struct server *s, struct conf *conf)
{
	conf_number_routes(conf, route_slot, s->metrics);
}

static void log_lines(enum log_level level, const struct buf *text)
{
	struct str rest = buf_str(text), line;
	while (str_cut(&rest, '\n', &line))
		if (line.n > 0)
			log_line(level, "conf", "%.*s", STR_ARG(line));
}

/* Takes the reference. Under the lock. */
static void put_in_force(struct server *s, struct conf *fresh)
{
	struct buf restart;
	buf_init(&restart, ERRORS_MAX);
	conf_restart_needed(s->conf, fresh, &restart);
	log_lines(LOG_WARNING, &restart);
	buf_free(&restart);
	number_routes(s, fresh);
	store_configure(s->tier, fresh);
	log_set_level((enum log_level)fresh->log.level);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_set_conf(s->workers[i], fresh);
	conf_release(&s->conf);
	s->conf = fresh;
}

/* 0, or ERR_INVALID with the old settings in force; `text` gets errors and warnings. Main or admin thread; reads a file. */
static int reload(struct server *s, struct buf *text)
{
	struct conf *fresh = NULL;
	pthread_mutex_lock(&s->lock);
	int err = conf_load(s->source, &fresh, text);
	log_lines(err ? LOG_ERROR : LOG_WARNING, text);
	if (err) {
		log_error("server", "reload: the settings are refused; the old ones stay");
	} else {
		put_in_force(s, fresh);
		log_info("server", "reload: new settings are in force");
	}
	pthread_mutex_unlock(&s->lock);
	return err ? ERR_INVALID : ERR_OK;
}

/* A reference to the settings in force: once the admin interface answers, its thread may replace them at any moment. */
static struct conf *current(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	struct conf *conf = conf_ref(s->conf);
	pthread_mutex_unlock(&s->lock);
	return conf;
}

/* For the admin interface, on its threads. */

static struct conf *admin_conf(void *ctx)
{
	return current(ctx);
}

static int admin_reload(void *ctx, struct buf *text)
{
	return reload(ctx, text);
}

static bool admin_ready(void *ctx)
{
	struct server *s = ctx;
	return atomic_load(&s->phase) == SERVING;
}

static unsigned add_gate(const struct gate_figures *g, struct metrics_extra *out, unsigned max)
{
	const struct {
		struct str name, help;
		unsigned value;
	} rows[] = {{STR("larder_upstream_in_flight"), STR("Requests under way at an upstream."), g->in_flight},
	    {STR("larder_upstream_waiting"), STR("Requests that wait for a place at an upstream."), g->waiting},
	    {STR("larder_upstream_limit"), STR("Requests that may be under way at an upstream; 0: any number."),
		g->limit}};
	unsigned n = 0;
	for (; n < COUNT_OF(rows) && n < max; n++)
		out[n] = (struct metrics_extra){.prom_name = rows[n].name,
		    .help = rows[n].help,
		    .label_name = STR("upstream"),
		    .label_value = g->name,
		    .value = rows[n].value};
	return n;
}

static unsigned add_access_log(struct accesslog *log, struct metrics_extra *out, unsigned max)
{
	if (!log || max < 2)
		return 0;
	out[0] = (struct metrics_extra){.prom_name = STR("larder_access_log_dropped_total"),
	    .help = STR("Lines of the access log that were dropped: its file is too slow, or full."),
	    .counter = true,
	    .value = (double)accesslog_dropped(log)};
	out[1] = (struct metrics_extra){.prom_name = STR("larder_access_log_errors_total"),
	    .help = STR("Writes that the file of the access log refused."),
	    .counter = true,
	    .value = (double)accesslog_errors(log)};
	return 2;
}

static unsigned admin_figures(void *ctx, struct metrics_extra *out, unsigned max)
{
	struct server *s = ctx;
	struct gate_figures gates[GATES_MAX];
	unsigned n_gates = gates_read(s->gates, gates, GATES_MAX), n = add_access_log(s->access, out, max);
	n += store_figures(s->tier, out + n, max - n);
	for (unsigned i = 0; i < n_gates && i < GATES_MAX; i++)
		n += add_gate(&gates[i], out + n, max - n);
	return n;
}

static void admin_why(void *ctx, const struct why_ask *ask, struct arena *a, struct why *out)
{
	struct server *s = ctx;
	struct why_env env = {
	    .tier = s->tier, .flights = s->flights, .key_seed = s->key_seed, .instance = (uint32_t)s->instance};
	why_find(&env, ask, a, out);
}

static int start_admin(struct server *s)
{
	struct admin_env env = {.tier = s->tier,
	    .metrics = s->metrics,
	    .key_seed = s->key_seed,
	    .started_ms = s->started_ms,
	    .conf = admin_conf,
	    .reload = admin_reload,
	    .ready = admin_ready,
	    .figures = admin_figures,
	    .why = admin_why,
	    .values = s->values,
	    .ctx = s};
	const struct conf_admin *conf = &s->conf->admin;
	int err = admin_server_start(conf, &env, &s->admin);
	if (err == ERR_DENIED)
		log_error("server", "[admin] listen = %.*s is neither loopback nor a unix socket: set [admin] token",
		    STR_ARG(conf->listen.text));
	else if (err)
		log_error("server", "cannot listen on %.*s: %s; see [admin] listen", STR_ARG(conf->listen.text),
		    doors_advice(errno));
	return err;
}

/* The end */

static void stop_workers(struct server *s)
{
	if (atomic_load(&s->phase) == STOPPING)
		return;
	atomic_store(&s->phase, STOPPING);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_stop(s->workers[i]);
	uv_stop(&s->loop);
}

static void on_drain_timeout(uv_timer_t *timer)
{
	struct server *s = timer->data;
	log_warning("server", "drain_timeout is over: %u connections are cut", atomic_load(&s->connections));
	stop_workers(s);
}

static void drain(struct server *s)
{
	if (atomic_load(&s->phase) >= DRAINING) {
		log_warning("server", "told to end again: %u connections are cut", atomic_load(&s->connections));
		stop_workers(s);
		return;
	}
	atomic_store(&s->phase, DRAINING);
	notify_send(s->source->environ, "STOPPING=1");
	log_info("server", "ending: no new connections, %u are open", atomic_load(&s->connections));
	pthread_mutex_lock(&s->lock);
	int64_t timeout_ms = s->conf->server.drain_timeout_ms;
	pthread_mutex_unlock(&s->lock);
	uv_timer_start(&s->drain, on_drain_timeout, (uint64_t)timeout_ms, 0);
	doors_remove_files(s->doors);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_drain(s->workers[i]);
}

/* On a worker's thread. */
static void on_worker_idle(void *ctx)
{
	struct server *s = ctx;
	if (atomic_fetch_add(&s->n_idle, 1) + 1 == s->n_workers)
		mailbox_post(&s->mailbox, &s->idle_mail);
}

static void on_all_idle(struct mail *m)
{
	stop_workers(CONTAINER_OF(m, struct server, idle_mail));
}

/* The main loop */

static void on_hup(struct server *s)
{
	struct buf text;
	buf_init(&text, ERRORS_MAX);
	char state[64];
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
	notify_send(s->source->environ, state);
	(void)reload(s, &text);
	notify_send(s->source->environ, "READY=1");
	buf_free(&text);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct server *s = handle->data;
	switch (number) {
	case SIGHUP:
		on_hup(s);
		break;
	case SIGUSR1:
		if (s->access)
			accesslog_reopen(s->access);
		break;
	default:
		drain(s);
	}
}

static void on_sweep(uv_timer_t *timer)
{
	struct server *s = timer->data;
	store_sweep(s->tier, clock_wall_ms());
}

static int start_loop(struct server *s)
{
	if (uv_loop_init(&s->loop) != 0 || mailbox_init(&s->mailbox, &s->loop) != ERR_OK) {
		log_error("server", "cannot make an event loop: too few descriptors?");
		return ERR_IO;
	}
	s->idle_mail.fn = on_all_idle;
	for (unsigned i = 0; i < SIGNALS; i++) {
		uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
	}
	uv_timer_init(&s->loop, &s->sweep);
	uv_timer_init(&s->loop, &s->drain);
	s->sweep.data = s->drain.data = s;
	uv_timer_start(&s->sweep, on_sweep, STORE_SWEEP_MS, STORE_SWEEP_MS);
	return ERR_OK;
}

static void end_loop(struct server *s)
{
	for (unsigned i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&s->signals[i], NULL);
	uv_close((uv_handle_t *)&s->sweep, NULL);
	uv_close((uv_handle_t *)&s->drain, NULL);
	mailbox_close(&s->mailbox);
	while (uv_run(&s->loop, UV_RUN_DEFAULT) != 0)
		; /* an uv_stop from before ends the first at once */
	uv_loop_close(&s->loop);
	mailbox_free(&s->mailbox);
}

/* The beginning */

/* libmicrohttpd and libcurl are told so. */
static void ignore_broken_pipes(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Descriptors: one a client, one an upstream connection, and some of our own; of files, one an answer and those that are held open. */
static uint64_t files_wanted(const struct conf *conf)
{
	const struct conf_cache *cache = &conf->cache;
	uint64_t n = conf->server.max_connections + 64ull;
	if (conf->cache.backend & BACKEND_FILE)
		n += conf->cache.file_open;
	for (unsigned i = 0; i < conf->n_upstreams; i++)
		n += conf->upstreams[i].max_in_flight + (uint64_t)conf->upstreams[i].max_idle * conf->server.workers;
	if (cache->backend & BACKEND_FILE)
		n += conf->server.max_connections + (cache->backend & BACKEND_MEMORY ? 0 : cache->file_open);
	return n;
}

static void raise_file_limit(const struct conf *conf)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	uint64_t wanted = files_wanted(conf);
	if (limit.rlim_cur < wanted)
		log_warning("server",
		    "the limit of open files is %llu; max_connections = %u may need %llu (ulimit -n, LimitNOFILE)",
		    (unsigned long long)limit.rlim_cur, conf->server.max_connections, (unsigned long long)wanted);
}

static const char *reason_label(unsigned reason)
{
	return reason_code((enum reason)reason);
}

static int make_shared(struct server *s)
{
	const struct conf *conf = s->conf;
	if (!str_eq(conf->log.access, STR("off")) &&
	    accesslog_open(conf->log.access, (int)conf->log.format, &s->access) != ERR_OK) {
		log_error("server", "cannot open the access log %.*s: %s; see [log] access", STR_ARG(conf->log.access),
		    strerror(errno));
		return ERR_IO;
	}
	s->metrics = metrics_new(conf->server.workers, REASON_COUNT, reason_label);
	number_routes(s, s->conf);
	s->flights = flights_new(conf->cache.memory_size);
	s->gates = gates_new(worker_post, worker_unpost);
	s->started_ms = clock_wall_ms();
	uint64_t *const secrets[] = {&s->key_seed, &s->instance, &s->tag_key.k0, &s->tag_key.k1};
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		if (secret(secrets[i]) != ERR_OK)
			return ERR_IO;
	}
	s->values = store_values(conf);
	s->tier = store_open(conf, s->key_seed);
	return s->tier ? ERR_OK : ERR_IO;
}

static void unmake_shared(struct server *s)
{
	if (s->gates)
		gates_free(&s->gates);
	if (s->flights)
		flights_free(&s->flights);
	values_free(&s->values);
	if (s->tier)
		tier_close(&s->tier);
	if (s->metrics)
		metrics_free(&s->metrics);
	if (s->access)
		accesslog_close(&s->access);
}

static int start_workers(struct server *s)
{
	unsigned n = s->conf->server.workers;
	s->workers = mem_zalloc(n * sizeof(struct worker *));
	for (unsigned i = 0; i < n; i++) {
		struct worker_options o = {.index = i,
		    .conf = s->conf,
		    .tier = s->tier,
		    .flights = s->flights,
		    .gates = s->gates,
		    .metrics = metrics_worker(s->metrics, i),
		    .access = s->access,
		    .key_seed = s->key_seed,
		    .tag_key = s->tag_key,
		    .instance = (uint32_t)s->instance,
		    .connections = &s->connections,
		    .idle = on_worker_idle,
		    .ctx = s};
		o.listen = doors_of(s->doors, i, &o.n_listen);
		if (secret(&o.id_seed) != ERR_OK || worker_start(&o, &s->workers[i]) != ERR_OK)
			return ERR_IO;
		s->n_workers++;
	}
	return ERR_OK;
}

static void end_workers(struct server *s)
{
	stop_workers(s);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_join(s->workers[i]);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_free(&s->workers[i]);
	free(s->workers);
}

static void announce(struct server *s)
{
	struct conf *conf = current(s);
	unsigned n;
	const struct worker_listen *listen = doors_of(s->doors, 0, &n);
	for (unsigned i = 0; i < n; i++)
		log_info("server", "listening on %.*s", STR_ARG(listen[i].text));
	if (s->admin) {
		struct str admin = admin_server_address(s->admin);
		log_info("server", "admin interface on %.*s", STR_ARG(admin));
	}
	for (unsigned i = 0; i < conf->n_upstreams; i++)
		log_info("server", "upstream %.*s: %.*s", STR_ARG(conf->upstreams[i].name),
		    STR_ARG(conf->upstreams[i].url_text));
	struct buf tiers;
	buf_init(&tiers, DESCRIPTION_MAX);
	store_describe(conf, &tiers);
	log_info("server", "%u workers, %.*s, %u routes", s->n_workers, STR_ARG(buf_str(&tiers)), conf->n_routes);
	buf_free(&tiers);
	conf_release(&conf);
}

static int serve(struct server *s)
{
	int err = start_workers(s);
	if (!err) {
		atomic_store(&s->phase, SERVING); /* before anybody can ask whether it is ready */
		err = start_admin(s);
	}
	if (!err) {
		announce(s);
		notify_send(s->source->environ, "READY=1");
		uv_run(&s->loop, UV_RUN_DEFAULT);
	}
	admin_server_stop(&s->admin);
	end_workers(s);
	return err;
}

int server_run(struct conf *conf_take, const struct conf_source *source)
{
	struct server s = {.source = source, .conf = conf_take};
	ignore_broken_pipes();
	log_set_level((enum log_level)s.conf->log.level);
	pthread_mutex_init(&s.lock, NULL);
	raise_file_limit(s.conf);
	int err = start_loop(&s);
	if (!err) {
		err = make_shared(&s);
		if (!err)
			err = doors_open(&s.conf->server, &s.doors);
		if (!err)
			err = serve(&s);
		doors_close(&s.doors);
		unmake_shared(&s);
		end_loop(&s);
	}
	if (!err)
		log_info("server", "ended");
	conf_release(&s.conf);
	pthread_mutex_destroy(&s.lock);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
