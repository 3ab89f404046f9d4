/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What doctor's checks share: how a finding is told and counted.
 */
#ifndef SEKIMORI_AGENT_DOCTOR_H
#define SEKIMORI_AGENT_DOCTOR_H

#include <stdbool.h>

enum doctor_level {
	DOCTOR_FAIL = 0,
	DOCTOR_WARN,
	DOCTOR_OK
};

struct doctor {
	const char *directory;
	bool failed;
};

/* Prints one line. finding says how to mend it unless all is well. */
void doctor_tell(struct doctor *doctor, enum doctor_level level,
    const char *subject, const char *finding);

void doctor_check_cards(struct doctor *doctor);
void doctor_check_pam(struct doctor *doctor);
void doctor_check_sshd(struct doctor *doctor);

#endif
