/* Parameters of a query or a form (application/x-www-form-urlencoded). Pure. */
#include "admin/page.h"

int admin__decode(struct str s, bool plus, struct arena *a, struct str *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < s.n ? char_hex(s.p[i + 1]) : -1,
			    low = i + 2 < s.n ? char_hex(s.p[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return ERR_INVALID;
			c = (char)(high * 16 + low);
			i += 2;
		}
		p[n++] = c;
	}
	*out = str_make(p, n);
	return ERR_OK;
}

int admin_params_read(struct str encoded, struct arena *a, struct admin_param *params, unsigned max, unsigned *n)
{
	struct str rest = encoded, part;
	while (str_cut(&rest, '&', &part)) {
		if (!part.n)
			continue;
		if (*n >= max)
			return ERR_TOO_LARGE;
		size_t equals = str_index(part, '=');
		struct admin_param *param = &params[*n];
		int err = admin__decode(str_take(part, equals), true, a, &param->name);
		if (!err)
			err = admin__decode(str_skip(part, equals + 1), true, a, &param->value);
		if (err)
			return err;
		(*n)++;
	}
	return ERR_OK;
}
