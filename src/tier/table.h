/* A hash table of nodes that lie in what they index: chains, newest first, a power of two of buckets. Its owner locks.
 *
 * Growing needs memory that is charged to a budget, and charging may evict, which takes locks. So the owner asks what
 * is wanted before it locks, makes a spare array, and hands it over under the lock; what is left in the spare is freed
 * after it. Moving all nodes at once is meant: a table is one of many shards (tier/memory.c), so it stays small. */
#ifndef LARDER_TIER_TABLE_H
#define LARDER_TIER_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_INLINE 8

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **buckets;
	atomic_size_t n_buckets, n; /* written under the lock; read without by table__wants */
	unsigned load;		    /* nodes that 16 buckets may have before it grows */
	struct table_node *first[TABLE_INLINE];
};

struct table_spare {
	struct table_node **buckets;
	size_t n_buckets;
};

void table__init(struct table *t);
/* Of tables that fill alike: the i-th has a load of its own, so that they do not all grow at the same time. */
void table__stagger(struct table *t, unsigned i);
void table__free(struct table *t); /* the nodes are the owner's */

size_t table__n_buckets(const struct table *t);
size_t table__count(const struct table *t);

/* The chain a hash is in, and that of a bucket; follow ->next, nodes of other hashes are between. */
struct table_node *table__chain(const struct table *t, uint64_t hash);
struct table_node *table__bucket(const struct table *t, size_t bucket);

/* To the front of its chain. */
void table__add(struct table *t, struct table_node *node);
void table__remove(struct table *t, struct table_node *node);

/* How many buckets it should have, 0 when it is large enough. Any thread, without the lock: a hint. */
size_t table__wants(const struct table *t);
/* What an array of that many takes. */
size_t table__cost(size_t n_buckets);
/* Moves to the spare array if that is larger still, and leaves the old one in it. True when it did. */
bool table__grow(struct table *t, struct table_spare *spare);
/* Gives memory back when most buckets are empty; returns how many bytes (of table__cost). */
size_t table__shrink(struct table *t);

#endif
