/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

static void sleep_ms(long ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&pause, NULL);
}

static bool bytes_read(int fd, unsigned char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t got = recv(fd, bytes, length, 0);

		if (got <= 0)
			return false;
		bytes += got;
		length -= (size_t)got;
	}
	return true;
}

static void text_note(
    const struct frame *frame, enum frame_tag tag, char out[FAKE_TEXT_MAX])
{
	if (frame_get_text(frame, tag, out, FAKE_TEXT_MAX) != ERR_NONE)
		out[0] = '\0';
}

static void caller_note(const struct frame *frame, struct fake_seen *seen)
{
	text_note(frame, FRAME_USER, seen->user);
	text_note(frame, FRAME_SERVICE, seen->service);
	text_note(frame, FRAME_TTY, seen->tty);
	text_note(frame, FRAME_RHOST, seen->rhost);
	text_note(frame, FRAME_LOGIN, seen->login);
	(void)frame_get_u8(frame, FRAME_FIRST_FACTOR, &seen->first_factor);
	(void)frame_get_u8(frame, FRAME_EVENT, &seen->event);
	(void)frame_get_u8(frame, FRAME_ONCE, &seen->once);
}

static void frame_note(const struct frame *frame, struct fake_seen *seen)
{
	switch (frame->type) {
	case FRAME_BEGIN:
		seen->begins++;
		caller_note(frame, seen);
		return;
	case FRAME_SESSION:
		seen->sessions++;
		caller_note(frame, seen);
		return;
	case FRAME_ANSWER:
		if (seen->answers < FAKE_ANSWERS_MAX)
			text_note(
			    frame, FRAME_TEXT, seen->answer[seen->answers]);
		seen->answers++;
		return;
	case FRAME_CANCEL:
		seen->cancels++;
		return;
	case FRAME_ASK:
	case FRAME_TELL:
	case FRAME_VERDICT:
	case FRAME_DONE:
	case FRAME_ENROLL: /* no module asks for it */
		break;
	}
	seen->bad++;
}

static bool frame_read(int fd, struct fake_seen *seen)
{
	unsigned char bytes[FRAME_BYTES_MAX];
	struct frame frame;
	size_t length;

	if (!bytes_read(fd, bytes, FRAME_HEADER_BYTES))
		return false;
	if (frame_measure(bytes, &length) != ERR_NONE ||
	    !bytes_read(
		fd, bytes + FRAME_HEADER_BYTES, length - FRAME_HEADER_BYTES) ||
	    frame_parse(bytes, length, &frame) != ERR_NONE) {
		seen->bad++;
		return false;
	}
	frame_note(&frame, seen);
	return true;
}

static bool bytes_write(int fd, const void *bytes, size_t length, long pause_ms)
{
	const char *at = bytes;

	for (size_t step; length > 0; at += step, length -= step) {
		step = pause_ms ? 1 : length;
		if (send(fd, at, step, MSG_NOSIGNAL) != (ssize_t)step)
			return false;
		sleep_ms(pause_ms);
	}
	return true;
}

static bool frame_write(
    int fd, enum frame_type type, const struct fake_step *step)
{
	struct frame_writer writer = {0};

	frame_begin(&writer, type);
	if (type == FRAME_ASK)
		frame_put_u8(&writer, FRAME_PROMPT, (uint8_t)step->value);
	if (type == FRAME_VERDICT)
		frame_put_u8(&writer, FRAME_RESULT, (uint8_t)step->value);
	if (step->message)
		frame_put_u8(&writer, FRAME_MESSAGE, (uint8_t)step->message);
	if (step->number)
		frame_put_u64(&writer, FRAME_NUMBER, step->number);
	if (type == FRAME_VERDICT && step->text)
		frame_put_text(&writer, FRAME_LOGIN, step->text);
	must(frame_end(&writer) == ERR_NONE, "frame_end");
	return bytes_write(fd, writer.bytes, writer.length, 0);
}

