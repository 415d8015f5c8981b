/* What a request or a flight has asked of a tier that answers later. The tier's answer may come after the one who asked has gone: so
 * an errand is memory of its own, and ends when both are done with it.
 *
 *   errand_begin -> the tier says ERR_AGAIN -> errand_done (the tier's thread) -> letter -> told (the worker) -> errand_leave
 *                                              \-> errand_leave first: nobody is told, it ends with the letter
 *
 * While it is under way its worker does not end. */
#ifndef LARDER_REQ_ERRAND_H
#define LARDER_REQ_ERRAND_H

#include "req/port.h"

struct req_env;

/* Embedded. All but errand_done is for the worker's thread. */
struct errand {
	struct mail mail;
	struct req_env *env;
	bool under_way, left;
	void (*told)(struct errand *e);
	void (*free)(struct errand *e);
};

/* Before the tier is asked. */
void errand_begin(
    struct errand *e, struct req_env *env, void (*told)(struct errand *e), void (*free_it)(struct errand *e));
/* The tier has answered at once: nobody is told. */
void errand_answered(struct errand *e);
/* The tier's `done`. Any thread; e may be gone when it returns. */
void errand_done(struct errand *e);
/* The tier has said that it does not call `done` any more, or has called it: nobody is told. */
void errand_called_back(struct errand *e);
/* Who asked needs it no more. Frees it, now or when the answer has come. */
void errand_leave(struct errand *e);

#endif
