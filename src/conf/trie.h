/* Which of many keys begin a text? A radix tree over sorted keys, built once, read by any thread. Private to conf/. */
#ifndef LARDER_CONF_TRIE_H
#define LARDER_CONF_TRIE_H

#include "base/arena.h"
#include "base/str.h"

struct trie;

/* keys: sorted by str_compare, no two the same; borrowed as long as the tree lives, which is as long as the arena. */
struct trie *trie_new(const struct str *keys, unsigned n, struct arena *a);

/* The index of the longest key that begins the text, or -1. The text is given in parts, as if they were joined. Looks at
 * each byte of it at most once, however many keys there are; does not allocate. */
int trie_longest(const struct trie *t, const struct str *parts, unsigned n_parts);

#endif