static bool step_do(
    int fd, const struct fake_step *step, struct fake_seen *seen)
{
	switch (step->action) {
	case FAKE_READ:
		return frame_read(fd, seen);
	case FAKE_ASK:
		return frame_write(fd, FRAME_ASK, step);
	case FAKE_TELL:
		return frame_write(fd, FRAME_TELL, step);
	case FAKE_VERDICT:
		return frame_write(fd, FRAME_VERDICT, step);
	case FAKE_DONE:
		return frame_write(fd, FRAME_DONE, step);
	case FAKE_RAW:
		return bytes_write(fd, step->text, step->length, 0);
	case FAKE_DRIP:
		return bytes_write(fd, step->text, step->length, 700);
	case FAKE_END:
	case FAKE_CLOSE:
	case FAKE_AGAIN:
		break;
	}
	return false;
}

static void script_follow(
    int fd, const struct fake_step *steps, struct fake_seen *seen)
{
	const struct fake_step *step = steps;

	while (step->action != FAKE_END && step->action != FAKE_CLOSE) {
		if (step->action == FAKE_AGAIN) {
			step = steps;
			continue;
		}
		if (!step_do(fd, step, seen))
			break;
		step++;
	}
	while (step->action != FAKE_CLOSE && frame_read(fd, seen))
		;
	(void)close(fd);
}

static void agent_serve(int listener, int leash, struct fake_seen *seen,
    const struct fake_step *const scripts[FAKE_SCRIPTS_MAX])
{
	struct pollfd waits[] = {{listener, POLLIN, 0}, {leash, POLLIN, 0}};
	size_t script = 0;

	for (;;) {
		must(poll(waits, 2, -1) > 0, "poll");
		if (!(waits[0].revents & POLLIN))
			_exit(0);
		seen->connections++;
		script_follow(
		    accept(listener, NULL, NULL), scripts[script], seen);
		if (script + 1 < FAKE_SCRIPTS_MAX && scripts[script + 1])
			script++;
	}
}

static int listen_as(const char *path, uid_t owner)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(strlen(path) < sizeof(address.sun_path), "path");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (owner != geteuid())
		must(setuid(owner) == 0, "setuid");
	(void)umask(0);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0,
	    "bind");
	must(listen(listener, 8) == 0, "listen");
	return listener;
}

void fake_agent_start(struct fake_agent *agent, const char *path, uid_t owner,
    const struct fake_step *const scripts[FAKE_SCRIPTS_MAX])
{
	int leash[2], ready[2], listener;
	char byte;

	agent->seen = mmap(NULL, sizeof(*agent->seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(agent->seen != MAP_FAILED, "mmap");
	must(pipe2(leash, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0,
	    "pipe");
	agent->pid = fork();
	must(agent->pid >= 0, "fork");
	if (agent->pid == 0) {
		(void)close(leash[1]);
		(void)close(ready[0]);
		(void)alarm(60);
		listener = listen_as(path, owner);
		(void)close(ready[1]);
		agent_serve(listener, leash[0], agent->seen, scripts);
	}
	(void)close(leash[0]);
	(void)close(ready[1]);
	must(read(ready[0], &byte, 1) == 0, "ready");
	(void)close(ready[0]);
	agent->leash = leash[1];
}

void fake_agent_stop(
    struct fake_agent *agent, const char *path, struct fake_seen *out)
{
	(void)close(agent->leash);
	must(waitpid(agent->pid, NULL, 0) == agent->pid, "waitpid");
	(void)unlink(path);
	*out = *agent->seen;
	(void)munmap(agent->seen, sizeof(*agent->seen));
}

static bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written =
	    fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return written;
}

bool fake_become_root(void)
{
	char uid_map[64], gid_map[64];

	if (geteuid() == 0)
		return true;
	(void)snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER) == 0 &&
	       file_write("/proc/self/setgroups", "deny") &&
	       file_write("/proc/self/uid_map", uid_map) &&
	       file_write("/proc/self/gid_map", gid_map);
}

bool fake_may_become(uid_t uid)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(setuid(uid) == 0 ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}
