/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/clock.h"

#include <string.h>

/*
 * Within one boot a mark's boot clock may be ahead of the machine's by what
 * the wall clock has gained, which is never more than is tolerated. One that
 * is further ahead is of another boot, whatever that calls itself.
 */
static bool is_same_boot(
    const struct clock_reading *mark, const struct clock_reading *reading)
{
	return strcmp(mark->boot_id, reading->boot_id) == 0 &&
	       reading->boot_s >= mark->boot_s - CLOCK_FORWARD_TOLERATED_S;
}

/* How far beyond the mark the wall clock may honestly be. */
static int64_t latest_believable(
    const struct clock_reading *mark, const struct clock_reading *reading)
{
	if (is_same_boot(mark, reading))
		return mark->wall_s + (reading->boot_s - mark->boot_s) +
		       CLOCK_FORWARD_TOLERATED_S;
	return mark->wall_s + CLOCK_ACROSS_BOOTS_TOLERATED_S;
}

struct clock_reading clock_mark_at(
    const struct clock_reading *mark, int64_t wall_s)
{
	struct clock_reading moved = *mark;

	moved.boot_s += wall_s - mark->wall_s;
	moved.wall_s = wall_s;
	return moved;
}

struct clock_judgement clock_judge(const struct clock_reading *mark,
    const struct clock_reading *reading, struct clock_reading *out_mark)
{
	struct clock_judgement judgement = {false, mark->wall_s};
	struct clock_reading moved = *reading;

	if (reading->wall_s <= 0)
		return judgement;
	if (mark->wall_s != 0 &&
	    (reading->wall_s < mark->wall_s - CLOCK_BACK_TOLERATED_S ||
		reading->wall_s > latest_believable(mark, reading)))
		return judgement;

	judgement.trusted = true;
	judgement.now_s =
	    reading->wall_s > mark->wall_s ? reading->wall_s : mark->wall_s;
	moved.wall_s = judgement.now_s;
	if (mark->wall_s != 0 && is_same_boot(mark, reading)) {
		int64_t gained_s = clock_mark_at(mark, judgement.now_s).boot_s;

		if (gained_s > moved.boot_s)
			moved.boot_s = gained_s;
	}
	*out_mark = moved;
	return judgement;
}
