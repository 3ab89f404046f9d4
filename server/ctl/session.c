/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_SIZE = 256,
	PATH_SIZE = 4096,
	TOKEN_BYTES_MAX = 64,
};

/* Several people become root by sudo: the login tells them apart. */
static unsigned long read_loginuid(void)
{
	unsigned long uid = 0xffffffffUL;
	FILE *file = fopen("/proc/self/loginuid", "re");

	if (file && fscanf(file, "%lu", &uid) != 1)
		uid = 0xffffffffUL;
	if (file)
		fclose(file);
	return uid;
}

/* Two places never share a name: everything but letters, digits, '.' and '-'
 * is written as two hexadecimal digits behind a '_'. */
static enum err make_name(const char *place, char out[NAME_SIZE])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	int used = snprintf(out, NAME_SIZE, "session-%lu-", read_loginuid());

	for (; *place; place++) {
		if (used + 4 >= NAME_SIZE)
			return ERR_TOO_LONG;
		used += snprintf(out + used, NAME_SIZE - (size_t)used,
		    strchr(plain, *place) ? "%c" : "_%02x",
		    (unsigned char)*place);
	}
	return ERR_NONE;
}

/* Ours alone, whoever made it. */
static bool is_private(int fd, mode_t type)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type &&
	       status.st_uid == geteuid() && (status.st_mode & 077) == 0;
}

static bool is_ours(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_uid == geteuid();
}

/* Walks down from where the system says, making what is missing if that is
 * wanted. After sudo the place may be somebody else's. */
static int open_below(const char *base, const char *const *steps, bool make)
{
	int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !is_ours(fd)) {
		close(fd);
		return -1;
	}
	for (; fd >= 0 && *steps; steps++) {
		int next;

		if (make)
			(void)mkdirat(fd, *steps, 0700);
		next = openat(fd, *steps,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	return fd;
}

static enum err open_folder(bool make, int *out)
{
	static const char *const of_run[] = {"sekimori", NULL};
	static const char *const of_home[] = {
	    ".local", "state", "sekimori", NULL};
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *home = getenv("HOME");
	int fd = -1;

	if (run && run[0] == '/')
		fd = open_below(run, of_run, make);
	if (fd < 0 && home && home[0] == '/')
		fd = open_below(home, of_home, make);
	if (fd < 0)
		return ERR_IO;
	if (!is_private(fd, S_IFDIR)) {
		close(fd);
		return ERR_NOT_ALLOWED;
	}
	*out = fd;
	return ERR_NONE;
}

static enum err open_place(
    const char *place, bool make, char name[NAME_SIZE], int *out)
{
	enum err err = make_name(place, name);

	return err ? err : open_folder(make, out);
}

enum err session_read(const char *place, struct secret *out)
{
	char name[NAME_SIZE];
	struct secret token = {0};
	ssize_t got = -1;
	int folder = -1, fd = -1;
	enum err err = open_place(place, false, name, &folder);

	/* Without a folder there was never a session. */
	if (err)
		return err == ERR_IO ? ERR_NOT_FOUND : err;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	close(folder);
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_NOT_ALLOWED;
	err = ERR_NOT_ALLOWED;
	if (is_private(fd, S_IFREG))
		got = read(fd, token.bytes, TOKEN_BYTES_MAX);
	if (got > 0) {
		token.length = (size_t)got;
		*out = token;
		err = ERR_NONE;
	}
	secret_wipe(&token);
	close(fd);
	return err;
}

enum err session_keep(const char *place, const char *token)
{
	char name[NAME_SIZE], fresh[NAME_SIZE + 8];
	size_t length = strlen(token);
	int folder = -1, fd = -1;
	enum err err = open_place(place, true, name, &folder);

	if (err)
		return err;
	snprintf(fresh, sizeof(fresh), "%.240s.new", name);
	(void)unlinkat(folder, fresh, 0);
	fd = openat(
	    folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	err = ERR_IO;
	if (fd >= 0 && write(fd, token, length) == (ssize_t)length &&
	    renameat(folder, fresh, folder, name) == 0)
		err = ERR_NONE;
	if (fd >= 0)
		close(fd);
	close(folder);
	return err;
}

enum err session_forget(const char *place)
{
	char name[NAME_SIZE];
	int folder = -1;
	enum err err = open_place(place, false, name, &folder);

	if (err)
		return err == ERR_IO ? ERR_NONE : err;
	if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
		err = ERR_IO;
	close(folder);
	return err;
}
