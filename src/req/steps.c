/* The steps of a request and its life. Each step returns the next; REQ_PARK waits for the one letter that a request has
 * (its flight was decided, or its stream has more), REQ_ANSWERED ends the drive.
 *
 *   receive -> lookup -> [(park) -> found] -> judge -> (fresh: answered), alone (validated for each request)
 *                                              \--> join -> lead | (park) -> outcome -> answered
 *                                        miss -/                         \-> join again (another variant), alone
 *   receive -> alone (passes)      receive -> purge -> [(park)] -> purged
 *   (answered from what is stored, where the visitor's token must be known first) -> token -> (park) -> answered, alone
 *
 * Not here: which variant is a request's (variant.c), tiers that answer later (lookup.c), purges (purge.c), a visitor's token
 * (visitor.c), the fetch itself (fill.c), who waits for whom (flight.c), what an answer looks like (answer.c). */
#include "req/request.h"

#include <assert.h>

#include "base/mem.h"
#include "conf/route.h"
#include "http/url.h"
#include "policy/key.h"
#include "policy/range.h"
#include "policy/token.h"
#include "req/fill.h"
#include "req/forward.h"
#include "req/partial.h"
#include "req/stale.h"
#include "req/variant.h"

enum { JOINS_MAX = 4, ID_MAX = 64, ID_DIGITS = 16 };

static int64_t wall_ms(const struct req *r)
{
	return r->env->port->wall_ms(r->env->worker);
}

/* ---- receive ---- */

/* An id that is fit for logs and headers: the client's when it has the shape of one, else a new one. */
struct str req__id(struct req *r)
{
	if (r->id.n > 0)
		return r->id;
	struct str given = headers_get(&r->message.headers, STR("X-Request-Id"));
	if (given.n > 0 && given.n <= ID_MAX && is_token(given)) {
		r->id = given;
		return given;
	}
	/* A counter, spread by an odd multiplier (splitmix64): unique in this worker, another after each start. No secret: who
	 * knows one id can compute the next. */
	uint64_t z = r->env->id_seed + ++r->env->requests * 0x9E3779B97F4A7C15u;
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	char *id = arena_alloc(&r->arena, ID_DIGITS);
	str_put_hex(id, z ^ (z >> 31), ID_DIGITS);
	r->id = str_make(id, ID_DIGITS);
	return r->id;
}

/* Only a trusted peer may say that its client came by TLS. */
static struct str scheme_of(const struct req *r)
{
	struct str proto = headers_get(&r->message.headers, STR("X-Forwarded-Proto"));
	return r->trusted && str_eq_nocase(proto, STR("https")) ? STR("https") : STR("http");
}

/* The host that pages are kept and routed by. A trusted peer may have put its own into Host and the client's into
 * X-Forwarded-Host, which the origin gets and may render: pages of two sites must not be one. */
static struct str host_of(const struct req *r)
{
	struct str given = r->trusted ? headers_get(&r->message.headers, STR("X-Forwarded-Host")) : STR_NONE;
	given = str_trim(str_take(given, str_index(given, ',')));
	return given.n > 0 && host_is_valid(given) ? given : r->message.host;
}

static enum req_step pass(struct req *r, enum reason why)
{
	r->fwd = why;
	r->passes = true;
	return REQ_ALONE;
}

