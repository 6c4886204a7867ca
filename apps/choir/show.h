/* What a job asks of a device, for its owner to read. */
#ifndef CHOIR_APPS_SHOW_H
#define CHOIR_APPS_SHOW_H

#include "choir/client.h"

#include <stdio.h>

/*
 * Prints the model, the data, the work and what travels, and what each rule of the policy says.
 *
 * examples  that the device would train on; CHOIR_TERMS_UNKNOWN when nobody said which data
 *
 * Returns OK; EINVAL when the job's text is not understood, and nothing was printed.
 */
CHOIR_NODISCARD choir_status show_offer(FILE *out, const choir_offer *offer,
                                        const choir_policy *policy, uint32_t examples,
                                        choir_error *err);

#endif
