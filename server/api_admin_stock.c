/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New tokens for the drawer, as `sekimorictl token import --from pskc|csv`
 * sends them: begun, then parts of a few tokens each so that logins get in
 * between, then finished, which is one record for all of them. What is wrong
 * with a part is answered row by row; after that the import can only be given
 * up, and nothing of it was ever there.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/api_admin_token_row.h"
#include "server/store/stock_import.h"

enum {
	PROBLEM_SIZE = 512
};

struct stock_row {
	const char *serial;
	int64_t line;
	struct token_row token;
};

#define ROW_OFFSET(field) offsetof(struct stock_row, field)
static const struct json_member ROW_MEMBERS[] = {
    {"line", JSON_MEMBER_NUMBER, ROW_OFFSET(line), true, 1, (int64_t)1 << 40,
	NULL},
    {"serial", JSON_MEMBER_NAME, ROW_OFFSET(serial), true, 0,
	TOKEN_SERIAL_SIZE - 1, NULL},
    TOKEN_ROW_MEMBERS(ROW_OFFSET(token)),
};

/* One part being taken. */
struct part {
	struct admin_job *job;
	struct store *store;
	struct token_deed deed;
	json_t *problems;
	int64_t tokens;
};

/* --- the import -------------------------------------------------------------
 */

/* The one that is arriving; false after a refusal. */
static enum err find_import(struct admin_job *job, struct store *store,
    struct stock_import *out, bool *out_found)
{
	enum err err = stock_import_find(store, job->arguments.import, out);

	*out_found = err == ERR_NONE && out->state == STOCK_IMPORT_ARRIVING;
	if (err != ERR_NONE && err != ERR_NOT_FOUND)
		return err;
	if (*out_found)
		return ERR_NONE;
	return admin_refuse(job, 409,
	    "This import was given up: another one was begun, or nothing came "
	    "for too long. Nothing was imported; start again.");
}

static enum err stock_begin(struct admin_job *job, struct store *store)
{
	int64_t id = 0;
	bool more = false;
	enum err err = stock_import_begin(store, job->time.now_s, &id, &more);

	job->unfinished = true;
	job->again = more;
	if (err != ERR_NONE || more)
		return err;
	return admin_answer(job, json_pack("{s:I}", "import", (json_int_t)id));
}

/* The same, and that there is room for a part. */
static enum err find_room(
    struct admin_job *job, struct store *store, size_t count, bool *out_found)
{
	struct stock_import import;
	enum err err = find_import(job, store, &import, out_found);

	if (err != ERR_NONE || !*out_found ||
	    import.tokens + (int64_t)count <= STOCK_IMPORT_TOKENS_MAX)
		return err;
	*out_found = false;
	return admin_refuse(job, 409,
	    "An import has at most %d tokens. Split the file.",
	    STOCK_IMPORT_TOKENS_MAX);
}

/* --- a part -----------------------------------------------------------------
 */

static enum err complain(
    struct part *part, int64_t line, const char *member, const char *text)
{
	json_t *problem = json_pack("{s:I,s:s,s:s}", "line", (json_int_t)line,
	    "member", member, "text", text);

	return json_array_append_new(part->problems, problem) ? ERR_MEMORY
							      : ERR_NONE;
}

static enum err complain_clash(struct part *part, const struct stock_row *row,
    const struct stock_clash *clash)
{
	const struct token *other = &clash->other;
	char text[PROBLEM_SIZE];

	if (clash->line && clash->by_serial)
		snprintf(text, sizeof(text),
		    "This serial number stands in line %lld already.",
		    (long long)clash->line);
	else if (clash->line)
		snprintf(text, sizeof(text),
		    "This secret stands in line %lld already, for %s.",
		    (long long)clash->line, other->serial);
	else
		snprintf(text, sizeof(text), "%s %s is %s%s%s.",
		    clash->by_serial ? "There is a token of this number:"
				     : "This secret is another token's:",
		    other->serial, token_state_text(other->state),
		    other->user[0] ? ", and held by " : "", other->user);
	return complain(
	    part, row->line, clash->by_serial ? "serial" : "secret", text);
}

/* The row as a token; false when sekimorictl should never have sent it. */
static bool read_row(const struct stock_row *row, struct token *out)
{
	if (!text_is_identifier(row->serial, strlen(row->serial)) ||
	    !token_row_read(&row->token, &out->otp))
		return false;
	out->otp.floor = row->token.type == OTP_HOTP ? row->token.counter : 0;
	snprintf(out->serial, sizeof(out->serial), "%s", row->serial);
	return true;
}

static enum err take_row(struct part *part, json_t *item)
{
	struct json_problem problem = {""};
	struct stock_row row = {0};
	struct stock_clash clash = {0};
	struct token token = {.created_at = part->job->time.now_s};
	enum err err;