static enum req_step receive(struct req *r)
{
	struct http_request *m = &r->message;
	r->trusted = conf_nets_contain(&r->conf->server.trusted_proxies, r->client.address);
	m->scheme = scheme_of(r);
	target_split(m->target, &r->path, &r->query);
	r->host = host_normalise(host_of(r), m->scheme, &r->arena);
	r->dots = path_has_dots(r->path);
	r->path = path_normalise(r->path, &r->arena);
	r->route = route_find(r->conf, r->host, r->path);
	if (m->method == METHOD_PURGE)
		return REQ_PURGE;
	if (forward_is_loop(&m->headers, r->conf->server.via, r->env->instance)) {
		answer_error(r, 508, REASON_ERROR_LOOP, NULL);
		return REQ_ANSWERED;
	}
	enum reason why = REASON_NONE;
	if (r->path.n == 0 || r->path.p[0] != '/')
		why = REASON_PASS_TARGET;
	else if (policy_is_token_path(&r->conf->token_paths, r->path)) /* whatever the route and its own fields say */
		why = REASON_PASS_TOKEN_PATH;
	else
		(void)policy_lookup(r->route, m, &why);
	/* From here on the request is what the origin will see (RFC 9110 7.6.1). A client could else have a page rendered
	 * without a field, by naming it in Connection, and stored under the field's value. */
	headers_remove_hop_by_hop(&m->headers);
	if (!r->trusted)
		forward_strip(&m->headers);
	if ((m->method == METHOD_OPTIONS || m->method == METHOD_TRACE) && !forward_takes_hop(&m->headers, &r->arena)) {
		answer_last_hop(r);
		return REQ_ANSWERED;
	}
	return why == REASON_NONE ? REQ_LOOKUP : pass(r, why);
}

/* ---- lookup and judge ---- */

/* What the memory has, or what was found below it, is in r->entry or is not. */
static enum req_step looked_up(struct req *r)
{
	if (r->entry)
		return REQ_JUDGE;
	if (!partial_find(r))
		return REQ_MISS;
	/* Judged already. Were it judged once more, a purge in between could have it validated as if it were a page. */
	return answer_from_entry(r, r->entry, OUTCOME_HIT, r->verdict.reason);
}

static void on_found(void *owner)
{
	req__go_on(owner, REQ_FOUND);
}

/* There are tiers below the memory, and nothing in it that answers. What is served while it is renewed is not looked for again by each
 * who asks meanwhile: who renews it has looked. */
static bool has_to_look_deeper(const struct req *r)
{
	if (!r->env->tier->is_deep)
		return false;
	enum reuse reuse = r->entry ? answer_verdict(r, r->entry).reuse : REUSE_REVALIDATE;
	if (reuse == REUSE_STALE)
		return !flight_is_open(r->env->flights, &r->key);
	return reuse != REUSE_FRESH;
}

static enum req_step lookup(struct req *r)
{
	r->asks_range = policy_asks_for_range(&r->message) && !policy_has_tokens(r->route);
	key_make(r->route, r->message.scheme, r->host, r->path, r->query, r->env->key_seed, &r->arena, &r->key);
	variant_look_up(r);
	if (!has_to_look_deeper(r))
		return looked_up(r);
	struct lookup_spec spec = {
	    .request = &r->message, .conf = r->conf, .route = r->route, .key = &r->key, .found = on_found, .owner = r};
	int err = lookup_start(r->env, &spec, &r->lookup);
	return err == ERR_AGAIN ? REQ_PARK : REQ_FOUND;
}

static enum req_step found(struct req *r)
{
	struct look *l = r->lookup;
	r->spent_us = l->op.spent_us;
	if (l->op.entry) {
		entry_release(&r->entry);
		r->found_in = l->op.found_in;
		r->entry = lookup_take(l);
		r->fwd = REASON_NONE;
	} else if (!r->entry && l->op.other_variant) {
		r->fwd = REASON_MISS_VARY;
	}
	lookup_leave(&r->lookup);
	if (r->entry && answer_is_overtaken(r)) {
		entry_release(&r->entry);
		r->fwd = REASON_MISS;
	}
	return looked_up(r);
}

static void refresh_behind(struct req *r);
static void fetch_behind(struct req *r);

/* What the fetch brings is for this request only, though it may be stored: to wait for another's would be of no use. */
static enum req_step for_itself(struct req *r)
{
	r->may_store = true;
	return REQ_ALONE;
}

