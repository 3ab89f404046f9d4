/* SPDX-License-Identifier: Apache-2.0 */
#include "server/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char credential_prefix[] = "credential:";

bool command_key_path(
    const struct settings *settings, char *out, size_t out_size)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	size_t prefix = sizeof(credential_prefix) - 1;

	if (settings->key_file[0] == '\0') {
		settings_path(settings, "kek", out, out_size);
		return true;
	}
	if (strncmp(settings->key_file, credential_prefix, prefix) != 0) {
		snprintf(out, out_size, "%s", settings->key_file);
		return true;
	}
	if (!directory)
		return false;
	snprintf(
	    out, out_size, "%s/%s", directory, settings->key_file + prefix);
	return true;
}

bool command_hand_over(const struct settings *settings, const char *path)
{
	struct stat owner;

	if (geteuid() != 0)
		return true;
	if (stat(settings->state_dir, &owner) != 0)
		return false;
	return lchown(path, owner.st_uid, owner.st_gid) == 0 || errno == ENOENT;
}

int command_fail(const char *what, const char *mend)
{
	fprintf(stderr, "sekimorid: %s. %s\n", what, mend);
	return EXIT_REFUSED;
}

static const struct {
	enum err err;
	const char *what, *mend;
} store_failures[] = {
    {ERR_NOT_FOUND, "there is no database",
	"Make one with `sekimorid init`, or bring one back with "
	"`sekimorid restore`"},
    {ERR_BUSY, "another process has the database open",
	"Is sekimorid running already?"},
    {ERR_CRYPTO, "the key file does not belong to this database",
	"Put the right key file back, or restore a backup with the "
	"recovery key"},
    {ERR_CORRUPT, "the database is damaged",
	"Keep it for examination and restore the last backup: `sekimorid "
	"restore`"},
    {ERR_VERSION, "the database was written by a newer sekimorid",
	"Install that version again; going back is not possible"},
    {ERR_FULL, "the disk is full", "Make room and start again"},
};

int command_fail_store(const char *path, enum err err)
{
	for (size_t i = 0; i < sizeof(store_failures) / sizeof(*store_failures);
	     i++) {
		if (store_failures[i].err != err)
			continue;
		fprintf(stderr, "sekimorid: %s: %s. %s.\n", path,
		    store_failures[i].what, store_failures[i].mend);
		return EXIT_REFUSED;
	}
	fprintf(stderr,
	    "sekimorid: %s: cannot be opened (%s). Check the disk, and that "
	    "the user sekimori owns the directory and all in it.\n",
	    path, err_text(err));
	return EXIT_REFUSED;
}
