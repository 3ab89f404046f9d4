/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid init: from a configuration to everything a server keeps. What is
 * there already is never overwritten, and what was half made is removed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/commands.h"
#include "server/keys/authority.h"
#include "server/keys/keyring.h"
#include "server/keys/recovery.h"
#include "server/store/store.h"

struct init {
	const struct settings *settings;
	char key_path[CONFIG_VALUE_SIZE];
	char db_path[CONFIG_VALUE_SIZE];
	bool made_key, made_db, made_recovery;
	struct keyring *keyring;
	struct store *store;
	int64_t now_s;
};

static int make_state_dir(const struct settings *settings)
{
	if (mkdir(settings->state_dir, 0700) == 0 || errno == EEXIST)
		return EXIT_DONE;
	return command_fail("the state directory cannot be made",
	    "Make its parent directory, or set state_dir");
}

static int make_key(struct init *init)
{
	bool own = init->settings->key_file[0] == '\0' ||
		   init->settings->key_file[0] == '/';
	enum err err = ERR_NONE;

	if (own) {
		err = keyring_create(init->key_path);
		init->made_key = err == ERR_NONE;
	}
	if (err == ERR_EXISTS)
		return command_fail("a key file is there already",
		    "This server has been initialised; nothing was changed");
	if (err == ERR_NONE)
		err = keyring_open(init->key_path, &init->keyring);
	if (err == ERR_NONE)
		return EXIT_DONE;
	fprintf(stderr, "sekimorid: %s: the key file: %s.\n", init->key_path,
	    err_text(err));
	return EXIT_REFUSED;
}

static int make_database(struct init *init)
{
	enum err err =
	    store_create(init->db_path, init->keyring, init->now_s * 1000);

	init->made_db = err == ERR_NONE;
	if (err == ERR_NONE)
		err = store_open(
		    init->db_path, init->keyring, init->now_s, &init->store);
	if (err == ERR_EXISTS)
		return command_fail("a database is there already",
		    "This server has been initialised; nothing was changed");
	return err == ERR_NONE ? EXIT_DONE
			       : command_fail_store(init->db_path, err);
}

static enum err create_authority(struct init *init)
{
	const struct config_list *list = &init->settings->server_names;
	char *names[CONFIG_LIST_MAX];
	enum err err = store_begin(init->store);

	for (size_t i = 0; i < list->count; i++)
		names[i] = strdup(list->items[i]);
	if (err == ERR_NONE)
		err = authority_create(init->store, &init->settings->lifetimes,
		    names, list->count, init->now_s);
	for (size_t i = 0; i < list->count; i++)
		free(names[i]);
	return err;
}

static enum err keep_recovery(struct init *init, const char *path)
{
	char *public_pem = NULL;
	enum err err = recovery_key_new(path, &public_pem);

	init->made_recovery = err == ERR_NONE;
	if (err == ERR_NONE)
		err =
		    store_set_text(init->store, STORE_RECOVERY_KEY, public_pem);
	free(public_pem);
	return err;
}

static int fill(struct init *init, const char *recovery_path)
{
	enum err err = create_authority(init);

	if (err == ERR_NONE && recovery_path)
		err = keep_recovery(init, recovery_path);
	if (err == ERR_NONE)
		err = store_commit(init->store);
	else
		store_rollback(init->store);
	if (err == ERR_NONE)
		return EXIT_DONE;
	if (recovery_path && !init->made_recovery)
		return command_fail("the recovery key cannot be written",
		    "Name a new file in a directory that you can write");
	return command_fail_store(init->db_path, err);
}

static int hand_over(const struct init *init)
{
	char wal[CONFIG_VALUE_SIZE + 8];

	snprintf(wal, sizeof(wal), "%s-wal", init->db_path);
	if (command_hand_over(init->settings, init->db_path) &&
	    command_hand_over(init->settings, wal) &&
	    (!init->made_key ||
		command_hand_over(init->settings, init->key_path)))
		return EXIT_DONE;
	return command_fail("the new files cannot be given to the owner of "
			    "the state directory",
	    "Check that its file system knows owners");
}

static void tell(const struct init *init, const char *recovery_path)
{
	printf("Made %s (key-encryption key, 0600) and %s.\n", init->key_path,
	    init->db_path);
	if (recovery_path)
		printf("Made %s: it opens backups. Move it to the safe; this "
		       "server does not need it.\n",
		    recovery_path);
	else
		printf("No recovery key was asked for, so backups cannot be "
		       "made. To have one: remove both files now and init "
		       "again with --recovery-key FILE.\n");
	printf("Next: systemctl enable --now sekimorid, then sekimorictl "
	       "terminal add NAME\n");
}

static void undo(struct init *init, const char *recovery_path)
{
	char path[CONFIG_VALUE_SIZE + 8];

	if (init->made_db) {
		unlink(init->db_path);
		snprintf(path, sizeof(path), "%s-wal", init->db_path);
		unlink(path);
	}
	if (init->made_key)
		unlink(init->key_path);
	if (init->made_recovery)
		unlink(recovery_path);
}

int command_init(
    const struct command_options *options, const struct settings *settings)
{
	struct init init = {.settings = settings, .now_s = time(NULL)};
	int code = make_state_dir(settings);

	settings_path(
	    settings, "sekimori.db", init.db_path, sizeof(init.db_path));
	if (code == EXIT_DONE &&
	    !command_key_path(settings, init.key_path, sizeof(init.key_path)))
		code = command_fail("the credential is not here",
		    "Run this by systemd-run with LoadCredential=");
	if (code == EXIT_DONE)
		code = make_key(&init);
	if (code == EXIT_DONE)
		code = make_database(&init);
	if (code == EXIT_DONE)
		code = fill(&init, options->recovery_key);
	store_close(init.store);
	keyring_free(init.keyring);
	if (code == EXIT_DONE)
		code = hand_over(&init);
	if (code == EXIT_DONE)
		tell(&init, options->recovery_key);
	else
		undo(&init, options->recovery_key);
	return code;
}
