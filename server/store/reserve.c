/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/reserve.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct reserve {
	char path[PATH_MAX];
	char folder[PATH_MAX];
	int64_t bytes;
	atomic_bool held;
};

int64_t reserve_disk_free(const struct reserve *reserve)
{
	struct statvfs status;

	if (!reserve || statvfs(reserve->folder, &status) != 0)
		return -1;
	return (int64_t)status.f_bavail * (int64_t)status.f_frsize;
}

static bool is_there(const struct reserve *reserve)
{
	struct stat status;

	return lstat(reserve->path, &status) == 0 && S_ISREG(status.st_mode) &&
	       (int64_t)status.st_blocks * 512 >= reserve->bytes;
}

static bool make(const struct reserve *reserve)
{
	int fd = open(reserve->path,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool made = false;

	if (fd < 0)
		return false;
	made = posix_fallocate(fd, 0, reserve->bytes) == 0;
	close(fd);
	if (!made)
		(void)unlink(reserve->path);
	return made;
}

void reserve_renew(struct reserve *reserve)
{
	if (!reserve || reserve->bytes == 0 || reserve->held)
		return;
	if (reserve_disk_free(reserve) < 2 * reserve->bytes)
		return;
	(void)unlink(reserve->path); /* one of another size */
	reserve->held = make(reserve);
}

enum err reserve_new(const char *path, int64_t bytes, struct reserve **out)
{
	struct reserve *reserve = NULL;
	const char *slash = strrchr(path, '/');

	if (bytes < 0 || !slash || strlen(path) >= PATH_MAX)
		return ERR_INVALID;
	reserve = calloc(1, sizeof(*reserve));
	if (!reserve)
		return ERR_MEMORY;
	memcpy(reserve->path, path, strlen(path) + 1);
	memcpy(reserve->folder, path, (size_t)(slash - path) + 1);
	reserve->bytes = bytes;
	reserve->held = bytes > 0 && is_there(reserve);
	reserve_renew(reserve);
	*out = reserve;
	return ERR_NONE;
}

void reserve_free(struct reserve *reserve)
{
	free(reserve);
}

bool reserve_release(struct reserve *reserve)
{
	if (!reserve || !reserve->held)
		return false;
	reserve->held = false;
	return unlink(reserve->path) == 0;
}

bool reserve_is_held(const struct reserve *reserve)
{
	return reserve && reserve->held;
}
