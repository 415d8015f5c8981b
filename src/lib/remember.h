/* What a computation leaves (larder_result). */
#ifndef LARDER_LIB_REMEMBER_H
#define LARDER_LIB_REMEMBER_H

#include "lib/lib.h"

struct larder_result {
	struct text json; /* p NULL: nothing was set */
};

/* One value of JSON, without blanks around it; or a status. */
int lib_check_json(struct str text, struct str *whole);

#endif
