/* Collected: the examples of a store (choir/examples.h) as a federation of one client. */
#ifndef CH_RUN_COLLECTED_H
#define CH_RUN_COLLECTED_H

#include "choir/examples.h"
#include "choir/job.h"
#include "data/federation.h"

/*
 * Reads all of a store into memory.
 *
 * job   of it: data.heldout and seed, by which each example is held out or not by its number, so
 *       that it stays so whatever is added and removed; data.crop
 * read  out: what the store held, to be compared with what it holds later
 *
 * Returns OK and an object to destroy, also when it holds nothing; EINVAL when data.crop does not
 * fit; EPROTO, EIO as choir_examples_read; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_collected_open(ch_federation **out, choir_examples_summary *read,
                                               choir_examples *examples, const choir_job *job,
                                               const choir_env *env, choir_error *err);

/* Bytes that it has at most for rows examples of a form. */
size_t ch_collected_bytes(const choir_examples_form *form, uint32_t rows);

/* Whether a store holds other examples than it did. */
bool ch_collected_is_other(const choir_examples_summary *a, const choir_examples_summary *b);

#endif
