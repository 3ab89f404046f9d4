/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/ctl/stock_csv.h"
#include "server/ctl/stock_pskc.h"
#include "shared/confine.h"

enum {
	/* libxml2 gives up at texts of 10 MiB, and doubles its buffers. */
	DATA_BYTES_MAX = 64 * 1024 * 1024,
	/* A hundred thousand tokens take two. */
	CPU_S_MAX = 120,
};

#define ALLOW(name_)                                                           \
	{                                                                      \
		.name = #name_, .answer = CONFINE_ALLOW                        \
	}
/* Memory that could be run as code is asked for by nothing here. */
#define ALLOW_NOT_EXECUTABLE(name_)                                            \
	{                                                                      \
		.name = #name_, .answer = CONFINE_ALLOW, .argument = 2,        \
		.mask = PROT_EXEC                                              \
	}
#define ALLOW_ON(name_, fd_)                                                   \
	{                                                                      \
		.name = #name_, .answer = CONFINE_ALLOW,                       \
		.mask = CONFINE_EXACTLY, .value = (fd_)                        \
	}
#define DEADLY(name_)                                                          \
	{                                                                      \
		.name = #name_, .answer = CONFINE_KILL                         \
	}

static const struct confine_call calls[] = {
    ALLOW_ON(read, STDIN_FILENO),
    ALLOW_ON(write, STDOUT_FILENO),
    ALLOW(brk),
    ALLOW_NOT_EXECUTABLE(mmap),
    ALLOW_NOT_EXECUTABLE(mprotect),
    ALLOW(mremap),
    ALLOW(munmap),
    ALLOW(madvise),
    ALLOW(futex),
    ALLOW(clock_gettime),
    ALLOW(getrandom),
    ALLOW(restart_syscall),
    ALLOW(exit),
    ALLOW(exit_group),
#ifdef __SANITIZE_ADDRESS__
    /* What a sanitizer does to report. */
    ALLOW_ON(write, STDERR_FILENO),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(sched_yield),
    ALLOW(sigaltstack),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
#endif
    DEADLY(execve),
    DEADLY(execveat),
    DEADLY(ptrace),
    DEADLY(io_uring_setup),
    DEADLY(bpf),
    DEADLY(mount),
    DEADLY(unshare),
    DEADLY(setns),
    {0},
};

/* --- in the child -----------------------------------------------------------
 */

struct outlet {
	uint64_t bytes_read;
	enum err err;
};

static enum err write_frame(const struct stock_frame *frame)
{
	const char *at = (const char *)frame;
	size_t left = sizeof(*frame);

	while (left > 0) {
		ssize_t done = write(STDOUT_FILENO, at, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return ERR_IO;
		at += done;
		left -= (size_t)done;
	}
	return ERR_NONE;
}

static struct stock_frame frame_of(
    const struct outlet *outlet, enum stock_frame_kind kind)
{
	struct stock_frame frame;

	/* Also what lies between the members. */
	memset(&frame, 0, sizeof(frame));
	frame.kind = kind;
	frame.bytes_read = outlet->bytes_read;
	return frame;
}

static enum err say_row(void *context, const struct stock_row *row)
{
	struct stock_frame frame = frame_of(context, STOCK_FRAME_ROW);
	enum err err;

	frame.row = *row;
	err = write_frame(&frame);
	secret_wipe(&frame.row.seed);
	return err;
}

static enum err say_problem(void *context, const struct stock_problem *problem)
{
	struct stock_frame frame = frame_of(context, STOCK_FRAME_PROBLEM);

	frame.problem = *problem;
	return write_frame(&frame);
}

static ssize_t read_some(void *context, void *bytes, size_t room)
{
	struct outlet *outlet = context;
	ssize_t got;

	do
		got = read(STDIN_FILENO, bytes, room);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		outlet->bytes_read += (uint64_t)got;
	return got;
}

static enum err close_off(void)
{
	const struct rlimit cpu = {CPU_S_MAX, CPU_S_MAX};
	enum err err = confine_privileges();

	if (err == ERR_NONE && setrlimit(RLIMIT_CPU, &cpu) != 0)
		err = ERR_IO;
	if (err == ERR_NONE)
		err = confine_memory(DATA_BYTES_MAX);
	if (err == ERR_NONE)
		err = confine_files();
	return err == ERR_NONE ? confine_calls(calls) : err;
}

static enum err read_closed_off(const struct stock_request *request)
{
	struct outlet outlet = {0};
	const struct stock_source source = {read_some, &outlet};
	const struct stock_sink sink = {say_row, say_problem, &outlet};
	struct stock_text *text = NULL;
	struct stock_frame end;
	struct stock_report report = {0};
	enum err err = stock_pskc_prepare();

	if (err == ERR_NONE)
		err = stock_text_new(request->encoding, &text);
	if (err == ERR_NONE)
		err = close_off();
	if (err != ERR_NONE)
		return err;
	err = request->format == STOCK_PSKC
		  ? stock_pskc_read(&source, request->key, &sink, &report)
		  : stock_csv_read(
			&source, text, request->headings, &sink, &report);
	/* Problems have been told. */
	if (err != ERR_NONE && err != ERR_INVALID)
		return err;
	end = frame_of(&outlet, STOCK_FRAME_END);
	end.report = report;
	return write_frame(&end);
}

static void be_child(const struct stock_request *request, int out)
{
	bool ready = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
		     dup2(request->fd, STDIN_FILENO) >= 0 &&
		     dup2(out, STDOUT_FILENO) >= 0 &&
		     close_range(STDERR_FILENO + 1, ~0U, 0) == 0;

#ifndef __SANITIZE_ADDRESS__
	/* A terminal takes more than words. */
	(void)close(STDERR_FILENO);
#endif
	_exit(ready && read_closed_off(request) == ERR_NONE ? 0 : 1);
}

/* --- outside ----------------------------------------------------------------
 */

enum err stock_child_start(
    const struct stock_request *request, struct stock_child *out)
{
	int ends[2];
	pid_t pid;

	*out = (struct stock_child){.fd = -1};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return ERR_IO;
	pid = fork();
	if (pid == 0)
		be_child(request, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return ERR_MEMORY;
	}
	out->pid = pid;
	out->fd = ends[0];
	return ERR_NONE;
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool is_possible(struct stock_frame *frame)
{
	const char *place;

	switch (frame->kind) {
	case STOCK_FRAME_NONE:
		break;
	case STOCK_FRAME_ROW:
		return stock_row_fault(&frame->row, &place) == NULL;
	case STOCK_FRAME_PROBLEM:
		return is_text(frame->problem.place,
			   sizeof(frame->problem.place)) &&
		       is_text(
			   frame->problem.text, sizeof(frame->problem.text));
	case STOCK_FRAME_END:
		return true;
	}
	return false;
}

enum err stock_child_next(struct stock_child *child, struct stock_frame *out)
{
	char *at = (char *)out;
	size_t left = sizeof(*out);

	while (left > 0) {
		ssize_t got = read(child->fd, at, left);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERR_IO;
		at += got;
		left -= (size_t)got;
	}
	return is_possible(out) ? ERR_NONE : ERR_CORRUPT;
}

void stock_child_end(struct stock_child *child)
{
	if (child->fd >= 0)
		close(child->fd);
	child->fd = -1;
	if (child->pid <= 0)
		return;
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}
