/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "pam_module/card/keep_out.h"
#include "shared/confine.h"

enum {
	/* OpenSC takes 18 MiB with its threads' stacks. The agent's unit has
	 * a limit for both programs, and a module must not use it up. */
	DATA_BYTES_MAX = 96 * 1024 * 1024,
};

#define ALLOW(name_)                                                           \
	{                                                                      \
		.name = #name_, .answer = CONFINE_ALLOW                        \
	}
/* Only with this value of that argument. */
#define ALLOW_IF(name_, argument_, value_)                                     \
	{                                                                      \
		.name = #name_, .answer = CONFINE_ALLOW,                       \
		.argument = (argument_), .mask = CONFINE_EXACTLY,              \
		.value = (value_)                                              \
	}
#define DEADLY(name_)                                                          \
	{                                                                      \
		.name = #name_, .answer = CONFINE_KILL                         \
	}

/* What SoftHSM, OpenSC with GLib's thread, pcsc-lite's client and OpenSSL use.
 */
static const struct confine_call calls[] = {
    /* files: modules, configuration, SoftHSM's tokens and their locks */
    ALLOW(access), ALLOW(close), ALLOW(dup), ALLOW(faccessat),
    ALLOW(faccessat2), ALLOW(fdatasync), ALLOW(flock), ALLOW(fstat),
    ALLOW(fstatfs), ALLOW(fsync), ALLOW(ftruncate), ALLOW(getcwd),
    ALLOW(getdents64), ALLOW(lseek), ALLOW(lstat), ALLOW(newfstatat),
    ALLOW(open), ALLOW(openat), ALLOW(pread64), ALLOW(pwrite64), ALLOW(read),
    ALLOW(readlink), ALLOW(readlinkat), ALLOW(readv), ALLOW(rename),
    ALLOW(stat), ALLOW(statfs), ALLOW(statx), ALLOW(umask), ALLOW(unlink),
    ALLOW(write), ALLOW(writev),
    /* memory and threads */
    ALLOW(arch_prctl), ALLOW(brk), ALLOW(exit), ALLOW(exit_group), ALLOW(futex),
    ALLOW(get_robust_list), ALLOW(gettid), ALLOW(madvise), ALLOW(membarrier),
    ALLOW(mmap), ALLOW(mprotect), ALLOW(mremap), ALLOW(munmap), ALLOW(rseq),
    ALLOW(sched_getaffinity), ALLOW(sched_yield), ALLOW(set_robust_list),
    ALLOW(set_tid_address),
    /* waiting and time */
    ALLOW(alarm), ALLOW(clock_getres), ALLOW(clock_gettime),
    ALLOW(clock_nanosleep), ALLOW(epoll_create1), ALLOW(epoll_ctl),
    ALLOW(epoll_pwait), ALLOW(epoll_wait), ALLOW(eventfd2), ALLOW(gettimeofday),
    ALLOW(nanosleep), ALLOW(pipe), ALLOW(pipe2), ALLOW(poll), ALLOW(ppoll),
    ALLOW(pselect6), ALLOW(restart_syscall), ALLOW(select), ALLOW(time),
    /* signals of its own */
    ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    /* who and where it is */
    ALLOW(getegid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getpid),
    ALLOW(getppid), ALLOW(getrandom), ALLOW(getresgid), ALLOW(getresuid),
    ALLOW(getrlimit), ALLOW(getuid), ALLOW(sysinfo), ALLOW(uname),
    /* a Unix socket to pcscd; socket() itself is below */
    ALLOW(connect), ALLOW(getpeername), ALLOW(getsockname), ALLOW(getsockopt),
    ALLOW(recvfrom), ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(sendto),
    ALLOW(setsockopt), ALLOW(shutdown),
    /* No module asks for these; who does has been taken over. */
    DEADLY(add_key), DEADLY(bpf), DEADLY(chroot), DEADLY(execve),
    DEADLY(execveat), DEADLY(finit_module), DEADLY(init_module),
    DEADLY(io_uring_setup), DEADLY(kexec_load), DEADLY(keyctl), DEADLY(mount),
    DEADLY(open_by_handle_at), DEADLY(perf_event_open), DEADLY(pivot_root),
    DEADLY(process_vm_readv), DEADLY(process_vm_writev), DEADLY(ptrace),
    DEADLY(request_key), DEADLY(setns), DEADLY(unshare), DEADLY(userfaultfd),
    /* Not whose signals a descriptor sends, nor which, nor leases. */
    ALLOW_IF(fcntl, 1, F_DUPFD), ALLOW_IF(fcntl, 1, F_DUPFD_CLOEXEC),
    ALLOW_IF(fcntl, 1, F_GETFD), ALLOW_IF(fcntl, 1, F_SETFD),
    ALLOW_IF(fcntl, 1, F_GETFL), ALLOW_IF(fcntl, 1, F_SETFL),
    ALLOW_IF(fcntl, 1, F_GETLK), ALLOW_IF(fcntl, 1, F_SETLK),
    ALLOW_IF(fcntl, 1, F_SETLKW), ALLOW_IF(fcntl, 1, F_OFD_GETLK),
    ALLOW_IF(fcntl, 1, F_OFD_SETLK), ALLOW_IF(fcntl, 1, F_OFD_SETLKW),
    /* A Unix socket to pcscd. */
    ALLOW_IF(socket, 0, AF_UNIX),
    {.name = "clone",
	.answer = CONFINE_ALLOW,
	.mask = CLONE_THREAD,
	.value = CLONE_THREAD},
    /* Its flags are in memory, out of a filter's sight: glibc then takes
     * clone(). */
    {.name = "clone3", .answer = CONFINE_MISSING},
    /* A thread's name, and the end with the parent. */
    ALLOW_IF(prctl, 0, PR_SET_NAME), ALLOW_IF(prctl, 0, PR_SET_PDEATHSIG),
    /* Limits may be asked, not changed. */
    ALLOW_IF(prlimit64, 2, 0),
    /* The agent has the same user: no signal of the child's may reach it, but
     * a failed assertion may end the child. */
    {.name = "tgkill", .answer = CONFINE_SELF}, {0}};

enum err sandbox_enter(const char *forbidden)
{
	enum err err = confine_privileges();

	if (err == ERR_NONE)
		err = confine_memory(DATA_BYTES_MAX);
	if (err == ERR_NONE && forbidden)
		err = keep_out_of(forbidden);
	if (err == ERR_NONE)
		err = confine_calls(calls);
	return err;
}

enum err sandbox_die_with_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? ERR_NONE
							      : ERR_IO;
}
