/* Each node stands for the run of bytes that its keys share behind those of its parent:
 *
 *   ""  -- "\n/" --+-- "blog/"          keys: "\n/blog/", "\n/shop/a", "\n/shop/b"
 *                  +-- "shop/" --+-- "a"
 *                                +-- "b"
 *
 * Children of a node lie side by side, and so do their first bytes in an array of their own: to choose one is a memchr over
 * a few bytes. There are at most two nodes a key, and one for the root. */
#include "conf/trie.h"

#include <assert.h>

struct node {
	const char *label; /* in one of the keys */
	unsigned n_label;
	int key; /* that ends here, or -1 */
	unsigned first_child, n_children;
};

struct trie {
	struct node *nodes; /* the root first */
	char *first_bytes;  /* of the label of each node */
	unsigned n;
};

static size_t shared_length(struct str a, struct str b)
{
	size_t n = 0;
	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

/* Below the node `at` come keys[low..high), which share their first `depth` bytes. */
static void build(struct trie *t, unsigned at, const struct str *keys, unsigned low, unsigned high, size_t depth)
{
	if (low < high && keys[low].n == depth)
		t->nodes[at].key = (int)low++;
	unsigned first = t->n;
	for (unsigned i = low; i < high; i++)
		if (i == low || keys[i].p[depth] != keys[i - 1].p[depth])
			t->first_bytes[t->n++] = keys[i].p[depth];
	t->nodes[at].first_child = first;
	t->nodes[at].n_children = t->n - first;
	unsigned child = first;
	for (unsigned i = low, end; i < high; i = end, child++) {
		for (end = i + 1; end < high && keys[end].p[depth] == keys[i].p[depth];)
			end++;
		/* They are sorted: what the first and the last share, all of them share. */
		size_t deeper = shared_length(keys[i], keys[end - 1]);
		t->nodes[child] = (struct node){keys[i].p + depth, (unsigned)(deeper - depth), -1, 0, 0};
		build(t, child, keys, i, end, deeper);
	}
}

struct trie *trie_new(const struct str *keys, unsigned n, struct arena *a)
{
	struct trie *t = arena_alloc(a, sizeof(*t));
	size_t most = 2 * (size_t)n + 1;
	*t = (struct trie){arena_alloc(a, most * sizeof(struct node)), arena_alloc(a, most), 1};
	t->nodes[0] = (struct node){.label = "", .key = -1};
	build(t, 0, keys, 0, n, 0);
	assert(t->n <= most);
	return t;
}

static const struct node *child_of(const struct trie *t, const struct node *node, char byte)
{
	const char *first = t->first_bytes + node->first_child;
	const char *found = memchr(first, byte, node->n_children);
	return found ? &t->nodes[node->first_child + (unsigned)(found - first)] : NULL;
}

int trie_longest(const struct trie *t, const struct str *parts, unsigned n_parts)
{
	const struct node *node = t->nodes;
	size_t at = 0; /* in its label */
	int longest = -1;
	for (unsigned i = 0; i < n_parts; i++) {
		struct str rest = parts[i];
		while (rest.n > 0) {
			if (at == node->n_label) {
				longest = node->key >= 0 ? node->key : longest;
				node = child_of(t, node, rest.p[0]);
				at = 0;
				if (!node)
					return longest;
			}
			size_t run = node->n_label - at < rest.n ? node->n_label - at : rest.n;
			if (memcmp(node->label + at, rest.p, run) != 0)
				return longest;
			at += run;
			rest = str_skip(rest, run);
		}
	}
	return at == node->n_label && node->key >= 0 ? node->key : longest;
}
