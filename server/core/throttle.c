/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/throttle.h"

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

enum throttle_state throttle_check(const struct throttle *throttle,
    const struct throttle_limits *limits, bool proven, int64_t now_s,
    int64_t *out_retry_at)
{
	int64_t wait_until = throttle->proven.wait_until;

	if (throttle->proven.failures >= limits->disable_at)
		return THROTTLE_DISABLED;
	if (!proven) {
		if (throttle->unproven_total >= limits->disable_at)
			return THROTTLE_DISABLED;
		wait_until = later_of(wait_until, throttle->here.wait_until);
	}
	if (now_s < wait_until) {
		*out_retry_at = wait_until;
		return THROTTLE_WAITING;
	}
	return THROTTLE_OPEN;
}

/* first_wait at the after-th failure, doubled by each further one. */
static int64_t wait_after(
    int64_t failures, const struct throttle_limits *limits)
{
	int64_t wait_s = limits->first_wait_s;

	if (failures < limits->after)
		return 0;
	for (int64_t i = limits->after;
	     i < failures && wait_s < limits->longest_wait_s; i++)
		wait_s *= 2;
	return wait_s < limits->longest_wait_s ? wait_s
					       : limits->longest_wait_s;
}

static void charge_count(struct throttle_count *count,
    const struct throttle_limits *limits, int64_t now_s)
{
	int64_t wait_s;

	count->failures++;
	wait_s = wait_after(count->failures, limits);
	count->wait_until = wait_s ? now_s + wait_s : 0;
}

struct throttle throttle_charge(const struct throttle *throttle,
    const struct throttle_limits *limits, bool proven, int64_t now_s)
{
	struct throttle charged = *throttle;

	if (proven) {
		charge_count(&charged.proven, limits, now_s);
	} else {
		charge_count(&charged.here, limits, now_s);
		charged.unproven_total++;
	}
	return charged;
}

struct throttle throttle_clear(const struct throttle *throttle, bool proven)
{
	const struct throttle_count none = {0, 0};
	struct throttle cleared = *throttle;

	/*
	 * An unproven success takes back only this terminal's share, so that
	 * a colleague unlocking his own desk all day does not refresh the
	 * guesses of somebody at another.
	 */
	cleared.unproven_total = proven
				     ? 0
				     : later_of(0, throttle->unproven_total -
						       throttle->here.failures);
	cleared.here = none;
	if (proven)
		cleared.proven = none;
	return cleared;
}
