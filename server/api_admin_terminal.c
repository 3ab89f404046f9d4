/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl terminal`: who may join, and what stops a terminal. A join
 * code is a secret and the first half of our CA's hash, so that it alone
 * tells the terminal whom to trust.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "shared/encode.h"

enum {
	JOIN_SECRET_BYTES = 10,
	JOIN_SPKI_BYTES = 16,
	JOIN_BYTES = JOIN_SECRET_BYTES + JOIN_SPKI_BYTES,
	JOIN_LIFE_S = 600,
	JOIN_GROUP_CHARS = 5,
	/* Text, a hyphen after each group, and NUL. */
	JOIN_TEXT_SIZE = ENCODE_BASE32_SIZE(JOIN_BYTES) * 6 / 5 + 2,
};

static void write_join_code(const struct server *server,
    const struct secret *secret, char out[JOIN_TEXT_SIZE])
{
	unsigned char spki[CERTIFICATE_HASH_BYTES], bytes[JOIN_BYTES];
	char text[ENCODE_BASE32_SIZE(JOIN_BYTES)];
	size_t end = 0;

	authority_signing_spki(server->authority, spki);
	memcpy(bytes, secret->bytes, JOIN_SECRET_BYTES);
	memcpy(bytes + JOIN_SECRET_BYTES, spki, JOIN_SPKI_BYTES);
	encode_base32(bytes, sizeof(bytes), text);
	for (size_t i = 0; text[i]; i++) {
		if (i > 0 && i % JOIN_GROUP_CHARS == 0)
			out[end++] = '-';
		out[end++] = text[i];
	}
	out[end] = '\0';
	secret_wipe_bytes(bytes, sizeof(bytes));
	secret_wipe_bytes(text, sizeof(text));
}

static enum err hand_out_code(
    struct admin_job *job, struct store *store, const struct terminal *terminal)
{
	char code[JOIN_TEXT_SIZE];
	struct secret secret = {0};
	enum err err = secret_random(&secret, JOIN_SECRET_BYTES);

	if (!err)
		err = terminal_set_join_code(store, terminal->id, &secret,
		    job->time.now_s + JOIN_LIFE_S);
	if (!err) {
		write_join_code(job->server, &secret, code);
		err = admin_answer(
		    job, json_pack("{s:{s:s},s:s}", "terminal", "name",
			     terminal->name, "join_code", code));
		secret_wipe_bytes(code, sizeof(code));
	}
	secret_wipe(&secret);
	return err;
}

static void set_group(struct terminal *terminal, const char *group)
{
	if (group)
		snprintf(terminal->group, sizeof(terminal->group), "%s", group);
}

/* One that is known gets a new code when that was asked for: its disk may
 * have been replaced. */
static enum err add_again(
    struct admin_job *job, struct store *store, struct terminal *terminal)
{
	enum err err;

	if (!job->arguments.again)
		return admin_refuse(job, 409,
		    "%s is %s already. `sekimorictl --yes terminal add %s` "
		    "makes a new join code; joining with it ends the old "
		    "certificate.",
		    terminal->name, terminal_state_text(terminal->state),
		    terminal->name);
	set_group(terminal, job->arguments.group);
	err = terminal_save(store, terminal);
	return err ? err : hand_out_code(job, store, terminal);
}

static enum err terminal_add_verb(struct admin_job *job, struct store *store)
{
	const char *name = job->arguments.name;
	struct terminal terminal = {0};
	enum err err;

	snprintf(job->terminal, sizeof(job->terminal), "%s", name);
	if (!admin_needs_clock(job))
		return ERR_NONE;
	if (!text_is_identifier(name, strlen(name)))
		return admin_refuse(job, 400,
		    "A terminal's name is made of ASCII letters, digits and "
		    "\"._@-\", and begins with neither '.' nor '-'.");
	err = terminal_find(store, name, &terminal);
	if (!err && terminal.state != TERMINAL_REVOKED)
		return add_again(job, store, &terminal);
	if (err && err != ERR_NOT_FOUND)
		return err;
	/* What was frozen is thawed, not revoked and added again. */
	terminal = (struct terminal){.created_at = job->time.now_s,
	    .frozen = err == ERR_NONE && terminal.frozen};
	snprintf(terminal.name, sizeof(terminal.name), "%s", name);
	set_group(&terminal, job->arguments.group);
	err = terminal_add(store, &terminal);
	return err ? err : hand_out_code(job, store, &terminal);
}

static enum err add_item(void *context, const struct terminal *terminal)
{
	json_t *items = context;

	return json_array_append_new(items, admin_terminal_json(terminal))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err terminal_list(struct admin_job *job, struct store *store)
{
	json_t *items = json_array();
	enum err err =
	    items ? terminal_each(store, add_item, items) : ERR_MEMORY;

	if (!err)
		err = admin_note_joined(job, store, NULL);

	if (err) {
		json_decref(items);
		return err;
	}
	return admin_answer_as(job, "items", items);
}

/* --- states -------------------------------------------------------------- */

static enum err save_and_answer(
    struct admin_job *job, struct store *store, const struct terminal *terminal)
{
	enum err err = terminal_save(store, terminal);

	return err ? err
		   : admin_answer_as(
			 job, "terminal", admin_terminal_json(terminal));
}

static enum err terminal_revoke(struct admin_job *job, struct store *store)
{
	struct terminal terminal;
	bool found = false;
	enum err err = admin_find_terminal(job, store, &terminal, &found);

	if (err || !found)
		return err;
	terminal.state = TERMINAL_REVOKED;
	err = terminal_retire_certificates(store, terminal.id);
	return err ? err : save_and_answer(job, store, &terminal);
}

static enum err set_frozen(
    struct admin_job *job, struct store *store, bool frozen)
{
	struct terminal terminal;
	bool found = false;
	enum err err = admin_find_terminal(job, store, &terminal, &found);

	job->why = job->arguments.reason;
	if (err || !found)
		return err;
	terminal.frozen = frozen;
	return save_and_answer(job, store, &terminal);
}

static enum err terminal_freeze(struct admin_job *job, struct store *store)
{
	enum err err = set_frozen(job, store, true);

	if (err || job->status)
		return err;
	return admin_note_joined(job, store, job->arguments.name);
}

static enum err terminal_thaw(struct admin_job *job, struct store *store)
{
	return set_frozen(job, store, false);
}

#define NAME_ONLY                                                              \
	{                                                                      \
		ADMIN_NAME(name, true)                                         \
	}

const struct admin_verb ADMIN_TERMINAL_VERBS[] = {
    {.path = "terminal/add",
	.action = "terminal add",
	.members = {ADMIN_NAME(name, true), ADMIN_NAME(group, false),
	    ADMIN_BOOL(again)},
	.run = terminal_add_verb},
    {.path = "terminal/list",
	.roles = ADMIN_ENROLLERS,
	.run = terminal_list,
	.conclude = admin_tell_connected,
	.is_long = true},
    {.path = "terminal/revoke",
	.action = "terminal revoke",
	.members = NAME_ONLY,
	.run = terminal_revoke},
    {.path = "terminal/freeze",
	.action = "terminal freeze",
	.members = {ADMIN_NAME(name, true), ADMIN_REASON},
	.run = terminal_freeze,
	.conclude = admin_tell_reach},
    {.path = "terminal/thaw",
	.may_wait = true,
	.action = "terminal thaw",
	.members = {ADMIN_NAME(name, true), ADMIN_REASON},
	.run = terminal_thaw},
    {0},
};
