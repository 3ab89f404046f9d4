/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six functions libpam calls, and the one table that turns situations
 * into PAM codes (docs/man/pam_sekimori.8). Runs inside other people's
 * programs, some set-uid, some screen lockers: no state outside the PAM
 * handle, no signals, no locale, no openlog, nothing but libc and libpam.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdbool.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "pam_module/agent_client.h"
#include "pam_module/caller.h"
#include "pam_module/dialogue.h"
#include "pam_module/options.h"
#include "pam_module/standing.h"

#define EXPORTED __attribute__((visibility("default")))

enum {
	FAIL_DELAY_US = 2000000,
	SESSION_WAIT_MS = 2000, /* a dead agent delays a login by no more */
};

/* explained: the line says explain, the first factor is proven. Only what
 * was refused by a verdict is delayed: when nobody answers, the answer must
 * still come within the five seconds that were promised. */
struct outcome {
	const char *name;
	int explained;
	int unexplained;
	enum standing standing;
	bool delayed;
	int log_level;
};

static const struct outcome outcomes[SITUATION_COUNT] = {
    [SITUATION_REFUSED] = {"refused", PAM_AUTH_ERR, PAM_AUTH_ERR,
	STANDING_REFUSED, true, LOG_NOTICE},
    [SITUATION_ACCEPTED] = {"accepted", PAM_SUCCESS, PAM_SUCCESS,
	STANDING_ACCEPTED, false, LOG_INFO},
    [SITUATION_EXEMPT] = {"exempt by a policy rule", PAM_IGNORE, PAM_IGNORE,
	STANDING_PASSED_OVER, false, LOG_NOTICE},
    [SITUATION_LOCKED] = {"refused, locked", PAM_MAXTRIES, PAM_AUTH_ERR,
	STANDING_REFUSED, true, LOG_NOTICE},
    [SITUATION_NOT_PERMITTED] = {"refused, not permitted", PAM_PERM_DENIED,
	PAM_AUTH_ERR, STANDING_REFUSED, true, LOG_NOTICE},
    [SITUATION_NOT_ENROLLED] = {"refused, not enrolled", PAM_USER_UNKNOWN,
	PAM_AUTH_ERR, STANDING_REFUSED, true, LOG_NOTICE},
    [SITUATION_UNAVAILABLE] = {"refused, nobody to decide",
	PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, STANDING_REFUSED, false,
	LOG_ERR},
    [SITUATION_NULLOK] = {"let past by nullok, not enrolled", PAM_IGNORE,
	PAM_IGNORE, STANDING_PASSED_OVER, false, LOG_NOTICE},
    [SITUATION_CONVERSATION_FAILED] = {"conversation failed", PAM_CONV_ERR,
	PAM_CONV_ERR, STANDING_REFUSED, false, LOG_NOTICE},
    [SITUATION_MISCONFIGURED] = {"refused, its PAM line is wrong",
	PAM_SERVICE_ERR, PAM_SERVICE_ERR, STANDING_REFUSED, false, LOG_ERR},
    [SITUATION_OUT_OF_MEMORY] = {"refused, out of memory", PAM_BUF_ERR,
	PAM_BUF_ERR, STANDING_REFUSED, false, LOG_CRIT},
};

static void option_report(
    void *context, const char *argument, const char *reason)
{
	pam_handle_t *pamh = context;

	pam_syslog(pamh, LOG_ERR, "option \"%s\": %s", argument, reason);
}

/* Until the first factor is proven, the name may be a password typed into
 * the wrong field; the server keeps a keyed hash of it instead. */
static void outcome_log(pam_handle_t *pamh, const struct outcome *outcome,
    const struct caller *caller, bool explained)
{
	bool named = explained || outcome->standing != STANDING_REFUSED;

	if (named && caller->user[0])
		pam_syslog(pamh, outcome->log_level, "%s: user %s",
		    outcome->name, caller->user);
	else
		pam_syslog(pamh, outcome->log_level, "%s", outcome->name);
}

/* The name is recorded first, so that whatever fails speaks against it. */
static enum situation login_judge(const struct dialogue_request *request,
    int argc, const char **argv, struct options *options, struct caller *caller,
    struct standing_record *record)
{
	enum err err = caller_read(request->pamh, true, caller);

	if (err != ERR_NONE)
		return situation_of_failure(err);
	record->caller = *caller;
	if (options_parse(argc, argv, OPTIONS_AUTH, option_report,
		request->pamh, options) != ERR_NONE)
		return SITUATION_MISCONFIGURED;
	return dialogue_run(request, record->login);
}

EXPORTED int pam_sm_authenticate(
    pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct standing_record *record = standing_reset(pamh);
	enum situation situation = SITUATION_OUT_OF_MEMORY;
	const struct outcome *outcome;
	struct options options = {0};
	struct caller caller = {0};
	const struct dialogue_request request = {
	    .pamh = pamh,
	    .options = &options,
	    .caller = &caller,
	    .silent = flags & PAM_SILENT,
	};

	if (record)
		situation = login_judge(
		    &request, argc, argv, &options, &caller, record);
	outcome = &outcomes[situation];
	if (record)
		record->standing = outcome->standing;
	outcome_log(pamh, outcome, &caller, options.explain);
	if (outcome->delayed)
		(void)pam_fail_delay(pamh, FAIL_DELAY_US);
	return options.explain ? outcome->explained : outcome->unexplained;
}

