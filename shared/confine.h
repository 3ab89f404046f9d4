/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process gives up what it will not need, before it touches what
 * strangers made: privileges, memory, files, system calls. What each process
 * may keep is its own table. The only file that calls libseccomp. Must not
 * know what the process is for.
 */
#ifndef SEKIMORI_CONFINE_H
#define SEKIMORI_CONFINE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

enum confine_answer {
	CONFINE_KILL = 0, /* whoever asks for this has been taken over */
	CONFINE_ALLOW,
	CONFINE_SELF,    /* only if the argument is this process's number */
	CONFINE_MISSING, /* ENOSYS: as if the kernel did not know it */
};

/* One system call. What no row names fails with EPERM. */
struct confine_call {
	const char *name;
	enum confine_answer answer;
	/* Only if this argument (from 0) under mask is value; a mask of 0 asks
	 * for nothing. */
	unsigned argument;
	uint64_t mask, value;
};

#define CONFINE_EXACTLY UINT64_MAX

/* No dumps, no new privileges, and no capabilities even as root. */
enum err confine_privileges(void);
/* Heap and stacks. Instrumented builds are not limited. */
enum err confine_memory(size_t bytes);
/* Opens no file from here on, where the kernel has Landlock. */
enum err confine_files(void);
/* Rows end with one without name. All of it or an error, on which the process
 * must end. For all threads that it starts; it may not be undone. */
enum err confine_calls(const struct confine_call *calls);

#endif
