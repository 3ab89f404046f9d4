/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/enrol_command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/agent/ask_terminal.h"
#include "pam_module/agent_client.h"
#include "shared/secret.h"
#include "shared/text.h"

enum {
	/* A look at the readers, a signature and two calls of the server, and
	 * room to say that they failed. */
	AGENT_WAIT_MS = 15000,
	FRAMES_MAX = 32,
	ANSWER_BYTES_MAX = 64, /* longer than any code or PIN */
};

struct command {
	enum words_lang lang;
	int terminal;
	bool is_done, is_enrolled;
	struct agent_client client;
	struct frame_writer writer;
};

static void write_message(const struct command *command,
    const struct frame *frame, char out[WORDS_MESSAGE_BYTES_MAX])
{
	uint64_t number = 0;
	uint8_t message = 0;
	bool has_number =
	    frame_get_u64(frame, FRAME_NUMBER, &number) == ERR_NONE;

	out[0] = '\0';
	if (frame_get_u8(frame, FRAME_MESSAGE, &message) == ERR_NONE)
		(void)words_message(command->lang, message,
		    has_number ? &number : NULL, (int64_t)time(NULL), out);
}

static void tell(const struct command *command, const struct frame *frame)
{
	char text[WORDS_MESSAGE_BYTES_MAX];

	write_message(command, frame, text);
	if (text[0] != '\0')
		ask_terminal_tell(command->terminal, text);
}

/* What cannot be an answer is an empty one. */
static enum err send_text(struct command *command, enum frame_type type,
    const char *typed, size_t length)
{
	if (!text_is_line(typed, length))
		length = 0;
	frame_begin(&command->writer, type);
	frame_put_bytes(&command->writer, FRAME_TEXT, typed, length);
	return agent_client_send(&command->client, &command->writer);
}

static enum err ask(struct command *command, const struct frame *frame)
{
	char typed[ANSWER_BYTES_MAX] = "";
	size_t length = 0;
	uint8_t prompt = 0;
	enum err err = frame_get_u8(frame, FRAME_PROMPT, &prompt);

	if (err != ERR_NONE)
		return err;
	tell(command, frame);
	err = ask_terminal_line(command->terminal,
	    words_prompt(command->lang, (enum words_prompt)prompt),
	    prompt != FRAME_PROMPT_LAST_TRY, typed, sizeof(typed), &length);
	if (err == ERR_NONE)
		err = agent_client_allow(&command->client, AGENT_WAIT_MS);
	if (err == ERR_NONE)
		err = send_text(command, FRAME_ANSWER, typed, length);
	secret_wipe_bytes(typed, sizeof(typed));
	return err;
}

/* Whose it is now is shown: a code may have been somebody else's. */
static void show_verdict(struct command *command, const struct frame *frame)
{
	char text[WORDS_MESSAGE_BYTES_MAX], user[NAME_BYTES_MAX + 1];
	uint8_t result = FRAME_DENY;

	write_message(command, frame, text);
	command->is_done = true;
	command->is_enrolled =
	    frame_get_u8(frame, FRAME_RESULT, &result) == ERR_NONE &&
	    result == FRAME_ACCEPT;
	if (frame_get_text(frame, FRAME_USER, user, sizeof(user)) == ERR_NONE &&
	    text_is_name(user, strlen(user)))
		printf("%s: ", user);
	fprintf(command->is_enrolled ? stdout : stderr, "%s\n", text);
}

static enum err handle(struct command *command, const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_ASK:
		return ask(command, frame);
	case FRAME_TELL:
		tell(command, frame);
		return ERR_NONE;
	case FRAME_VERDICT:
		show_verdict(command, frame);
		return ERR_NONE;
	case FRAME_BEGIN:
	case FRAME_ANSWER:
	case FRAME_CANCEL:
	case FRAME_SESSION:
	case FRAME_ENROLL:
	case FRAME_DONE:
		break;
	}
	return ERR_INVALID;
}

static enum err talk(struct command *command)
{
	enum err err = ERR_NONE;

	for (int i = 0; err == ERR_NONE && !command->is_done; i++) {
		struct frame frame;

		if (i == FRAMES_MAX)
			return ERR_TOO_LONG;
		err = agent_client_receive(&command->client, &frame);
		if (err == ERR_NONE)
			err = handle(command, &frame);
	}
	return err;
}

static enum err send_code(struct command *command, const char *socket)
{
	char typed[ANSWER_BYTES_MAX] = "";
	size_t length = 0;
	enum err err;

	if (isatty(STDIN_FILENO))
		err = ask_terminal_line(command->terminal,
		    words_prompt(command->lang, WORDS_PROMPT_ENROLL), true,
		    typed, sizeof(typed), &length);
	else
		err = ask_terminal_read(
		    STDIN_FILENO, typed, sizeof(typed), &length);
	if (err == ERR_NONE)
		err = agent_client_allow(&command->client, AGENT_WAIT_MS);
	if (err == ERR_NONE)
		err = agent_client_connect(&command->client, socket);
	if (err == ERR_NONE)
		err = send_text(command, FRAME_ENROLL, typed, length);
	secret_wipe_bytes(typed, sizeof(typed));
	return err;
}

static void say_failed(
    const struct command *command, const char *socket, enum err err)
{
	char text[WORDS_MESSAGE_BYTES_MAX];

	if (words_message(command->lang, FRAME_MESSAGE_UNAVAILABLE, NULL, 0,
		text) == ERR_NONE)
		fprintf(stderr, "%s\n", text);
	fprintf(stderr, "sekimori-agent: %s: %s. Does the agent run?\n", socket,
	    err_text(err));
}

/* Of /dev/tty it is always that. */
static const char *terminal_name(void)
{
	const char *name = ttyname(STDERR_FILENO);

	return name ? name : ttyname(STDOUT_FILENO);
}

bool enrol_command(const char *socket, enum words_lang lang)
{
	struct command command = {.terminal = ask_terminal_open()};
	bool is_enrolled;
	enum err err;

	if (command.terminal < 0) {
		fputs("sekimori-agent: enroll-card asks for the card's PIN at "
		      "a terminal, and there is none.\n",
		    stderr);
		return false;
	}
	command.lang = words_choose(lang, words_locale(), terminal_name());
	agent_client_init(&command.client);
	err = send_code(&command, socket);
	if (err == ERR_NONE)
		err = talk(&command);
	agent_client_close(&command.client);
	if (err != ERR_NONE)
		say_failed(&command, socket, err);
	is_enrolled = err == ERR_NONE && command.is_enrolled;
	close(command.terminal);
	secret_wipe_bytes(&command, sizeof(command));
	return is_enrolled;
}