static enum req_step judge(struct req *r)
{
	enum req_step next;
	r->verdict = answer_verdict(r, r->entry);
	switch (r->verdict.reuse) {
	case REUSE_FRESH:
		return answer_from_entry(r, r->entry, OUTCOME_HIT, r->verdict.reason);
	case REUSE_STALE:
		next = answer_from_entry(r, r->entry, OUTCOME_STALE, r->verdict.reason);
		if (!r->dots)
			refresh_behind(r);
		return next;
	case REUSE_UNSATISFIABLE:
		answer_error(r, 504, REASON_ERROR_ONLY_IF_CACHED, NULL);
		return REQ_ANSWERED;
	case REUSE_REVALIDATE:
		if (stale_spares_wait(r, &next)) {
			if (stale_may_ask_again(r) && !r->dots)
				refresh_behind(r);
			return next;
		}
		break;
	}
	r->fwd = r->verdict.reason;
	/* HEAD goes on as HEAD: what it brings is no page. */
	if (r->message.method == METHOD_HEAD)
		return REQ_ALONE;
	return policy_may_collapse(ENTRY_STORED(r->entry)) ? REQ_JOIN : for_itself(r);
}

/* Nobody who asks for a part waits for the whole because of it. */
static enum req_step miss_part(struct req *r, bool is_own)
{
	if (!is_own && partial_join_whole(r))
		return REQ_OUTCOME;
	if (!is_own && !r->dots && r->route->range_miss == RANGE_MISS_WHOLE)
		fetch_behind(r);
	bool is_common = partial_forward(r);
	variant_sign_by_newest(r);
	return is_common && !is_own ? REQ_JOIN : for_itself(r);
}

static enum req_step miss(struct req *r)
{
	if (policy_miss(r->route, &r->message) == REUSE_UNSATISFIABLE) {
		answer_error(r, 504, REASON_ERROR_ONLY_IF_CACHED, NULL);
		return REQ_ANSWERED;
	}
	if (r->message.method == METHOD_HEAD)
		return REQ_ALONE;
	/* Its answer is hardly ever for others (RFC 9111 3.5): it waits for none, and lets none wait. */
	bool is_own =
	    headers_find(&r->message.headers, STR("Authorization")) && !(r->route->override & OVERRIDE_AUTHORIZATION);
	if (r->fwd != REASON_MISS)
		variant_sign_by_newest(r);
	if (r->asks_range)
		return miss_part(r, is_own);
	return is_own ? for_itself(r) : REQ_JOIN;
}

/* ---- join and lead ---- */

/* `leader` is r, or NULL for a renewal that nobody waits for. */
static void fill_for(struct req *r, struct flight *f, bool may_store, struct entry *stale, struct req *leader)
{
	struct fill_spec spec = {
	    .conf = r->conf,
	    .route = r->route,
	    .request = &r->message,
	    .client = r->client.address_text,
	    .id = req__id(r),
	    .may_store = may_store,
	    .whole = r->whole,
	    .is_head = leader && r->message.method == METHOD_HEAD && !r->passes && !r->dots,
	    .forwards_range = leader && r->forwards_range,
	    .stale = stale,
	    .stale_epoch = r->epoch,
	    .stale_if_error = leader && r->entry && r->verdict.stale_if_error,
	    .leader = leader,
	};
	fill_start(f, r->env, &spec);
}

/* The whole, for nobody in particular; signed already. */
static void fetch_behind(struct req *r)
{
	struct flight *f;
	if (flight_join(r->env->flights, r->env->tier, &r->key, r->signature, NULL, wall_ms(r), &f) != FLIGHT_JOIN_LEAD)
		return;
	struct http_request asked = r->message;
	r->message.method = METHOD_GET; /* also behind a HEAD */
	r->message.method_name = STR("GET");
	fill_for(r, f, true, r->entry, NULL);
	r->message = asked;
	flight_release(&f);
}

