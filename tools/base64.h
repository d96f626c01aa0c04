/* Base64 (RFC 4648). */
#ifndef INFER_TOOLS_BASE64_H
#define INFER_TOOLS_BASE64_H

#include <stddef.h>

/* Room for what `n` characters decode to. */
size_t base64_room(size_t n);
/* Decodes `n` characters of either alphabet (+/ or -_) into `out`, which may be the text itself.
 * White space is passed over, and padding may be left out. Returns the bytes, or -1 for what is not
 * base64. */
long base64_decode(const char *text, size_t n, unsigned char *out);
/* The text of some bytes with a 0 behind it, to be freed with free; NULL without memory. *length,
 * which may be NULL, becomes its characters. */
char *base64_encode(const void *bytes, size_t n, size_t *length);

#endif
