/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/import_google.h"

#include <stdlib.h>
#include <string.h>

#include "shared/encode.h"

enum {
	DIGITS_MAX = 15,
	SCRATCH_DIGITS = 8,
	STEP_S_DEFAULT = 30,
	STEPS_AHEAD_MAX = 60 /* of a clock that runs fast */
};

struct reader {
	struct import_google google;
	struct import_oath_problem *problem;
	int64_t now_s, last_step, hotp_counter;
	bool is_totp, is_hotp;
	size_t line;
};

static enum err refuse(struct reader *reader, size_t column, const char *text)
{
	reader->problem->row = reader->line;
	reader->problem->column = column;
	snprintf(
	    reader->problem->text, sizeof(reader->problem->text), "%s", text);
	return ERR_INVALID;
}

/* --- the seed ---------------------------------------------------------------
 */

/* It takes 0, 1 and 8 for the letters that look like them. */
static char as_base32(char c)
{
	switch (c) {
	case '0':
		return 'O';
	case '1':
		return 'L';
	case '8':
		return 'B';
	}
	return c;
}

static enum err take_seed(struct reader *reader, char *line, size_t length)
{
	unsigned char seed[IMPORT_OATH_SEED_BYTES_MAX];
	size_t used = 0;
	enum err err;

	for (size_t i = 0; i < length; i++)
		line[i] = as_base32(line[i]);
	err = decode_base32(line, length, seed, sizeof(seed), &used);
	if (err == ERR_TOO_LONG)
		err = refuse(reader, 1, "The seed is longer than 64 bytes.");
	else if (err != ERR_NONE || used == 0)
		err = refuse(reader, 1,
		    "The first line is not a seed in base32: is this a "
		    ".google_authenticator file?");
	else if (used < IMPORT_OATH_SEED_BYTES_MIN)
		err = refuse(reader, 1,
		    "The seed has less than 112 bits (older versions made 80). "
		    "Enrol this person anew.");
	else
		err = secret_set(&reader->google.seed, seed, used);
	secret_wipe_bytes(seed, sizeof(seed));
	return err;
}

/* --- options ----------------------------------------------------------------
 */

static bool take_number(const char **text, int64_t *out)
{
	const char *at = *text + strspn(*text, " \t");
	size_t digits = strspn(at, "0123456789");

	if (digits == 0 || digits > DIGITS_MAX ||
	    (at[digits] != '\0' && !strchr(" \t", at[digits])))
		return false;
	*out = strtoll(at, NULL, 10);
	*text = at + digits;
	return true;
}

static enum err take_step_size(struct reader *reader, const char *value)
{
	int64_t seconds = 0;

	if (!take_number(&value, &seconds) || (seconds != 30 && seconds != 60))
		return refuse(reader, 1,
		    "STEP_SIZE must be 30 or 60. Enrol this person anew.");
	reader->google.period_s = (int)seconds;
	return ERR_NONE;
}

static enum err take_counter(struct reader *reader, const char *value)
{
	reader->is_hotp = true;
	return take_number(&value, &reader->hotp_counter)
		   ? ERR_NONE
		   : refuse(reader, 1, "HOTP_COUNTER is not a number.");
}

/* The steps whose codes have been used lately. */
static enum err take_used(struct reader *reader, const char *value)
{
	int64_t step;

	while (take_number(&value, &step)) {
		int64_t most = reader->now_s / STEP_S_DEFAULT + STEPS_AHEAD_MAX;

		if (step > reader->last_step && step <= most)
			reader->last_step = step;
	}
	return ERR_NONE;
}

static enum err take_totp(struct reader *reader, const char *value)
{
	(void)value;
	reader->is_totp = true;
	return ERR_NONE;
}

static enum err note_rate(struct reader *reader, const char *value)
{
	(void)value;
	reader->google.has_rate_limit = true;
	return ERR_NONE;
}

static enum err note_window(struct reader *reader, const char *value)
{
	(void)value;
	reader->google.has_window = true;
	return ERR_NONE;
}

static enum err note_skew(struct reader *reader, const char *value)
{
	value += strspn(value, " \t");
	if (strcmp(value, "0") != 0)
		reader->google.has_skew = true;
	return ERR_NONE;
}

static const struct option {
	const char *name;
	enum err (*take)(struct reader *reader, const char *value);
} OPTIONS[] = {
    {"TOTP_AUTH", take_totp},
    {"HOTP_COUNTER", take_counter},
    {"STEP_SIZE", take_step_size},
    {"DISALLOW_REUSE", take_used},
    {"RATE_LIMIT", note_rate},
    {"WINDOW_SIZE", note_window},
    {"TIME_SKEW", note_skew},
};

