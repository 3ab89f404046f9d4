/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one authentication ended, as the table of PAM codes tells situations
 * apart. The agent's verdicts keep their numbers, so that zeroed memory is a
 * refusal here too; what only the module can notice follows.
 */
#ifndef SEKIMORI_SITUATION_H
#define SEKIMORI_SITUATION_H

#include "shared/err.h"
#include "shared/frame.h"

enum situation {
	SITUATION_REFUSED = FRAME_DENY,
	SITUATION_ACCEPTED = FRAME_ACCEPT,
	SITUATION_EXEMPT = FRAME_EXEMPT,
	SITUATION_LOCKED = FRAME_DENY_LOCKED,
	SITUATION_NOT_PERMITTED = FRAME_DENY_PERMISSION,
	SITUATION_NOT_ENROLLED = FRAME_DENY_NOT_ENROLLED,
	SITUATION_UNAVAILABLE = FRAME_DENY_UNAVAILABLE,
	SITUATION_NULLOK, /* not enrolled, and the line says nullok */
	SITUATION_CONVERSATION_FAILED,
	SITUATION_MISCONFIGURED,
	SITUATION_OUT_OF_MEMORY,
};

enum {
	SITUATION_COUNT = SITUATION_OUT_OF_MEMORY + 1
};

/* A failure of this machine or of the conversation; never acceptance. */
static inline enum situation situation_of_failure(enum err err)
{
	return err == ERR_MEMORY ? SITUATION_OUT_OF_MEMORY
				 : SITUATION_CONVERSATION_FAILED;
}

#endif
