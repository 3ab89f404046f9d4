/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop over the agent's frames. Each frame is handled by one function
 * that says whether the dialogue goes on; the situation starts as out of
 * reach and only a whole, well-formed VERDICT makes anything else of it.
 */
#include "pam_module/dialogue.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "pam_module/agent_client.h"
#include "pam_module/appended.h"
#include "pam_module/conversation.h"

enum {
	AGENT_WAIT_MS = 4500, /* from what the person typed last */
	CANCEL_WAIT_MS = 200,
	ASKS_MAX = 10,
	FRAMES_MAX = 32,
	ANSWER_BYTES_MAX = 64, /* longer than any code or PIN */
	PROMPT_BYTES_MAX = WORDS_MESSAGE_BYTES_MAX + NAME_BYTES_MAX + 2,
};

struct dialogue {
	const struct dialogue_request *request;
	enum words_lang lang;
	enum situation situation;
	unsigned asks;
	char cut[APPENDED_DIGITS_MAX + 1]; /* the code of appended= */
	char login[STANDING_LOGIN_BYTES_MAX + 1];
	struct agent_client client;
	struct frame_writer writer;
};

static enum err last_login_write(const struct dialogue *dialogue,
    const struct frame *frame, int64_t at, char out[WORDS_MESSAGE_BYTES_MAX])
{
	char terminal[NAME_BYTES_MAX + 1] = "";
	struct words_last_login last = {.at = at, .terminal = terminal};

	if (frame_get_text(frame, FRAME_TERMINAL, terminal, sizeof(terminal)) !=
		ERR_NONE ||
	    !text_is_identifier(terminal, strlen(terminal)))
		return ERR_NOT_FOUND;
	(void)frame_get_u64(frame, FRAME_COUNT, &last.failures);
	return words_last_login(dialogue->lang, &last, out);
}

/* Before the first factor is proven, any difference in what is shown tells
 * a stranger something. */
static enum err message_write(const struct dialogue *dialogue,
    const struct frame *frame, char out[WORDS_MESSAGE_BYTES_MAX])
{
	uint64_t number = 0;
	uint8_t message = 0;
	bool has_number;

	if (frame_get_u8(frame, FRAME_MESSAGE, &message) != ERR_NONE)
		return ERR_NOT_FOUND;
	if (!dialogue->request->options->explain &&
	    message != FRAME_MESSAGE_REFUSED)
		return ERR_NOT_ALLOWED;
	has_number = frame_get_u64(frame, FRAME_NUMBER, &number) == ERR_NONE;
	if (message == FRAME_MESSAGE_LAST_LOGIN)
		return last_login_write(dialogue, frame, (int64_t)number, out);
	return words_message(dialogue->lang, message,
	    has_number ? &number : NULL, (int64_t)time(NULL), out);
}

static void message_tell(
    const struct dialogue *dialogue, int style, const struct frame *frame)
{
	char text[WORDS_MESSAGE_BYTES_MAX];

	if (dialogue->request->silent ||
	    message_write(dialogue, frame, text) != ERR_NONE)
		return;
	conversation_tell(dialogue->request->pamh, style, text);
}

static void dialogue_cancel(struct dialogue *dialogue)
{
	(void)agent_client_allow(&dialogue->client, CANCEL_WAIT_MS);
	frame_begin(&dialogue->writer, FRAME_CANCEL);
	(void)agent_client_send(&dialogue->client, &dialogue->writer);
}

static bool dialogue_fail(struct dialogue *dialogue, const char *what)
{
	char text[WORDS_MESSAGE_BYTES_MAX];
	const struct dialogue_request *request = dialogue->request;

	pam_syslog(request->pamh, LOG_ERR, "agent at %s: %s",
	    request->options->socket, what);
	dialogue_cancel(dialogue);
	dialogue->situation = SITUATION_UNAVAILABLE;
	if (request->options->explain && !request->silent &&
	    words_message(dialogue->lang, FRAME_MESSAGE_UNAVAILABLE, NULL, 0,
		text) == ERR_NONE)
		conversation_tell(request->pamh, PAM_ERROR_MSG, text);
	return false;
}

static bool dialogue_refuse(struct dialogue *dialogue, enum situation situation)
{
	dialogue_cancel(dialogue);
	dialogue->situation = situation;
	return false;
}

/* What cannot be a code is sent as an empty one, which is refused like a
 * wrong one: sshd answers for unknown users with control characters, and
 * people paste whole documents. */
static const char *answer_fit(const char *typed)
{
	size_t length = strnlen(typed, ANSWER_BYTES_MAX + 1);

	if (length == 0 || length > ANSWER_BYTES_MAX ||
	    !text_is_name(typed, length))
		return "";
	return typed;
}

