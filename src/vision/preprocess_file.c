#include "vision/preprocess_file.h"

#include <string.h>

#include "base/status.h"
#include "file/layout.h"
#include "vision/decode.h"
#include "vision/preprocess.h"

enum { INTEGERS = 12, FLOATS = 8 };

/* The fields are of 4 bytes each and in the file's order, so the struct is an array of words. */
_Static_assert(sizeof(infer_preprocess) == INFER__PREPROCESS_BYTES, "fields without gaps");
_Static_assert(INFER__PREPROCESS_BYTES == INFER__FILE_PREPROCESS, "as in format.def");
_Static_assert(INFER__PREPROCESS_BYTES == 4 * (INTEGERS + FLOATS), "every word is counted");

infer_status infer__preprocess_encode(const infer_preprocess *p,
                                      uint8_t out[INFER__PREPROCESS_BYTES], infer_error *err)
{
    uint32_t words[INTEGERS + FLOATS];
    TRY(infer__preprocess_check(p, err));
    memcpy(words, p, sizeof words);
    for (size_t i = 0; i < INTEGERS + FLOATS; i++)
        for (size_t k = 0; k < 4; k++)
            out[4 * i + k] = (uint8_t)(words[i] >> 8 * k);
    return INFER_OK;
}

infer_status infer__preprocess_decode(const uint8_t *bytes, size_t size, infer_preprocess *p,
                                      infer_error *err)
{
    uint32_t words[INTEGERS + FLOATS];
    memset(p, 0, sizeof *p);
    FAIL_IF(size > INFER__PREPROCESS_BYTES, INFER_ERROR_VERSION,
            "preprocessing of %zu bytes, from a newer version; %d are known", size,
            INFER__PREPROCESS_BYTES);
    FAIL_IF(size != INFER__PREPROCESS_BYTES, INFER_ERROR_FORMAT,
            "preprocessing of %zu bytes; it has to have %d", size, INFER__PREPROCESS_BYTES);
    for (size_t i = 0; i < INTEGERS + FLOATS; i++)
        words[i] = infer__le32(bytes + 4 * i);
    infer_preprocess read;
    memcpy(&read, words, sizeof read);
    if (infer__preprocess_check(&read, err) != INFER_OK) {
        err->status = INFER_ERROR_FORMAT; /* the file's fault, not the caller's */
        return INFER_ERROR_FORMAT;
    }
    *p = read;
    return INFER_OK;
}
