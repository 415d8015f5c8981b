/* Many byte strings in one pass: Aho-Corasick, with a Wu-Manber filter in front.
 *
 *	text   ....................................SECRET.....
 *	skip   '---->'---->'---->'---->'---->'->           a window of the shortest pattern's length is moved on by how far the
 *	                                                   block at its end is from the end of any pattern's beginning
 *	follow                                  '------>   at a candidate: the automaton, until nothing much is begun any more
 *
 * Patterns and text may be chosen by an attacker (cookies, comments), so the filter alone will not do: text of 'a's with the
 * patterns 'a...ab' would be compared whole at each place. The automaton reads each byte once, whatever stands there; a failure
 * link tells what else is begun where a beginning breaks off. Both together look at a byte a bounded number of times for each
 * call. Only what follows a hit is read again by the next call, as far as something longer might have begun there.
 *
 * The nodes of the trie are numbered by breadth, from the sorted patterns: children of a node lie side by side, their bytes as
 * well, so that a child is found by memchr. 17 bytes for each byte of the patterns. */
#include "base/search.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

#define ROOT	    0u
#define NO_PATTERN  UINT32_MAX
#define WINDOW_MAX  32u
#define BLOCK_LONG  4u /* bytes that are looked up at the end of a window; 2 where windows are short */
#define BLOCK_SHORT 2u
#define SHALLOW	    3u
#define BITS_MIN    12u /* of the table of shifts: 4 to 64 KB */
#define BITS_MAX    16u

struct node {
	uint32_t first; /* its children are [first, first of the next node) */
	uint32_t fail;	/* the longest end of this that begins a pattern too */
	uint32_t depth;
	uint32_t pattern; /* the longest one that ends here */
};

struct search {
	struct node *nodes;
	uint8_t *bytes; /* by which a node was reached */
	uint32_t n_nodes;
	uint32_t begins[256]; /* the root's children; ROOT: no pattern begins so */
	size_t *lengths;      /* of the patterns */
	size_t longest;
	unsigned window, block; /* window 0: no patterns */
	unsigned bits;
	uint8_t *shifts;
};

/* ---- the automaton ---- */

/* ROOT: there is no such child. */
static uint32_t child(const struct search *s, uint32_t node, uint8_t byte)
{
	if (node == ROOT)
		return s->begins[byte];
	uint32_t first = s->nodes[node].first, n = s->nodes[node + 1].first - first;
	if (n == 1) /* nearly always */
		return s->bytes[first] == byte ? first : ROOT;
	const uint8_t *at = n > 0 ? memchr(s->bytes + first, byte, n) : NULL;
	return at ? (uint32_t)(at - s->bytes) : ROOT;
}

static uint32_t step(const struct search *s, uint32_t node, uint8_t byte)
{
	uint32_t next = child(s, node, byte);
	while (next == ROOT && node != ROOT) {
		node = s->nodes[node].fail;
		next = child(s, node, byte);
	}
	return next;
}

struct pattern {
	struct str text;
	uint32_t index;
};

/* The patterns [lo, hi) begin as the node says. */
struct span {
	uint32_t lo, hi;
};

static int compare(const void *a, const void *b)
{
	const struct pattern *x = a, *y = b;
	int order = str_compare(x->text, y->text);
	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static uint8_t byte_at(const struct pattern *pattern, uint32_t i)
{
	return (uint8_t)pattern->text.p[i];
}

/* Adds the children of a node. All nodes that are less deep are whole, so the failure links of the children can be told. */
static void open_node(struct search *s, uint32_t node, const struct pattern *sorted, struct span *spans)
{
	struct node *v = &s->nodes[node];
	uint32_t lo = spans[node].lo, hi = spans[node].hi;
	v->first = s->n_nodes;
	v->pattern = node == ROOT ? NO_PATTERN : s->nodes[v->fail].pattern;
	if (sorted[lo].text.n == v->depth)
		v->pattern = sorted[lo].index;
	while (lo < hi && sorted[lo].text.n == v->depth)
		lo++;
	while (lo < hi) {
		uint8_t byte = byte_at(&sorted[lo], v->depth);
		uint32_t next = s->n_nodes++, end = lo + 1;
		while (end < hi && byte_at(&sorted[end], v->depth) == byte)
			end++;
		s->nodes[next].depth = v->depth + 1;
		s->nodes[next].fail = node == ROOT ? ROOT : step(s, v->fail, byte);
		s->bytes[next] = byte;
		spans[next] = (struct span){lo, end};
		if (node == ROOT)
			s->begins[byte] = next;
		lo = end;
	}
}

static void build_nodes(struct search *s, const struct str *patterns, unsigned n)
{
	struct pattern *sorted = mem_alloc(n * sizeof(*sorted));
	size_t total = 0;
	for (unsigned i = 0; i < n; i++) {
		sorted[i] = (struct pattern){patterns[i], i};
		total += patterns[i].n;
	}
	assert(total < UINT32_MAX - 2);
	qsort(sorted, n, sizeof(*sorted), compare);

	struct span *spans = mem_alloc((total + 1) * sizeof(*spans));
	s->nodes = mem_alloc((total + 2) * sizeof(*s->nodes)); /* one behind the last, for its `first` */
	s->bytes = mem_alloc(total + 1);
	s->nodes[ROOT] = (struct node){.fail = ROOT};
	spans[ROOT] = (struct span){0, n};
	s->n_nodes = 1;
	for (uint32_t node = ROOT; node < s->n_nodes; node++)
		open_node(s, node, sorted, spans);
	s->nodes[s->n_nodes].first = s->n_nodes;
	free(spans);
	free(sorted);
}

/* ---- the filter ---- */

static inline uint32_t block_hash(const struct search *s, const char *end)
{
	uint32_t block = 0;
	if (s->block == BLOCK_LONG)
		memcpy(&block, end - BLOCK_LONG, BLOCK_LONG);
	else
		memcpy(&block, end - BLOCK_SHORT, BLOCK_SHORT);
	return block * 0x9e3779b1u >> (32 - s->bits);
}

/* Blocks that share a slot share the smaller shift: never too far. */
static void build_shifts(struct search *s, const struct str *patterns, unsigned n)
{
	s->block = s->window >= 2 * BLOCK_LONG ? BLOCK_LONG : BLOCK_SHORT;
	uint8_t farthest = (uint8_t)(s->window - s->block + 1);
	s->bits = BITS_MIN;
	while (s->bits < BITS_MAX && (size_t)1 << s->bits < (size_t)8 * n * farthest)
		s->bits++;
	s->shifts = mem_alloc((size_t)1 << s->bits);
	memset(s->shifts, farthest, (size_t)1 << s->bits);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned end = s->block; end <= s->window; end++) {
			uint8_t *shift = &s->shifts[block_hash(s, patterns[i].p + end)];
			uint8_t distance = (uint8_t)(s->window - end);
			*shift = distance < *shift ? distance : *shift;
		}
	}
}