static bool answer_send(struct dialogue *dialogue, const char *answer)
{
	enum err err;

	frame_begin(&dialogue->writer, FRAME_ANSWER);
	frame_put_text(&dialogue->writer, FRAME_TEXT, answer);
	err = agent_client_send(&dialogue->client, &dialogue->writer);
	if (err == ERR_NONE)
		return true;
	return dialogue_fail(dialogue, err_text(err));
}

/* prompt= is about the code: what asks for a PIN must not look like it. */
static const char *prompt_text(
    const struct dialogue *dialogue, enum frame_prompt prompt)
{
	const char *own = dialogue->request->options->prompt;

	if (own && prompt == FRAME_PROMPT_CODE)
		return own;
	return words_prompt(dialogue->lang, (enum words_prompt)prompt);
}

/* sudo shows nothing but prompts, so a message that comes with a question
 * becomes its first line. */
static enum err person_ask(struct dialogue *dialogue, enum frame_prompt asked,
    const struct frame *frame, char **out)
{
	char message[WORDS_MESSAGE_BYTES_MAX];
	char prompt[PROMPT_BYTES_MAX];
	bool has_message = message_write(dialogue, frame, message) == ERR_NONE;

	(void)snprintf(prompt, sizeof(prompt), "%s%s%s",
	    has_message ? message : "", has_message ? "\n" : "",
	    prompt_text(dialogue, asked));
	return conversation_ask(dialogue->request->pamh,
	    asked == FRAME_PROMPT_PERSON ? CONVERSATION_ECHO
					 : CONVERSATION_SILENT,
	    prompt, out);
}

static bool ask_person(struct dialogue *dialogue, enum frame_prompt prompt,
    const struct frame *frame)
{
	char *typed = NULL;
	bool go_on = false;

	if (person_ask(dialogue, prompt, frame, &typed) != ERR_NONE)
		return dialogue_refuse(dialogue, SITUATION_CONVERSATION_FAILED);
	(void)agent_client_allow(&dialogue->client, AGENT_WAIT_MS);
	if (caller_is_unchanged(
		dialogue->request->pamh, dialogue->request->caller))
		go_on = answer_send(dialogue, answer_fit(typed));
	else
		go_on = dialogue_refuse(dialogue, SITUATION_REFUSED);
	conversation_forget(&typed);
	return go_on;
}

static bool ask_handle(struct dialogue *dialogue, const struct frame *frame)
{
	uint8_t prompt = 0;

	if (frame_get_u8(frame, FRAME_PROMPT, &prompt) != ERR_NONE ||
	    prompt < FRAME_PROMPT_CODE || prompt > FRAME_PROMPT_PERSON)
		return dialogue_fail(dialogue, "asks what this module cannot");
	if (++dialogue->asks > ASKS_MAX)
		return dialogue_fail(dialogue, "asks without end");
	if (!dialogue->request->options->appended_digits)
		return ask_person(dialogue, (enum frame_prompt)prompt, frame);
	/* What was typed before is a code; it answers nothing else, above all
	 * not a card's PIN. */
	if (dialogue->asks > 1 || prompt != FRAME_PROMPT_CODE)
		return dialogue_refuse(dialogue, SITUATION_REFUSED);
	return answer_send(dialogue, dialogue->cut);
}

static bool verdict_handle(struct dialogue *dialogue, const struct frame *frame)
{
	char login[STANDING_LOGIN_BYTES_MAX + 1] = "";
	enum situation situation;
	uint8_t result = FRAME_DENY;

	if (frame_get_u8(frame, FRAME_RESULT, &result) != ERR_NONE ||
	    result > FRAME_DENY_UNAVAILABLE)
		return dialogue_fail(dialogue, "unknown verdict");
	situation = (enum situation)result;
	if (situation == SITUATION_NOT_ENROLLED &&
	    dialogue->request->options->nullok)
		situation = SITUATION_NULLOK;
	if (frame->fields[FRAME_LOGIN].present &&
	    frame_get_text(frame, FRAME_LOGIN, login, sizeof(login)) !=
		ERR_NONE)
		return dialogue_fail(dialogue, "name of the login is too long");
	message_tell(dialogue,
	    situation == SITUATION_ACCEPTED || situation == SITUATION_EXEMPT ||
		    situation == SITUATION_NULLOK
		? PAM_TEXT_INFO
		: PAM_ERROR_MSG,
	    frame);
	if (!caller_is_unchanged(
		dialogue->request->pamh, dialogue->request->caller))
		situation = SITUATION_REFUSED;
	memcpy(dialogue->login, login, sizeof(login));
	dialogue->situation = situation;
	return false;
}

