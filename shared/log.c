/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one line of an event and hands it to journald or to stderr. Which of
 * the two is looked up each time: two system calls are cheaper than state
 * that a redirected stderr would make wrong. The program's name is the only
 * thing kept. The one file that knows systemd's journal.
 */
#include "shared/log.h"

/* Where in our source a line was logged is nobody's concern. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shared/text.h"

enum {
	LOG_LINE_SIZE = 4096,
	LOG_VALUE_SIZE = 1024, /* escaped */
	LOG_FIELDS_MAX = 24,
	LOG_JOURNAL_SIZE = 16384,
};

/* Text that only grows; what does not fit whole is left out. */
struct line {
	char *bytes;
	size_t size, used;
};

/* Set once by log_open, before any thread exists. */
static const char *log_program = "sekimori";

void log_open(const char *program)
{
	log_program = program;
}

static bool append_bytes(struct line *line, const char *bytes, size_t length)
{
	if (length >= line->size - line->used)
		return false;
	memcpy(line->bytes + line->used, bytes, length);
	line->used += length;
	line->bytes[line->used] = '\0';
	return true;
}

static bool append(struct line *line, const char *text)
{
	return append_bytes(line, text, strlen(text));
}

static const char *level_word(int level)
{
	static const char *const words[] = {"emergency", "alert", "critical",
	    "error", "warning", "notice", "info", "debug"};

	if (level < 0 || (size_t)level >= sizeof(words) / sizeof(words[0]))
		return "error";
	return words[level];
}

static void format_value(
    const struct log_field *field, char out[LOG_VALUE_SIZE])
{
	if (field->text)
		text_escape(
		    field->text, strlen(field->text), out, LOG_VALUE_SIZE);
	else
		snprintf(out, LOG_VALUE_SIZE, "%lld", field->number);
}

/* ` key=value`, the value in quotes where a reader could take it for more
 * than one. */
static void append_field(struct line *line, const struct log_field *field)
{
	/* Zeroing it for each field would cost more than the field. */
	char value[LOG_VALUE_SIZE] __attribute__((uninitialized));
	const size_t start = line->used;
	bool quoted, fits;

	format_value(field, value);
	quoted = !*value || strpbrk(value, " =\"");
	fits = append(line, " ") && append(line, field->key) &&
	       append(line, quoted ? "=\"" : "=");
	for (const char *at = value; fits && *at;) {
		size_t plain = strcspn(at, "\"");

		fits = append_bytes(line, at, plain);
		at += plain;
		if (fits && *at) {
			fits = append(line, "\\x22");
			at++;
		}
	}
	if (fits && (!quoted || append(line, "\"")))
		return;
	line->used = start;
	line->bytes[start] = '\0';
}

static void append_message(struct line *line, const char *message,
    const struct log_field *fields, size_t count)
{
	char escaped[LOG_VALUE_SIZE];

	text_escape(message, strlen(message), escaped, sizeof(escaped));
	append(line, escaped);
	for (size_t i = 0; i < count; i++)
		append_field(line, &fields[i]);
}

/* systemd.exec(5): stderr is the journal if it is the stream named there,
 * and not whatever it was redirected to since. */
static bool is_journal_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat status;

	if (!stream || fstat(STDERR_FILENO, &status) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev,
	    (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

/* Remembers what was appended since start as one variable. */
static void end_variable(struct line *line, size_t start, struct iovec *out)
{
	out->iov_base = line->bytes + start;
	out->iov_len = line->used - start;
}

static void append_key(struct line *line, const char *key)
{
	for (; *key; key++) {
		const char upper[] = {
		    (char)(*key >= 'a' && *key <= 'z' ? *key - 32 : *key),
		    '\0'};

		append(line, upper);
	}
	append(line, "=");
}

static bool send_to_journal(int level, const char *message,
    const struct log_field *fields, size_t count)
{
	char bytes[LOG_JOURNAL_SIZE], value[LOG_VALUE_SIZE];
	struct line line = {bytes, LOG_LINE_SIZE, 0};
	struct iovec variables[LOG_FIELDS_MAX + 3];
	int used = 0;
	size_t start;

	append(&line, "MESSAGE=");
	append_message(&line, message, fields, count);
	end_variable(&line, 0, &variables[used++]);

	line.size = sizeof(bytes);
	start = line.used;
	snprintf(value, sizeof(value), "PRIORITY=%d", level);
	append(&line, value);
	end_variable(&line, start, &variables[used++]);

	start = line.used;
	append(&line, "SYSLOG_IDENTIFIER=");
	append(&line, log_program);
	end_variable(&line, start, &variables[used++]);

	for (size_t i = 0; i < count; i++) {
		start = line.used;
		format_value(&fields[i], value);
		append_key(&line, fields[i].key);
		if (!append(&line, value))
			break;
		end_variable(&line, start, &variables[used++]);
	}
	return sd_journal_sendv(variables, used) == 0;
}

/* One write, so that lines of two processes do not mix. */
static void send_to_stderr(int level, const char *message,
    const struct log_field *fields, size_t count)
{
	char bytes[LOG_LINE_SIZE];
	struct line line = {bytes, sizeof(bytes) - 1, 0};
	ssize_t written;

	append(&line, level_word(level));
	append(&line, " ");
	append_message(&line, message, fields, count);
	bytes[line.used++] = '\n';
	do
		written = write(STDERR_FILENO, bytes, line.used);
	while (written < 0 && errno == EINTR);
}

void log_event(int level, const char *message, const struct log_field *fields,
    size_t count)
{
	const int saved = errno;

	if (count > LOG_FIELDS_MAX)
		count = LOG_FIELDS_MAX;
	if (!is_journal_stderr() ||
	    !send_to_journal(level, message, fields, count))
		send_to_stderr(level, message, fields, count);
	errno = saved;
}

void log_plain(int level, const char *message)
{
	log_event(level, message, NULL, 0);
}
