/* Inspection: see coordinator.h. */
#include "choir/coordinator.h"

#include "math/fold.h"
#include "wire/message.h"

choir_inspection choir_request_inspect(choir_bytes request) {
    choir_inspection out = {.request = request};
    ch_request in;
    if (ch_request_decode(&in, request) != CHOIR_OK || !ch_request_is_intact(&in)) {
        return out;
    }
    out.is_intact = true;
    if (in.kind == CH_REQUEST_REPORT && in.report.delta.data != NULL) {
        const ch_measure measure = ch_fold_measure(in.report.delta.data, in.report.dim);
        out.is_measured = true;
        out.is_finite = measure.is_finite;
        out.magnitude = measure.magnitude;
        out.norm = measure.norm;
    }
    return out;
}
