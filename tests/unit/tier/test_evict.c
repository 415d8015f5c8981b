/* SIEVE: who leaves, written as strings. */
#include "suite.h"

#include "base/mem.h"
#include "tier/evict.h"

struct page {
	struct evict_node node;
	char name;
	bool pinned;
};

static bool is_free(struct evict_node *node)
{
	return !CONTAINER_OF(node, struct page, node)->pinned;
}

/* A script: a letter adds that page (small) or hits it (capital); '-' and the letter removes it; '!' and the letter pins
 * it. A dot asks for a victim and puts its letter, or '_' for none, into the outcome. '*': any may go from now on. */
static const struct {
	const char *what, *script, *victims;
	unsigned steps;
} rows[] = {
    {"nothing to take", ".", "_", 9},
    {"the oldest first", "abc...", "abc", 9},
    {"a hit is spared once", "abcA....", "bca_", 9},
    {"the hand goes on from where it was", "abcdB..ef..", "acde", 9},
    {"a search ends at the newest", "abcABC..", "_a", 9},
    {"and begins anew at the oldest", "abcABC.A.", "_b", 9},
    {"a scan leaves before what is hit", "abABxyz.....", "xyzab", 9},
    {"the pinned one stays", "abc!a...", "bc_", 9},
    {"pinned and hit: it stays too", "ab!aA...", "b__", 9},
    {"all pinned: none", "ab!a!b..", "__", 9},
    {"any takes what was hit", "abAB*..", "ab", 9},
    {"removing the one under the hand", "abcdAB.-d.e.", "cab", 9},
    {"removing all", "ab-a-b.", "_", 9},
    {"steps bound the search", "abcdABC.....", "_dabc", 2},
};

START_TEST(victims)
{
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct evict e = {0};
		struct page pages[26] = {0};
		char out[16] = {0};
		size_t n = 0;
		struct evict_search search = {.may = is_free};
		for (const char *c = rows[i].script; *c; c++) {
			if (*c == '-')
				evict__remove(&e, &pages[*++c - 'a'].node);
			else if (*c == '!')
				pages[*++c - 'a'].pinned = true;
			else if (*c == '*')
				search.any = true;
			else if (*c >= 'A' && *c <= 'Z')
				evict__hit(&pages[*c - 'A'].node);
			else if (*c >= 'a') {
				pages[*c - 'a'].name = *c;
				evict__add(&e, &pages[*c - 'a'].node);
			} else {
				search.steps = rows[i].steps;
				struct evict_node *node = evict__victim(&e, &search);
				out[n++] = node ? CONTAINER_OF(node, struct page, node)->name : '_';
				if (node)
					evict__remove(&e, node);
			}
		}
		ck_assert_msg(strcmp(out, rows[i].victims) == 0, "%s: %s", rows[i].what, out);
	}
}
END_TEST

START_TEST(a_replacement_inherits_the_favour)
{
	struct evict e = {0};
	struct page old = {0}, renewed = {0};
	evict__add(&e, &old.node);
	evict__hit(&old.node);
	evict__add(&e, &renewed.node);
	evict__inherit(&renewed.node, &old.node);
	evict__remove(&e, &old.node);
	struct evict_search search = {.may = is_free, .steps = 9};
	ck_assert_ptr_null(evict__victim(&e, &search));
	ck_assert_ptr_eq(evict__victim(&e, &search), &renewed.node);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/evict");
	TCase *t = tcase_create("sieve");
	tcase_add_test(t, victims);
	tcase_add_test(t, a_replacement_inherits_the_favour);
	suite_add_tcase(s, t);
	return suite_run(s);
}
