/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of the module into libc and libpam fails in turn, with
 * pam_permit behind it: a person who is to be refused never gets in, one who
 * is to be accepted either gets in properly or is refused, and nothing stays
 * open. Under ASan nothing leaks either.
 */
#include "tests/support/pam_host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/faults.h"

enum {
	NOBODY = 65534,
	CALLS_MAX = 500
};

static const char *const code[] = {"755224", NULL};
static const char *const appended[] = {"secret755224", NULL};

#define ASK_LATER                                                              \
	{                                                                      \
		.action = FAKE_ASK, .value = FRAME_PROMPT_CODE,                \
		.message = FRAME_MESSAGE_THROTTLED, .number = 1774915200       \
	}

static const struct fake_step accepts[] = {READ, TELL(FRAME_MESSAGE_REFUSED),
    ASK_LATER, READ,
    {.action = FAKE_VERDICT, .value = FRAME_ACCEPT, .text = "bG9naW4"}, END};
static const struct fake_step denies[] = {READ, ASK_LATER, READ,
    {.action = FAKE_VERDICT, .message = FRAME_MESSAGE_REFUSED}, END};
static const struct fake_step not_enrolled[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_NOT_ENROLLED), END};
static const struct fake_step locked[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_LOCKED), END};
static const struct fake_step session[] = {READ, DONE, END};

#define STACK(options)                                                         \
	"auth required @ " options "\nauth required pam_permit.so\n"           \
	"account required # without_auth=gate\n"                               \
	"account required pam_permit.so\nsession optional @\n"                 \
	"session required pam_permit.so\n"

static const struct scenario {
	const char *name, *lines;
	const struct fake_step *steps;
	const char *const *answers;
	bool may_enter;
	bool agent_has_user;
} scenarios[] = {
    {"accepted", STACK("explain"), accepts, code, true, false},
    {"accepted by the agent's user", STACK("explain"), accepts, code, true,
	true},
    {"accepted, unexplained", STACK("nullok"), accepts, code, true, false},
    {"accepted, appended", STACK("appended=6"), accepts, appended, true, false},
    {"denied", STACK("explain"), denies, code, false, false},
    {"denied by the agent's user", STACK(""), denies, code, false, true},
    {"denied, nullok", STACK("explain nullok"), denies, code, false, false},
    {"denied, appended", STACK("appended=6"), denies, appended, false, false},
    {"locked", STACK("explain"), locked, code, false, false},
    {"not enrolled", STACK("explain"), not_enrolled, code, false, false},
};

struct trial {
	unsigned at;
	bool onward;
	int error;
};

static struct faults *faults_find(const char *module)
{
	void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	struct faults *(*get)(void) = NULL;

	assert_non_null(library);
	*(void **)&get = dlsym(library, "faults_get");
	assert_non_null(get);
	return get();
}

struct result {
	int auth, account;
	unsigned calls;
	struct fake_seen seen;
};

static void scenario_run(const struct scenario *scenario,
    const struct trial *trial, struct result *out)
{
	const struct fake_step *const scripts[FAKE_SCRIPTS_MAX] = {
	    scenario->steps, session};
	uid_t agent_uid = scenario->agent_has_user ? NOBODY : 0;
	char module[HOST_PATH_MAX];
	struct faults *faults;
	struct pam_host host;

	host_module_path("pam_sekimori_faults.so", module);
	faults = faults_find(module);
	*faults = (struct faults){0};
	host_open_as(&host, module, scenario->lines, agent_uid, scripts,
	    scenario->answers);
	*faults = (struct faults){
	    trial->at, 0, trial->onward, trial->error, agent_uid};
	out->auth = pam_authenticate(host.pamh, 0);
	out->account = pam_acct_mgmt(host.pamh, 0);
	(void)pam_setcred(host.pamh, PAM_ESTABLISH_CRED);
	(void)pam_open_session(host.pamh, 0);
	(void)pam_close_session(host.pamh, 0);
	out->calls = faults->count;
	*faults = (struct faults){0};
	host_close(&host);
	out->seen = host.seen;
}

/* An application goes on only after both phases. */
static void result_check(const struct scenario *scenario,
    const struct trial *trial, const struct result *result)
{
	bool authenticated = result->auth == PAM_SUCCESS;
	bool wrong = false;

	if (!scenario->may_enter)
		wrong = authenticated;
	else if (authenticated)
		wrong = result->seen.answers != 1 ||
			strcmp(result->seen.answer[0], "755224") != 0 ||
			strcmp(result->seen.user, "alice") != 0;
	if (authenticated && trial->error == EINTR)
		wrong = wrong || result->account != PAM_SUCCESS;
	if (!authenticated && result->account == PAM_SUCCESS &&
	    result->seen.answers > 0)
		wrong = true;
	if (scenario->may_enter && !authenticated &&
	    (trial->at == 0 || trial->error == EINTR))
		wrong = true;
	if (wrong)
		fail_msg("%s, call %u%s, errno %d: auth %d, account %d",
		    scenario->name, trial->at, trial->onward ? " onward" : "",
		    trial->error, result->auth, result->account);
}

/* Returns how many calls the scenario makes when none fails. */
static unsigned scenario_walk(
    const struct scenario *scenario, bool onward, int error)
{
	struct trial trial = {0, onward, error};
	struct result result;
	unsigned calls;

	scenario_run(scenario, &trial, &result);
	result_check(scenario, &trial, &result);
	calls = result.calls;
	assert_in_range(calls, 1, CALLS_MAX);
	for (trial.at = 1; trial.at <= calls; trial.at++) {
		scenario_run(scenario, &trial, &result);
		result_check(scenario, &trial, &result);
	}
	return calls;
}

static unsigned descriptors_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static void walk_all(bool onward, int error)
{
	unsigned before = 0;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		unsigned calls;

		if (scenarios[i].agent_has_user && !fake_may_become(NOBODY))
			continue;
		calls = scenario_walk(&scenarios[i], onward, error);
		print_message("%s: %u calls\n", scenarios[i].name, calls);
		if (before == 0)
			before = descriptors_count();
		assert_int_equal(descriptors_count(), before);
	}
}

static void any_one_call_may_fail(void **state)
{
	(void)state;
	walk_all(false, EIO);
}

static void all_calls_from_any_one_on_may_fail(void **state)
{
	(void)state;
	walk_all(true, ENOMEM);
}

static void an_interrupted_call_is_made_again(void **state)
{
	(void)state;
	walk_all(false, EINTR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_one_call_may_fail),
	    cmocka_unit_test(all_calls_from_any_one_on_may_fail),
	    cmocka_unit_test(an_interrupted_call_is_made_again),
	};

	if (!fake_become_root()) {
		print_message("skipped: needs root or user namespaces\n");
		return 0;
	}
	return cmocka_run_group_tests_name("pam_faults", tests, NULL, NULL);
}
