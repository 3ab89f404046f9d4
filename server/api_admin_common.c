/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of several nouns share: refusing, finding what an argument
 * names, reading times, and the objects that answers are made of.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"

enum {
	DAY_S = 24 * 3600,
	DAY_END_HOUR = 17, /* when the counters close */
	DAY_END_MINUTE = 15,
};

enum err admin_refuse(
    struct admin_job *job, int status, const char *format, ...)
{
	va_list arguments;

	job->status = status;
	va_start(arguments, format);
	vsnprintf(job->detail, sizeof(job->detail), format, arguments);
	va_end(arguments);
	/* A name in it may have been cut in the middle of a character. */
	for (size_t end = strlen(job->detail);
	     end > 0 && !text_is_utf8(job->detail, end); end--)
		job->detail[end - 1] = '\0';
	return ERR_NONE;
}

enum err admin_answer(struct admin_job *job, json_t *answer)
{
	if (!answer)
		return ERR_MEMORY;
	json_decref(job->answer);
	job->answer = answer;
	return ERR_NONE;
}

enum err admin_answer_as(
    struct admin_job *job, const char *name, json_t *object)
{
	json_t *answer = json_object();

	if (!answer || json_object_set_new(answer, name, object)) {
		json_decref(answer);
		return ERR_MEMORY;
	}
	return admin_answer(job, answer);
}

enum err admin_answer_page(struct admin_job *job, struct admin_page *page)
{
	bool more = page->seen == ADMIN_PAGE_MAX;

	return admin_answer(job, json_pack("{s:O,s:s?}", "items", page->items,
				     "following", more ? page->last : NULL));
}

enum err admin_find_person(struct admin_job *job, struct store *store,
    const char *user, struct person *out, bool *out_found)
{
	enum err err = person_find(store, user, out);

	*out_found = false;
	snprintf(job->user, sizeof(job->user), "%s", user);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "No person %s. `sekimorictl user list` shows everybody.",
		    user);
	return err ? err : admin_check_person(job, store, out, out_found);
}

enum err admin_find_token(struct admin_job *job, struct store *store,
    bool with_seed, struct token *out, bool *out_found)
{
	const char *serial = job->arguments.serial;
	enum err err = token_find(store, serial, with_seed, out);

	*out_found = false;
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "No token %s. `sekimorictl token list` shows all.", serial);
	if (err)
		return err;
	snprintf(job->user, sizeof(job->user), "%s", out->user);
	return admin_check_holder(job, store, out->person_id, out_found);
}

enum err admin_find_terminal(struct admin_job *job, struct store *store,
    struct terminal *out, bool *out_found)
{
	const char *name = job->arguments.name;
	enum err err = terminal_find(store, name, out);

	*out_found = err == ERR_NONE;
	snprintf(job->terminal, sizeof(job->terminal), "%s", name);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "No terminal %s. `sekimorictl terminal list` shows all.",
		    name);
	return err;
}

struct token_deed admin_deed(struct admin_job *job, const char *what)
{
	const char *reason = job->arguments.reason;

	if (reason) {
		job->why = reason;
		snprintf(job->deed, sizeof(job->deed), "%s: %s", what, reason);
		what = job->deed;
	}
	return (struct token_deed){job->actor, what, job->time.now_s};
}

bool admin_read_time(struct admin_job *job, const char *name, const char *text,
    enum time_text_edge edge, int64_t *out)
{
	if (!text)
		return true;
	if (time_text_read(text, edge, job->time.now_s, out) == ERR_NONE)
		return true;
	admin_refuse(job, 400,
	    "%s: %s is no date or time. Type " TIME_TEXT_FORMS ".", name, text);
	return false;
}

/* The end of the working day; later than that, of the day. */
static enum err tonight(int64_t now_s, int64_t *out)
{
	enum err err =
	    time_text_today(now_s, DAY_END_HOUR, DAY_END_MINUTE, out);

	if (!err && *out <= now_s)
		err = time_text_today(now_s, 23, 59, out);
	/* In the last minute of a day the next one is meant. */
	if (!err && *out <= now_s)
		*out = now_s + DAY_S / 2;
	return err;
}

bool admin_read_until_tonight(struct admin_job *job, int64_t *out)
{
	int64_t now_s = job->time.now_s;

	if (!job->arguments.until && tonight(now_s, out)) {
		admin_refuse(job, 400, "Say until when: --until 17:15.");
		return false;
	}
	if (!admin_read_time(
		job, "--until", job->arguments.until, TIME_TEXT_END, out))
		return false;
	if (*out <= now_s)
		admin_refuse(job, 400, "--until must be in the future.");
	else if (*out > now_s + DAY_S)
		admin_refuse(job, 400,
		    "This is for a day: --until is 24 hours from now at most.");
	return job->status == 0;
}

bool admin_needs_clock(struct admin_job *job)
{
	if (job->time.trusted)
		return true;
	admin_refuse(job, 409,
	    "The server's clock cannot be believed. Set it right, then: "
	    "`sekimorictl server clock accept`.");
	return false;
}

json_t *admin_time(int64_t unix_s)
{
	return unix_s ? json_integer(unix_s) : json_null();
}

static json_t *departments_json(const char *list)
{
	json_t *names = json_array();

	while (names && *list) {
		size_t length = strcspn(list, ",");

		json_array_append_new(names, json_stringn(list, length));
		list += length;
		list += *list == ',';
	}
	return names;
}

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

json_t *admin_person_json(const struct person *person)
{
	return json_pack(
	    "{s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:b,s:o,s:o,s:b,s:s?,s:s?}", "id",
	    person->user, "login", person->login, "name", person->name,
	    "department", person->department, "departments",
	    departments_json(person->department), "kind", person->kind, "state",
	    person_state_text(person->state), "frozen", person->frozen, "from",
	    admin_time(person->valid_from), "until",
	    admin_time(person->valid_until), "enrolled",
	    person->enrolled_at != 0, "attendant",
	    text_or_null(person->attendant), "decision",
	    text_or_null(person->decision));
}

static const char *word_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

json_t *admin_token_json(const struct token *token)
{
	static const char *const types[] = {"totp", "hotp"};
	static const char *const algorithms[] = {"sha1", "sha256", "sha512"};

	return json_pack("{s:s,s:s?,s:s?,s:s?,s:s,s:s,s:i,s:I,s:s,s:b,s:o,s:o,"
			 "s:o,s:o,s:I,s:b}",
	    "serial", token->serial, "user", word_or_null(token->user), "name",
	    word_or_null(token->name), "department",
	    word_or_null(token->department), "type", types[token->otp.type],
	    "algorithm", algorithms[token->otp.algorithm], "digits",
	    token->otp.digits, "period", (json_int_t)token->otp.period_s,
	    "state", token_state_text(token->state), "device", token->device,
	    "created", admin_time(token->created_at), "confirmed",
	    admin_time(token->confirmed_at), "last_used",
	    admin_time(token->last_used_at), "until",
	    admin_time(token->loan_until), "drift",
	    (json_int_t)token->otp.drift, "out_of_step", token->out_of_step);
}

json_t *admin_terminal_json(const struct terminal *terminal)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:o,s:o}", "name", terminal->name,
	    "group", terminal->group, "state",
	    terminal_state_text(terminal->state), "frozen", terminal->frozen,
	    "created", admin_time(terminal->created_at), "last_seen",
	    admin_time(terminal->last_seen_at));
}
