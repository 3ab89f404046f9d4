/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "server/ctl/output.h"

/* One line, byte by byte: stdio would keep a copy, and read too far. */
static enum err read_line(int fd, struct secret *out)
{
	struct secret line = {0};
	enum err err = ERR_NOT_FOUND;
	char byte;

	for (;;) {
		ssize_t got = read(fd, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 && line.length == 0)
			goto out;
		if (got <= 0 || byte == '\n')
			break;
		if (line.length == sizeof(line.bytes)) {
			err = ERR_TOO_LONG;
			goto out;
		}
		line.bytes[line.length++] = (unsigned char)byte;
	}
	if (line.length > 0 && line.bytes[line.length - 1] == '\r')
		line.bytes[--line.length] = '\0';
	*out = line;
	err = ERR_NONE;
out:
	secret_wipe(&line);
	return err;
}

enum err prompt_line(const char *label, char *out, size_t size)
{
	struct secret line = {0};
	enum err err;

	if (isatty(STDIN_FILENO))
		fprintf(stderr, "%s: ", label);
	err = read_line(STDIN_FILENO, &line);
	if (!err && line.length >= size)
		err = ERR_TOO_LONG;
	if (!err) {
		memcpy(out, line.bytes, line.length);
		out[line.length] = '\0';
	}
	secret_wipe(&line);
	return err;
}

enum err prompt_secret(const char *label, struct secret *out)
{
	struct termios before, quiet;
	enum err err;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
		return read_line(STDIN_FILENO, out);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "%s: ", label);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0)
		return ERR_IO;
	err = read_line(STDIN_FILENO, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return err;
}

bool prompt_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool prompt_confirm(const char *sentence, const char *subject)
{
	struct secret line = {0};

	output_sentence(stderr, sentence, subject);
	fputs("[y/N] ", stderr);
	if (read_line(STDIN_FILENO, &line))
		return false;
	return line.length == 1 &&
	       (line.bytes[0] == 'y' || line.bytes[0] == 'Y');
}

void prompt_show_once(const char *text)
{
	struct secret line = {0};
	bool interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (!interactive) {
		fputs(text, stdout);
		return;
	}
	printf("\033[?1049h\033[2J\033[H%s\nPress Return when it has been "
	       "read; it will not be shown again. ",
	    text);
	fflush(stdout);
	(void)read_line(STDIN_FILENO, &line);
	secret_wipe(&line);
	printf("\033[2J\033[3J\033[H\033[?1049l");
	fflush(stdout);
}
