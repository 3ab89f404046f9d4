/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of other processes, and what follows from it for whom a
 * session's grace is: real processes, on terminal lines and in audit sessions
 * of their own where this one may make them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/agent/login_asker.h"

enum {
	SOMEBODY = 1,
	SOMEBODY_ELSE = 2
};

/* --- processes ----------------------------------------------------------- */

struct helper {
	pid_t pid;
	int ready[2], line; /* the line's other end */
	char name[64];      /* the line's */
};

/* What a helper becomes before it waits for its end. */
struct wish {
	bool on_line;        /* a terminal line of its own */
	bool in_session;     /* an audit session of its own */
	uid_t uid;           /* real, effective and saved */
	bool has_root_child; /* and is waited on by this instead */
};

static void enter_session(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(2);
	close(fd);
}

static void tell_and_wait(int ready)
{
	pid_t pid = getpid();

	if (write(ready, &pid, sizeof(pid)) != sizeof(pid))
		_exit(2);
	for (;;)
		pause();
}

static void live(const struct wish *wish, int ready)
{
	if (wish->in_session)
		enter_session();
	if (wish->has_root_child && fork() == 0) {
		usleep(50000); /* until the parent is who it will be */
		tell_and_wait(ready);
	}
	if (setresuid(wish->uid, wish->uid, wish->uid) != 0)
		_exit(2);
	if (wish->has_root_child)
		for (;;)
			pause();
	tell_and_wait(ready);
}

