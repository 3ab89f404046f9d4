/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace: whoever proved himself by a factor, and is still in the session that
 * he opened by it, need not find another code for sudo within the same minute.
 * Whether it holds, and for what it never does. What a grace is tied to is
 * kept by store/grace.c; this file sees one that is the asker's own. Pure.
 */
#ifndef SEKIMORI_GRACE_H
#define SEKIMORI_GRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/verdict.h"
#include "shared/text.h"

enum {
	GRACE_LONGEST_S = 900
};

/* Of this person, on this terminal, in this session. All zero: none. */
struct grace {
	bool given;
	enum factor factor;           /* that he proved himself by */
	int64_t since;                /* then; unix seconds */
	char tty[NAME_BYTES_MAX + 1]; /* of its first use; empty: none yet */
};

struct grace_question {
	int64_t longest_s; /* what policy grants here; 0: nothing */
	unsigned factors;  /* that policy takes here, bit 1 << enum factor */
	const char *service;
	const char *tty;
	int64_t now_s;
};

bool grace_holds(
    const struct grace *grace, const struct grace_question *question);

/* False for lockers, greeters and whatever else opens a session of its own:
 * what they ask for is the person, there and then. */
bool grace_is_for(const char *service);

/* From `5m` or `90s`: false when that is nothing between a second and
 * GRACE_LONGEST_S. */
bool grace_read(const char *text, int64_t *out_s);

#endif