	if (json_take(item, ROW_MEMBERS,
		sizeof(ROW_MEMBERS) / sizeof(ROW_MEMBERS[0]), true, &row,
		&problem) != ERR_NONE)
		return admin_refuse(part->job, 400, "%s", problem.text);
	if (!read_row(&row, &token))
		return admin_refuse(part->job, 400,
		    "Line %lld: type, period, digits, serial or secret cannot "
		    "be so.",
		    (long long)row.line);
	err = stock_import_add(
	    part->store, row.line, &token, &part->deed, &clash);
	token_wipe(&token);
	part->tokens += err == ERR_NONE;
	if (err == ERR_EXISTS)
		err = complain_clash(part, &row, &clash);
	return err;
}

static enum err answer_part(struct part *part)
{
	struct admin_job *job = part->job;
	bool bad = json_array_size(part->problems) > 0;
	enum err err = stock_import_note(part->store, job->arguments.import,
	    part->tokens, bad, job->time.now_s);

	if (err != ERR_NONE)
		return err;
	return admin_answer(
	    job, json_pack("{s:I,s:O}", "tokens", (json_int_t)part->tokens,
		     "problems", part->problems));
}

static enum err stock_part(struct admin_job *job, struct store *store)
{
	struct part part = {.job = job,
	    .store = store,
	    .deed = admin_deed(job, "imported"),
	    .problems = json_array()};
	size_t count = json_array_size(job->arguments.rows);
	bool found = false;
	enum err err = part.problems ? ERR_NONE : ERR_MEMORY;

	job->unfinished = true;
	if (err == ERR_NONE)
		err = find_room(job, store, count, &found);
	for (size_t i = 0;
	     found && i < count && err == ERR_NONE && job->status == 0; i++)
		err = take_row(&part, json_array_get(job->arguments.rows, i));
	if (err == ERR_NONE && job->status)
		job->undo = true;
	else if (err == ERR_NONE)
		err = answer_part(&part);
	json_decref(part.problems);
	return err;
}

/* --- the end ----------------------------------------------------------------
 */

static enum err stock_finish(struct admin_job *job, struct store *store)
{
	struct stock_import import;
	bool found = false;
	enum err err = find_import(job, store, &import, &found);

	if (err != ERR_NONE || !found)
		return err;
	if (import.has_fault || import.tokens != job->arguments.tokens)
		return admin_refuse(job, 409,
		    "This import has faults or did not arrive as a whole; it "
		    "can only be given up.");
	err = stock_import_finish(store, import.id);
	if (err != ERR_NONE)
		return err;
	job->note = json_pack("{s:I,s:I}", "import", (json_int_t)import.id,
	    "tokens", (json_int_t)import.tokens);
	return admin_answer(
	    job, json_pack("{s:I}", "tokens", (json_int_t)import.tokens));
}

static enum err stock_give_up(struct admin_job *job, struct store *store)
{
	enum err err = stock_import_give_up(store, job->arguments.import);
	bool more = false;

	job->unfinished = true;
	if (err == ERR_NONE)
		err = stock_import_sweep(store, job->time.now_s, &more);
	job->again = more;
	if (err != ERR_NONE || more)
		return err;
	return admin_answer(job, json_object());
}

#define IMPORT_NUMBER                                                          \
	{                                                                      \
		"import", JSON_MEMBER_NUMBER, ADMIN_OFFSET(import), true, 1,   \
		    INT64_MAX, NULL                                            \
	}

const struct admin_verb ADMIN_STOCK_VERBS[] = {
    {.path = "token/stock-begin",
	.roles = ADMIN_ENROLLERS,
	.action = "token import",
	.run = stock_begin,
	.is_long = true},
    {.path = "token/stock-part",
	.roles = ADMIN_ENROLLERS,
	.action = "token import",
	.members = {IMPORT_NUMBER,
	    {"rows", JSON_MEMBER_ARRAY, ADMIN_OFFSET(rows), true, 0,
		ADMIN_IMPORT_ROWS_MAX, NULL}},
	.run = stock_part,
	.is_long = true},
    {.path = "token/stock-finish",
	.roles = ADMIN_ENROLLERS,
	.action = "token import",
	.members = {IMPORT_NUMBER,
	    {"tokens", JSON_MEMBER_NUMBER, ADMIN_OFFSET(tokens), true, 1,
		INT64_MAX, NULL}},
	.run = stock_finish,
	.is_long = true},
    {.path = "token/stock-give-up",
	.roles = ADMIN_ENROLLERS,
	.action = "token import",
	.members = {IMPORT_NUMBER},
	.run = stock_give_up,
	.is_long = true},
    {0},
};
