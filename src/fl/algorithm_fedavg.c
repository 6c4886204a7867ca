/*
 * Federated averaging with a server step size.
 *
 *   w  <-  w + eta_s * mean_k(delta_k)
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, alg. 1 (eta_s = 1); Reddi et al., "Adaptive Federated Optimization", ICLR
 * 2021, alg. 1 with SERVEROPT = SGD.
 */
#include "fl/algorithm.h"

#include "base/cpu.h"

CH_ALWAYS_INLINE void apply_body(const ch_algorithm_options *o, float *params, const int64_t *sum,
                                 double divisor, uint32_t dim) {
    const double rate = o->learning_rate;
    for (uint32_t i = 0; i < dim; i++) {
        const double mean = (double)sum[i] / divisor;
        params[i] = (float)((double)params[i] + rate * mean);
    }
}

#if defined(CH_CPU_X86)
CH_TARGET_AVX512 static void apply_avx512(const ch_algorithm_options *o, float *params,
                                          const int64_t *sum, double divisor, uint32_t dim) {
    apply_body(o, params, sum, divisor, dim);
}
#endif

static void fedavg_apply(const ch_algorithm_options *o, float *params, float *state,
                         const ch_round_sums *in, uint32_t dim) {
    (void)state;
#if defined(CH_CPU_X86)
    if (ch_cpu_has_avx512()) { // which can convert 64-bit integers
        apply_avx512(o, params, in->update.sum, in->update.divisor, dim);
        return;
    }
#endif
    apply_body(o, params, in->update.sum, in->update.divisor, dim);
}

const ch_algorithm_ops ch_algorithm_fedavg = {
    .name = "fedavg",
    .apply = fedavg_apply,
};
