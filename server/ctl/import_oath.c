/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/import_oath.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "shared/encode.h"

enum {
	FIELDS_MAX = 7,
	FINGERPRINT_BYTES = 16
};

struct field {
	const char *text;
	size_t length;
};

/* Types as oath-toolkit writes them; HOTP alone leaves the digits open. */
static const struct type_row {
	const char *name;
	bool is_totp;
	int period_s, digits;
	bool digits_open;
} TYPES[] = {
    {"HOTP", false, 0, 6, true},
    {"HOTP/E", false, 0, 6, true},
    {"HOTP/E/6", false, 0, 6, false},
    {"HOTP/E/8", false, 0, 8, false},
    {"HOTP/T30", true, 30, 6, false},
    {"HOTP/T30/6", true, 30, 6, false},
    {"HOTP/T30/8", true, 30, 8, false},
    {"HOTP/T60", true, 60, 6, false},
    {"HOTP/T60/6", true, 60, 6, false},
    {"HOTP/T60/8", true, 60, 8, false},
};

static enum err refuse(struct import_oath_problem *problem, const char *line,
    const struct field *field, const char *text)
{
	problem->column = field ? (size_t)(field->text - line) + 1 : 0;
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	return ERR_INVALID;
}

/* Splits at blanks and tabs. Returns how many there are, which may be more
 * than fit. */
static size_t split(
    const char *line, size_t length, struct field fields[FIELDS_MAX])
{
	size_t count = 0, at = 0;

	while (at < length) {
		size_t start;

		while (at < length && (line[at] == ' ' || line[at] == '\t'))
			at++;
		start = at;
		while (at < length && line[at] != ' ' && line[at] != '\t')
			at++;
		if (at == start)
			break;
		if (count < FIELDS_MAX)
			fields[count] =
			    (struct field){line + start, at - start};
		count++;
	}
	return count;
}

static bool field_is(const struct field *field, const char *text)
{
	return strlen(text) == field->length &&
	       memcmp(field->text, text, field->length) == 0;
}

static enum err read_type(
    const struct field *field, struct import_oath_row *row)
{
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (!field_is(field, TYPES[i].name))
			continue;
		row->is_totp = TYPES[i].is_totp;
		row->period_s = TYPES[i].period_s;
		row->digits = TYPES[i].digits;
		row->had_no_digits = TYPES[i].digits_open;
		return ERR_NONE;
	}
	return ERR_INVALID;
}

static enum err read_seed(const char *line, const struct field *field,
    struct import_oath_row *row, struct import_oath_problem *problem)
{
	unsigned char seed[IMPORT_OATH_SEED_BYTES_MAX];
	size_t length = 0;
	enum err err;

	err =
	    decode_hex(field->text, field->length, seed, sizeof(seed), &length);
	if (err == ERR_TOO_LONG)
		err = refuse(
		    problem, line, field, "The seed is longer than 64 bytes.");
	else if (err)
		err = refuse(problem, line, field,
		    "The seed is not hexadecimal with two digits a byte.");
	else if (length < IMPORT_OATH_SEED_BYTES_MIN)
		err = refuse(problem, line, field,
		    "The seed has less than 112 bits (28 hexadecimal digits). "
		    "Enrol this person anew.");
	else
		err = secret_set(&row->seed, seed, length);
	secret_wipe_bytes(seed, sizeof(seed));
	return err;
}

static bool read_number(const struct field *field, int64_t *out)
{
	int64_t number = 0;

	if (field->length == 0 || field->length > 15)
		return false;
	for (size_t i = 0; i < field->length; i++) {
		if (field->text[i] < '0' || field->text[i] > '9')
			return false;
		number = number * 10 + (field->text[i] - '0');
	}
	*out = number;
	return true;
}

/*
 * oath-toolkit writes the counter it accepted last, together with its code;
 * a file that nobody has logged in with yet has the counter to begin with
 * and no code. Only in the second case may that counter be used again.
 */
static enum err read_counter(const char *line, const struct field *fields,
    size_t count, struct import_oath_row *row,
    struct import_oath_problem *problem)
{
	if (count < 5)
		return ERR_NONE;
	if (!read_number(&fields[4], &row->counter))
		return refuse(problem, line, &fields[4],
		    "The moving factor is not a number.");
	if (row->is_totp) {
		row->counter = 0;
		row->had_totp_counter = true;
		return ERR_NONE;
	}
	row->has_counter = true;
	if (count > 5)
		row->counter++;
	return ERR_NONE;
}

