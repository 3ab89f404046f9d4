/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pam_module/card/keep_out.h"
#include "shared/secret.h"

enum {
	/* OpenSC takes 18 MiB with its threads' stacks. The agent's unit has
	 * a limit for both programs, and a module must not use it up. */
	DATA_BYTES_MAX = 96 * 1024 * 1024,
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define CALL(name) SCMP_SYS(name)

/* What SoftHSM, OpenSC with GLib's thread, pcsc-lite's client and OpenSSL use.
 */
static const int allowed[] = {
    /* files: modules, configuration, SoftHSM's tokens and their locks */
    CALL(access), CALL(close), CALL(dup), CALL(faccessat), CALL(faccessat2),
    CALL(fdatasync), CALL(flock), CALL(fstat), CALL(fstatfs), CALL(fsync),
    CALL(ftruncate), CALL(getcwd), CALL(getdents64), CALL(lseek), CALL(lstat),
    CALL(newfstatat), CALL(open), CALL(openat), CALL(pread64), CALL(pwrite64),
    CALL(read), CALL(readlink), CALL(readlinkat), CALL(readv), CALL(rename),
    CALL(stat), CALL(statfs), CALL(statx), CALL(umask), CALL(unlink),
    CALL(write), CALL(writev),
    /* memory and threads */
    CALL(arch_prctl), CALL(brk), CALL(exit), CALL(exit_group), CALL(futex),
    CALL(get_robust_list), CALL(gettid), CALL(madvise), CALL(membarrier),
    CALL(mmap), CALL(mprotect), CALL(mremap), CALL(munmap), CALL(rseq),
    CALL(sched_getaffinity), CALL(sched_yield), CALL(set_robust_list),
    CALL(set_tid_address),
    /* waiting and time */
    CALL(alarm), CALL(clock_getres), CALL(clock_gettime), CALL(clock_nanosleep),
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_pwait), CALL(epoll_wait),
    CALL(eventfd2), CALL(gettimeofday), CALL(nanosleep), CALL(pipe),
    CALL(pipe2), CALL(poll), CALL(ppoll), CALL(pselect6), CALL(restart_syscall),
    CALL(select), CALL(time),
    /* signals of its own */
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(sigaltstack),
    /* who and where it is */
    CALL(getegid), CALL(geteuid), CALL(getgid), CALL(getpid), CALL(getppid),
    CALL(getrandom), CALL(getresgid), CALL(getresuid), CALL(getrlimit),
    CALL(getuid), CALL(sysinfo), CALL(uname),
    /* a Unix socket to pcscd; socket() itself is below */
    CALL(connect), CALL(getpeername), CALL(getsockname), CALL(getsockopt),
    CALL(recvfrom), CALL(recvmsg), CALL(sendmsg), CALL(sendto),
    CALL(setsockopt), CALL(shutdown)};

/* No module asks for these; who does has been taken over. */
static const int deadly[] = {CALL(add_key), CALL(bpf), CALL(chroot),
    CALL(execve), CALL(execveat), CALL(finit_module), CALL(init_module),
    CALL(io_uring_setup), CALL(kexec_load), CALL(keyctl), CALL(mount),
    CALL(open_by_handle_at), CALL(perf_event_open), CALL(pivot_root),
    CALL(process_vm_readv), CALL(process_vm_writev), CALL(ptrace),
    CALL(request_key), CALL(setns), CALL(unshare), CALL(userfaultfd)};

static bool add_lists(scmp_filter_ctx filter)
{
	bool added = true;

	for (size_t i = 0; added && i < COUNT(allowed); i++)
		added = seccomp_rule_add(
			    filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
	for (size_t i = 0; added && i < COUNT(deadly); i++)
		added = seccomp_rule_add(
			    filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0) == 0;
	return added;
}

/* Not whose signals a descriptor sends, nor which, nor leases on files. */
static const int descriptor_commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,
    F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK,
    F_OFD_SETLK, F_OFD_SETLKW};

/* The agent has the same user: no signal of the child's may reach it, but a
 * failed assertion may end the child. */
static bool add_signals(scmp_filter_ctx filter)
{
	bool added = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1,
			 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid())) == 0;

	for (size_t i = 0; added && i < COUNT(descriptor_commands); i++)
		added = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(fcntl), 1,
			    SCMP_A1(SCMP_CMP_EQ,
				(scmp_datum_t)descriptor_commands[i])) == 0;
	return added;
}

/* Those that are fine with some arguments only. */
static bool add_conditions(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(socket), 1,
		   SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
		   SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) ==
		   0 &&
	       /* Its flags are in memory, out of a filter's sight: glibc then
		* takes clone(). */
	       seccomp_rule_add(
		   filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0) == 0 &&
	       /* A thread's name, and the end with the parent. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 1,
		   SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 1,
		   SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG)) == 0 &&
	       /* Limits may be asked, not changed. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prlimit64), 1,
		   SCMP_A2(SCMP_CMP_EQ, 0)) == 0;
}

static enum err load_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool loaded =
	    filter &&
	    seccomp_attr_set(
		filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	    /* A search tree: the list is long and PC/SC talks a lot. */
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
	    add_lists(filter) && add_conditions(filter) &&
	    add_signals(filter) && seccomp_load(filter) == 0;

	seccomp_release(filter);
	return loaded ? ERR_NONE : ERR_NOT_ALLOWED;
}

/* Files of root stay root's; everything else that root may do goes. */
static enum err drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (geteuid() != 0)
		return ERR_NONE;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    syscall(SYS_capset, &header, none) != 0)
		return ERR_NOT_ALLOWED;
	return ERR_NONE;
}

static enum err limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit most = {DATA_BYTES_MAX, DATA_BYTES_MAX};

	if (setrlimit(RLIMIT_DATA, &most) != 0)
		return ERR_IO;
#endif
	return ERR_NONE;
}

enum err sandbox_enter(const char *forbidden)
{
	enum err err = secret_forbid_dumps();

	if (err == ERR_NONE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		err = ERR_NOT_ALLOWED;
	if (err == ERR_NONE)
		err = limit_memory();
	if (err == ERR_NONE)
		err = drop_capabilities();
	if (err == ERR_NONE && forbidden)
		err = keep_out_of(forbidden);
	if (err == ERR_NONE)
		err = load_filter();
	return err;
}

enum err sandbox_die_with_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? ERR_NONE
							      : ERR_IO;
}
