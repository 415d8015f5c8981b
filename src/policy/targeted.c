/* Which field decides, and how it is read.
 *
 * A targeted field is a dictionary of structured fields (RFC 9213 2.1): one character out of place, an upper case letter in a
 * name among them, and the whole field is ignored (RFC 9651 4.2). So it is when a directive that is known here has a value of
 * another type than its own (RFC 9651 2.2): max-age="60", no-store=1. Of a directive that comes twice the last one counts, and
 * parameters are ignored, all unlike Cache-Control.
 *
 * Surrogate-Control is older, from the Edge Architecture Specification (W3C Note, 2001), and is read by its rules: names in
 * any case, and a parameter names the surrogate that a directive is for. Nothing in it is invalid as a whole. */
#include "policy/targeted.h"

#include "base/err.h"
#include "policy/private.h"

static const struct str surrogate_control = {"Surrogate-Control", 17};

static bool read_dictionary(struct str field, struct arena *a, struct cc_response *out)
{
	struct sf_dictionary d;
	if (sf_dictionary_read(field, a, &d) != ERR_OK || d.n == 0)
		return false;
	policy__cc_clear(out);
	for (uint32_t i = 0; i < d.n; i++) {
		if (!policy__cc_member(&d.v[i], out))
			return false;
	}
	return true;
}

/* Where the parameters of an element begin: at the first ';' that is not in a quoted string. */
static size_t parameters_at(struct str element)
{
	bool quoted = false;
	for (size_t i = 0; i < element.n; i++) {
		if (element.p[i] == '"')
			quoted = !quoted;
		else if (element.p[i] == '\\' && quoted)
			i++;
		else if (element.p[i] == ';' && !quoted)
			return i;
	}
	return element.n;
}

/* "max-age=60;larder;other": a directive without names is for all surrogates. */
static bool is_for(struct str self, struct str names)
{
	struct str name;
	bool is_named = false;
	while (names.n > 0 && str_cut(&names, ';', &name)) {
		name = str_trim(name);
		if (name.n > 0 && str_eq_nocase(name, self))
			return true;
		is_named = is_named || name.n > 0;
	}
	return !is_named;
}

/* True when something in it is for this surrogate. */
static bool read_surrogate(struct str self, struct str field, struct cc_response *out)
{
	struct str element;
	bool found = false;
	policy__cc_clear(out);
	while (list_next(&field, &element)) {
		size_t end = parameters_at(element);
		if (!is_for(self, str_skip(element, end)))
			continue;
		found = true;
		/* "max-age=600+300": the second number, how long it may be served stale, is not used. */
		element = str_trim(str_take(element, end));
		policy__cc_element(str_take(element, str_index(element, '+')), out);
	}
	return found;
}

void targeted_read(const struct conf_cache *cache, const struct headers *h, struct arena *a, struct cc_response *out)
{
	for (unsigned i = 0; i < cache->targeted_control.n; i++) {
		struct str name = cache->targeted_control.v[i];
		struct str field = headers_joined(h, a, name);
		bool found = false;
		if (field.n > 0)
			found = str_eq_nocase(name, surrogate_control) ? read_surrogate(cache->surrogate, field, out)
								       : read_dictionary(field, a, out);
		if (found) {
			out->targeted = name;
			return;
		}
	}
	cc_read_response(h, out);
}

bool targeted_has_surrogate(const struct conf_cache *cache)
{
	for (unsigned i = 0; i < cache->targeted_control.n; i++) {
		if (str_eq_nocase(cache->targeted_control.v[i], surrogate_control))
			return true;
	}
	return false;
}
