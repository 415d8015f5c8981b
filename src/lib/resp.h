/* The protocol of Redis (RESP 2): commands as bytes, and replies, which are looked at where they lie. Pure. */
#ifndef LARDER_LIB_RESP_H
#define LARDER_LIB_RESP_H

#include "base/err.h"
#include "base/str.h"

/* Bytes of a command of such words; and the command, to where there is room for it. Returns what is behind it. */
size_t resp_command_size(const struct str *words, size_t n);
char *resp_command(const struct str *words, size_t n, char *to);

/* ERR_OK: a whole reply is *n bytes long. ERR_AGAIN: it is not whole, and at least *n bytes long. ERR_PROTOCOL: it is none. */
int resp_length(struct str s, size_t *n);

enum resp_kind { RESP_TEXT, RESP_NIL, RESP_ERROR, RESP_INT, RESP_ARRAY };

struct resp {
	enum resp_kind kind;
	int64_t number;	 /* RESP_INT; of an array: how many elements follow it */
	struct str text; /* RESP_TEXT, RESP_ERROR */
};

/* Takes the next item off a reply that resp_length found whole: an array's head, then its elements one by one. False: there is none. */
bool resp_next(struct str *rest, struct resp *out);

#endif
