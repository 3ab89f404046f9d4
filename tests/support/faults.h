/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a test steers the copy of the module whose calls fail at will. The
 * test finds faults_get() in the loaded module.
 */
#ifndef SEKIMORI_FAULTS_H
#define SEKIMORI_FAULTS_H

#include <stdbool.h>
#include <sys/types.h>

#define FAULTS_EXPORTED __attribute__((visibility("default")))

struct faults {
	unsigned at;     /* the call to fail, from 1; 0: none */
	unsigned count;  /* calls so far */
	bool onward;     /* and every call after it */
	int error;       /* EINTR counts waiting calls only */
	uid_t agent_uid; /* of the agent's user; 0: there is none */
};

FAULTS_EXPORTED struct faults *faults_get(void);

#endif
