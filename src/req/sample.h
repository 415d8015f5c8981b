/* leak_sample: of the new pages of a route with ttl so many are fetched once more, as a stranger would ask for them
 * (policy/sample.h), and kept back when the two differ by more than tokens and nonces. The leader has all of the first one by then;
 * who else waits goes on waiting until the second has come. Owner's thread of the flight. */
#ifndef LARDER_REQ_SAMPLE_H
#define LARDER_REQ_SAMPLE_H

#include "policy/storable.h"
#include "req/flight.h"

struct sample;

/* The head was judged. Where the answer may be stored: is it one that is fetched once more? Then f->sample is there, and the flight
 * has to be held until sample_start has told fill_end_sample what came of it. Takes the verdict back where it is known already what
 * would come of it. */
void sample_begin(struct flight *f, struct storable_out *verdict);
/* f->entry is whole and clean, f->fetch is over: asks again. */
void sample_start(struct flight *f);
/* From the one to the other. */
bool sample_is_under_way(const struct flight *f);
void sample_free(struct sample **s);

#endif
