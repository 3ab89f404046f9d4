/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded: the machine seems to have been asleep for the seconds that
 * $SLEPT_FILE names, so CLOCK_BOOTTIME is ahead of what it says. All other
 * clocks are left to whoever else fakes them.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static time_t seconds_slept(void)
{
	const char *path = getenv("SLEPT_FILE");
	char text[32] = "";
	ssize_t length = 0;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length > 0 ? (time_t)atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	static int (*next)(clockid_t, struct timespec *);
	int result;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
	result = next(clock, out);
	if (result == 0 && clock == CLOCK_BOOTTIME)
		out->tv_sec += seconds_slept();
	return result;
}
