/* "Did you mean ...?": the word with the smallest edit distance, unless even that one is far away. */
#include "base/nearest.h"

struct nearest nearest_to(struct str given)
{
	/* Half of a word may be wrong; what is farther away than that explains nothing. */
	return (struct nearest){.given = given, .distance = (unsigned)(str_take(given, 64).n + 1) / 2 + 1};
}

void nearest_offer(struct nearest *n, struct str word)
{
	char lower[64];
	struct str given = str_take(n->given, sizeof(lower));
	for (size_t i = 0; i < given.n; i++)
		lower[i] = char_lower(given.p[i]);
	unsigned distance = str_distance(str_make(lower, given.n), word);
	/* "warn" means "warning", however many letters it lacks. */
	if (given.n >= 3 && distance > 1 && str_starts(word, str_make(lower, given.n)))
		distance = 1;
	if (distance < n->distance) {
		n->distance = distance;
		n->word = word;
	}
}
