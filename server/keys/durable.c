/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing small files so that they are whole and there, or not at all. Must
 * not know what is in them; whoever passes secrets wipes his own copy.
 */
#include "server/keys/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum err err_of_errno(void)
{
	switch (errno) {
	case EEXIST:
		return ERR_EXISTS;
	case ENOENT:
		return ERR_NOT_FOUND;
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	}
	return ERR_IO;
}

static enum err write_all(int fd, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	while (length > 0) {
		ssize_t n = write(fd, at, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_of_errno();
		at += n;
		length -= (size_t)n;
	}
	return fsync(fd) == 0 ? ERR_NONE : err_of_errno();
}

static enum err write_new(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum err err;

	if (fd < 0)
		return err_of_errno();
	err = write_all(fd, bytes, length);
	if (close(fd) != 0 && err == ERR_NONE)
		err = err_of_errno();
	if (err != ERR_NONE)
		(void)unlink(path);
	return err;
}

static enum err sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	enum err err = ERR_NONE;

	if (fd < 0)
		return err_of_errno();
	if (fsync(fd) != 0)
		err = err_of_errno();
	close(fd);
	return err;
}

enum err durable_sync_file(const char *path)
{
	return sync_path(path, O_RDWR);
}

enum err durable_sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length >= sizeof(folder))
		return ERR_TOO_LONG;
	if (!slash)
		return sync_path(".", O_RDONLY | O_DIRECTORY);
	if (length == 0)
		return sync_path("/", O_RDONLY | O_DIRECTORY);
	memcpy(folder, path, length);
	folder[length] = '\0';
	return sync_path(folder, O_RDONLY | O_DIRECTORY);
}

enum err durable_create(const char *path, const void *bytes, size_t length)
{
	enum err err = write_new(path, bytes, length);

	if (err != ERR_NONE)
		return err;
	err = durable_sync_folder(path);
	if (err != ERR_NONE)
		(void)unlink(path);
	return err;
}

enum err durable_replace(const char *path, const void *bytes, size_t length)
{
	char fresh[PATH_MAX];
	enum err err;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >=
	    (int)sizeof(fresh))
		return ERR_TOO_LONG;
	/* One that a crash left behind is in nobody's use. */
	(void)unlink(fresh);
	err = write_new(fresh, bytes, length);
	if (err == ERR_NONE && rename(fresh, path) != 0) {
		err = err_of_errno();
		(void)unlink(fresh);
	}
	return err == ERR_NONE ? durable_sync_folder(path) : err;
}
