/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/secret.h"

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

enum err confine_privileges(void)
{
	enum err err = secret_forbid_dumps();

	if (err == ERR_NONE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		err = ERR_NOT_ALLOWED;
	return err == ERR_NONE ? drop_capabilities() : err;
}

enum err confine_memory(size_t bytes)
{
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit most = {bytes, bytes};

	if (setrlimit(RLIMIT_DATA, &most) != 0)
		return ERR_IO;
#else
	(void)bytes;
#endif
	return ERR_NONE;
}

enum err confine_files(void)
{
	/* Those that every kernel with Landlock knows. */
	const struct landlock_ruleset_attr attributes = {
	    .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	int rules = (int)syscall(
	    SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	enum err err = ERR_NONE;

	/* EPERM: a container's own filter does not know it. */
	if (rules < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM
			   ? ERR_NONE
			   : ERR_IO;
	if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		err = ERR_NOT_ALLOWED;
	close(rules);
	return err;
}

static uint32_t action_of(enum confine_answer answer)
{
	switch (answer) {
	case CONFINE_KILL:
		break;
	case CONFINE_ALLOW:
	case CONFINE_SELF:
		return SCMP_ACT_ALLOW;
	case CONFINE_MISSING:
		return SCMP_ACT_ERRNO(ENOSYS);
	}
	return SCMP_ACT_KILL_PROCESS;
}

static bool add_call(scmp_filter_ctx filter, const struct confine_call *call)
{
	struct scmp_arg_cmp condition = {.arg = call->argument,
	    .op = SCMP_CMP_MASKED_EQ,
	    .datum_a = call->mask,
	    .datum_b = call->value};
	int number = seccomp_syscall_resolve_name(call->name);
	bool conditional = call->mask != 0 || call->answer == CONFINE_SELF;

	if (call->answer == CONFINE_SELF) {
		condition.datum_a = CONFINE_EXACTLY;
		condition.datum_b = (scmp_datum_t)getpid();
	}
	return number != __NR_SCMP_ERROR &&
	       seccomp_rule_add_array(filter, action_of(call->answer), number,
		   conditional ? 1 : 0, &condition) == 0;
}

enum err confine_calls(const struct confine_call *calls)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool loaded =
	    filter &&
	    seccomp_attr_set(
		filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	    /* A search tree: the lists are long. */
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;

	for (; loaded && calls->name; calls++)
		loaded = add_call(filter, calls);
	loaded = loaded && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return loaded ? ERR_NONE : ERR_NOT_ALLOWED;
}
