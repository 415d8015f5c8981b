/* What the process really holds for malloc: settings of the C library's, and measures. In builds with a sanitizer, or with another malloc
 * than glibc's, nothing is set and nothing can be told. */
#ifndef LARDER_BASE_HEAP_H
#define LARDER_BASE_HEAP_H

#include <stddef.h>

/* Once, before other threads are. */
void heap_setup(void);

/* Bytes of private memory that are in RAM (all of the process's, also its stacks); 0: cannot be told. Some microseconds; any thread. */
size_t heap_resident(void);
/* Bytes that are allocated and not freed, with malloc's own; 0: cannot be told. It walks what is free, as heap_trim does: milliseconds for
 * a large heap in many pieces, while others wait in malloc. Any thread. */
size_t heap_live(void);
/* What is resident and not malloc's: stacks, data of libraries. To be asked early: what malloc has mapped counts as not touched yet. */
size_t heap_others(void);
/* Gives the pages back that nothing lies in. Any thread. */
void heap_trim(void);

#endif
