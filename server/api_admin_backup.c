/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl server backup`: the copy is made in the state folder, a little
 * with each transaction, and its name is gone before the first byte is sent.
 * The daemon opens no file that the caller names.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "server/api_admin.h"
#include "server/store/backup.h"

enum backup_stage {
	BACKUP_BEGIN = 0,
	BACKUP_COPY,
};

static void write_path(const struct admin_job *job, char *out, size_t size)
{
	settings_path(&job->server->settings, "backup.unfinished", out, size);
}

/* What an earlier one left behind that could not go on. */
static void clear_way(
    struct admin_job *job, struct store *store, const char *path)
{
	if (job->server->backup)
		backup_cancel(store, &job->server->backup);
	(void)unlink(path);
}

static enum err hand_over(struct admin_job *job, const char *path)
{
	job->body_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (job->body_fd < 0 || unlink(path) != 0)
		return ERR_IO;
	return ERR_NONE;
}

static enum err admin_server_backup(struct admin_job *job, struct store *store)
{
	char path[CONFIG_VALUE_SIZE * 2];
	bool more = true;
	enum err err;

	if (!job->holds_backup)
		return admin_refuse(job, 409,
		    "A backup or a rotation of keys goes on. Wait for its "
		    "end.");
	/* The file is there; only the record failed, and is tried again. */
	if (job->body_fd >= 0)
		return ERR_NONE;
	write_path(job, path, sizeof(path));
	if (job->progress.stage == BACKUP_BEGIN)
		clear_way(job, store, path);
	job->next.stage = BACKUP_COPY;
	err =
	    backup_step(store, path, job->now_ms, &job->server->backup, &more);
	if (err == ERR_NOT_ALLOWED)
		return admin_refuse(job, 409,
		    "There is no recovery key to wrap the keys to, so a "
		    "backup could never be opened. `sekimorid init "
		    "--recovery-key FILE` makes one with a new database.");
	if (err == ERR_FULL)
		return admin_refuse(job, 409,
		    "The disk has no room for a copy of the database.");
	if (err)
		return err;
	job->again = more;
	return more ? ERR_NONE : hand_over(job, path);
}

static void prepare_backup(struct admin_job *job)
{
	/* A copy made while keys change could not be opened. */
	job->holds_backup =
	    !job->server->backup_running && !job->server->rotation_running;
	if (job->holds_backup)
		job->server->backup_running = true;
}

static void clean_up_backup(struct admin_job *job)
{
	if (job->holds_backup)
		job->server->backup_running = false;
	if (job->body_fd >= 0)
		close(job->body_fd);
}

const struct admin_verb ADMIN_BACKUP_VERBS[] = {
    {.path = "server/backup",
	.action = "server backup",
	.prepare = prepare_backup,
	.run = admin_server_backup,
	.clean_up = clean_up_backup,
	.is_long = true},
    {0},
};
