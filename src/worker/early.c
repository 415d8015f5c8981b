/* Only small answers go this way: the whole of one fits into the socket's buffer, which is empty at that time, so one
 * non-blocking send does it. Refusals are small. */
#include "worker/early.h"

#include <sys/socket.h>

#include "worker/response.h"

enum { OUT_MAX = 32 * 1024 };

void early_begin(struct early *e, struct req *r)
{
	const struct answer *a = req_answer(r);
	e->state = EARLY_NEVER;
	/* Pieces that nothing stored has are a stream whose end has come: it can be read all the same. */
	bool is_read = a->kind == ANSWER_STREAM || (a->kind == ANSWER_PARTS && !a->entry);
	if ((a->kind != ANSWER_TEXT && !is_read) || a->length > OUT_MAX / 2)
		return;
	buf_init(&e->out, OUT_MAX);
	if (response_write_last(&e->out, a) == ERR_OK)
		e->state = EARLY_GATHERING;
	else
		buf_free(&e->out);
}

/* ERR_EOF: it is whole. ERR_AGAIN: not yet. */
static int gather(struct early *e, struct req *r)
{
	const struct answer *a = req_answer(r);
	if (a->bodyless)
		return ERR_EOF;
	if (a->kind == ANSWER_TEXT) {
		e->body = a->text.n;
		return ERR_EOF;
	}
	for (;;) {
		char part[4096];
		int64_t n = req_read(r, part, sizeof(part));
		if (n == 0)
			return ERR_AGAIN;
		if (n < 0)
			return (int)n;
		if (buf_add(&e->out, str_make(part, (size_t)n)) != ERR_OK)
			return ERR_TOO_LARGE;
		e->body += (uint64_t)n;
	}
}

void early_go_on(struct early *e, struct req *r, int fd)
{
	int err = gather(e, r);
	if (err == ERR_AGAIN)
		return;
	e->state = EARLY_BROKEN;
	if (err != ERR_EOF)
		return;
	if (send(fd, e->out.p, e->out.n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)e->out.n)
		return;
	shutdown(fd, SHUT_WR);
	e->state = EARLY_SENT;
}

void early_free(struct early *e)
{
	buf_free(&e->out);
	*e = (struct early){0};
}
