/* The request as it goes to the upstream: end-to-end fields, Host, Via and the forwarding fields (RFC 9110 7.6,
 * RFC 7239). Framing and Connection are added by who sends it. */
#ifndef LARDER_REQ_FORWARD_H
#define LARDER_REQ_FORWARD_H

#include "conf/conf.h"
#include "http/message.h"

struct forward_in {
	uint32_t instance; /* stands in Via behind the name */
	const struct conf *conf;
	const struct route *route;
	const struct http_request *request;
	struct str client; /* the peer's address as text; "unix" */
	struct str id;	   /* request id */
};

/* Takes away what only a proxy in front of us may say: where the client is, what it asked for (Forwarded, X-Forwarded-*,
 * X-Real-IP, X-Original-URL, X-Rewrite-URL). The origin may render them, and they are no part of the key: a stranger could
 * have his own host or path put into a page that is stored for all. Not for peers of trusted_proxies. */
void forward_strip(struct headers *h);

/* The forwarding fields that are still in the request are continued. Result lies in `a` and borrows from the request. */
void forward_headers(const struct forward_in *in, struct arena *a, struct headers *out);
/* The target with the upstream URL's path before it. */
struct str forward_target(const struct conf_upstream *u, struct str target, struct arena *a);

/* Adds, sets and removes as the route says. */
void header_ops_apply(const struct header_ops *ops, struct arena *a, struct headers *h);

/* True when Via shows that this very process has sent the request before (its instance stands in the comment), or that
 * proxies of its name have, too often to be a chain: some take comments out (RFC 9110 7.6.3). */
bool forward_is_loop(const struct headers *h, struct str pseudonym, uint32_t instance);

/* RFC 9110 7.6.2: false when Max-Forwards of this OPTIONS or TRACE says that it goes no further. Else it goes on with one less;
 * one that is no number, or larger than any chain, stays as it is. The new value lies in `a`. */
bool forward_takes_hop(struct headers *h, struct arena *a);

#endif