static enum err check_bytes(
    const char *line, size_t length, struct import_oath_problem *problem)
{
	struct field bad = {NULL, 1};

	for (size_t i = 0; i < length; i++) {
		bad.text = line + i;
		if (line[i] == '\0')
			return refuse(
			    problem, line, &bad, "There is a NUL byte here.");
		if (line[i] == '\r')
			return refuse(problem, line, &bad,
			    "Lines must end in a line feed alone; `dos2unix` "
			    "mends that.");
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return refuse(problem, line, &bad,
			    "There is a control character here.");
	}
	return ERR_NONE;
}

static enum err read_fields(const char *line, const struct field *fields,
    size_t count, struct import_oath_row *row,
    struct import_oath_problem *problem)
{
	enum err err;

	if (read_type(&fields[0], row))
		return refuse(problem, line, &fields[0],
		    "Not a type that can be imported: HOTP, HOTP/E, HOTP/T30 "
		    "or HOTP/T60, with /6 or /8 digits.");
	if (count < 4)
		return refuse(problem, line, NULL,
		    "Type, user, PIN (or -) and seed are needed.");
	if (count > FIELDS_MAX)
		return refuse(
		    problem, line, NULL, "There are more than seven fields.");
	if (!text_is_identifier(fields[1].text, fields[1].length))
		return refuse(problem, line, &fields[1],
		    "The user is not made of ASCII letters, digits and "
		    "\"._@-\".");
	memcpy(row->user, fields[1].text, fields[1].length);
	row->had_pin = !field_is(&fields[2], "-") && !field_is(&fields[2], "+");
	err = read_counter(line, fields, count, row, problem);
	return err ? err : read_seed(line, &fields[3], row, problem);
}

enum err import_oath_line(const char *line, size_t length,
    struct import_oath_row *out, struct import_oath_problem *problem)
{
	struct field fields[FIELDS_MAX] = {{0}};
	struct import_oath_row row = {0};
	size_t count;
	enum err err;

	if (length > IMPORT_OATH_LINE_BYTES_MAX)
		return refuse(
		    problem, line, NULL, "The line is longer than 1024 bytes.");
	err = check_bytes(line, length, problem);
	if (err)
		return err;
	count = split(line, length, fields);
	if (count == 0 || fields[0].text[0] == '#')
		return ERR_NOT_FOUND;
	err = read_fields(line, fields, count, &row, problem);
	if (!err)
		*out = row;
	secret_wipe(&row.seed);
	return err;
}

/* Like fgets, but knows NUL bytes and lines that do not fit: of those one
 * byte too many is kept, and the rest skipped. -1: end of file. */
static ssize_t read_file_line(
    FILE *file, char line[IMPORT_OATH_LINE_BYTES_MAX + 1])
{
	size_t length = 0;
	int byte;

	while ((byte = getc_unlocked(file)) != EOF && byte != '\n')
		if (length <= IMPORT_OATH_LINE_BYTES_MAX)
			line[length++] = (char)byte;
	return byte == EOF && length == 0 ? -1 : (ssize_t)length;
}

enum err import_oath_each(FILE *file,
    enum err (*each)(
	void *context, size_t row_number, const struct import_oath_row *row),
    void *context, struct import_oath_problem *problem)
{
	char line[IMPORT_OATH_LINE_BYTES_MAX + 1];
	struct import_oath_row row = {0};
	enum err err = ERR_NONE;
	ssize_t length;

	for (size_t number = 1; (length = read_file_line(file, line)) >= 0;
	     number++) {
		err = import_oath_line(line, (size_t)length, &row, problem);
		problem->row = number;
		if (err == ERR_NONE)
			err = each(context, number, &row);
		else if (err == ERR_NOT_FOUND)
			err = ERR_NONE;
		secret_wipe(&row.seed);
		if (err)
			break;
	}
	secret_wipe_bytes(line, sizeof(line));
	return err ? err : ferror(file) ? ERR_IO : ERR_NONE;
}

/* A seed's fingerprint under a random salt, so that it tells nothing about
 * the seed, and the row it stands in. */