/* The number of the process that waits. */
static pid_t start(struct helper *helper, const struct wish *wish)
{
	pid_t pid = 0;

	helper->line = -1;
	assert_int_equal(pipe(helper->ready), 0);
	helper->pid = wish->on_line
			  ? forkpty(&helper->line, helper->name, NULL, NULL)
			  : fork();
	if (helper->pid == 0)
		live(wish, helper->ready[1]);
	assert_int_equal(
	    read(helper->ready[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

static void end(struct helper *helper, pid_t pid)
{
	kill(pid, SIGKILL);
	kill(helper->pid, SIGKILL);
	waitpid(helper->pid, NULL, 0);
	close(helper->ready[0]);
	close(helper->ready[1]);
	if (helper->line >= 0)
		close(helper->line);
}

/* Without the folder, as the kernel calls it. */
static const char *line_of(const struct helper *helper)
{
	assert_memory_equal(helper->name, "/dev/", 5);
	return helper->name + 5;
}

static bool may_make_sessions(void)
{
	return geteuid() == 0 && access("/proc/self/loginuid", W_OK) == 0;
}

/* --- tests --------------------------------------------------------------- */

static void a_process_is_described(void **state)
{
	struct process self, again;

	(void)state;
	/* A name like this would end too early if the first bracket did. */
	assert_int_equal(prctl(PR_SET_NAME, "a) R 1 b"), 0);
	assert_int_equal(process_read(getpid(), &self), ERR_NONE);
	assert_int_equal(self.id.pid, getpid());
	assert_int_equal(self.parent, getppid());
	assert_int_equal(self.uid, getuid());
	assert_true(self.id.born > 0);
	assert_int_equal(process_read(getpid(), &again), ERR_NONE);
	assert_true(process_is_same(&self.id, &again.id));
	assert_int_equal(process_identify(getpid(), &again.id), ERR_NONE);
	assert_true(process_is_same(&self.id, &again.id));
	again.id.born++;
	assert_false(process_is_same(&self.id, &again.id));
}

static void a_dead_one_is_not(void **state)
{
	const struct process_id none = {0};
	struct process out = {.uid = 77};
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_read(pid, &out), ERR_NOT_FOUND);
	assert_int_equal(process_read(INT_MAX, &out), ERR_NOT_FOUND);
	assert_int_equal(process_read(-1, &out), ERR_NOT_FOUND);
	assert_int_equal(out.uid, 77);
	assert_false(process_is_same(&none, &none));
	assert_false(process_leads_session(pid));
}

static void its_line_has_the_kernels_name(void **state)
{
	const struct wish wish = {.on_line = true, .uid = getuid()};
	struct helper helper;
	struct process process;
	pid_t pid = start(&helper, &wish);

	(void)state;
	assert_int_equal(process_read(pid, &process), ERR_NONE);
	assert_string_equal(process.tty, line_of(&helper));
	end(&helper, pid);
}

static void a_session_is_led_by_who_opened_it(void **state)
{
	const struct wish wish = {.in_session = true, .has_root_child = true};
	struct helper helper;
	struct process opener, child;
	pid_t pid;

	(void)state;
	if (!may_make_sessions())
		skip();
	pid = start(&helper, &wish);
	assert_int_equal(process_read(helper.pid, &opener), ERR_NONE);
	assert_int_equal(process_read(pid, &child), ERR_NONE);
	assert_string_not_equal(opener.session, "");
	assert_string_equal(opener.session, child.session);
	assert_true(process_leads_session(helper.pid));
	assert_false(process_leads_session(pid));
	end(&helper, pid);
}

static const char *name_of(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	assert_non_null(entry);
	return entry->pw_name;
}

/* su keeps its starter's uid; sudo has root's, and a shell above it. */
static void who_started_it_may(void **state)
{
	static const struct wish wishes[] = {
	    {.on_line = true, .uid = SOMEBODY},
	    {.on_line = true, .uid = SOMEBODY, .has_root_child = true},
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct helper helper;
		struct caller caller = {.is_root = true};
		char user[64], other[64];
		const char *line;

		caller.pid = start(&helper, &wishes[i]);
		line = line_of(&helper);
		snprintf(user, sizeof(user), "%s", name_of(SOMEBODY));
		snprintf(other, sizeof(other), "%s", name_of(SOMEBODY_ELSE));
		assert_true(login_asker_may_have_grace(&caller, user, line));
		assert_false(login_asker_may_have_grace(&caller, other, line));
		assert_false(login_asker_may_have_grace(&caller, "root", line));
		assert_false(login_asker_may_have_grace(&caller, "", line));
		assert_false(login_asker_may_have_grace(&caller, user, ""));
		assert_false(login_asker_may_have_grace(&caller, user, "tty1"));
		/* A locker, as its own user. */
		caller.is_root = false;
		assert_false(login_asker_may_have_grace(&caller, user, line));
		end(&helper, caller.pid);
		caller.is_root = true;
		assert_false(login_asker_may_have_grace(&caller, user, line));
	}
}

static void without_a_line_nobody_may(void **state)
{
	const struct wish wish = {.uid = SOMEBODY};
	struct helper helper;
	struct caller caller = {.is_root = true};

	(void)state;
	if (geteuid() != 0)
		skip();
	caller.pid = start(&helper, &wish);
	assert_false(
	    login_asker_may_have_grace(&caller, name_of(SOMEBODY), "pts/0"));
	end(&helper, caller.pid);
}

static void what_opened_a_session(void **state)
{
	static const struct process_id child = {20, 5}, parent = {10, 4},
				       later = {10, 9}, other = {30, 6};
	static const struct {
		const char *what;
		struct login_asker then, now;
		bool opened;
	} rows[] = {
	    {"login opens one", {child, parent, ""}, {child, parent, "Y"},
		true},
	    {"sshd asks in a child", {child, parent, ""}, {parent, {0}, "Y"},
		true},
	    {"so does one that was started in a session", {child, parent, "X"},
		{parent, {0}, "Y"}, true},
	    {"sudo stays in its own", {child, parent, "X"},
		{child, parent, "X"}, false},
	    {"no session, no grace", {child, parent, "X"}, {child, parent, ""},
		false},
	    {"nor without audit", {child, parent, ""}, {child, parent, ""},
		false},
	    {"somebody else's name for it", {child, parent, ""},
		{other, {0}, "Y"}, false},
	    {"a number that came round", {child, parent, ""}, {later, {0}, "Y"},
		false},
	    {"a login that nobody knows", {{0}, {0}, ""}, {child, parent, "Y"},
		false},
	    {"a parent nobody knows", {child, {0}, ""}, {{0}, {0}, "Y"}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (login_asker_has_opened(&rows[i].then, &rows[i].now) !=
		    rows[i].opened)
			fail_msg("%s", rows[i].what);
}

static void who_asks_is_noted(void **state)
{
	const struct secret key = {.length = 32};
	const struct wish wish = {.in_session = true};
	struct caller caller = {0};
	struct login_asker asker;
	struct helper helper;
	struct process self;

	(void)state;
	if (!may_make_sessions())
		skip();
	caller.pid = start(&helper, &wish);
	login_asker_note(&caller, &key, &asker);
	assert_int_equal(asker.self.pid, caller.pid);
	assert_int_equal(strlen(asker.session), 43);
	assert_int_equal(process_read(getpid(), &self), ERR_NONE);
	assert_true(process_is_same(&asker.parent, &self.id));
	end(&helper, caller.pid);
	login_asker_note(&caller, &key, &asker);
	assert_int_equal(asker.self.pid, 0);
	assert_string_equal(asker.session, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_process_is_described),
	    cmocka_unit_test(a_dead_one_is_not),
	    cmocka_unit_test(its_line_has_the_kernels_name),
	    cmocka_unit_test(a_session_is_led_by_who_opened_it),
	    cmocka_unit_test(who_started_it_may),
	    cmocka_unit_test(without_a_line_nobody_may),
	    cmocka_unit_test(what_opened_a_session),
	    cmocka_unit_test(who_asks_is_noted),
	};

	return cmocka_run_group_tests_name("login asker", tests, NULL, NULL);
}
