/* The letter is posted by the tier's thread; everything else happens on the worker's, so no lock is needed. */
#include "req/errand.h"

#include "base/mem.h"
#include "req/req.h"

static void on_mail(struct mail *m)
{
	struct errand *e = CONTAINER_OF(m, struct errand, mail);
	errand_answered(e);
	if (e->left)
		e->free(e);
	else
		e->told(e);
}

void errand_begin(
    struct errand *e, struct req_env *env, void (*told)(struct errand *e), void (*free_it)(struct errand *e))
{
	e->mail.fn = on_mail;
	e->env = env;
	e->under_way = true;
	e->told = told;
	e->free = free_it;
	env->active++;
}

void errand_answered(struct errand *e)
{
	e->under_way = false;
	e->env->active--;
}

void errand_done(struct errand *e)
{
	e->env->port->post(e->env->worker, &e->mail);
}

void errand_called_back(struct errand *e)
{
	e->env->port->unpost(e->env->worker, &e->mail);
	errand_answered(e);
}

void errand_leave(struct errand *e)
{
	if (e->under_way)
		e->left = true;
	else
		e->free(e);
}
