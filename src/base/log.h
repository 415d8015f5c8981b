/* The operator's log: one line an event, to standard error. Thread-safe; a line is one write.
 * Logged where a thing is handled, once. Control characters come out as \xNN, so untrusted bytes may be logged. */
#ifndef LARDER_BASE_LOG_H
#define LARDER_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);

/* "2026-01-31T10:15:00.123Z warning upstream: text". `area` is the part of the program ("upstream"). */
void log_line(enum log_level level, const char *area, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_error(area, ...)   log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warning(area, ...) log_line(LOG_WARNING, area, __VA_ARGS__)
#define log_info(area, ...)    log_line(LOG_INFO, area, __VA_ARGS__)
#define log_debug(area, ...)   log_line(LOG_DEBUG, area, __VA_ARGS__)

#endif
