/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens from hand to hand: what is said afterwards, and the slip of a loss.
 * Inventories are in handle_inventory.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/era.h"
#include "server/ctl/out_file.h"

/* What is told of a token; a name may hold what a terminal obeys. */
struct words {
	char serial[OUTPUT_CELL_SIZE], user[OUTPUT_CELL_SIZE],
	    name[OUTPUT_CELL_SIZE], department[OUTPUT_CELL_SIZE],
	    state[OUTPUT_CELL_SIZE], until[OUTPUT_CELL_SIZE];
};

static void read_words(json_t *token, struct words *out)
{
	const struct {
		struct output_column column;
		char *cell;
	} rows[] = {
	    {{"", "serial", OUTPUT_TEXT}, out->serial},
	    {{"", "user", OUTPUT_TEXT}, out->user},
	    {{"", "name", OUTPUT_TEXT}, out->name},
	    {{"", "department", OUTPUT_TEXT}, out->department},
	    {{"", "state", OUTPUT_TEXT}, out->state},
	    {{"", "until", OUTPUT_TIME}, out->until},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		output_cell(token, &rows[i].column, rows[i].cell);
}

/* Asks; the token of the answer is in *out, borrowed from *answer. */
static int ask_token(struct call *call, struct client *client, json_t **answer,
    json_t **out, struct words *words)
{
	int code = call_ask(call, client, answer);

	*out = code == EXIT_DONE ? json_object_get(*answer, "token") : NULL;
	read_words(*out, words);
	if (code == EXIT_DONE && call->json)
		output_json(stdout, *answer);
	return code;
}

int handle_token_checkout(struct call *call, struct client *client)
{
	json_t *answer = NULL, *token = NULL;
	struct words words;
	int code = ask_token(call, client, &answer, &token, &words);

	if (code == EXIT_DONE && !call->json) {
		printf("%s is lent to %s until %s and opens nothing "
		       "afterwards.\nWhen it is back: `sekimorictl token "
		       "checkin %s --code CODE`.\n",
		    words.serial, words.user, words.until, words.serial);
	}
	json_decref(answer);
	return code;
}

int handle_token_return(struct call *call, struct client *client)
{
	json_t *answer = NULL, *token = NULL;
	struct words words;
	int code = ask_token(call, client, &answer, &token, &words);

	if (code == EXIT_DONE && !call->json)
		printf(strcmp(words.state, "retired") == 0
			   ? "%s is given up. Destroy it.\n"
			   : "%s is back. Next: `sekimorictl token assign %s "
			     "ID --code CODE`.\n",
		    words.serial, words.serial);
	json_decref(answer);
	return code;
}

int handle_token_found(struct call *call, struct client *client)
{
	json_t *answer = NULL, *token = NULL;
	struct words words;
	int code = ask_token(call, client, &answer, &token, &words);

	if (code == EXIT_DONE && !call->json)
		printf(strcmp(words.state, "void") == 0
			   ? "%s is found. Whoever had it may have noted its "
			     "next codes: `sekimorictl token confirm %s "
			     "CODE`.\n"
			   : "%s is active again.\n",
		    words.serial, words.serial);
	json_decref(answer);
	return code;
}

/* --- a loss ----------------------------------------------------------------
 */

static void write_slip(FILE *to, json_t *token, const char *today)
{
	struct words words;
	char since[ERA_DAY_SIZE], used[ERA_DAY_SIZE];

	read_words(token, &words);
	era_day(json_integer_value(json_object_get(token, "confirmed")), since);
	era_day(json_integer_value(json_object_get(token, "last_used")), used);
	fprintf(to,
	    "紛失届\n\n届出日        %s\n所属          %s\n"
	    "職員番号      %s\n氏名          %s\n\n"
	    "認証機器番号  %s\n貸与日        %s\n最終使用日    %s\n"
	    "措置          本日、利用を停止しました。\n\n"
	    "紛失の日時    令和　　年　　月　　日　　　時　　分ごろ\n\n"
	    "紛失の場所\n\n紛失の状況\n\n\n\n"
	    "署名　　　　　　　　　　　　　　所属長　　　　　　　　　　　\n",
	    today, words.department, words.user, words.name, words.serial,
	    since, used);
}

static int keep_slip(const struct call *call, json_t *token)
{
	const char *path = call_local(call, "slip");
	char today[ERA_DAY_SIZE];
	FILE *file;

	if (!path)
		return EXIT_DONE;
	era_day((int64_t)time(NULL), today);
	file = out_file_open(path);
	if (!file)
		return EXIT_REFUSED;
	write_slip(file, token, today);
	return out_file_close(file, path);
}

/* What has to be done stands whatever becomes of the slip. */
int handle_token_lost(struct call *call, struct client *client)
{
	json_t *answer = NULL, *token = NULL;
	struct words words;
	int code = ask_token(call, client, &answer, &token, &words);

	if (code == EXIT_DONE && !call->json)
		printf("%s is lost and opens nothing. To work today: "
		       "`sekimorictl code issue %s`.\nIf it turns up: "
		       "`sekimorictl token found %s --code CODE`, with a code "
		       "of another token or an emergency code.\n",
		    words.serial, words.user, words.serial);
	if (code == EXIT_DONE)
		code = keep_slip(call, token);
	json_decref(answer);
	return code;
}

/* --- lists -----------------------------------------------------------------
 */

/* Whoever asks so wants to know whom to call. */
static bool asks_for_holders(const struct call *call)
{
	static const char *const members[] = {
	    "department", "checked_out", "unreturned", "unused", "older"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_get(call->members, members[i]))
			return true;
	return false;
}

int handle_token_list(struct call *call, struct client *client)
{
	static const struct output_column holders[] = {
	    {"SERIAL", "serial", OUTPUT_TEXT},
	    {"STATE", "state", OUTPUT_TEXT},
	    {"USER", "user", OUTPUT_TEXT},
	    {"NAME", "name", OUTPUT_TEXT},
	    {"DEPARTMENT", "department", OUTPUT_TEXT},
	    {"SINCE", "confirmed", OUTPUT_TIME},
	    {"LAST USED", "last_used", OUTPUT_TIME},
	    {"UNTIL", "until", OUTPUT_TIME},
	    {"CREATED", "created", OUTPUT_TIME},
	    {0},
	};
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);

	if (code == EXIT_DONE && !call->json && asks_for_holders(call))
		output_table(stdout, json_object_get(answer, "items"), holders);
	else if (code == EXIT_DONE)
		call_show(call, answer);
	json_decref(answer);
	return code;
}

/* --- one token -------------------------------------------------------------
 */

int handle_token_show(struct call *call, struct client *client)
{
	const struct command *command = call->command, *ledger = command + 1;
	json_t *answer = NULL, *rows = NULL;
	int code = call_ask(call, client, &answer);

	if (code == EXIT_DONE)
		code = call_ask_at(
		    call, client, ledger->path, call->members, &rows);
	if (code == EXIT_DONE &&
	    json_object_set(answer, "ledger", json_object_get(rows, "items")))
		code = EXIT_REFUSED;
	if (code == EXIT_DONE) {
		call_show(call, answer);
		if (!call->json) {
			putchar('\n');
			output_table(stdout, json_object_get(rows, "items"),
			    ledger->columns);
		}
	}
	json_decref(rows);
	json_decref(answer);
	return code;
}