static void refresh_behind(struct req *r)
{
	variant_sign(r, r->entry);
	fetch_behind(r);
}

static enum req_step join(struct req *r)
{
	/* The origin gets the raw path. One that resolves it differently than we do answers for another page, so what it says
	 * to "/any/../blog/" is not what everybody gets for "/blog/". */
	if (r->dots)
		return pass(r, REASON_PASS_DOTS);
	if (++r->joins > JOINS_MAX)
		return pass(r, REASON_PASS_VARIANTS);
	if (r->entry)
		variant_sign(r, r->entry);
	r->waiter.leads = false;
	switch (flight_join(r->env->flights, r->env->tier, &r->key, r->signature, &r->waiter, wall_ms(r), &r->flight)) {
	case FLIGHT_JOIN_LEAD:
		return REQ_LEAD;
	case FLIGHT_JOIN_WAIT:
		return REQ_PARK;
	case FLIGHT_JOIN_READY:
		return REQ_OUTCOME;
	case FLIGHT_JOIN_PASSES:
		break;
	}
	r->may_store = true; /* it may have become storable meanwhile */
	return pass(r, REASON_PASS_REMEMBERED);
}

/* The flight that was here a moment ago may have stored its page between our lookup and our joining: look again, and let
 * those who joined us since have it too. */
static bool was_stored_meanwhile(struct req *r)
{
	struct tier_get op = {.key = r->key, .match = variant_is_whole, .ctx = r};
	if (tier_get(r->env->tier, &op) != ERR_OK)
		return false;
	if (op.entry == r->entry || answer_verdict(r, op.entry).reuse != REUSE_FRESH) {
		entry_release(&op.entry);
		return false;
	}
	r->flight->entry = op.entry;
	r->flight->found_in = op.found_in;
	r->flight->reason = REASON_HIT;
	flight_decide(r->flight, FLIGHT_SHARED);
	flight_close(r->flight);
	return true;
}

static enum req_step lead(struct req *r)
{
	if (was_stored_meanwhile(r))
		return REQ_PARK; /* the letter is on its way */
	r->waiter.leads = true;
	r->flight->part = r->entry ? NULL : partial_to_complete(r);
	fill_for(r, r->flight, true, r->entry, r);
	return REQ_PARK;
}

/* A flight of its own that nobody joins. */
static enum req_step alone(struct req *r)
{
	if (r->key.text.n == 0)
		r->key = (struct cache_key){.text = STR("-")};
	r->flight = flight_new(NULL, r->env->tier, &r->key, STR_NONE);
	r->flight->reason = r->fwd;
	r->waiter.leads = true;
	list_add_first(&r->flight->waiters, &r->waiter.link);
	/* Where its answer may be stored, what is stale may be renewed by it or stand in for it. */
	fill_for(r, r->flight, r->may_store, r->may_store ? r->entry : NULL, r);
	return REQ_PARK;
}

/* ---- outcome ---- */

void req__leave_flight(struct req *r)
{
	if (!r->flight)
		return;
	flight_leave(r->flight, &r->waiter);
	if (r->waiter.leads)
		fill_leader_left(r->flight);
	r->waiter.leads = false;
	flight_release(&r->flight);
}

static enum req_step answer_shared(struct req *r, enum outcome outcome, enum reason reason)
{
	r->verdict = answer_verdict(r, r->flight->entry);
	return answer_from_entry(r, r->flight->entry, outcome, reason);
}

/* There was no fetch. Each who waited asks in his own words: one may want a newer one than this (RFC 9111 5.2.1). */
static enum req_step found_after_all(struct req *r)
{
	struct flight *f = r->flight;
	r->found_in = f->found_in;
	if (answer_verdict(r, f->entry).reuse == REUSE_FRESH)
		return answer_shared(r, OUTCOME_HIT, REASON_HIT);
	entry_release(&r->entry);
	r->entry = entry_ref(f->entry);
	req__leave_flight(r);
	return REQ_JUDGE;
}

