/* Reasons and the fields that they come from. What is told here is kept (req/recall.h), shown to operators and pasted into
 * tickets, so no secret of a visitor may be in it: the names of cookies, never their values; no credentials. */
#include "policy/cause.h"

#include "base/mem.h"

/* Fields that decide about storing; the first that is there and is no secret is told. Targeted fields come before
 * Cache-Control, since where one is there it decides (RFC 9213 2.1). */
static const char *const controls[] = {
    "Larder-Cache-Control", "CDN-Cache-Control", "Surrogate-Control", "Cache-Control", "Pragma", "Expires"};
static const char *const varies[] = {"Vary"};
static const char *const ranges[] = {"Content-Range"};
static const char *const lengths[] = {"Content-Length"};

static struct str field(const struct headers *h, const char *name, struct arena *a)
{
	struct str value = headers_joined(h, a, str_of(name));
	return value.p ? arena_printf(a, "%s: %.*s", name, STR_ARG(value)) : STR("");
}

static struct str first_of(const struct headers *h, const char *const *names, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		struct str found = field(h, names[i], a);
		if (found.n > 0)
			return found;
	}
	return STR("");
}

/* "Set-Cookie: session, lang", without their values. */
static struct str cookies(const struct headers *h, struct arena *a)
{
	struct str out = STR("");
	for (uint32_t i = 0; i < h->n; i++) {
		struct str value = h->v[i].value;
		bool old = str_eq_nocase(h->v[i].name, STR("Set-Cookie2"));
		if (!old && !str_eq_nocase(h->v[i].name, STR("Set-Cookie")))
			continue;
		size_t equals = str_index(value, '=');
		/* Without '=' servers differ in whether it is a name or a value: it may be a secret. */
		struct str name = equals < value.n ? str_trim(str_take(value, equals)) : STR("(unnamed)");
		out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out),
		    out.n > 0 ? ", "
		    : old     ? "Set-Cookie2: "
			      : "Set-Cookie: ",
		    STR_ARG(name));
	}
	return out;
}

struct str cause_of_refusal(
    enum reason why, const struct http_request *request, const struct http_response *response, struct arena *a)
{
	const struct headers *h = &response->headers;
	switch (why) {
	case REASON_NOT_SET_COOKIE:
		return cookies(h, a);
	case REASON_NOT_VARY_STAR:
	case REASON_NOT_VARY_CLIENT:
	case REASON_NOT_VARY_INVALID:
		return first_of(h, varies, COUNT_OF(varies), a);
	case REASON_NOT_PARTIAL:
		return first_of(h, ranges, COUNT_OF(ranges), a);
	case REASON_NOT_TOO_LARGE:
		return first_of(h, lengths, COUNT_OF(lengths), a);
	case REASON_NOT_AUTHORIZATION:
		return STR("Authorization in the request");
	case REASON_NOT_REQUEST_NO_STORE:
		return STR("Cache-Control: no-store in the request");
	case REASON_NOT_HEAD:
		return STR("the method of the request");
	case REASON_NOT_FULL:
	case REASON_NOT_MODIFIED:
	case REASON_NOT_REFUSED:
	case REASON_NOT_RESPONSE:
		return STR("");
	default:
		return first_of(h, controls, COUNT_OF(controls), a);
	}
}

struct str cause_of_lifetime(const struct stored *s, const struct headers *headers, struct arena *a)
{
	struct str source = str_of(s->lifetime_source);
	if (str_eq(source, STR("ttl")))
		return STR("ttl of the route");
	if (str_eq(source, STR("heuristic")))
		return STR("Last-Modified (heuristic)");
	if (str_eq(source, STR("Expires")))
		return field(headers, "Expires", a);
	if (str_eq(source, STR("none")))
		return STR("");
	return first_of(headers, controls, COUNT_OF(controls), a);
}
