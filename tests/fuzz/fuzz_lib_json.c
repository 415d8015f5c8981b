/* Values of liblarder: any text is JSON or not; what is, is taken apart and put together again. */
#include "fuzz.h"

#include "lib/json.h"

#include <assert.h>
#include <stdlib.h>

static void check_bytes(struct str s)
{
	size_t n = json_encoded(s), n_decoded = base64_decoded(s);
	char *coded = malloc(base64_encoded(s.n) + n + 1), *decoded = malloc(base64_encoded(s.n) + n + 1);
	if (n > 0) {
		struct str whole, text = str_make(coded, (size_t)(json_encode(s, coded) - coded));
		assert(text.n == n && json_whole(text, &whole) && str_eq(whole, text));
		assert(str_eq(str_make(decoded, (size_t)(json_decode(text, decoded) - decoded)), s));
	}
	struct str text = str_make(coded, (size_t)(base64_encode(s, coded) - coded));
	assert(text.n == base64_encoded(s.n) && base64_decoded(text) == s.n);
	assert(str_eq(str_make(decoded, (size_t)(base64_decode(text, decoded) - decoded)), s));
	if (n_decoded != BASE64_INVALID)
		assert((size_t)(base64_decode(s, decoded) - decoded) == n_decoded && n_decoded <= s.n);
	free(coded);
	free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size), value, member;
	double number;
	int64_t integer;
	check_bytes(in);
	if (!json_whole(in, &value))
		return 0;
	assert(value.n > 0 && value.p >= in.p && value.p + value.n <= in.p + in.n);
	if (json_member(value, STR("value"), &member))
		assert(json_members(value) > 0 && json_whole(member, &member));
	if (*value.p == '[') {
		for (struct str rest = json_inside(value); json_next(&rest, &member);)
			assert(json_whole(member, &member));
	}
	if (*value.p == '"') {
		char *text = malloc(value.n);
		assert((size_t)(json_decode(value, text) - text) <= value.n - 2);
		free(text);
	}
	bool is_number = *value.p == '-' || (*value.p >= '0' && *value.p <= '9');
	assert(!json_number(value, &number) || is_number);
	assert(!json_int(value, &integer) || is_number);
	return 0;
}
