/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorictl: reads the command line, asks what must be asked of the person,
 * then asks the server. What commands there are is commands.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/arguments.h"
#include "server/ctl/client.h"
#include "server/ctl/prompt.h"
#include "server/ctl/session.h"
#include "shared/secret.h"

/* Replaces "-" by what the person types. */
static enum err ask_for_secrets(struct call *call)
{
	const struct command_parameter *p = call->command->parameters;
	struct secret secret = {0};
	enum err err = ERR_NONE;

	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++) {
		const char *value = json_string_value(
		    json_object_get(call->members, p[i].member));

		if ((p[i].kind != COMMAND_CODE &&
			p[i].kind != COMMAND_SECRET) ||
		    !value || strcmp(value, "-") != 0)
			continue;
		err = prompt_secret(
		    p[i].kind == COMMAND_CODE ? "Code" : "Secret", &secret);
		if (!err && json_object_set_new(call->members, p[i].member,
				json_stringn(
				    (const char *)secret.bytes, secret.length)))
			err = ERR_INVALID;
		secret_wipe(&secret);
		if (err)
			break;
	}
	return err;
}

/* A question is for a person at a terminal; a program has made up its mind,
 * and a script that stops to be asked has failed on a Sunday. */
static int confirm(const struct call *call)
{
	const struct command *command = call->command;

	if (!command->confirm || call->yes || call->json || !prompt_can_ask())
		return EXIT_DONE;
	if (prompt_confirm(command->confirm, call_subject(call)))
		return EXIT_DONE;
	fputs("Nothing was done.\n", stderr);
	return EXIT_REFUSED;
}

static int ask_server(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);

	if (code == EXIT_DONE)
		call_show(call, answer);
	json_decref(answer);
	return code;
}

/* With the token of a session, if there is one; whoever signs in brings
 * none. */
static enum err open_client(const struct call *call, struct client **out)
{
	struct secret token = {0};
	struct client_way way = {.socket_path = call->socket_path,
	    .server = call->server,
	    .ca = call->ca,
	    .token = &token};
	enum err err = session_read(call_place(call), &token);

	if (err == ERR_NOT_FOUND || call->command->signs_in)
		err = ERR_NONE;
	if (call->command->signs_in)
		secret_wipe(&token);
	if (!err)
		err = client_new(&way, out);
	secret_wipe(&token);
	return err;
}

static int tell_client(const struct call *call, enum err err)
{
	if (err == ERR_NOT_ALLOWED)
		fprintf(stderr,
		    "sekimorictl: the file of your session is not yours "
		    "alone. `sekimorictl admin signin` makes it anew, below "
		    "$XDG_RUNTIME_DIR or ~/.local/state.\n");
	else
		fprintf(stderr, "sekimorictl: %s: %s.\n", call_place(call),
		    err_text(err));
	return EXIT_UNREACHABLE;
}

static int run(struct call *call)
{
	struct client *client = NULL;
	enum err err;
	int code = confirm(call);

	if (code != EXIT_DONE)
		return code;
	err = ask_for_secrets(call);
	if (err) {
		fprintf(stderr, "sekimorictl: %s.\n",
		    err == ERR_NOT_FOUND ? "nothing was typed"
		    : err == ERR_TOO_LONG
			? "what was typed is too long"
			: "what was typed could not be read as text");
		return EXIT_USAGE;
	}
	err = open_client(call, &client);
	if (err)
		return tell_client(call, err);
	code = call->command->handle ? call->command->handle(call, client)
				     : ask_server(call, client);
	client_free(client);
	return code;
}

static int understand_and_run(const char *const *words, size_t count)
{
	char problem[ARGUMENTS_PROBLEM_SIZE];
	struct call call;
	int code = EXIT_DONE;
	enum err err = arguments_read(words, count, &call, problem);

	if (err) {
		fprintf(stderr, "sekimorictl: %s\n",
		    problem[0] ? problem : err_text(err));
		if (call.command)
			arguments_usage(stderr, call.command);
		code = EXIT_USAGE;
	} else if (call.help && call.command) {
		arguments_usage(stdout, call.command);
	} else if (call.help) {
		arguments_help(stdout);
	} else {
		code = run(&call);
	}
	arguments_free(&call);
	if (fflush(stdout) != 0 && code == EXIT_DONE) {
		perror("sekimorictl: the answer could not be written");
		code = EXIT_REFUSED;
	}
	return code;
}

int main(int argc, char **argv)
{
	const char *const *words = (const char *const *)argv + 1;
	size_t count = argc > 0 ? (size_t)argc - 1 : 0;

	json_wipe_freed();
	output_open();
	if (count > 0 && strcmp(words[0], "--complete") == 0) {
		arguments_complete(stdout, words + 1, count - 1);
		return EXIT_DONE;
	}
	if (count == 1 && strcmp(words[0], "--version") == 0) {
		puts("sekimorictl " SEKIMORI_VERSION);
		return EXIT_DONE;
	}
	if (secret_forbid_dumps()) {
		fputs("sekimorictl: core dumps cannot be switched off; secrets "
		      "might reach the disk, so nothing is done.\n",
		    stderr);
		return EXIT_REFUSED;
	}
	return understand_and_run(words, count);
}
