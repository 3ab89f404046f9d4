/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times taken, and what to make of many. Needs libc only, as a host of PAM
 * modules that is to bring no library along.
 */
#ifndef SEKIMORI_BENCH_FIGURES_H
#define SEKIMORI_BENCH_FIGURES_H

/* Seconds since some start, for measuring. */
double bench_seconds(void);

/* Sorts n figures and returns the one at this fraction. */
double bench_quantile(double *figures, long n, double fraction);

#endif