/* libpam walks this chain by what authentication returned, if that ran in
 * this handle; sshd establishes credentials in another process than the one
 * that asked, where nothing is known and nothing can be opened by success. */
EXPORTED int pam_sm_setcred(
    pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct caller caller;

	(void)flags;
	(void)argc;
	(void)argv;
	if (caller_read(pamh, false, &caller) != ERR_NONE)
		return PAM_CRED_ERR;
	switch (standing_of(pamh, &caller)) {
	case STANDING_ACCEPTED:
	case STANDING_NONE:
		return PAM_SUCCESS;
	case STANDING_PASSED_OVER:
		return PAM_IGNORE;
	case STANDING_REFUSED:
		break;
	}
	return PAM_CRED_ERR;
}

static int account_without_auth(pam_handle_t *pamh,
    const struct options *options, const struct caller *caller)
{
	if (options_lists_service(options, caller->service))
		return PAM_SUCCESS;
	pam_syslog(pamh, LOG_NOTICE,
	    "account refused: pam_sekimori did not authenticate this login "
	    "(a key, a ticket or a rule did), and without_auth= does not "
	    "name %s",
	    caller->service);
	return PAM_PERM_DENIED;
}

EXPORTED int pam_sm_acct_mgmt(
    pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct options options;
	struct caller caller;

	(void)flags;
	if (options_parse(argc, argv, OPTIONS_ACCOUNT, option_report, pamh,
		&options) != ERR_NONE)
		return PAM_SERVICE_ERR;
	if (caller_read(pamh, false, &caller) != ERR_NONE)
		return PAM_BUF_ERR;
	switch (standing_of(pamh, &caller)) {
	case STANDING_ACCEPTED:
	case STANDING_PASSED_OVER:
		return PAM_SUCCESS;
	case STANDING_NONE:
		return account_without_auth(pamh, &options, &caller);
	case STANDING_REFUSED:
		break;
	}
	pam_syslog(pamh, LOG_NOTICE,
	    "account refused: the last authentication was refused");
	return PAM_PERM_DENIED;
}

static enum err session_send(pam_handle_t *pamh, const char *socket,
    const struct caller *caller, enum frame_event event)
{
	const struct standing_record *record = standing_find(pamh, caller);
	struct frame_writer writer = {0};
	struct agent_client client;
	struct frame frame;
	enum err err;

	agent_client_init(&client);
	frame_begin(&writer, FRAME_SESSION);
	caller_put(caller, &writer);
	frame_put_u8(&writer, FRAME_EVENT, (uint8_t)event);
	if (record && record->login[0])
		frame_put_text(&writer, FRAME_LOGIN, record->login);
	err = agent_client_allow(&client, SESSION_WAIT_MS);
	if (err == ERR_NONE)
		err = agent_client_connect(&client, socket);
	if (err == ERR_NONE)
		err = agent_client_send(&client, &writer);
	if (err == ERR_NONE)
		err = agent_client_receive(&client, &frame);
	if (err == ERR_NONE && frame.type != FRAME_DONE)
		err = ERR_INVALID;
	frame_writer_wipe(&writer);
	agent_client_close(&client);
	return err;
}

/* Only root may speak of sessions; a locker that opens one for itself has
 * none to report. */
static int session_report(
    pam_handle_t *pamh, enum frame_event event, int argc, const char **argv)
{
	struct options options;
	struct caller caller;
	enum err err;

	if (options_parse(argc, argv, OPTIONS_SESSION, option_report, pamh,
		&options) != ERR_NONE)
		return PAM_SERVICE_ERR;
	if (geteuid() != 0)
		return PAM_SUCCESS;
	if (caller_read(pamh, false, &caller) != ERR_NONE)
		return PAM_BUF_ERR;
	if (!caller.user[0] || !caller.service[0])
		return PAM_SESSION_ERR;
	err = session_send(pamh, options.socket, &caller, event);
	if (err == ERR_NONE)
		return PAM_SUCCESS;
	pam_syslog(pamh, LOG_WARNING, "session not reported, agent at %s: %s",
	    options.socket, err_text(err));
	return PAM_SESSION_ERR;
}

EXPORTED int pam_sm_open_session(
    pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return session_report(pamh, FRAME_SESSION_OPEN, argc, argv);
}

EXPORTED int pam_sm_close_session(
    pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return session_report(pamh, FRAME_SESSION_CLOSE, argc, argv);
}

/* The module writers' guide: what is not provided says so in the log. To be
 * ignored here would hide a line that can never do anything. */
EXPORTED int pam_sm_chauthtok(
    pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	(void)argc;
	(void)argv;
	pam_syslog(pamh, LOG_ERR,
	    "nothing to change here: remove the password line; codes are "
	    "enrolled with sekimorictl");
	return PAM_SERVICE_ERR;
}
