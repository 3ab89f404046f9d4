/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process may still do after it has given things up: each case is a
 * child that says by its exit status what happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/confine.h"

enum {
	FAILED = 99
};

/* Enough for a child to end, and for what looks at it. */
static const struct confine_call few[] = {
    {.name = "exit_group", .answer = CONFINE_ALLOW},
    {.name = "close", .answer = CONFINE_ALLOW},
    {.name = "write", .answer = CONFINE_ALLOW},
    {.name = "rt_sigprocmask", .answer = CONFINE_ALLOW},
    {.name = "futex", .answer = CONFINE_ALLOW},
    {.name = "mmap", .answer = CONFINE_ALLOW},
    {.name = "munmap", .answer = CONFINE_ALLOW},
    {.name = "getpid", .answer = CONFINE_ALLOW},
    {.name = "sigaltstack", .answer = CONFINE_ALLOW},
    {.name = "tgkill", .answer = CONFINE_SELF},
    {.name = "socket",
	.answer = CONFINE_ALLOW,
	.mask = CONFINE_EXACTLY,
	.value = AF_UNIX},
    {.name = "execve", .answer = CONFINE_KILL},
    {.name = "clone3", .answer = CONFINE_MISSING},
    {0},
};

/* The exit status, or 128 and the signal. */
static int status_of(int (*child)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(child());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int open_something(void)
{
	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	return open("/", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int inet_socket(void)
{
	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int unix_socket(void)
{
	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int run_something(void)
{
	char *const nothing[] = {NULL};

	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	(void)execve("/bin/true", nothing, nothing);
	return errno;
}

static int clone_something(void)
{
	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	return syscall(SYS_clone3, NULL, 0) < 0 ? errno : 0;
}

static int signal_parent(void)
{
	pid_t parent = getppid();

	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	return syscall(SYS_tgkill, parent, parent, 0) < 0 ? errno : 0;
}

static int signal_itself(void)
{
	pid_t self = getpid();

	if (confine_calls(few) != ERR_NONE)
		return FAILED;
	return syscall(SYS_tgkill, self, self, 0) < 0 ? errno : 0;
}

static void test_calls(void **state)
{
	(void)state;
	assert_int_equal(status_of(open_something), EPERM);
	assert_int_equal(status_of(inet_socket), EPERM);
	assert_int_equal(status_of(unix_socket), 0);
	assert_int_equal(status_of(run_something), 128 + SIGSYS);
	assert_int_equal(status_of(clone_something), ENOSYS);
	assert_int_equal(status_of(signal_parent), EPERM);
	assert_int_equal(status_of(signal_itself), 0);
}

static int a_name_that_is_none(void)
{
	static const struct confine_call wrong[] = {
	    {.name = "opne", .answer = CONFINE_ALLOW}, {0}};

	return confine_calls(wrong) == ERR_NONE ? 0 : FAILED;
}

static void test_a_mistyped_name_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(status_of(a_name_that_is_none), FAILED);
}

static int privileges(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];

	if (confine_privileges() != ERR_NONE ||
	    syscall(SYS_capget, &header, has) != 0)
		return FAILED;
	if (has[0].effective || has[0].permitted || has[1].permitted)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 3;
}

static void test_privileges(void **state)
{
	(void)state;
	assert_int_equal(status_of(privileges), 0);
}

static int files(void)
{
	if (confine_privileges() != ERR_NONE || confine_files() != ERR_NONE)
		return FAILED;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static void test_files(void **state)
{
	int status = status_of(files);

	(void)state;
	/* 0: this kernel has no Landlock. */
	assert_true(status == EACCES || status == 0);
}

#ifndef __SANITIZE_ADDRESS__
static int memory(void)
{
	enum {
		MIB = 1024 * 1024
	};
	void *volatile much;

	if (confine_memory(8 * MIB) != ERR_NONE)
		return FAILED;
	much = malloc(64 * MIB);
	return much ? 1 : 0;
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(status_of(memory), 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_a_mistyped_name_is_an_error),
	    cmocka_unit_test(test_privileges),
	    cmocka_unit_test(test_files),
#ifndef __SANITIZE_ADDRESS__
	    cmocka_unit_test(test_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
