/* The data of a saved model: see model_data.h. */
#include "model_data.h"

#include "job/origin.h"

choir_status model_job(choir_job *out, const char *model, const char *job_path,
                       const ch_option_texts *overrides, choir_error *err) {
    char origin[CHOIR_PATH_MAX];
    const char *path = job_path;
    if (path[0] == '\0' && ch_job_origin(origin, model)) {
        path = origin;
    }
    if (path[0] == '\0') {
        return choir_job_parse(out, "", 0, "defaults", overrides->items, overrides->count, err);
    }
    return choir_job_read(out, path, overrides->items, overrides->count, err);
}
