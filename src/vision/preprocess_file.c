#include "vision/preprocess_file.h"

#include <string.h>

#include "base/caller.h"
#include "base/status.h"
#include "file/layout.h"
#include "file/model.h"
#include "vision/decode.h"
#include "vision/preprocess.h"

enum { INTEGERS = 12, FLOATS = 8, FIELDS = offsetof(infer_preprocess, fit) };

/* The fields are of 4 bytes each, in the file's order and, as all that we run on, little-endian;
 * the struct may have more behind them. */
_Static_assert(offsetof(infer_preprocess, scale) + 4 * sizeof(float) -
                       offsetof(infer_preprocess, fit) ==
                   INFER__PREPROCESS_BYTES,
               "fields without gaps");
_Static_assert(INFER__PREPROCESS_BYTES == INFER__FILE_PREPROCESS, "as in format.def");
_Static_assert(INFER__PREPROCESS_BYTES == 4 * (INTEGERS + FLOATS), "every word is counted");

infer_status infer__preprocess_encode(const infer_preprocess *p,
                                      uint8_t out[INFER__PREPROCESS_BYTES], infer_error *err)
{
    TRY(infer__preprocess_check(p, err));
    memcpy(out, (const char *)p + FIELDS, INFER__PREPROCESS_BYTES);
    return INFER_OK;
}

infer_status infer__preprocess_decode(const uint8_t *bytes, size_t size, infer_preprocess *p,
                                      infer_error *err)
{
    infer_preprocess_init(p, sizeof *p);
    FAIL_IF(size > INFER__PREPROCESS_BYTES, INFER_ERROR_VERSION,
            "preprocessing of %zu bytes, from a newer version; %d are known", size,
            INFER__PREPROCESS_BYTES);
    FAIL_IF(size != INFER__PREPROCESS_BYTES, INFER_ERROR_FORMAT,
            "preprocessing of %zu bytes; it has to have %d", size, INFER__PREPROCESS_BYTES);
    infer_preprocess read = INFER_PREPROCESS_INIT;
    memcpy((char *)&read + FIELDS, bytes, INFER__PREPROCESS_BYTES);
    if (infer__preprocess_check(&read, err) != INFER_OK) {
        err->status = INFER_ERROR_FORMAT; /* the file's fault, not the caller's */
        return INFER_ERROR_FORMAT;
    }
    *p = read;
    return INFER_OK;
}

infer_status infer_model_preprocess(const infer_model *model, infer_preprocess *preprocess,
                                    infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_preprocess stored;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "infer_model_preprocess: model is NULL");
    TRY(infer__sized_check(INFER__PREPROCESS, preprocess, err));
    size_t size = 0;
    const uint8_t *bytes = infer__model_section(model, INFER__SECTION_PREPROCESS, &size);
    FAIL_IF(!bytes, INFER_ERROR_UNSUPPORTED, "the model has no preprocessing stored");
    TRY(infer__preprocess_decode(bytes, size, &stored, err));
    infer__sized_write(INFER__PREPROCESS, &stored, preprocess);
    return INFER_OK;
}