struct mark {
	unsigned char bytes[FINGERPRINT_BYTES];
	uint32_t row;
};

struct checker {
	struct import_oath_report report;
	struct secret salt;
	struct mark *marks;
	size_t count, room;
};

static void add_problem(struct checker *checker, size_t row,
    const struct import_oath_problem *problem)
{
	struct import_oath_report *report = &checker->report;

	if (report->problem_count < IMPORT_OATH_PROBLEMS_MAX) {
		report->problems[report->problem_count] = *problem;
		report->problems[report->problem_count].row = row;
	}
	report->problem_count++;
}

static enum err add_mark(
    struct checker *checker, size_t row, const struct secret *seed)
{
	unsigned char input[2 * SECRET_BYTES_MAX], hash[SHA256_DIGEST_LENGTH];
	size_t salt = checker->salt.length;
	struct mark *mark;

	if (checker->count == IMPORT_OATH_ROWS_MAX)
		return ERR_TOO_LONG;
	if (checker->count == checker->room) {
		size_t room = checker->room ? checker->room * 2 : 1024;
		struct mark *bigger =
		    reallocarray(checker->marks, room, sizeof(*bigger));

		if (!bigger)
			return ERR_MEMORY;
		checker->marks = bigger;
		checker->room = room;
	}
	memcpy(input, checker->salt.bytes, salt);
	memcpy(input + salt, seed->bytes, seed->length);
	SHA256(input, salt + seed->length, hash);
	secret_wipe_bytes(input, sizeof(input));
	mark = &checker->marks[checker->count++];
	memcpy(mark->bytes, hash, sizeof(mark->bytes));
	mark->row = (uint32_t)row;
	return ERR_NONE;
}

static enum err check_row(
    struct checker *checker, size_t number, const struct import_oath_row *row)
{
	checker->report.rows++;
	checker->report.pins += row->had_pin;
	checker->report.totp_counters += row->had_totp_counter;
	checker->report.guessed_digits += row->had_no_digits;
	return add_mark(checker, number, &row->seed);
}

static int compare_marks(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;
	int order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));

	if (order != 0)
		return order;
	return a->row < b->row ? -1 : a->row > b->row;
}

/* One seed for two would let one person log in as the other. */
static void find_twins(struct checker *checker)
{
	struct import_oath_problem problem = {0};
	size_t first = 0;

	if (checker->count == 0)
		return;
	qsort(checker->marks, checker->count, sizeof(*checker->marks),
	    compare_marks);
	for (size_t i = 1; i < checker->count; i++) {
		if (memcmp(checker->marks[first].bytes, checker->marks[i].bytes,
			FINGERPRINT_BYTES) != 0) {
			first = i;
			continue;
		}
		snprintf(problem.text, sizeof(problem.text),
		    "This seed stands in line %u already.",
		    (unsigned)checker->marks[first].row);
		add_problem(checker, checker->marks[i].row, &problem);
	}
}

static enum err check_lines(FILE *file, struct checker *checker)
{
	char line[IMPORT_OATH_LINE_BYTES_MAX + 1];
	struct import_oath_problem problem = {0};
	struct import_oath_row row = {0};
	enum err err = ERR_NONE;
	ssize_t length;

	for (size_t number = 1;
	     !err && (length = read_file_line(file, line)) >= 0; number++) {
		err = import_oath_line(line, (size_t)length, &row, &problem);
		if (err == ERR_NONE)
			err = check_row(checker, number, &row);
		else if (err == ERR_INVALID)
			add_problem(checker, number, &problem);
		if (err == ERR_INVALID || err == ERR_NOT_FOUND)
			err = ERR_NONE;
		secret_wipe(&row.seed);
	}
	secret_wipe_bytes(line, sizeof(line));
	return err ? err : ferror(file) ? ERR_IO : ERR_NONE;
}

enum err import_oath_check(FILE *file, struct import_oath_report *out)
{
	struct checker checker = {0};
	enum err err = secret_random(&checker.salt, 32);

	if (!err)
		err = check_lines(file, &checker);
	if (!err)
		find_twins(&checker);
	if (!err || err == ERR_TOO_LONG)
		*out = checker.report;
	if (!err && checker.report.problem_count > 0)
		err = ERR_INVALID;
	free(checker.marks);
	secret_wipe(&checker.salt);
	return err;
}
