/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/figures.h"

#include <stdlib.h>
#include <time.h>

double bench_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare_figures(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *figures, long n, double fraction)
{
	if (n < 1)
		return 0;
	qsort(figures, (size_t)n, sizeof(*figures), compare_figures);
	long at = (long)((double)n * fraction);
	return figures[at < n ? at : n - 1];
}
