/* The table of character classes, worked out by the compiler from the grammar's own terms. */
#include "http/chars.h"

/* clang-format off */
#define IS_ALNUM(c)	 (((c) >= '0' && (c) <= '9') || ((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define IS_UNRESERVED(c) (IS_ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define IS_SUB_DELIM(c)	 ((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' || \
			  (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')
#define IS_TOKEN(c)	 (IS_UNRESERVED(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' || \
			  (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '^' || (c) == '`' || (c) == '|')
#define IS_VISIBLE(c)	 ((c) > 0x20 && (c) != 0x7f)

#define CLASSES(c)                                                                                                     \
	((IS_TOKEN(c) ? CHAR_TOKEN : 0) |                                                                              \
	 (IS_VISIBLE(c) || (c) == ' ' || (c) == '\t' ? CHAR_VALUE : 0) |                                               \
	 (IS_UNRESERVED(c) || IS_SUB_DELIM(c) || (c) == '%' ? CHAR_HOST : 0) |                                         \
	 (IS_UNRESERVED(c) ? CHAR_UNRESERVED : 0) |                                                                    \
	 (IS_VISIBLE(c) ? CHAR_VISIBLE : 0) |                                                                          \
	 (IS_TOKEN(c) || (c) > 0x7f ? CHAR_FIELD_NAME : 0))

#define CLASSES_4(c)  CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define CLASSES_16(c) CLASSES_4(c), CLASSES_4((c) + 4), CLASSES_4((c) + 8), CLASSES_4((c) + 12)
#define CLASSES_64(c) CLASSES_16(c), CLASSES_16((c) + 16), CLASSES_16((c) + 32), CLASSES_16((c) + 48)

const uint8_t http__chars[256] = {CLASSES_64(0), CLASSES_64(64), CLASSES_64(128), CLASSES_64(192)};
/* clang-format on */
