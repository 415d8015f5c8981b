/* What a fuzz target is: one function that takes any bytes and either returns or dies. It is linked with libFuzzer
 * (meson option `fuzz`), or with replay.c, which runs the committed corpus through it as an ordinary test.
 * Properties are checked with assert. */
#ifndef LARDER_TESTS_FUZZ_H
#define LARDER_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
