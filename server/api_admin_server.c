/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl server`: how the server is, what stops everybody at once, the
 * clock and new keys, which take many transactions with logins in between.
 * Backups are in api_admin_backup.c.
 */
#include <stdio.h>
#include <sys/statvfs.h>

#include "server/api_admin.h"
#include "server/commands.h"
#include "server/shadow.h"
#include "server/store/admin_request.h"
#include "server/store/admin_session.h"
#include "server/store/once.h"
#include "server/store/reseal.h"
#include "server/store/subject.h"
#include "server/store/totals.h"
#include "server/waiting.h"

/* --- status -------------------------------------------------------------- */

/* In megabytes; -1 if the system does not tell. */
static json_int_t disk_free_mb(const struct server *server)
{
	struct statvfs status;

	if (statvfs(server->settings.state_dir, &status) != 0)
		return -1;
	return (json_int_t)(status.f_bavail / 1024 * status.f_frsize / 1024);
}

static enum err server_status(struct admin_job *job, struct store *store)
{
	const char *state = "running";
	struct totals totals = {0};
	char shadow[SHADOW_TEXT_SIZE];
	enum err err = totals_count(store, job->time.now_s, &totals);

	if (err)
		return err;
	if (shadow_text(store, job->time.now_s, NULL, NULL, shadow))
		state = "shadow";
	if (store->all_frozen)
		state = "frozen";
	if (!job->time.trusted)
		state = "clock";
	return admin_answer(job,
	    json_pack("{s:s,s:s?,s:I,s:s,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
		"state", state, "shadow", shadow[0] ? shadow : NULL, "requests",
		(json_int_t)totals.requests, "version", SEKIMORI_VERSION,
		"time", (json_int_t)job->time.now_s, "instance",
		store->instance, "people", (json_int_t)totals.people, "tokens",
		(json_int_t)totals.tokens, "cards",
		(json_int_t)store->cards_bound, "terminals",
		(json_int_t)totals.terminals, "records",
		(json_int_t)store->head.seq, "disk_free",
		disk_free_mb(job->server), "generation",
		(json_int_t)keyring_newest(store->keyring)));
}

static void conclude_status(struct admin_job *job)
{
	json_object_set_new(job->answer, "connected",
	    json_integer((json_int_t)waiting_count(job->server->waiting)));
}

/* --- freeze, thaw, clock -------------------------------------------------- */

static enum err set_frozen(
    struct admin_job *job, struct store *store, bool frozen)
{
	enum err err = store_set_number(store, STORE_ALL_FROZEN, frozen);

	job->why = job->arguments.reason;
	return err ? err : admin_answer(job, json_object());
}

static enum err server_freeze(struct admin_job *job, struct store *store)
{
	enum err err = set_frozen(job, store, true);

	return err ? err : admin_note_joined(job, store, NULL);
}

static enum err server_thaw(struct admin_job *job, struct store *store)
{
	return set_frozen(job, store, false);
}

/* What lives by the clock and would come to life again. */
static enum err void_by_clock(
    struct admin_job *job, struct store *store, int64_t now_s)
{
	const struct token_deed deed = {
	    job->actor, "the clock was set back", now_s};
	enum err err = emergency_void(store, 0);

	if (!err)
		err = token_end_loans(store, &deed);

	if (!err)
		err = terminal_void_join_codes(store);
	if (!err)
		err = card_invitations_void(store);
	if (!err)
		err = admin_sessions_end(store, 0);
	if (!err)
		err = admin_requests_void(store);
	if (!err)
		err = store_end_logins(store, now_s);
	return err ? err : once_end_all(store);
}

static enum err server_clock_accept(struct admin_job *job, struct store *store)
{
	struct clock_reading *reading = &job->accepted;
	enum err err = ERR_NONE;
	bool backwards;

	server_read_clocks(job->server, reading, &job->now_ms);
	if (reading->wall_s <= 0)
		return admin_refuse(job, 409,
		    "The clock says a time before 1970. Set it first.");
	backwards = !job->time.trusted && reading->wall_s < job->time.now_s;
	/* A believed clock is within seconds of the mark and never takes it
	 * back. */
	if (job->time.trusted && reading->wall_s < job->time.now_s)
		reading->wall_s = job->time.now_s;
	if (backwards)
		err = void_by_clock(job, store, reading->wall_s);
	if (!err)
		err = store_set_mark(store, reading);
	if (err)
		return err;
	return admin_answer(
	    job, json_pack("{s:I,s:b}", "now", (json_int_t)reading->wall_s,
		     "backwards", backwards));
}

static void conclude_clock_accept(struct admin_job *job)
{
	job->server->mark = job->accepted;
}

/* --- keys rotate ---------------------------------------------------------- */

enum rotation_stage {
	ROTATION_BEGIN = 0,
	ROTATION_NEW_KEY, /* position: the generation before */
	ROTATION_RESEAL,  /* position: the last seed done */
	ROTATION_DROP,
};

/* A second run of the same step must not make a second key. */
static enum err add_key(struct admin_job *job, struct store *store)
{
	char path[CONFIG_VALUE_SIZE * 2];
	enum err err;

	if (keyring_newest(store->keyring) != job->progress.position)
		return ERR_NONE;
	if (!command_key_path(&job->server->settings, path, sizeof(path)))
		return admin_refuse(job, 409,
		    "The key file is a credential that was not handed over.");
	err = keyring_add_generation(store->keyring, path);
	if (err == ERR_IO || err == ERR_NOT_ALLOWED || err == ERR_FULL)
		return admin_refuse(job, 409,
		    "The key file cannot be written (%s). A systemd "
		    "credential is read-only: rotate with key_file on disk.",
		    err_text(err));
	return err;
}

static enum err drop_old_keys(struct admin_job *job, struct store *store)
{
	char path[CONFIG_VALUE_SIZE * 2];
	bool complete = false;
	enum err err = reseal_is_complete(store, &complete);

	if (err)
		return err;
	if (!complete)
		return admin_refuse(job, 409,
		    "Something is still sealed under the old key, so it was "
		    "kept. Run this again.");
	if (!command_key_path(&job->server->settings, path, sizeof(path)))
		return ERR_NOT_FOUND;
	err = keyring_drop_old(store->keyring, path);
	if (err)
		return err;
	return admin_answer(
	    job, json_pack("{s:I}", "generation",
		     (json_int_t)keyring_newest(store->keyring)));
}

static enum err server_keys_rotate(struct admin_job *job, struct store *store)
{
	struct admin_progress *next = &job->next;
	bool more = false;
	enum err err = ERR_NONE;

	if (!job->holds_rotation)
		return admin_refuse(job, 409,
		    "A backup or a rotation of keys goes on. Wait for its "
		    "end.");
	switch ((enum rotation_stage)job->progress.stage) {
	case ROTATION_BEGIN:
		next->position = keyring_newest(store->keyring);
		next->stage = ROTATION_NEW_KEY;
		break;
	case ROTATION_NEW_KEY:
		err = add_key(job, store);
		next->position = 0;
		next->stage = ROTATION_RESEAL;
		break;
	case ROTATION_RESEAL:
		err = reseal_step(
		    store, ADMIN_STEP_SECRETS, &next->position, &more);
		next->stage = more ? ROTATION_RESEAL : ROTATION_DROP;
		break;
	case ROTATION_DROP:
		return drop_old_keys(job, store);
	}
	job->again = job->status == 0;
	return err;
}

static void prepare_rotation(struct admin_job *job)
{
	/* A backup made meanwhile could not be opened. */
	job->holds_rotation =
	    !job->server->rotation_running && !job->server->backup_running;
	if (job->holds_rotation)
		job->server->rotation_running = true;
}

static void clean_up_rotation(struct admin_job *job)
{
	if (job->holds_rotation)
		job->server->rotation_running = false;
}

const struct admin_verb ADMIN_SERVER_VERBS[] = {
    {.path = "server/status",
	.roles = ADMIN_ENROLLERS,
	.run = server_status,
	.conclude = conclude_status},
    {.path = "server/freeze",
	.action = "server freeze",
	.members = {ADMIN_REASON},
	.run = server_freeze,
	.conclude = admin_tell_reach},
    {.path = "server/thaw",
	.may_wait = true,
	.action = "server thaw",
	.members = {ADMIN_REASON},
	.run = server_thaw},
    {.path = "server/clock-accept",
	.action = "server clock accept",
	.run = server_clock_accept,
	.conclude = conclude_clock_accept},
    {.path = "server/keys-rotate",
	.action = "server keys rotate",
	.prepare = prepare_rotation,
	.run = server_keys_rotate,
	.clean_up = clean_up_rotation,
	.is_long = true},
    {0},
};