/* The next place where something may begin, `at` or behind; within the last bytes each place is one. */
static size_t skip(const struct search *s, struct str text, size_t at)
{
	while (text.n - at >= s->window) {
		uint8_t shift = s->shifts[block_hash(s, text.p + at + s->window)];
		if (shift == 0 && s->begins[(uint8_t)text.p[at]] != ROOT)
			break;
		at += shift > 0 ? shift : 1;
	}
	return at;
}

/* ---- searching ---- */

struct best {
	size_t at, n; /* n 0: none */
	uint32_t pattern;
};

enum outcome {
	NOTHING, /* *at: nothing begins before it */
	HIT,	 /* and nothing that goes on is better */
	END	 /* of the text; *at: where something is begun */
};

/* The longest pattern that ends at a place is the leftmost one of those, and a later end of the same beginning is the longer. */
static void note(const struct search *s, uint32_t node, size_t end, struct best *best)
{
	uint32_t pattern = s->nodes[node].pattern;
	if (pattern == NO_PATTERN)
		return;
	size_t n = s->lengths[pattern];
	if (best->n == 0 || end - n <= best->at)
		*best = (struct best){end - n, n, pattern};
}

/* Where nothing goes on from a node, what goes on is a shorter end of it. */
static uint32_t that_goes_on(const struct search *s, uint32_t node)
{
	while (node != ROOT && s->nodes[node].first == s->nodes[node + 1].first)
		node = s->nodes[node].fail;
	return node;
}

/* Ends as well where only a few bytes are begun: the filter is told again from there, since texts of the patterns' own letters
 * would never let go of the automaton. Each time something is given up for good, so that this goes on. */
static enum outcome follow(const struct search *s, struct str text, size_t *at, struct best *best)
{
	size_t from = *at;
	uint32_t node = ROOT;
	best->n = 0;
	for (size_t end = *at; end < text.n;) {
		node = step(s, node, (uint8_t)text.p[end++]);
		note(s, node, end, best);
		node = that_goes_on(s, node);
		*at = end - s->nodes[node].depth;
		if (best->n > 0 && *at > best->at)
			return HIT;
		if (best->n == 0 && *at > from && s->nodes[node].depth <= SHALLOW)
			return NOTHING;
	}
	return END;
}

bool search_next(const struct search *s, struct str text, size_t from, bool last, struct search_hit *hit, size_t *safe)
{
	assert(from <= text.n);
	struct best best = {.n = 0};
	enum outcome outcome = NOTHING;
	size_t at = s->window > 0 ? from : text.n;
	while (outcome == NOTHING && at < text.n) {
		at = skip(s, text, at);
		outcome = follow(s, text, &at, &best);
	}
	if (outcome == HIT || (last && best.n > 0)) {
		*hit = (struct search_hit){best.pattern, best.at};
		return true;
	}
	*safe = last ? text.n : at;
	return false;
}

/* ---- life ---- */

struct search *search_new(const struct str *patterns, unsigned n)
{
	struct search *s = mem_zalloc(sizeof(*s));
	if (n == 0)
		return s;
	s->lengths = mem_alloc(n * sizeof(*s->lengths));
	s->window = WINDOW_MAX;
	for (unsigned i = 0; i < n; i++) {
		assert(patterns[i].n >= SEARCH_MIN);
		s->lengths[i] = patterns[i].n;
		s->window = patterns[i].n < s->window ? (unsigned)patterns[i].n : s->window;
		s->longest = patterns[i].n > s->longest ? patterns[i].n : s->longest;
	}
	build_nodes(s, patterns, n);
	build_shifts(s, patterns, n);
	return s;
}

void search_free(struct search **s)
{
	if (!*s)
		return;
	free((*s)->nodes);
	free((*s)->bytes);
	free((*s)->lengths);
	free((*s)->shifts);
	free(*s);
	*s = NULL;
}

size_t search_longest(const struct search *s)
{
	return s->longest;
}
