/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "server/ctl/commands.h"

FILE *out_file_open(const char *path)
{
	FILE *file = NULL;
	int fd;

	if (strcmp(path, "-") == 0)
		return stdout;
	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		file = fdopen(fd, "w");
	if (!file) {
		fprintf(stderr, "sekimorictl: %s: %m.%s\n", path,
		    errno == EEXIST ? " Name a new file: nothing is "
				      "written over."
				    : "");
		if (fd >= 0)
			close(fd);
	}
	return file;
}

int out_file_close(FILE *file, const char *path)
{
	int failed = fflush(file) != 0 || ferror(file);

	if (file != stdout)
		failed |= fclose(file) != 0;
	if (!failed)
		return EXIT_DONE;
	fprintf(stderr, "sekimorictl: %s could not be written.\n", path);
	return EXIT_REFUSED;
}