/* What is not known changes nothing of the codes: who logged in last, how a
 * skew is being found. */
static enum err take_option(struct reader *reader, const char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strcspn(text, " \t");
	for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++)
		if (strlen(OPTIONS[i].name) == length &&
		    memcmp(OPTIONS[i].name, text, length) == 0)
			return OPTIONS[i].take(reader, text + length);
	return ERR_NONE;
}

/* --- lines ------------------------------------------------------------------
 */

static enum err take_line(struct reader *reader, char *line, size_t length)
{
	if (memchr(line, '\0', length))
		return refuse(reader, 0, "There is a NUL byte here.");
	if (reader->line == 1)
		return take_seed(reader, line, length);
	if (length == 0)
		return ERR_NONE;
	if (line[0] == '"')
		return take_option(reader, line + 1);
	if (length != SCRATCH_DIGITS ||
	    strspn(line, "0123456789") != SCRATCH_DIGITS)
		return refuse(reader, 1,
		    "This is neither an option nor a scratch code: is this a "
		    ".google_authenticator file?");
	reader->google.scratch_codes++;
	return ERR_NONE;
}

static enum err take_lines(struct reader *reader, FILE *file)
{
	char line[IMPORT_OATH_LINE_BYTES_MAX + 1];
	enum err err = ERR_NONE;
	int byte = 0;

	while (err == ERR_NONE && byte != EOF) {
		size_t length = 0;

		while ((byte = getc_unlocked(file)) != EOF && byte != '\n' &&
		       length < IMPORT_OATH_LINE_BYTES_MAX)
			line[length++] = (char)byte;
		line[length] = '\0';
		if (byte == EOF && length == 0)
			break;
		reader->line++;
		if (length == IMPORT_OATH_LINE_BYTES_MAX ||
		    reader->line > IMPORT_GOOGLE_LINES_MAX)
			err = refuse(reader, 0,
			    "This is longer than such a file ever is.");
		else
			err = take_line(reader, line, length);
	}
	secret_wipe_bytes(line, sizeof(line));
	return err == ERR_NONE && ferror(file) ? ERR_IO : err;
}

static enum err conclude(struct reader *reader)
{
	struct import_google *google = &reader->google;

	reader->line = 0;
	if (google->seed.length == 0)
		return refuse(reader, 0, "The file is empty.");
	if (reader->is_totp == reader->is_hotp)
		return refuse(
		    reader, 0, "It must say either TOTP_AUTH or HOTP_COUNTER.");
	google->is_totp = reader->is_totp;
	if (google->is_totp) {
		if (google->period_s == 0)
			google->period_s = STEP_S_DEFAULT;
		if (reader->last_step >
		    reader->now_s / google->period_s + STEPS_AHEAD_MAX)
			reader->last_step = 0;
		google->allows_reuse = reader->last_step == 0;
		google->counter = reader->last_step ? reader->last_step + 1 : 0;
	} else {
		google->counter = reader->hotp_counter;
		google->period_s = 0;
	}
	return ERR_NONE;
}

enum err import_google_read(FILE *file, int64_t now_s,
    struct import_google *out, struct import_oath_problem *problem)
{
	struct reader reader = {.problem = problem, .now_s = now_s};
	enum err err = take_lines(&reader, file);

	if (err == ERR_NONE)
		err = conclude(&reader);
	if (err == ERR_NONE)
		*out = reader.google;
	secret_wipe(&reader.google.seed);
	return err;
}

bool import_google_holder(const char *path, char out[NAME_BYTES_MAX + 1])
{
	static const char usual[] = "google_authenticator";
	char *whole = realpath(path, NULL), *name, *end;
	bool is_holder = false;

	if (!whole)
		return false;
	name = strrchr(whole, '/') + 1;
	end = name + strlen(name);
	if (end - name < (ptrdiff_t)strlen(usual) ||
	    strcmp(end - strlen(usual), usual) != 0)
		goto out;
	end -= strlen(usual);
	if (end > name)
		end--; /* the dot before it */
	if (end == name && name - whole > 1) {
		end = name - 1;
		*end = '\0';
		name = strrchr(whole, '/') + 1;
	}
	*end = '\0';
	if (end > name && end - name <= NAME_BYTES_MAX &&
	    text_is_identifier(name, (size_t)(end - name))) {
		memcpy(out, name, (size_t)(end - name) + 1);
		is_holder = true;
	}
out:
	free(whole);
	return is_holder;
}
