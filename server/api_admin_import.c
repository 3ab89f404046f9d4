/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token/import: up to 500 tokens with their holders, active at once (counters
 * after a restore: void until confirmed), all or none of them. The same rows
 * again change nothing, so that an import that broke off is simply repeated; a
 * floor remembered for a seed stays.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/api_admin_token_row.h"

enum err admin_token_import(struct admin_job *job, struct store *store);

enum {
	STEPS_AHEAD_MAX = 61
};

struct import_row {
	const char *user;
	struct token_row token;
};

#define ROW_OFFSET(field) offsetof(struct import_row, field)
static const struct json_member ROW_MEMBERS[] = {
    {"user", JSON_MEMBER_NAME, ROW_OFFSET(user), true, 0, 0, NULL},
    TOKEN_ROW_MEMBERS(ROW_OFFSET(token)),
};

struct import_counts {
	json_int_t created, unchanged, users;
	json_int_t unbound; /* of those created */
};

/* Refuses everything because of one row. */
static enum err refuse_row(
    struct admin_job *job, int status, size_t index, const char *text)
{
	job->undo = true;
	return admin_refuse(
	    job, status, "Row %zu of this part: %s", index + 1, text);
}

static enum err refuse_user(
    struct admin_job *job, const char *user, const char *text)
{
	job->undo = true;
	return admin_refuse(job, 409, "%s: %s", user, text);
}

/* A step that is far from having come would shut the token out. */
static bool is_due(
    const struct admin_job *job, const struct otp_token *token, int64_t counter)
{
	return token->type != OTP_TOTP || counter == 0 ||
	       counter <= job->time.now_s / token->period_s + STEPS_AHEAD_MAX;
}

/* The row as a token but for its holder; false after a refusal. */
static bool read_row(struct admin_job *job, size_t index, struct token *out)
{
	struct json_problem problem = {""};
	struct import_row row = {0};

	if (json_take(json_array_get(job->arguments.rows, index), ROW_MEMBERS,
		sizeof(ROW_MEMBERS) / sizeof(ROW_MEMBERS[0]), true, &row,
		&problem)) {
		refuse_row(job, 400, index, problem.text);
		return false;
	}
	if (!text_is_identifier(row.user, strlen(row.user)) ||
	    !token_row_read(&row.token, &out->otp) ||
	    !is_due(job, &out->otp, row.token.counter)) {
		refuse_row(job, 400, index,
		    "type, period, digits, counter, user or secret cannot be so.");
		return false;
	}
	out->otp.floor = row.token.counter;
	out->created_at = out->confirmed_at = job->time.now_s;
	snprintf(out->user, sizeof(out->user), "%s", row.user);
	return true;
}

/* The holder, made if that is wanted. */
static enum err find_holder(struct admin_job *job, struct store *store,
    const char *user, struct person *out, struct import_counts *counts)
{
	const char *obstacle = NULL;
	enum err err = person_find(store, user, out);

	if (!err)
		err = admin_find_obstacle(job, store, out, true, &obstacle);
	if (obstacle)
		return refuse_user(job, user, obstacle);
	if (err != ERR_NOT_FOUND)
		return err;
	if (!job->arguments.create_users)
		return refuse_user(job, user,
		    "nobody of this name is registered. Register people "
		    "first, or add --create-users.");
	*out =
	    (struct person){.created_at = job->time.now_s, .kind = "regular"};
	snprintf(out->user, sizeof(out->user), "%s", user);
	snprintf(out->login, sizeof(out->login), "%s", user);
	err = admin_find_obstacle_of_place(job, store, out, &obstacle);
	if (err || obstacle)
		return err ? err : refuse_user(job, user, obstacle);
	counts->users++;
	return person_add(store, out);
}

/* After a restore nobody knows whether a counter was imported and used since
 * the backup: like those that the backup knew, it waits for `token confirm`. */
static enum token_state state_of(
    const struct store *store, const struct token *token)
{
	return token->otp.type == OTP_HOTP && store->floor_s != 0
		   ? TOKEN_VOID
		   : TOKEN_ACTIVE;
}

static enum err keep_token(struct admin_job *job, struct store *store,
    struct person *person, struct token *token, struct import_counts *counts)
{
	const struct token_deed deed = admin_deed(job, "imported");
	enum err err;

	token->person_id = person->id;
	token->state = state_of(store, token);
	err = token_add(store, token, &deed);
	if (err == ERR_EXISTS && token->person_id != person->id)
		return refuse_user(job, person->user,
		    "this secret belongs to somebody else's token.");
	if (err == ERR_EXISTS) {
		counts->unchanged++;
		return ERR_NONE;
	}
	if (err)
		return err;
	counts->created++;
	counts->unbound += token->state == TOKEN_VOID;
	if (person->enrolled_at != 0)
		return ERR_NONE;
	person->enrolled_at = job->time.now_s;
	return person_save(store, person);
}

static enum err import_row(struct admin_job *job, struct store *store,
    size_t index, struct import_counts *counts)
{
	struct token token = {0};
	struct person person;
	enum err err = ERR_NONE;

	if (!read_row(job, index, &token))
		goto out;
	err = find_holder(job, store, token.user, &person, counts);
	if (err || job->status)
		goto out;
	err = keep_token(job, store, &person, &token, counts);
out:
	token_wipe(&token);
	return err;
}

enum err admin_token_import(struct admin_job *job, struct store *store)
{
	struct import_counts counts = {0};
	size_t count = json_array_size(job->arguments.rows);
	enum err err = ERR_NONE;

	for (size_t i = 0; i < count && !err && !job->status; i++)
		err = import_row(job, store, i, &counts);
	if (err || job->status)
		return err;
	return admin_answer(
	    job, json_pack("{s:I,s:I,s:I,s:I}", "created", counts.created,
		     "unchanged", counts.unchanged, "users_created",
		     counts.users, "unbound", counts.unbound));
}
