/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock forbids all and allows whole trees, so what is allowed is
 * everything that stands beside the way down to the directory.
 */
#include "pam_module/card/keep_out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Those that every kernel with Landlock knows. */
static const __u64 file_rights = LANDLOCK_ACCESS_FS_EXECUTE |
				 LANDLOCK_ACCESS_FS_WRITE_FILE |
				 LANDLOCK_ACCESS_FS_READ_FILE;
static const __u64 all_rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

/* What is gone meanwhile is not allowed; what a link leads to is by itself. */
static enum err allow(int rules, int folder, const char *name)
{
	struct landlock_path_beneath_attr rule = {
	    .parent_fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
	struct stat status;
	enum err err = ERR_NONE;

	if (rule.parent_fd < 0)
		return ERR_NONE;
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISLNK(status.st_mode)) {
		rule.allowed_access =
		    S_ISDIR(status.st_mode) ? all_rights : file_rights;
		if (syscall(SYS_landlock_add_rule, rules,
			LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
			err = ERR_IO;
	}
	close(rule.parent_fd);
	return err;
}

static enum err allow_beside(int rules, const char *folder, const char *kept)
{
	DIR *listing = opendir(folder);
	const struct dirent *entry;
	enum err err = ERR_NONE;

	if (!listing)
		return ERR_NONE; /* then nothing in it */
	while (err == ERR_NONE && (entry = readdir(listing)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, kept) != 0)
			err = allow(rules, dirfd(listing), entry->d_name);
	closedir(listing);
	return err;
}

/* path is absolute, without links; it is written to and restored. */
static enum err allow_all_but(int rules, char *path)
{
	enum err err = ERR_NONE;

	for (char *at = path, *next; err == ERR_NONE && at; at = next) {
		next = strchr(at + 1, '/');
		if (next)
			*next = '\0';
		*at = '\0';
		err = allow_beside(rules, *path ? path : "/", at + 1);
		*at = '/';
		if (next)
			*next = '/';
	}
	return err;
}

static bool is_missing(int error)
{
	return error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

enum err keep_out_of(const char *directory)
{
	const struct landlock_ruleset_attr attributes = {
	    .handled_access_fs = all_rights};
	char path[PATH_MAX];
	enum err err;
	int rules;

	if (!realpath(directory, path))
		return ERR_IO;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attributes,
	    sizeof(attributes.handled_access_fs), 0);
	if (rules < 0)
		return is_missing(errno) ? ERR_NONE : ERR_IO;
	err = allow_all_but(rules, path);
	if (err == ERR_NONE &&
	    syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		err = ERR_NOT_ALLOWED;
	close(rules);
	return err;
}
