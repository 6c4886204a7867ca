/*
 * Made: a trainer whose updates cost next to nothing, so that of a swarm and its server the server
 * is what is measured. An update is small numbers, a pure function of client, round and place, so
 * that whoever makes it again makes the same.
 */
#ifndef CH_SWARM_MADE_H
#define CH_SWARM_MADE_H

#include "choir/trainer.h"

/* examples  that each client says it has, at least 1; borrowed for as long as the trainer is used
 */
choir_trainer ch_made_trainer(const uint32_t *examples);

#endif
