/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/steady.h"

#include <time.h>

enum {
	STEADY_LEFT_MAX_MS = 600000
};

int64_t steady_ms(void)
{
	struct timespec now = {0};

	/* Cannot fail on Linux; if it did, every deadline would be over. */
	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return INT64_MAX;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int steady_left_ms(int64_t deadline_ms)
{
	int64_t now_ms = steady_ms();

	if (deadline_ms <= now_ms)
		return 0;
	if (deadline_ms - now_ms > STEADY_LEFT_MAX_MS)
		return STEADY_LEFT_MAX_MS;
	return (int)(deadline_ms - now_ms);
}
