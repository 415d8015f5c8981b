/* Globs against a matcher that is plainly right: a table of which prefixes of the pattern match which prefixes of the
 * text. Input: the pattern, a line feed, the text. */
#include "fuzz.h"

#include "base/mem.h"
#include "http/url.h"

#include <assert.h>
#include <stdlib.h>

static bool match_slowly(struct str pattern, struct str s)
{
	size_t width = s.n + 1;
	bool *above = mem_zalloc(width), *row = mem_zalloc(width);
	above[0] = true;
	for (size_t i = 0; i < pattern.n; i++) {
		bool star = pattern.p[i] == '*';
		row[0] = star && above[0];
		for (size_t j = 1; j < width; j++)
			row[j] = star ? above[j] || row[j - 1] : above[j - 1] && pattern.p[i] == s.p[j - 1];
		bool *swap = above;
		above = row;
		row = swap;
	}
	bool match = above[s.n];
	free(above);
	free(row);
	return match;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), pattern;
	if (size > 2048 || !str_cut(&text, '\n', &pattern))
		return 0;
	assert(glob_match(pattern, text) == match_slowly(pattern, text));
	return 0;
}
