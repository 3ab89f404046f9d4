/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl admin`: what asks for passwords, and the session that the next
 * commands find. Neither is ever an argument, and no session is shown.
 */
#include <stdio.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/prompt.h"
#include "server/ctl/session.h"

static int tell(const char *sentence)
{
	fprintf(stderr, "sekimorictl: %s\n", sentence);
	return EXIT_USAGE;
}

/* Asks, and puts what was typed into members. */
static int ask_member(const char *label, json_t *members, const char *name)
{
	struct secret secret = {0};
	enum err err = prompt_secret(label, &secret);
	int code = EXIT_DONE;

	if (err)
		code = tell(err == ERR_TOO_LONG ? "what was typed is too long."
						: "nothing was typed.");
	else if (json_object_set_new(members, name,
		     json_stringn((const char *)secret.bytes, secret.length)))
		code = tell("what was typed could not be read as text.");
	secret_wipe(&secret);
	return code;
}

/* Twice where it cannot be seen; a program knows what it writes. */
static int ask_new_password(json_t *members)
{
	json_t *again = NULL;
	int code = ask_member("New password", members, "password");

	if (code != EXIT_DONE || !prompt_can_ask())
		return code;
	again = json_object();
	code =
	    again ? ask_member("Once more", again, "password") : EXIT_REFUSED;
	if (code == EXIT_DONE &&
	    !json_equal(json_object_get(members, "password"),
		json_object_get(again, "password")))
		code = tell("the two are not the same. Nothing was changed.");
	json_decref(again);
	return code;
}

/* --- roles ---------------------------------------------------------------- */

static int give_password(
    struct call *call, struct client *client, json_t *members)
{
	json_t *answer = NULL;
	int code = ask_new_password(members);

	if (code == EXIT_DONE)
		code = call_ask_at(
		    call, client, "admin/password", members, &answer);
	json_decref(answer);
	return code;
}

int handle_admin_add(struct call *call, struct client *client)
{
	json_t *members = json_pack("{s:s}", "id", call_subject(call));
	json_t *answer = NULL;
	bool password = call_local(call, "password") != NULL;
	int code = members ? call_ask(call, client, &answer) : EXIT_REFUSED;

	if (code == EXIT_DONE && password)
		code = give_password(call, client, members);
	if (code == EXIT_DONE && call->json)
		output_json(stdout, answer);
	else if (code == EXIT_DONE)
		output_sentence(stdout,
		    password ? "{} administers from now on."
			     : "{} has the role. To sign in: `sekimorictl "
			       "admin password {}`.",
		    call_subject(call));
	json_decref(members);
	json_decref(answer);
	return code;
}

int handle_admin_password(struct call *call, struct client *client)
{
	int code = EXIT_DONE;

	if (!call_subject(call)[0])
		code = ask_member("Present password", call->members, "current");
	if (code == EXIT_DONE)
		code = give_password(call, client, call->members);
	if (code == EXIT_DONE && call->json)
		puts("{}");
	else if (code == EXIT_DONE)
		puts("The password is kept. Sessions opened with the one "
		     "before are over.");
	return code;
}

/* --- sessions ------------------------------------------------------------- */

static int keep_session(const struct call *call, json_t *answer)
{
	const char *token =
	    json_string_value(json_object_get(answer, "session"));

	if (token && session_keep(call_place(call), token) == ERR_NONE)
		return EXIT_DONE;
	fputs("sekimorictl: you are signed in, but the session could not be "
	      "kept: neither $XDG_RUNTIME_DIR nor ~/.local/state can be "
	      "written by you alone.\n",
	    stderr);
	return EXIT_REFUSED;
}

int handle_admin_signin(struct call *call, struct client *client)
{
	static const struct output_column columns[] = {
	    {"signed in as", "id", OUTPUT_TEXT},
	    {"role", "role", OUTPUT_TEXT},
	    {"departments", "departments", OUTPUT_TEXT},
	    {"until", "until", OUTPUT_TIME},
	    {0},
	};
	json_t *answer = NULL;
	int code = ask_member("Password", call->members, "password");

	if (code == EXIT_DONE)
		code = ask_member("One-time code", call->members, "code");
	if (code == EXIT_DONE)
		code = call_ask(call, client, &answer);
	if (code == EXIT_DONE)
		code = keep_session(call, answer);
	json_object_del(answer, "session");
	if (code == EXIT_DONE && call->json)
		output_json(stdout, answer);
	else if (code == EXIT_DONE)
		output_object(stdout, answer, columns);
	json_decref(answer);
	return code;
}

/* The file goes whatever the server says: what is over there is over here. */
int handle_admin_signout(struct call *call, struct client *client)
{
	const char *id = call_subject(call);
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);

	if (!id[0] && session_forget(call_place(call)) != ERR_NONE)
		return tell("the file of the session could not be removed.");
	if (code == EXIT_DONE && call->json)
		output_json(stdout, answer);
	else if (code == EXIT_DONE && id[0])
		output_sentence(stdout, "{} is signed out everywhere.", id);
	else if (code == EXIT_DONE)
		puts("Signed out.");
	json_decref(answer);
	return code;
}
