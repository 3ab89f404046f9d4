/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pace.h"

bool pace_stay_awake(struct pace *pace, bool decided_one, int64_t now_us)
{
	int64_t since = now_us - pace->last_us;

	if (decided_one) {
		pace->brisk = pace->last_us > 0 && since < PACE_BRISK_US;
		pace->last_us = now_us;
	} else if (since >= PACE_AWAKE_US) {
		pace->brisk = false;
	}
	return pace->brisk;
}
