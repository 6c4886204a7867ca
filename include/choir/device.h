/*
 * Device: choir's own engine as the trainer of a client: the model that a job offers, and the
 * examples that the host has collected.
 *
 *     case CHOIR_EVENT_JOINED:
 *         choir_device_destroy(device);
 *         choir_device_create(&device, choir_client_offer(client), examples, &env, &err);
 *     ...
 *     choir_client_step(client, choir_device_trainer(device), &event, &err);
 *
 * A host that trains with a framework of its own needs none of this: see choir/trainer.h.
 */
#ifndef CHOIR_DEVICE_H
#define CHOIR_DEVICE_H

#include "choir/client.h"
#include "choir/env.h"
#include "choir/examples.h"
#include "choir/status.h"
#include "choir/trainer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_device choir_device;

/*
 * Makes an engine for the model of an offer.
 *
 * offer     borrowed for the call
 * examples  to train on, as they are when a task comes; may be empty, and tasks are then answered
 *           with no data; borrowed until the device is destroyed. Of the job's data.heldout, each
 *           is held out or not by its number, for good
 *
 * Its memory: the engine's, for one step of the job's batch size, and all examples of the store, so
 * that choir_examples_options.bytes_max bounds it.
 *
 * Returns OK and an object to destroy; EINVAL for an offer that is none, and for examples that the
 * model does not fit: another shape, other classes; EPROTO when the store is damaged; EIO; ENOMEM.
 * *out == NULL then.
 */
CHOIR_NODISCARD choir_status choir_device_create(choir_device **out, const choir_offer *offer,
                                                 choir_examples *examples, const choir_env *env,
                                                 choir_error *err);

/*
 * Bytes of env that a device has at most for an offer and a store of up to rows examples of a form:
 * said before anything is claimed, but for what the job and its model say of themselves, for the
 * moment.
 *
 * Not among them: what libyaml and jansson take by malloc while the offer is read, and what SQLite
 * does for the store, at most 2 MB.
 *
 * Returns OK; EINVAL for an offer that is none; ENOMEM; *out is then unchanged.
 */
CHOIR_NODISCARD choir_status choir_device_bytes(size_t *out, const choir_offer *offer,
                                                const choir_examples_form *form, uint32_t rows,
                                                const choir_env *env, choir_error *err);

/* Accepts NULL. */
void choir_device_destroy(choir_device *d);

/* Its trainer, borrowed from it; for NULL an empty one, as is right before there is a device. */
choir_trainer choir_device_trainer(choir_device *d);

/* Examples that it trains on, as they were when it last read them, held-out ones not among them; 0
 * for NULL. */
uint32_t choir_device_examples(const choir_device *d);

#ifdef __cplusplus
}
#endif

#endif
