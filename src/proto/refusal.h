/* Refusals on the wire. */
#ifndef CH_PROTO_REFUSAL_H
#define CH_PROTO_REFUSAL_H

#include "choir/coordinator.h"
#include "wire/message.h"

/* What the wire calls a refusal, any but COUNT; NONE for what nobody is told. */
ch_reason ch_refusal_reason(choir_refusal refusal);

/* What a reason on the wire says, any number; COUNT for one that is none here. */
choir_refusal ch_refusal_of(uint32_t reason);

/* The reply that says so; with PROTOCOL, which versions are spoken here as well. */
ch_reply ch_refusal_reply(choir_refusal refusal);

#endif
