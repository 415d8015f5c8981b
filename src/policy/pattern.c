/* The texts that a page is searched for: each value in each form, each secret (its forms are secrets of their own). */
#include "policy/private.h"

#include "base/mem.h"

static bool is_known(const struct policy__patterns *p, unsigned from, struct str text)
{
	for (unsigned i = from; i < p->n; i++) {
		if (str_eq(p->texts[i], text))
			return true;
	}
	return false;
}

/* A form that is written like an earlier one is that one (http/hole.h). */
static void add_forms(struct policy__patterns *p, struct str value, uint16_t index, struct arena *a)
{
	unsigned first = p->n;
	for (unsigned form = 0; form < HOLE_FORMS; form++) {
		char *text = arena_alloc(a, value.n * HOLE_FORM_GROWTH);
		struct str written = str_make(text, hole_form_write((enum hole_form)form, value, text));
		if (is_known(p, first, written))
			continue;
		p->texts[p->n] = written;
		p->of[p->n++] = (struct policy__pattern){.value = index, .form = (uint8_t)form};
	}
}

struct policy__patterns policy__patterns(const struct personal *personal, struct arena *a)
{
	unsigned most = personal->n_values * HOLE_FORMS + personal->n_secrets + 1;
	struct policy__patterns p = {
	    .texts = arena_alloc(a, most * sizeof *p.texts),
	    .of = arena_alloc(a, most * sizeof *p.of),
	};
	for (unsigned i = 0; i < personal->n_values; i++) {
		if (personal->values[i].text.n > 0)
			add_forms(&p, personal->values[i].text, (uint16_t)i, a);
	}
	for (unsigned i = 0; i < personal->n_secrets; i++) {
		p.texts[p.n] = personal->secrets[i].text;
		p.of[p.n++] = (struct policy__pattern){.secret = &personal->secrets[i]};
	}
	return p;
}
