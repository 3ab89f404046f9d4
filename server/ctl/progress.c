/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/progress.h"

#include <stdio.h>
#include <unistd.h>

enum {
	WIDTH = 40,
	COUNT_STEP = 1000 /* smaller changes are not worth a drawing */
};

struct progress progress_begin(bool wanted)
{
	return (struct progress){
	    .shown = wanted && isatty(STDERR_FILENO), .drawn_parts = -1};
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total,
    uint64_t count, const char *what)
{
	static const char full[] = "########################################";
	int parts = total ? (int)(done * WIDTH / total) : WIDTH;

	if (parts > WIDTH)
		parts = WIDTH;
	if (!progress->shown || (parts == progress->drawn_parts &&
				    count < progress->drawn_count + COUNT_STEP))
		return;
	progress->drawn_parts = parts;
	progress->drawn_count = count;
	fprintf(stderr, "\r[%-*.*s] %llu %s", WIDTH, parts, full,
	    (unsigned long long)count, what);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->drawn_parts >= 0)
		fputc('\n', stderr);
	progress->drawn_parts = -1;
}
