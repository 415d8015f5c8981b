#ifndef LARDER_EVICTION_POLICIES_H
#define LARDER_EVICTION_POLICIES_H
#include "sim.h"
#define NONE UINT32_MAX
struct sim_node {
	uint32_t newer, older;
	uint32_t hits;
	uint8_t where; /* 0: nowhere, else the list */
};
struct sim_list {
	uint32_t newest, oldest;
	size_t bytes;
};
struct plain {
	const struct trace *t;
	size_t bytes, used;
	struct sim_node *nodes;
	struct sim_list lists[4];
	uint32_t hand;
};
void *plain_make(const struct trace *t, size_t bytes);
void plain_end(void *p);
void list_push(struct plain *c, struct sim_list *l, uint32_t id);
void list_remove(struct plain *c, struct sim_list *l, uint32_t id);
void plain_add(struct plain *c, int where, uint32_t id);
void plain_drop(struct plain *c, uint32_t id);
extern const struct policy policy_endless, policy_lru, policy_sieve, policy_s3, policy_gdsf, policy_gdsfm, policy_tinylfu;
#endif