static enum req_step shared(struct req *r)
{
	struct flight *f = r->flight;
	if (f->revalidated && r->waiter.leads)
		return answer_shared(r, OUTCOME_REVALIDATED, REASON_HIT_REVALIDATED);
	if (r->waiter.leads && f->reason != REASON_HIT) { /* else there was no fetch: it was found after all */
		answer_from_flight(r);
		return REQ_ANSWERED;
	}
	bool is_for_all = !partial_is_belied(f) && (!entry_is_partial(f->entry) || partial_fits(r, f->entry));
	if (!is_for_all || !policy_may_collapse(ENTRY_STORED(f->entry))) { /* the leader's only, as it turned out */
		req__leave_flight(r);
		return for_itself(r);
	}
	if (variant_matches(r, f->entry)) {
		if (f->reason == REASON_HIT)
			return found_after_all(r);
		metrics_inc(r->env->metrics, METRIC_COLLAPSED);
		return answer_shared(r, OUTCOME_COLLAPSED, REASON_COLLAPSED);
	}
	variant_sign_like(r, f->entry);
	entry_release(&r->entry);
	r->fwd = REASON_MISS_VARY;
	req__leave_flight(r);
	return REQ_JOIN;
}

static enum req_step outcome(struct req *r)
{
	struct flight *f = r->flight;
	enum req_step next;
	if (r->waiter.let_go) {
		r->waiter.let_go = false;
		req__leave_flight(r);
		r->may_store = true;
		return pass(r, REASON_PASS_HELD);
	}
	switch (f->state) {
	case FLIGHT_SHARED:
		return shared(r);
	case FLIGHT_ALONE:
		if (r->waiter.leads) {
			answer_from_flight(r);
			return REQ_ANSWERED;
		}
		/* His condition, no word about ours: one asks for the whole. */
		if (f->reason == REASON_NOT_MODIFIED || f->reason == REASON_NOT_REFUSED) {
			req__leave_flight(r);
			r->whole = true;
			return REQ_JOIN;
		}
		/* It had what belongs to the leader. Another's may be clean; but nobody waits for this twice. */
		if (reason_is_personal(f->reason) && reason_is_of_request(f->reason) && !r->met_personal) {
			req__leave_flight(r);
			r->met_personal = true;
			return REQ_JOIN;
		}
		/* All at once, none behind another. What they bring may be stored, should it differ. */
		req__leave_flight(r);
		r->may_store = true;
		return pass(r, REASON_PASS_REMEMBERED);
	case FLIGHT_STALE:
		if (stale_stands_in(r, &next))
			return next;
		req__leave_flight(r); /* the error is what this one is to have */
		return for_itself(r);
	case FLIGHT_FAILED:
		if (stale_stands_in(r, &next))
			return next;
		answer_failure(r, f->err, f->reason);
		return REQ_ANSWERED;
	case FLIGHT_OPEN: /* held: only the leader is told before the decision */
		assert(r->waiter.leads && f->held);
		answer_from_flight(r);
		return REQ_ANSWERED;
	}
	assert(false && "a state that is none");
	return REQ_PARK;
}

/* ---- the driver ---- */

static const struct {
	enum req_step (*run)(struct req *r);
	const char *name;
} steps[] = {
#define X(name, function) {function, #function},
    REQ_STEPS(X)
#undef X
};

void req__go_on(struct req *r, enum req_step step)
{
	if (!r->gone && req__drive(r, step))
		r->env->port->resume(r->env->worker, r);
}

bool req__drive(struct req *r, enum req_step step)
{
	while (step < REQ_PARK) {
		if (r->env->trace)
			r->env->trace(r->env->trace_ctx, r, steps[step].name);
		step = steps[step].run(r);
	}
	r->step = step;
	return step == REQ_ANSWERED;
}
