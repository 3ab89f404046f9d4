/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a configuration file into memory, and only one that nobody but root
 * and ourselves can have written. All checks are made on the open descriptor,
 * so that the file cannot be swapped between check and read. Does not look
 * into what it reads.
 */
#include "shared/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/text.h"

__attribute__((format(printf, 3, 4))) static void complain(
    struct config_problem *problem, const char *path, const char *format, ...)
{
	va_list arguments;
	size_t used;

	text_escape(path, strlen(path), problem->text, CONFIG_PROBLEM_SIZE / 2);
	used = strlen(problem->text);
	used += (size_t)snprintf(
	    problem->text + used, CONFIG_PROBLEM_SIZE - used, ": ");
	va_start(arguments, format);
	vsnprintf(problem->text + used, CONFIG_PROBLEM_SIZE - used, format,
	    arguments);
	va_end(arguments);
}

/* ELOOP is what O_NOFOLLOW answers to a symbolic link. */
static enum err open_file(
    const char *path, struct config_problem *problem, int *out)
{
	/* A FIFO must not make us wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0) {
		*out = fd;
		return ERR_NONE;
	}
	if (errno == ELOOP) {
		complain(problem, path,
		    "this is a symbolic link. Name the file itself.");
		return ERR_NOT_ALLOWED;
	}
	if (errno == ENOENT) {
		complain(problem, path,
		    "there is no such file. Write it, or name another.");
		return ERR_NOT_FOUND;
	}
	complain(problem, path, "cannot be opened: %s. Check who may read it.",
	    strerrordesc_np(errno));
	return ERR_IO;
}

static enum err check_file(
    int fd, const char *path, struct config_problem *problem)
{
	struct stat status;

	if (fstat(fd, &status) != 0) {
		complain(problem, path, "cannot be examined. Check the disk.");
		return ERR_IO;
	}
	if (!S_ISREG(status.st_mode)) {
		complain(
		    problem, path, "this is not a regular file. Name a file.");
		return ERR_NOT_ALLOWED;
	}
	if (status.st_mode & (S_IWGRP | S_IWOTH)) {
		complain(problem, path,
		    "others than its owner can write it. Run chmod go-w on "
		    "it.");
		return ERR_NOT_ALLOWED;
	}
	if (status.st_uid != 0 && status.st_uid != geteuid()) {
		complain(problem, path,
		    "neither root nor this program's user owns it. Run chown "
		    "root on it.");
		return ERR_NOT_ALLOWED;
	}
	return ERR_NONE;
}

/* Reads up to size bytes; what was read may be less only at the end. */
static enum err read_whole(int fd, char *out, size_t size, size_t *out_length)
{
	size_t used = 0;
	ssize_t got;

	while (used < size) {
		got = read(fd, out + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	*out_length = used;
	return ERR_NONE;
}

enum err config_read_file(const char *path, const struct config_key *keys,
    size_t key_count, void *target, struct config_problem *problem)
{
	char *bytes = NULL;
	size_t length = 0;
	int fd = -1;
	enum err err = open_file(path, problem, &fd);

	if (err)
		goto out;
	err = check_file(fd, path, problem);
	if (err)
		goto out;
	/* One byte more than allowed shows that there is too much. */
	bytes = malloc(CONFIG_FILE_BYTES_MAX + 1);
	if (!bytes) {
		complain(problem, path, "out of memory. Try again.");
		err = ERR_MEMORY;
		goto out;
	}
	err = read_whole(fd, bytes, CONFIG_FILE_BYTES_MAX + 1, &length);
	if (err) {
		complain(problem, path, "cannot be read. Check the disk.");
		goto out;
	}
	err =
	    config_parse(path, bytes, length, keys, key_count, target, problem);
out:
	free(bytes);
	if (fd >= 0)
		close(fd);
	return err;
}
