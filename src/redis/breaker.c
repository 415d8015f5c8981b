/* A breaker counts failures in a row. While it is open the server is asked by one PING at a time, each of which must be answered as
 * quickly as the calls that failed had to be: a server that is merely slow is not let in again by an answer that came late. A late
 * answer still says that it lives, so the next probe follows at once; it is no hurry, since the late one took its time. */
#include "redis/breaker.h"

void breaker_init(struct breaker *b, unsigned limit, int64_t wait_us)
{
	*b = (struct breaker){.limit = limit, .wait_us = wait_us};
}

bool breaker_failed(struct breaker *b, int64_t now, int64_t budget_us)
{
	if (b->limit == 0 || b->open)
		return false;
	b->budget_us = budget_us;
	if (++b->failures < b->limit)
		return false;
	b->open = true;
	b->probe_us = now + b->wait_us;
	return true;
}

void breaker_answered(struct breaker *b)
{
	if (!b->open)
		b->failures = 0;
}

bool breaker_wants_probe(const struct breaker *b, int64_t now)
{
	return b->open && !b->probing && now >= b->probe_us;
}

void breaker_probe_sent(struct breaker *b, int64_t now)
{
	b->probing = true;
	b->sent_us = now;
}

bool breaker_probe_ended(struct breaker *b, int64_t now, bool answered)
{
	b->probing = false;
	if (!b->open)
		return false;
	if (answered && now - b->sent_us <= b->budget_us) {
		breaker_close(b);
		return true;
	}
	b->probe_us = answered ? now : now + b->wait_us;
	return false;
}

void breaker_close(struct breaker *b)
{
	b->open = false;
	b->failures = 0;
}
