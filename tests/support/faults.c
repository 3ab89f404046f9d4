/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into a copy of the module with --wrap: counts its calls to libc and
 * libpam and fails the one, or every one from there on, that the test names.
 * Also says which uid is the agent's user, which no test machine has.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/faults.h"

static struct faults faults;

FAULTS_EXPORTED struct faults *faults_get(void)
{
	return &faults;
}

/* EINTR is what only waiting calls can fail with. */
static bool fails(bool waits)
{
	if (faults.error == EINTR && !waits)
		return false;
	faults.count++;
	if (faults.count != faults.at &&
	    !(faults.onward && faults.at > 0 && faults.count > faults.at))
		return false;
	errno = faults.error;
	return true;
}

#define WRAP(type, name, parameters, arguments, waits, failure)                \
	type __real_##name parameters;                                         \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		if (fails(waits))                                              \
			return failure;                                        \
		return __real_##name arguments;                                \
	}

WRAP(void *, calloc, (size_t n, size_t size), (n, size), false, NULL)
WRAP(char *, strdup, (const char *text), (text), false, NULL)
WRAP(int, clock_gettime, (clockid_t id, struct timespec *out), (id, out), false,
    -1)
WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t size),
    (fd, to, size), true, -1)
WRAP(int, getsockopt, (int fd, int level, int name, void *out, socklen_t *size),
    (fd, level, name, out, size), false, -1)
WRAP(struct tm *, localtime_r, (const time_t *when, struct tm *out),
    (when, out), false, NULL)
WRAP(int, poll, (struct pollfd * fds, nfds_t count, int wait_ms),
    (fds, count, wait_ms), true, -1)
WRAP(ssize_t, recv, (int fd, void *out, size_t size, int flags),
    (fd, out, size, flags), true, -1)
WRAP(ssize_t, send, (int fd, const void *bytes, size_t size, int flags),
    (fd, bytes, size, flags), true, -1)
WRAP(int, socket, (int domain, int type, int protocol),
    (domain, type, protocol), false, -1)
WRAP(char *, secure_getenv, (const char *name), (name), false, NULL)
WRAP(size_t, strftime,
    (char *out, size_t size, const char *format, const struct tm *when),
    (out, size, format, when), false, 0)
WRAP(time_t, time, (time_t * out), (out), false, (time_t)-1)
WRAP(int, pam_fail_delay, (pam_handle_t * pamh, unsigned delay_us),
    (pamh, delay_us), false, PAM_SYSTEM_ERR)
WRAP(int, pam_get_data,
    (const pam_handle_t *pamh, const char *name, const void **out),
    (pamh, name, out), false, PAM_SYSTEM_ERR)
WRAP(int, pam_get_item, (const pam_handle_t *pamh, int item, const void **out),
    (pamh, item, out), false, PAM_BUF_ERR)
WRAP(int, pam_get_user,
    (pam_handle_t * pamh, const char **out, const char *prompt),
    (pamh, out, prompt), false, PAM_BUF_ERR)
WRAP(int, pam_set_data,
    (pam_handle_t * pamh, const char *name, void *data,
	void (*cleanup)(pam_handle_t *pamh, void *data, int status)),
    (pamh, name, data, cleanup), false, PAM_BUF_ERR)
WRAP(int, pam_set_item, (pam_handle_t * pamh, int item, const void *value),
    (pamh, item, value), false, PAM_BUF_ERR)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int __wrap_fcntl(int fd, int command, ...)
{
	va_list arguments;
	int argument;

	va_start(arguments, command);
	argument = va_arg(arguments, int);
	va_end(arguments);
	return fails(false) ? -1 : __real_fcntl(fd, command, argument);
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
    size_t size, struct passwd **out);

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
    size_t size, struct passwd **out)
{
	(void)buffer;
	(void)size;
	*out = NULL;
	if (fails(false))
		return EIO;
	if (strcmp(name, "sekimori-agent") != 0 || faults.agent_uid == 0)
		return 0;
	memset(entry, 0, sizeof(*entry));
	entry->pw_uid = faults.agent_uid;
	*out = entry;
	return 0;
}
