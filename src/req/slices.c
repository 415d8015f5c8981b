/* Where a run begins is looked for from the segment where the last one ended, so that runs in order cost one walk over the
 * segments together, be they a thousand. */
#include "req/slices.h"

#include <assert.h>

void slices_init(struct slices *s, struct arena *a, const struct body *body, size_t texts, size_t runs)
{
	unsigned n = body_segments(body, NULL, 0);
	*s = (struct slices){.n_segments = n};
	s->segments = arena_alloc(a, n * sizeof *s->segments);
	body_segments(body, s->segments, n);
	/* A run ends in the segment where a later one may begin. */
	s->max = (unsigned)(texts + runs) + n;
	s->v = arena_alloc(a, s->max * sizeof *s->v);
}

void slices_add_text(struct slices *s, struct str text)
{
	if (text.n == 0)
		return;
	assert(s->n < s->max);
	s->v[s->n++] = text;
	s->bytes += text.n;
}

static void seek(struct slices *s, uint64_t offset)
{
	if (offset < s->at) {
		s->at = 0;
		s->segment = 0;
	}
	while (s->segment < s->n_segments && offset - s->at >= s->segments[s->segment].n)
		s->at += s->segments[s->segment++].n;
}

void slices_add_run(struct slices *s, uint64_t offset, uint64_t length)
{
	while (length > 0) {
		seek(s, offset);
		assert(s->segment < s->n_segments);
		struct str run = str_skip(s->segments[s->segment], (size_t)(offset - s->at));
		if (run.n > length)
			run.n = (size_t)length;
		slices_add_text(s, run);
		offset += run.n;
		length -= run.n;
	}
}
