/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/card_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/agent/steady.h"
#include "pam_module/card/wire.h"

#define PROGRAM_NAME "sekimori-card"

enum {
	/* Above the descriptors that the child gets, so that no dup2() of the
	 * one overwrites the other. */
	DESCRIPTOR_MIN = 3,
	ENVIRONMENT_MAX = 8,
	ENVIRONMENT_TEXT_MAX = PATH_MAX + 64,
	ARGUMENTS_MAX = CONFIG_LIST_MAX + 2,
};

/* Of our own environment only what says where tokens and pcscd are. */
static const char *const passed_on[] = {
    "SOFTHSM2_CONF", "OPENSC_CONF", "PCSCLITE_CSOCK_NAME"};

/* And no configuration of p11-kit's in anybody's home. */
static char path_variable[] = "PATH=/usr/bin:/bin";
static char no_home_variable[] = "P11_KIT_NO_USER_CONFIG=1";

struct environment {
	size_t count, text_count;
	char *list[ENVIRONMENT_MAX];
	char texts[sizeof(passed_on) / sizeof(passed_on[0]) + 1]
		  [ENVIRONMENT_TEXT_MAX];
};

static enum err add_variable(
    struct environment *environment, const char *name, const char *value)
{
	char *text = environment->texts[environment->text_count];
	int length = snprintf(text, ENVIRONMENT_TEXT_MAX, "%s=%s", name, value);

	if (length < 0 || length >= ENVIRONMENT_TEXT_MAX)
		return ERR_TOO_LONG;
	environment->text_count++;
	environment->list[environment->count++] = text;
	return ERR_NONE;
}

static enum err environment_fill(
    const struct card_child *child, struct environment *out)
{
	enum err err = ERR_NONE;

	out->list[out->count++] = path_variable;
	out->list[out->count++] = no_home_variable;
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
		const char *value = getenv(passed_on[i]);

		if (value && err == ERR_NONE)
			err = add_variable(out, passed_on[i], value);
	}
	if (err == ERR_NONE && child && child->state_directory)
		err = add_variable(out, WIRE_FORBIDDEN, child->state_directory);
	return err;
}

/* Where the agent's own program is: also when `make install` was given
 * another prefix than `make`. */
