/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/clock.h"

#include <string.h>

/* How far beyond the mark the wall clock may honestly be. */
static int64_t latest_believable(
    const struct clock_reading *mark, const struct clock_reading *reading)
{
	if (strcmp(mark->boot_id, reading->boot_id) == 0 &&
	    reading->boot_s >= mark->boot_s)
		return mark->wall_s + (reading->boot_s - mark->boot_s) +
		       CLOCK_FORWARD_TOLERATED_S;
	return mark->wall_s + CLOCK_ACROSS_BOOTS_TOLERATED_S;
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
	/*
	 * Within the tolerated few seconds back, the mark keeps its own boot
	 * reading: else each small step back would also shift what counts
	 * as too far forward.
	 */
	if (reading->wall_s < mark->wall_s)
		moved = *mark;
	*out_mark = moved;
	return judgement;
}
