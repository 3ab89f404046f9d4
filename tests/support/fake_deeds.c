/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_deeds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pam_module/card/wire.h"

static int do_exec(void)
{
	return execl("/bin/true", "true", NULL);
}

static int do_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child > 0 ? 0 : -1;
}

static int do_thread(void)
{
	pthread_t thread;

	errno = pthread_create(
	    &thread, NULL, (void *(*)(void *))(uintptr_t)do_fork, NULL);
	return errno == 0 ? pthread_join(thread, NULL) : -1;
}

static int do_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int do_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int do_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int do_kill(void)
{
	return kill(getppid(), 0);
}

/* What raise() asks for, of another process. */
static int do_tgkill(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int do_raise(void)
{
	return raise(0);
}

/* A descriptor's owner is sent a signal of one's choice. */
static int do_owner(void)
{
	return fcntl(STDIN_FILENO, F_SETOWN, getppid());
}

static int do_signal(void)
{
	return fcntl(STDIN_FILENO, F_SETSIG, SIGSTOP);
}

static int do_lease(void)
{
	return fcntl(STDIN_FILENO, F_SETLEASE, F_RDLCK);
}

static const char *state_file(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", getenv(WIRE_FORBIDDEN), name);
	return path;
}

static int do_read(void)
{
	return open(state_file("terminal.key"), O_RDONLY);
}

static int do_write(void)
{
	return open(state_file("seats"), O_WRONLY | O_CREAT, 0600);
}

static int do_list(void)
{
	return open(state_file("."), O_RDONLY | O_DIRECTORY);
}

static int do_remove(void)
{
	return unlink(state_file("terminal.key"));
}

/* The directory itself put aside. */
static int do_rename(void)
{
	return rename(getenv(WIRE_FORBIDDEN), "/tmp/sekimori-elsewhere");
}

static int do_limit(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_CORE, &all);
}

static int do_dumps(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int do_setuid(void)
{
	return setuid(65534);
}

static int do_mount(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

int fake_deed(const char *name)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} deeds[] = {
	    {"exec", do_exec},
	    {"fork", do_fork},
	    {"thread", do_thread},
	    {"inet", do_inet},
	    {"unix", do_unix},
	    {"ptrace", do_ptrace},
	    {"kill", do_kill},
	    {"tgkill", do_tgkill},
	    {"raise", do_raise},
	    {"owner", do_owner},
	    {"signal", do_signal},
	    {"lease", do_lease},
	    {"read", do_read},
	    {"write", do_write},
	    {"list", do_list},
	    {"remove", do_remove},
	    {"rename", do_rename},
	    {"limit", do_limit},
	    {"dumps", do_dumps},
	    {"setuid", do_setuid},
	    {"mount", do_mount},
	};

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].name, name) == 0)
			return deeds[i].run() < 0 ? errno : 0;
	return -1;
}
