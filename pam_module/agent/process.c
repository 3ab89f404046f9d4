/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	TEXT_SIZE = 4096,
	/* Of the kernel's list of devices; lines of a serial port and others
	 * have no name here. */
	MAJOR_CONSOLE = 4,
	CONSOLES_MAX = 64,
	MAJOR_PTS = 136,
};

static enum err read_text(pid_t pid, const char *name, char out[TEXT_SIZE])
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ERR_NOT_FOUND;
	got = read(fd, out, TEXT_SIZE - 1);
	close(fd);
	if (got <= 0)
		return ERR_NOT_FOUND;
	out[got] = '\0';
	return ERR_NONE;
}

/* proc(5): the device number's minor stands around its major. */
static void name_tty(unsigned int number, char out[PROCESS_TTY_SIZE])
{
	unsigned int major = number >> 8 & 0xfff;
	unsigned int minor = (number & 0xff) | (number >> 12 & 0xfff00);

	out[0] = '\0';
	if (major == MAJOR_PTS)
		snprintf(out, PROCESS_TTY_SIZE, "pts/%u", minor);
	if (major == MAJOR_CONSOLE && minor > 0 && minor < CONSOLES_MAX)
		snprintf(out, PROCESS_TTY_SIZE, "tty%u", minor);
}

/* A name with a bracket in it ends at the last one. */
static enum err parse_stat(const char *text, struct process *out)
{
	const char *after = strrchr(text, ')');
	long parent = 0;
	int tty = 0;
	uint64_t born = 0;

	if (!after || sscanf(after,
			  ") %*c %ld %*d %*d %d %*d %*u %*u %*u %*u %*u %*u"
			  " %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
			  &parent, &tty, &born) != 3)
		return ERR_NOT_FOUND;
	if (parent <= 0)
		return ERR_NOT_FOUND;
	out->parent = (pid_t)parent;
	out->id.born = (int64_t)born;
	name_tty((unsigned int)tty, out->tty);
	return ERR_NONE;
}

static enum err parse_status(const char *text, struct process *out)
{
	const char *line = strstr(text, "\nUid:");
	unsigned int uid = 0;

	if (!line || sscanf(line, "\nUid: %u", &uid) != 1)
		return ERR_NOT_FOUND;
	out->uid = uid;
	return ERR_NONE;
}

static void parse_session(const char *text, struct process *out)
{
	size_t length = strspn(text, "0123456789");

	out->session[0] = '\0';
	/* 2^32 - 1 is the kernel's word for no session. */
	if (length == 0 || length >= PROCESS_SESSION_SIZE ||
	    (length == 10 && memcmp(text, "4294967295", 10) == 0))
		return;
	memcpy(out->session, text, length);
	out->session[length] = '\0';
}

static enum err read_stat(pid_t pid, struct process *out)
{
	char text[TEXT_SIZE];
	enum err err = read_text(pid, "stat", text);

	return err == ERR_NONE ? parse_stat(text, out) : err;
}

static enum err read_all(pid_t pid, struct process *out)
{
	char text[TEXT_SIZE];
	enum err err = read_stat(pid, out);

	if (err == ERR_NONE)
		err = read_text(pid, "status", text);
	if (err == ERR_NONE)
		err = parse_status(text, out);
	/* A kernel without audit has no such file. */
	if (err == ERR_NONE && read_text(pid, "sessionid", text) == ERR_NONE)
		parse_session(text, out);
	return err;
}

/* A pidfd is not readable while its process lives. */
static bool is_alive(int pidfd)
{
	struct pollfd item = {.fd = pidfd, .events = POLLIN};

	return poll(&item, 1, 0) == 0;
}

/*
 * The pidfd is taken first and looked at last: if the process is still alive
 * then, its number was its own all the time in between.
 */
static enum err read_alive(pid_t pid,
    enum err (*read)(pid_t pid, struct process *out), struct process *out)
{
	struct process process = {.id = {.pid = pid}};
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	enum err err;

	if (pidfd < 0)
		return ERR_NOT_FOUND;
	err = read(pid, &process);
	if (err == ERR_NONE && !is_alive(pidfd))
		err = ERR_NOT_FOUND;
	close(pidfd);
	if (err == ERR_NONE)
		*out = process;
	return err;
}

enum err process_read(pid_t pid, struct process *out)
{
	return read_alive(pid, read_all, out);
}

enum err process_identify(pid_t pid, struct process_id *out)
{
	struct process process;
	enum err err = read_alive(pid, read_stat, &process);

	if (err == ERR_NONE)
		*out = process.id;
	return err;
}

bool process_is_same(
    const struct process_id *one, const struct process_id *other)
{
	return one->pid > 0 && one->pid == other->pid &&
	       one->born == other->born;
}

bool process_leads_session(pid_t pid)
{
	struct process self, parent;

	return process_read(pid, &self) == ERR_NONE &&
	       self.session[0] != '\0' &&
	       process_read(self.parent, &parent) == ERR_NONE &&
	       strcmp(self.session, parent.session) != 0;
}