static enum err own_directory(char out[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (length <= 0)
		return ERR_IO;
	out[length] = '\0';
	slash = strrchr(out, '/');
	if (!slash)
		return ERR_IO;
	*slash = '\0';
	return ERR_NONE;
}

/* In a build tree the child is beside the agent. */
static enum err find_program(char out[PATH_MAX])
{
	static const char *const places[] = {
	    "/" PROGRAM_NAME, "/../libexec/sekimori/" PROGRAM_NAME};
	char directory[PATH_MAX];

	if (own_directory(directory) == ERR_NONE)
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			if (snprintf(out, PATH_MAX, "%s%s", directory,
				places[i]) < PATH_MAX &&
			    access(out, X_OK) == 0)
				return ERR_NONE;
	strcpy(out, SEKIMORI_LIBEXEC "/" PROGRAM_NAME);
	return access(out, X_OK) == 0 ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err high_pipe(int out[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) != 0)
		return ERR_IO;
	for (size_t i = 0; i < 2; i++) {
		out[i] = fcntl(low[i], F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
		close(low[i]);
	}
	if (out[0] >= 0 && out[1] >= 0)
		return ERR_NONE;
	for (size_t i = 0; i < 2; i++)
		if (out[i] >= 0)
			close(out[i]);
	return ERR_IO;
}

static void set_arguments(
    const struct card_child *child, char *out[ARGUMENTS_MAX])
{
	static char name[] = PROGRAM_NAME;
	size_t count = 0;

	out[count++] = name;
	for (size_t i = 0; child && child->modules && i < child->modules->count;
	     i++)
		/* posix_spawn() does not write to them. */
		out[count++] = (char *)(uintptr_t)child->modules->items[i];
	out[count] = NULL;
}

/* Its signals as at the start of a program, its group its own. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	return posix_spawnattr_setflags(
		   attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
				   POSIX_SPAWN_SETSIGDEF) != 0 ||
	       posix_spawnattr_setpgroup(attributes, 0) != 0 ||
	       posix_spawnattr_setsigmask(attributes, &none) != 0 ||
	       posix_spawnattr_setsigdefault(attributes, &all) != 0;
}

static int set_descriptors(
    posix_spawn_file_actions_t *actions, int input, int output)
{
	return posix_spawn_file_actions_adddup2(actions, input, 0) != 0 ||
	       posix_spawn_file_actions_adddup2(actions, output, 1) != 0 ||
	       posix_spawn_file_actions_addopen(
		   actions, 2, "/dev/null", O_WRONLY, 0) != 0 ||
	       posix_spawn_file_actions_addclosefrom_np(
		   actions, DESCRIPTOR_MIN) != 0;
}

static enum err spawn(const struct card_child *child, const char *program,
    int input, int output, pid_t *out)
{
	struct environment environment = {0};
	char *arguments[ARGUMENTS_MAX];
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	int failed;

	if (environment_fill(child, &environment) != ERR_NONE)
		return ERR_TOO_LONG;
	set_arguments(child, arguments);
	if (posix_spawnattr_init(&attributes) != 0)
		return ERR_MEMORY;
	if (posix_spawn_file_actions_init(&actions) != 0) {
		posix_spawnattr_destroy(&attributes);
		return ERR_MEMORY;
	}
	failed = set_attributes(&attributes) != 0 ||
		 set_descriptors(&actions, input, output) != 0 ||
		 posix_spawn(out, program, &actions, &attributes, arguments,
		     environment.list) != 0;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return failed ? ERR_IO : ERR_NONE;
}

static enum err start(const struct card_child *child, const int to[2],
    const int from[2], pid_t *out)
{
	char found[PATH_MAX];
	const char *program = child ? child->program : NULL;
	enum err err = ERR_NONE;

	if (fcntl(to[1], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(from[0], F_SETFL, O_NONBLOCK) != 0)
		return ERR_IO;
	if (!program) {
		err = find_program(found);
		program = found;
	}
	return err == ERR_NONE ? spawn(child, program, to[0], from[1], out)
			       : err;
}

enum err card_process_start(
    const struct card_child *child, struct card_process *out)
{
	struct card_process process = {0};
	int to[2], from[2];
	enum err err = high_pipe(to);

	if (err != ERR_NONE)
		return err;
	err = high_pipe(from);
	if (err != ERR_NONE) {
		close(to[0]);
		close(to[1]);
		return err;
	}
	err = start(child, to, from, &process.pid);
	close(to[0]);
	close(from[1]);
	process.to = to[1];
	process.from = from[0];
	if (err == ERR_NONE) {
		*out = process;
	} else {
		close(process.to);
		close(process.from);
	}
	return err;
}

static bool is_ready(int fd, short events, int64_t deadline_ms)
{
	struct pollfd item = {.fd = fd, .events = events};
	int left_ms = steady_left_ms(deadline_ms);

	return left_ms > 0 && (poll(&item, 1, left_ms) >= 0 || errno == EINTR);
}

enum err card_process_write(const struct card_process *process,
    const void *bytes, size_t length, int64_t deadline_ms)
{
	const unsigned char *at = bytes;

	while (length > 0) {
		ssize_t done;

		if (!is_ready(process->to, POLLOUT, deadline_ms))
			return ERR_TIMEOUT;
		done = write(process->to, at, length);
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return ERR_IO;
		if (done > 0) {
			at += done;
			length -= (size_t)done;
		}
	}
	return ERR_NONE;
}

enum err card_process_read(const struct card_process *process, void *out,
    size_t length, int64_t deadline_ms)
{
	unsigned char *at = out;

	while (length > 0) {
		ssize_t got;

		if (!is_ready(process->from, POLLIN, deadline_ms))
			return ERR_TIMEOUT;
		got = read(process->from, at, length);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return ERR_IO;
		if (got > 0) {
			at += got;
			length -= (size_t)got;
		}
	}
	return ERR_NONE;
}

void card_process_await(const struct card_process *process, int64_t deadline_ms)
{
	unsigned char byte;

	/* What it says now is not wanted any more. */
	while (card_process_read(process, &byte, 1, deadline_ms) == ERR_NONE)
		;
}

void card_process_end(struct card_process *process)
{
	/* It cannot fork; the group is for the case that it could. */
	(void)kill(-process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(process->to);
	close(process->from);
	*process = (struct card_process){.to = -1, .from = -1};
}