static bool frame_handle(struct dialogue *dialogue, const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_ASK:
		return ask_handle(dialogue, frame);
	case FRAME_TELL:
		message_tell(dialogue, PAM_TEXT_INFO, frame);
		return true;
	case FRAME_VERDICT:
		return verdict_handle(dialogue, frame);
	case FRAME_BEGIN:
	case FRAME_ANSWER:
	case FRAME_CANCEL:
	case FRAME_SESSION:
	case FRAME_ENROLL:
	case FRAME_DONE:
		break;
	}
	return dialogue_fail(dialogue, "sends what only a module may");
}

static bool dialogue_begin(struct dialogue *dialogue)
{
	const struct options *options = dialogue->request->options;
	enum err err = agent_client_allow(&dialogue->client, AGENT_WAIT_MS);

	if (err == ERR_NONE)
		err = agent_client_connect(&dialogue->client, options->socket);
	if (err == ERR_NOT_ALLOWED)
		return dialogue_fail(dialogue,
		    "its owner is neither root nor " AGENT_CLIENT_USER);
	if (err != ERR_NONE)
		return dialogue_fail(dialogue, err_text(err));
	frame_begin(&dialogue->writer, FRAME_BEGIN);
	caller_put(dialogue->request->caller, &dialogue->writer);
	frame_put_u8(&dialogue->writer, FRAME_FIRST_FACTOR,
	    options->explain ? FRAME_PROVEN : FRAME_UNPROVEN);
	if (options->appended_digits)
		frame_put_u8(&dialogue->writer, FRAME_ONCE, 1);
	err = agent_client_send(&dialogue->client, &dialogue->writer);
	return err == ERR_NONE || dialogue_fail(dialogue, err_text(err));
}

static void dialogue_loop(struct dialogue *dialogue)
{
	for (unsigned frames = 0; frames < FRAMES_MAX; frames++) {
		struct frame frame;
		enum err err = agent_client_receive(&dialogue->client, &frame);

		if (err != ERR_NONE) {
			(void)dialogue_fail(dialogue, err_text(err));
			return;
		}
		if (!frame_handle(dialogue, &frame))
			return;
	}
	(void)dialogue_fail(dialogue, "talks without end");
}

/* A name that no frame can carry is nobody's; it is refused after a prompt
 * like everyone's. */
static enum situation nobody_refuse(struct dialogue *dialogue)
{
	char *typed = NULL;
	enum err err = ERR_NONE;

	if (!dialogue->request->options->appended_digits)
		err = conversation_ask(dialogue->request->pamh,
		    CONVERSATION_SILENT,
		    prompt_text(dialogue, FRAME_PROMPT_CODE), &typed);
	conversation_forget(&typed);
	return err == ERR_NONE ? SITUATION_REFUSED
			       : SITUATION_CONVERSATION_FAILED;
}

static enum err code_cut(struct dialogue *dialogue)
{
	const struct options *options = dialogue->request->options;
	const char *prompt = options->prompt ? options->prompt
					     : words_prompt(dialogue->lang,
						   WORDS_PROMPT_APPENDED);

	if (!options->appended_digits)
		return ERR_NONE;
	return appended_cut(dialogue->request->pamh, prompt,
	    options->appended_digits, dialogue->cut);
}

static enum situation dialogue_hold(struct dialogue *dialogue)
{
	enum err err = code_cut(dialogue);

	if (err != ERR_NONE)
		return situation_of_failure(err);
	if (!dialogue->request->caller->user[0] ||
	    !dialogue->request->caller->service[0])
		return nobody_refuse(dialogue);
	if (dialogue_begin(dialogue))
		dialogue_loop(dialogue);
	return dialogue->situation;
}

enum situation dialogue_run(const struct dialogue_request *request,
    char out_login[STANDING_LOGIN_BYTES_MAX + 1])
{
	struct dialogue dialogue = {
	    .request = request,
	    .lang = words_choose(
		request->options->lang, words_locale(), request->caller->tty),
	    .situation = SITUATION_UNAVAILABLE,
	};
	enum situation situation;

	agent_client_init(&dialogue.client);
	situation = dialogue_hold(&dialogue);
	agent_client_close(&dialogue.client);
	if (situation == SITUATION_ACCEPTED && dialogue.login[0])
		memcpy(out_login, dialogue.login, sizeof(dialogue.login));
	explicit_bzero(&dialogue, sizeof(dialogue));
	return situation;
}
