/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days as Japanese offices write them. No locale is asked: one that knows eras
 * is seldom installed.
 */
#ifndef SEKIMORI_CTL_ERA_H
#define SEKIMORI_CTL_ERA_H

#include <stdbool.h>
#include <stdint.h>

enum {
	ERA_DAY_SIZE = 64
};

/* 令和8年4月1日 in the local zone, 2019年4月30日 before that era; empty for 0.
 */
void era_day(int64_t unix_s, char out[ERA_DAY_SIZE]);
/* The last day before an exclusive end. */
void era_last_day(int64_t until_s, char out[ERA_DAY_SIZE]);

#endif
