/* Errors of the whole program: one enum made from err.def. Functions return 0 or a negative error. */
#ifndef LARDER_BASE_ERR_H
#define LARDER_BASE_ERR_H

enum err_position {
	ERR_POSITION_OK = 0,
#define X(name, text) ERR_POSITION_##name,
#include "base/err.def"
#undef X
};

enum err {
	ERR_OK = 0,
#define X(name, text) ERR_##name = -(int)ERR_POSITION_##name,
#include "base/err.def"
#undef X
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The error's name ("TIMEOUT"), static; "UNKNOWN" for a number that is none. */
const char *err_name(int err);

/* The error's sentence, static. */
const char *err_text(int err);

#endif
