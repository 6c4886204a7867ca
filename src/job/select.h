/* Select: which devices a hosted job takes, by what they say of themselves. */
#ifndef CH_JOB_SELECT_H
#define CH_JOB_SELECT_H

#include "choir/job.h"

#include <stdbool.h>

/* What a device says of itself; "" where it says nothing. Borrowed. */
typedef struct ch_attributes {
    const char *platform;
    const char *version;
    const char *tags; // with commas between; blanks around a tag are not part of it
} ch_attributes;

/* Whether it takes everybody. */
bool ch_select_is_all(const choir_job_select *s);

/*
 * Whether a selection means something: a version is a text, or ">=" and numbers with dots between;
 * no tag is empty.
 *
 * Returns OK; EINVAL with a sentence that begins with the key.
 */
CHOIR_NODISCARD choir_status ch_select_check(const choir_job_select *s, choir_error *err);

/*
 * Whether a selection that was checked takes a device: docs/job.md has the rules.
 *
 * Returns OK; EAGAIN with a sentence that names the first attribute that does not do, its value and
 * what is wanted.
 */
CHOIR_NODISCARD choir_status ch_select_takes(const choir_job_select *s, const ch_attributes *device,
                                             choir_error *err);

#endif
