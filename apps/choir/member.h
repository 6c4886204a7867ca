/* Member: what this device is in one job: its data, its engine, and the lines about it. */
#ifndef CHOIR_APPS_MEMBER_H
#define CHOIR_APPS_MEMBER_H

#include "choir/client.h"
#include "choir/examples.h"
#include "run/device.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct member {
    char name[CHOIR_NAME_MAX];
    char data[CHOIR_PATH_MAX]; // as --data; "": none
    const char *dir;           // as --dir
    choir_examples *examples;  // NULL: without
    choir_env env;
    FILE *out;          // NULL: quiet
    bool is_named;      // in lines: there are others
    ch_device device;   // of the version that was joined last
    choir_why told_why; // of the last wait
    uint32_t obstacles; // that it is known to stand before
} member;

/* Whether its data are there and to be read: what joins for nothing has a place that nobody else
 * gets. Returns EINVAL, EIO. */
choir_status member_check(const member *m, choir_error *err);

/* Opens the device for an offer, instead of the one before; as trainer_make in choir/agent.h. */
choir_status member_trainer(void *self, const choir_offer *offer, choir_trainer *out,
                            choir_error *err);

/* Prints a line for an event that is worth one. */
void member_tell(member *m, const choir_event *event);

/* By the job, not by its owner's policy. */
bool member_is_turned_away(const choir_event *event);

/* By its owner's policy, of the whole job and not of a round's task. */
bool member_is_unwilling(const choir_event *event);

#endif
