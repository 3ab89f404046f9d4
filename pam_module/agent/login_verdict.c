/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_verdict.h"

#include <string.h>

/* What a reason is to the module, if it may be told. */
static const struct {
	enum frame_result result;
	enum frame_message message;
	bool tells_retry;
} reasons[] = {
    [LOGIN_REASON_NONE] = {FRAME_DENY, FRAME_MESSAGE_REFUSED, false},
    [LOGIN_REASON_WRONG] = {FRAME_DENY, FRAME_MESSAGE_REFUSED, false},
    [LOGIN_REASON_USED] = {FRAME_DENY, FRAME_MESSAGE_USED, false},
    [LOGIN_REASON_THROTTLED] = {FRAME_DENY_LOCKED, FRAME_MESSAGE_THROTTLED,
	true},
    [LOGIN_REASON_DISABLED] = {FRAME_DENY_LOCKED, FRAME_MESSAGE_DISABLED,
	false},
    [LOGIN_REASON_SUSPENDED] = {FRAME_DENY_PERMISSION, FRAME_MESSAGE_SUSPENDED,
	false},
    [LOGIN_REASON_FROZEN] = {FRAME_DENY_PERMISSION, FRAME_MESSAGE_SUSPENDED,
	false},
    [LOGIN_REASON_NOT_ENROLLED] = {FRAME_DENY_NOT_ENROLLED,
	FRAME_MESSAGE_NOT_ENROLLED, false},
    [LOGIN_REASON_NOT_PERMITTED] = {FRAME_DENY_PERMISSION,
	FRAME_MESSAGE_NOT_PERMITTED, false},
    [LOGIN_REASON_EXPIRED] = {FRAME_DENY_PERMISSION, FRAME_MESSAGE_EXPIRED,
	false},
    [LOGIN_REASON_CLOCK] = {FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_CLOCK, false},
};

void login_verdict_unavailable(struct login_verdict *out)
{
	out->result = FRAME_DENY_UNAVAILABLE;
	out->message = FRAME_MESSAGE_UNAVAILABLE;
}

static void set_denied(
    const struct login_reply *reply, bool proven, struct login_verdict *out)
{
	enum frame_result result = reasons[reply->reason].result;

	out->reason = reply->reason;
	/* To an unproven caller every refusal is the same; what concerns
	 * nobody in particular, and nullok's case, is not hidden. */
	if (!proven) {
		if (result == FRAME_DENY_NOT_ENROLLED ||
		    result == FRAME_DENY_UNAVAILABLE)
			out->result = result;
		return;
	}
	out->result = result;
	out->message = reasons[reply->reason].message;
	if (reasons[reply->reason].tells_retry && reply->retry_at > 0)
		out->number = (uint64_t)reply->retry_at;
}

void login_verdict_set(
    const struct login_reply *reply, bool proven, struct login_verdict *out)
{
	out->other_user = reply->other_user;
	switch (reply->outcome) {
	case LOGIN_ACCEPTED:
		out->result = FRAME_ACCEPT;
		memcpy(out->login, reply->login, sizeof(out->login));
		memcpy(out->person, reply->person, sizeof(out->person));
		out->by_grace = reply->by_grace;
		out->card_removed = reply->card_removed;
		if (proven)
			out->last = reply->last;
		if (proven && reply->card_expires > 0) {
			out->message = FRAME_MESSAGE_CARD_EXPIRES;
			out->number = (uint64_t)reply->card_expires;
		}
		return;
	case LOGIN_EXEMPTED:
		out->result = FRAME_EXEMPT;
		if (proven && reply->shadow_until > 0) {
			out->message = FRAME_MESSAGE_SHADOW;
			out->number = (uint64_t)reply->shadow_until;
		}
		return;
	case LOGIN_DENIED:
		set_denied(reply, proven, out);
		return;
	case LOGIN_CONTINUES: /* where a verdict was due */
	case LOGIN_UNAVAILABLE:
		login_verdict_unavailable(out);
		return;
	}
}

bool login_verdict_is_hidden(const struct login_reply *reply, bool proven)
{
	if (reply->outcome != LOGIN_DENIED ||
	    reply->reason == LOGIN_REASON_CLOCK)
		return false;
	return !proven || reply->reason == LOGIN_REASON_NOT_ENROLLED;
}

void login_verdict_lock(bool proven, struct login_verdict *out)
{
	out->pin_locked = true;
	if (!proven)
		return;
	out->result = FRAME_DENY_LOCKED;
	out->message = FRAME_MESSAGE_PIN_LOCKED;
}
