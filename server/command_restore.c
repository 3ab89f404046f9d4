/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid restore: asks whether the clock is right, because everything
 * restored is dated by it, and hands over to store/backup.c.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "server/commands.h"
#include "server/core/otp.h"
#include "server/store/backup.h"

enum {
	ANSWER_SIZE = 16,
	TIME_TEXT_SIZE = 64
};

/* Anything but "yes" is a no. */
static bool confirm_time(time_t now)
{
	char text[TIME_TEXT_SIZE] = "", answer[ANSWER_SIZE] = "";
	struct tm local;

	if (!localtime_r(&now, &local) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &local) == 0)
		return false;
	fprintf(stderr,
	    "The clock says %s.\n"
	    "Codes of that time, of before and of the next 7 minutes (14 for "
	    "tokens with\na step of 60 s) will be refused for good. Counter "
	    "tokens, emergency, join and\nenrolment codes are void until "
	    "bound again; spares lent for a day are due.\n"
	    "Is the time right? Type yes to go on: ",
	    text);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcmp(answer, "yes") == 0;
}

static const struct {
	enum err err;
	const char *what, *mend;
} failures[] = {
    {ERR_EXISTS, "there is a database or a key file here already",
	"Nothing was changed. Move the old state directory away first"},
    {ERR_CRYPTO, "this recovery key does not open this backup",
	"Take the key that was made with this server"},
    {ERR_INVALID, "this file is not a backup",
	"Name a file that `sekimorictl server backup` has written"},
    {ERR_CORRUPT, "the backup is damaged", "Take another copy of it"},
    {ERR_VERSION, "the backup was made by a newer sekimorid",
	"Install that version and restore with it"},
    {ERR_NOT_FOUND, "the backup or the recovery key is not there",
	"Check both paths"},
    {ERR_FULL, "the disk is full", "Make room and restore again"},
};

static int fail_restore(enum err err)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].err == err)
			return command_fail(failures[i].what, failures[i].mend);
	fprintf(stderr, "sekimorid: the backup cannot be restored: %s.\n",
	    err_text(err));
	return EXIT_REFUSED;
}

int command_restore(
    const struct command_options *options, const struct settings *settings)
{
	char db_path[CONFIG_VALUE_SIZE], key_path[CONFIG_VALUE_SIZE];
	struct backup_restore request = {
	    .backup_path = options->backup,
	    .recovery_key_path = options->recovery_key,
	    .db_path = db_path,
	    .key_path = key_path,
	};
	time_t now = time(NULL);
	enum err err;

	if (!options->recovery_key)
		return command_fail("--recovery-key FILE is missing",
		    "It was made by `sekimorid init` and should be in the "
		    "safe");
	settings_path(settings, "sekimori.db", db_path, sizeof(db_path));
	if (settings->key_file[0] == '/')
		snprintf(key_path, sizeof(key_path), "%s", settings->key_file);
	else
		settings_path(settings, "kek", key_path, sizeof(key_path));
	if (!options->yes && !confirm_time(now))
		return command_fail("the time was not confirmed",
		    "Set the clock with `timedatectl set-time`, then restore");
	/* Asking took time. */
	request.now_ms = (int64_t)time(NULL) * 1000;
	if (mkdir(settings->state_dir, 0700) == 0 && !options->yes)
		fprintf(stderr, "Made %s.\n", settings->state_dir);
	err = otp_init();
	if (err == ERR_NONE)
		err = backup_restore(&request);
	if (err != ERR_NONE)
		return fail_restore(err);
	if (!command_hand_over(settings, db_path) ||
	    !command_hand_over(settings, key_path))
		fprintf(stderr,
		    "sekimorid: give %s and %s to the user sekimori (chown) "
		    "before starting.\n",
		    db_path, key_path);
	printf("Restored %s and %s.\n", db_path, key_path);
	if (settings->key_file[0] == 'c')
		printf("The key file is to become the systemd credential "
		       "again: systemd-creds encrypt.\n");
	printf(
	    "Next: systemctl start sekimorid, then `sekimorictl audit verify`, and "
	    "bind counter tokens again with `sekimorictl token confirm`.\n"
	    "Rules and staff lists that were planned when the backup was made "
	    "take effect on\ntheir day, also those that were cancelled since: "
	    "`sekimorictl policy list`,\n`sekimorictl user import list`.\n");
	return EXIT_DONE;
}
