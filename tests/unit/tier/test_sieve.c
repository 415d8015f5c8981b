/* SIEVE: who leaves, written as strings. */
#include "suite.h"

#include "base/mem.h"
#include "tier/sieve.h"

struct page {
	struct sieve_node node;
	char name;
};

/* A script: a letter adds that page (small) or hits it (capital); '-' and the letter removes it. A dot asks for a victim and puts its letter, or '_' for none, into the outcome. '*': any may go from now on. */
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
    {"any takes what was hit", "abAB*..", "ab", 9},
    {"removing the one under the hand", "abcdAB.-d.e.", "cab", 9},
    {"removing all", "ab-a-b.", "_", 9},
    {"steps bound the search", "abcdABC.....", "_dabc", 2},
};

START_TEST(victims)
{
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct sieve e = {0};
		struct page pages[26] = {0};
		char out[16] = {0};
		size_t n = 0;
		struct sieve_search search = {0};
		for (const char *c = rows[i].script; *c; c++) {
			if (*c == '-')
				sieve__remove(&e, &pages[*++c - 'a'].node);
			else if (*c == '*')
				search.any = true;
			else if (*c >= 'A' && *c <= 'Z')
				sieve__hit(&pages[*c - 'A'].node);
			else if (*c >= 'a') {
				pages[*c - 'a'].name = *c;
				sieve__add(&e, &pages[*c - 'a'].node);
			} else {
				search.steps = rows[i].steps;
				struct sieve_node *node = sieve__victim(&e, &search);
				out[n++] = node ? CONTAINER_OF(node, struct page, node)->name : '_';
				if (node)
					sieve__remove(&e, node);
			}
		}
		ck_assert_msg(strcmp(out, rows[i].victims) == 0, "%s: %s", rows[i].what, out);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/sieve");
	TCase *t = tcase_create("sieve");
	tcase_add_test(t, victims);
	suite_add_tcase(s, t);
	return suite_run(s);
}
