/* The texts that a page is searched for: each value in each form, each secret (its forms are secrets of their own). Most values have
 * nothing that any form escapes, so that all are one. */
#include "policy/private.h"

#include "base/mem.h"

static bool is_known(const struct policy__form *forms, unsigned n, struct str text)
{
	for (unsigned i = 0; i < n; i++) {
		if (str_eq(forms[i].text, text))
			return true;
	}
	return false;
}

/* Letters, digits and what else is unreserved in URLs, but for '-', which scripts may escape. */
static bool is_one_form(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		bool letter = char_lower(c) >= 'a' && char_lower(c) <= 'z';
		if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '~')
			return false;
	}
	return true;
}

unsigned policy__forms(struct str value, struct arena *a, struct policy__form out[HOLE_FORMS])
{
	unsigned n = 0;
	out[n++] = (struct policy__form){value, HOLE_PLAIN};
	if (is_one_form(value))
		return n;
	char *scratch = arena_alloc(a, value.n * HOLE_FORM_GROWTH);
	for (int form = HOLE_PLAIN + 1; form < HOLE_FORMS; form++) {
		struct str text = str_make(scratch, hole_form_write((enum hole_form)form, value, scratch));
		if (!is_known(out, n, text)) /* one that is written like an earlier one is that one (http/hole.h) */
			out[n++] = (struct policy__form){arena_str(a, text), (enum hole_form)form};
	}
	return n;
}

struct policy__patterns policy__patterns(const struct personal *personal, struct arena *a)
{
	struct policy__form forms[HOLE_FORMS];
	unsigned most = personal->n_values * HOLE_FORMS + personal->n_secrets + 1;
	struct policy__patterns p = {
	    .texts = arena_alloc(a, most * sizeof *p.texts),
	    .of = arena_alloc(a, most * sizeof *p.of),
	};
	for (unsigned i = 0; i < personal->n_values; i++) {
		struct str text = personal->values[i].text;
		unsigned n = text.n > 0 ? policy__forms(text, a, forms) : 0;
		for (unsigned k = 0; k < n; k++) {
			p.texts[p.n] = forms[k].text;
			p.of[p.n++] = (struct policy__pattern){.value = (uint16_t)i, .form = (uint8_t)forms[k].form};
		}
	}
	for (unsigned i = 0; i < personal->n_secrets; i++) {
		p.texts[p.n] = personal->secrets[i].text;
		p.of[p.n++] = (struct policy__pattern){.secret = &personal->secrets[i]};
	}
	return p;
}
