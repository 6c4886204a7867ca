/* A federation's pictures: whole in its tables, or cropped there. */
#include "data/crop.h"
#include "data/federation_parts.h"

choir_status ch_federation_shape_set(ch_federation *f, const choir_job_data *options,
                                     ch_shape whole, const char *name, choir_error *err) {
    choir_status status = ch_preprocess_parse(&f->preprocess, options->preprocess, err);
    if (status == CHOIR_OK) {
        status = ch_crop_check(options->crop, whole, name, err);
    }
    if (status == CHOIR_OK) {
        status = ch_preprocess_check(&f->preprocess, options->crop, whole, name, err);
    }
    if (status == CHOIR_OK) {
        const bool is_later =
            ch_preprocess_wants_whole(&f->preprocess) || f->dataset.filed_count > 0;
        f->crop = is_later ? 0 : options->crop;
        f->shape = ch_crop_shape(options->crop, whole);
        f->kept = ch_crop_shape(f->crop, whole);
    }
    return status;
}
