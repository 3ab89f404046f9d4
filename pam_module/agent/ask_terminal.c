/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/ask_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "shared/secret.h"

/* While a secret is typed these must not leave the terminal silent. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

enum {
	ENDING = sizeof(ending) / sizeof(ending[0])
};

static volatile sig_atomic_t caught;

static void catch (int number)
{
	caught = number;
}

int ask_terminal_open(void)
{
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void write_all(int terminal, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t written = write(terminal, text, left);

		if (written < 0 && errno == EINTR && !caught)
			continue;
		if (written <= 0)
			return;
		text += written;
		left -= (size_t)written;
	}
}

void ask_terminal_tell(int terminal, const char *text)
{
	write_all(terminal, text);
	write_all(terminal, "\n");
}

/* Byte by byte: stdio would keep a copy, and take what comes after. */
enum err ask_terminal_read(int fd, char *out, size_t size, size_t *out_length)
{
	size_t length = 0;
	char byte = '\0';
	ssize_t got;

	while ((got = read(fd, &byte, 1)) == 1 && byte != '\n') {
		if (length < size)
			out[length] = byte;
		length++;
	}
	if (got < 0 || (got == 0 && length == 0) || length > size) {
		secret_wipe_bytes(out, size);
		length = 0;
	}
	*out_length = length;
	return got < 0 || (got == 0 && length == 0) ? ERR_IO : ERR_NONE;
}

static void catch_signals(struct sigaction before[ENDING])
{
	/* No SA_RESTART: the read is to end. */
	struct sigaction action = {.sa_handler = catch};

	caught = 0;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ENDING; i++)
		(void)sigaction(ending[i], &action, &before[i]);
}

static void release_signals(const struct sigaction before[ENDING])
{
	for (size_t i = 0; i < ENDING; i++)
		(void)sigaction(ending[i], &before[i], NULL);
}

static enum err read_silently(
    int terminal, const char *prompt, char *out, size_t size, size_t *length)
{
	struct termios before, silent;
	enum err err;

	if (tcgetattr(terminal, &before) != 0)
		return ERR_IO;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(terminal, TCSAFLUSH, &silent) != 0)
		return ERR_IO;
	write_all(terminal, prompt);
	err = ask_terminal_read(terminal, out, size, length);
	(void)tcsetattr(terminal, TCSAFLUSH, &before);
	write_all(terminal, "\n");
	return err;
}

enum err ask_terminal_line(int terminal, const char *prompt, bool secret,
    char *out, size_t size, size_t *out_length)
{
	struct sigaction before[ENDING];
	enum err err;

	catch_signals(before);
	if (secret) {
		err = read_silently(terminal, prompt, out, size, out_length);
	} else {
		write_all(terminal, prompt);
		err = ask_terminal_read(terminal, out, size, out_length);
	}
	release_signals(before);
	if (caught) {
		secret_wipe_bytes(out, size);
		(void)raise(caught);
		err = ERR_IO; /* whoever ignores it gives up all the same */
	}
	return err;
}
