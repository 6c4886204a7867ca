/* Refusals on the wire. */
#ifndef CH_PROTO_REFUSAL_H
#define CH_PROTO_REFUSAL_H

#include "choir/coordinator.h"
#include "wire/message.h"

/* What the wire calls a refusal, any but COUNT; NONE for what nobody is told. */
ch_reason ch_refusal_reason(choir_refusal refusal);

#endif
