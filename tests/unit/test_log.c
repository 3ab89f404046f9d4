/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log line is one line whatever is in it, and goes to the journal only if
 * stderr is the journal. A private mount namespace stands in for journald.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/log.h"

enum {
	CAPTURED_SIZE = 16384
};

/* stderr for the length of one call. */
struct capture {
	int pipe[2], saved;
};

static void capture_begin(struct capture *capture)
{
	assert_int_equal(pipe(capture->pipe), 0);
	capture->saved = dup(STDERR_FILENO);
	assert_true(capture->saved >= 0);
	assert_true(dup2(capture->pipe[1], STDERR_FILENO) >= 0);
	close(capture->pipe[1]);
}

static void capture_end(struct capture *capture, char out[CAPTURED_SIZE])
{
	ssize_t got;
	size_t used = 0;

	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	close(capture->saved);
	while ((got = read(capture->pipe[0], out + used,
		    CAPTURED_SIZE - 1 - used)) > 0)
		used += (size_t)got;
	out[used] = '\0';
	close(capture->pipe[0]);
}

static void writes_one_line(void **state)
{
	static const struct {
		int level;
		const char *message;
		struct log_field field;
		const char *expected;
	} rows[] = {
	    {LOG_INFO, "decision", {"user", "s1042", 0},
		"info decision user=s1042\n"},
	    {LOG_ERR, "start", {"count", NULL, -5}, "error start count=-5\n"},
	    {LOG_WARNING, "x", {"user", "", 0}, "warning x user=\"\"\n"},
	    {LOG_NOTICE, "x", {"user", "a b", 0}, "notice x user=\"a b\"\n"},
	    {LOG_INFO, "x", {"user", "a result=accept", 0},
		"info x user=\"a result=accept\"\n"},
	    {LOG_INFO, "x", {"user", "a\" result=\"accept", 0},
		"info x user=\"a\\x22 result=\\x22accept\"\n"},
	    {LOG_INFO, "x", {"user", "a\ninfo decision", 0},
		"info x user=\"a\\x0ainfo decision\"\n"},
	    {LOG_INFO, "x", {"user", "\x1b[2J\xff\\", 0},
		"info x user=\\x1b[2J\\xff\\x5c\n"},
	    {LOG_INFO, "a\nb", {"user", "\xe9\x96\xa2", 0},
		"info a\\x0ab user=\xe9\x96\xa2\n"},
	    {99, "x", {"n", NULL, 1}, "error x n=1\n"},
	};
	struct capture capture;
	char line[CAPTURED_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		capture_begin(&capture);
		errno = 47;
		log_event(rows[i].level, rows[i].message, &rows[i].field, 1);
		assert_int_equal(errno, 47);
		capture_end(&capture, line);
		assert_string_equal(line, rows[i].expected);
	}
}

static void takes_the_macros(void **state)
{
	struct capture capture;
	char line[CAPTURED_SIZE];

	(void)state;
	capture_begin(&capture);
	log_line(LOG_INFO, "decision", LOG_TEXT("user", "s1042"),
	    LOG_NUMBER("time_ms", 12));
	log_plain(LOG_NOTICE, "ready");
	capture_end(&capture, line);
	assert_string_equal(
	    line, "info decision user=s1042 time_ms=12\nnotice ready\n");
}

/* Values are cut, too many fields are dropped, the line still ends. */
static void bounds_the_line(void **state)
{
	struct log_field fields[100];
	struct capture capture;
	char line[CAPTURED_SIZE], big[5000];

	(void)state;
	memset(big, '"', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (size_t i = 0; i < 100; i++)
		fields[i] = LOG_TEXT("key", big);
	capture_begin(&capture);
	log_event(LOG_INFO, big, fields, 100);
	capture_end(&capture, line);
	assert_true(strlen(line) <= 4096);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_non_null(strstr(line, "..."));
}

/* Another stderr than JOURNAL_STREAM names is not the journal. */
static void prefers_stderr_to_a_stale_journal_stream(void **state)
{
	struct capture capture;
	char line[CAPTURED_SIZE];

	(void)state;
	assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	capture_begin(&capture);
	log_plain(LOG_INFO, "here");
	capture_end(&capture, line);
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(line, "info here\n");
}

/* In a namespace of its own: a socket where journald's would be. -1 where
 * that is not permitted. */
static int fake_journal(void)
{
	struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	int fd;

	if (unshare(
		geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, NULL) ||
	    mkdir("/run/systemd", 0755) || mkdir("/run/systemd/journal", 0755))
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd;
}

enum {
	CHILD_PASSED = 0,
	CHILD_SKIPPED = 77
};

static int log_to_fake_journal(void)
{
	char stream[64], got[CAPTURED_SIZE];
	struct stat status;
	ssize_t length;
	int fd = fake_journal();

	if (fd < 0)
		return CHILD_SKIPPED;
	if (fstat(STDERR_FILENO, &status) != 0)
		return 1;
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
	    (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("sekimorid");
	log_line(LOG_NOTICE, "decision", LOG_TEXT("request_id", "a\nB=c"),
	    LOG_NUMBER("time_ms", 7));
	length = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	if (length <= 0)
		return 2;
	got[length] = '\0';
	if (!strstr(got, "SYSLOG_IDENTIFIER=sekimorid\n") ||
	    !strstr(got, "PRIORITY=5\n"))
		return 3;
	if (!strstr(got, "REQUEST_ID=a\\x0aB=c\n") ||
	    !strstr(got, "TIME_MS=7\n"))
		return 4;
	if (!strstr(
		got, "MESSAGE=decision request_id=\"a\\x0aB=c\" time_ms=7\n"))
		return 5;
	return CHILD_PASSED;
}

static void sends_variables_to_the_journal(void **state)
{
	struct capture capture;
	char line[CAPTURED_SIZE];
	int status = -1;
	pid_t child;

	(void)state;
	capture_begin(&capture);
	child = fork();
	if (child == 0)
		_exit(log_to_fake_journal());
	capture_end(&capture, line);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), CHILD_PASSED);
	assert_string_equal(line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_one_line),
	    cmocka_unit_test(takes_the_macros),
	    cmocka_unit_test(bounds_the_line),
	    cmocka_unit_test(prefers_stderr_to_a_stale_journal_stream),
	    cmocka_unit_test(sends_variables_to_the_journal),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
