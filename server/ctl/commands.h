/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command of sekimorictl as one row of a table: its words, what may
 * stand after them, what it asks before it acts, how its answer is shown and
 * one line of help. Reading the command line, `--help` and completion all
 * come from this table and nowhere else. Must not know sockets or terminals.
 */
#ifndef SEKIMORI_CTL_COMMANDS_H
#define SEKIMORI_CTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/ctl/output.h"
#include "shared/json.h"

struct client;

/* Exit codes (CONTRACT section 6). */
enum command_exit {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_NOT_PERMITTED = 4,
	EXIT_WAITS_FOR_APPROVAL = 5,
};

enum command_kind {
	COMMAND_TEXT,   /* sent as typed */
	COMMAND_NUMBER, /* sent as a number */
	COMMAND_LIST,   /* may stand again; sent as one text, with commas */
	COMMAND_FLAG,   /* takes no value; sent as true */
	COMMAND_CODE,   /* a one-time code, or "-": asked for */
	COMMAND_SECRET, /* only "-": asked for, never in an argument list */
	COMMAND_LOCAL,  /* for sekimorictl itself; never sent */
};

enum {
	COMMAND_PARAMETERS_MAX = 12
};

/* Something that may stand after the verb: an option if its name begins with
 * a hyphen, else the next word. */
struct command_parameter {
	const char *name;   /* "ID" or "--login" */
	const char *value;  /* what stands after an option, for the usage */
	const char *member; /* of the request */
	enum command_kind kind;
	bool required;
	const char *choices; /* "6|8", or NULL */
};

/* One command line, understood. */
struct call {
	const struct command *command;
	const char *socket_path;
	const char *server, *ca; /* https://HOST:PORT, and whom to believe */
	bool json, yes, help;
	json_t *members;     /* what the server is asked with */
	json_t *locals;      /* values of COMMAND_LOCAL */
	const char *subject; /* the first word after the verb, if it is sent as
				text or number; NULL: none */
};

/* Returns an enum command_exit. */
typedef int command_handler(struct call *call, struct client *client);

struct command {
	const char *noun;
	const char *verb; /* "clock accept" is two words */
	const char *path; /* "server/clock-accept" */
	struct command_parameter parameters[COMMAND_PARAMETERS_MAX];
	command_handler *handle; /* NULL: ask the server, show its answer */
	const char *confirm;     /* asked before anything happens */
	const char *yes_member;  /* sent as true with --yes */
	const struct output_column *columns;
	bool signs_in;    /* asked without the session one has */
	const char *done; /* sentence at the end; {} is the first word
			     after the verb */
	const char *help;
};

/* The table; ends with a row without noun. */
extern const struct command COMMANDS[];

/* Where a session is: the server's address, or its socket. */
const char *call_place(const struct call *call);
/* A value of COMMAND_LOCAL, or NULL. */
const char *call_local(const struct call *call, const char *member);
/* What the first word after the verb said; "" when there was none. */
const char *call_subject(const struct call *call);

/* Sends members to the command's path. *out is the answer's object when
 * EXIT_DONE is returned; any other exit has been explained on stderr. */
int call_ask(const struct call *call, struct client *client, json_t **out);
/* The same with another path; the parts of a list become one. */
int call_ask_all(const struct call *call, struct client *client,
    const char *path, json_t **out);
/* One question with another path and other members. */
int call_ask_at(const struct call *call, struct client *client,
    const char *path, json_t *members, json_t **out);
/* Asks the command's path for a file, which goes to fd. */
int call_download(const struct call *call, struct client *client, int fd);
/* Shows an answer as the command's row says, or as JSON. */
void call_show(const struct call *call, json_t *answer);

/* Handlers of commands that are more than one question. */
command_handler handle_admin_add, handle_admin_password, handle_admin_signin,
    handle_admin_signout;
command_handler handle_token_enroll, handle_token_import, handle_stock_import;
command_handler handle_token_checkout, handle_token_return, handle_token_lost,
    handle_token_found, handle_token_show, handle_token_list,
    handle_report_inventory;
command_handler handle_code_issue, handle_terminal_add;
command_handler handle_user_import, handle_user_show, handle_user_extend,
    handle_policy_show, handle_policy_set, handle_policy_test;
command_handler handle_audit_list, handle_audit_head, handle_audit_verify,
    handle_audit_export;
command_handler handle_server_backup, handle_stop;
command_handler handle_request_show, handle_request_approve;
command_handler handle_card_invite, handle_card_enroll, handle_card_list,
    handle_card_trust;

#endif
