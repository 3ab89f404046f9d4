/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid's configuration: defaults, every bound from both sides, every kind
 * of bad file through real files, and the example that is installed.
 */
#include "server/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NAMED "[server]\nserver_names = token.example.lg.jp\n"
#define SERVER(line) NAMED line "\n"
#define THROTTLE(line) NAMED "[throttle]\n" line "\n"
#define OTP(line) NAMED "[otp]\n" line "\n"
#define CERTIFICATES(line) NAMED "[certificates]\n" line "\n"

static enum err parse(
    const char *text, struct settings *out, struct config_problem *problem)
{
	return settings_parse("conf", text, strlen(text), out, problem);
}

static void defaults_are_those_of_the_contract(void **state)
{
	struct settings settings;
	struct config_problem problem;
	char path[CONFIG_VALUE_SIZE * 2];

	(void)state;
	assert_int_equal(parse(NAMED, &settings, &problem), ERR_NONE);
	assert_string_equal(settings.state_dir, "/var/lib/sekimori");
	assert_int_equal(settings.listen.count, 1);
	assert_string_equal(settings.listen.items[0], "0.0.0.0:8443");
	assert_string_equal(settings.admin_socket, "/run/sekimori/admin.sock");
	assert_int_equal(settings.server_names.count, 1);
	assert_string_equal(settings.store, "sqlite");
	assert_string_equal(settings.key_file, "");
	assert_string_equal(settings.zone, "Asia/Tokyo");
	assert_int_equal(settings.disk_reserve_mb, 32);
	assert_int_equal(settings.limits.throttle.after, 5);
	assert_int_equal(settings.limits.throttle.first_wait_s, 30);
	assert_int_equal(settings.limits.throttle.longest_wait_s, 3600);
	assert_int_equal(settings.limits.throttle.disable_at, 50);
	assert_int_equal(settings.limits.window.steps, 1);
	assert_int_equal(settings.limits.window.look_ahead, 10);
	assert_int_equal(settings.terminal_rate, 50);
	assert_int_equal(settings.terminal_failures, 30);
	assert_int_equal(settings.admin_signins, 10);
	assert_int_equal(settings.lifetimes.ca_s, 3650LL * 86400);
	assert_int_equal(settings.lifetimes.server_s, 365LL * 86400);
	assert_int_equal(settings.lifetimes.terminal_s, 90LL * 86400);
	settings_path(&settings, "kek", path, sizeof(path));
	assert_string_equal(path, "/var/lib/sekimori/kek");
}

static const char *const good_rows[] = {
    SERVER("listen = 127.0.0.1:1 [::1]:65535 [::]:8443"),
    "[server]\nserver_names = a localhost token-1.example 192.0.2.1 "
    "2001:db8::1\n",
    SERVER("admin_socket = /tmp/x.sock\nstate_dir = /srv/sekimori"),
    SERVER("store = sqlite"),
    SERVER("key_file = /etc/sekimori/kek"),
    SERVER("key_file = credential:kek"),
    SERVER("zone = UTC"),
    SERVER("disk_reserve_mb = 0"),
    SERVER("disk_reserve_mb = 1024"),
    THROTTLE("after = 3\nfirst_wait = 3600\nlongest_wait = 3600"),
    THROTTLE("after = 10\nfirst_wait = 30\nlongest_wait = 30"),
    THROTTLE("disable_at = 10\nterminal_rate = 0\nterminal_failures = 0"),
    THROTTLE("terminal_rate = 10000\nterminal_failures = 100000"),
    OTP("window = 0\nhotp_window = 1"),
    OTP("window = 2\nhotp_window = 50"),
    CERTIFICATES("ca_lifetime = 60s\nserver_lifetime = 30s\n"
		 "terminal_lifetime = 10s"),
    CERTIFICATES("ca_lifetime = 20000d"),
};

static void good_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		struct settings settings;
		struct config_problem problem;

		if (parse(good_rows[i], &settings, &problem) != ERR_NONE)
			fail_msg("row %zu: %s", i, problem.text);
	}
}

struct bad_row {
	const char *text;
	const char *place; /* how the message begins */
	const char *says;  /* what is in it */
};

static const struct bad_row bad_rows[] = {
    {"", "conf:", "server_names"},
    {"[server]\n", "conf:", "server_names"},
    {"[sever]\n", "conf:1:", "sever"},
    {SERVER("lisen = 0.0.0.0:1"), "conf:3:", "lisen"},
    {SERVER("zone = UTC\nzone = UTC"), "conf:4:", "zone"},
    {SERVER("[server]"), "conf:3:", "server"},
    {"after = 5\n" NAMED, "conf:1:", "section"},
    {SERVER("listen"), "conf:3:", ""},
    {SERVER("listen ="), "conf:3:", "listen"},
    {SERVER("listen = 8443"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:0"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:65536"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:+1"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:1x"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = ::1:8443"), "conf:3:", "[::]:8443"},
    {SERVER("listen = [::1:8443"), "conf:3:", "[::]:8443"},
    {SERVER("listen = [127.0.0.1]:8443"), "conf:3:", "[::]:8443"},
    {SERVER("listen = localhost:8443"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:1,0.0.0.0:2"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:1 bad"), "conf:3:", "0.0.0.0:8443"},
    {SERVER("listen = 0.0.0.0:8443 # comment"), "conf:3:", "listen"},
    {"[server]\nserver_names = a,b\n", "conf:2:", "host names"},
    {"[server]\nserver_names = -a\n", "conf:2:", "host names"},
    {"[server]\nserver_names = a..b\n", "conf:2:", "host names"},
    {"[server]\nserver_names = a.\n", "conf:2:", "host names"},
    {"[server]\nserver_names = *.example\n", "conf:2:", "host names"},
    {"[server]\nserver_names = https://a\n", "conf:2:", "host names"},
    {"[server]\nserver_names = a_b\n", "conf:2:", "host names"},
    {SERVER("state_dir = var/lib"), "conf:3:", "state_dir"},
    {SERVER("state_dir = /var/../lib"), "conf:3:", "state_dir"},
    {SERVER("admin_socket = admin.sock"), "conf:3:", "admin_socket"},
    {SERVER("admin_socket = /"
	    "0123456789012345678901234567890123456789012345678901234567890"
	    "0123456789012345678901234567890123456789012345678901234567890"),
	"conf:3:", "107"},
    {SERVER("store = postgresql://db/sekimori"),
	"conf:3:", "not in this version"},
    {SERVER("store = mysql"), "conf:3:", "sqlite"},
    {SERVER("key_file = kek"), "conf:3:", "key_file"},
    {SERVER("key_file = /a/./kek"), "conf:3:", "key_file"},
    {SERVER("key_file = credential:"), "conf:3:", "key_file"},
    {SERVER("key_file = credential:../kek"), "conf:3:", "key_file"},
    {SERVER("key_file = credential:a/b"), "conf:3:", "key_file"},
    {SERVER("zone = Asia/Edo"), "conf:3:", "Asia/Tokyo"},
    {SERVER("zone = /etc/localtime"), "conf:3:", "Asia/Tokyo"},
    {SERVER("zone = Asia/../UTC"), "conf:3:", "Asia/Tokyo"},
    {SERVER("zone = Asia"), "conf:3:", "Asia/Tokyo"},
    {SERVER("disk_reserve_mb = -1"), "conf:3:", "1024"},
    {SERVER("disk_reserve_mb = 1025"), "conf:3:", "1024"},
    {SERVER("disk_reserve_mb = 32M"), "conf:3:", "disk_reserve_mb"},
    {SERVER("zone = Asia/T\377kyo"), "conf:3:", "UTF-8"},
    {THROTTLE("after = 2"), "conf:4:", "after"},
    {THROTTLE("after = 11"), "conf:4:", "after"},
    {THROTTLE("after = five"), "conf:4:", "after"},
    {THROTTLE("after = 5 5"), "conf:4:", "after"},
    {THROTTLE("after = 0x5"), "conf:4:", "after"},
    {THROTTLE("after = 99999999999999999999"), "conf:4:", "after"},
    {THROTTLE("first_wait = 29"), "conf:4:", "first_wait"},
    {THROTTLE("first_wait = 3601"), "conf:4:", "first_wait"},
    {THROTTLE("longest_wait = 29"), "conf:4:", "longest_wait"},
    {THROTTLE("longest_wait = 3601"), "conf:4:", "longest_wait"},
    {THROTTLE("disable_at = 9"), "conf:4:", "disable_at"},
    {THROTTLE("disable_at = 51"), "conf:4:", "disable_at"},
    {THROTTLE("terminal_rate = 10001"), "conf:4:", "terminal_rate"},
    {THROTTLE("terminal_failures = 100001"), "conf:4:", "terminal_failures"},
    {THROTTLE("admin_signins = 1001"), "conf:4:", "admin_signins"},
    {THROTTLE("terminal_failures = $HOME"), "conf:4:", "terminal_failures"},
    {THROTTLE("window = 1"), "conf:4:", "window"},
    {THROTTLE("first_wait = 60\nlongest_wait = 40"),
	"conf:5:", "longest_wait must be at least first_wait"},
    {THROTTLE("longest_wait = 40\n# later\nfirst_wait = 60"),
	"conf:4:", "longest_wait must be at least first_wait"},
    {OTP("window = 3"), "conf:4:", "window"},
    {OTP("hotp_window = 0"), "conf:4:", "hotp_window"},
    {OTP("hotp_window = 51"), "conf:4:", "hotp_window"},
    {CERTIFICATES("ca_lifetime = 9s"), "conf:4:", "ca_lifetime"},
    {CERTIFICATES("ca_lifetime = 20001d"), "conf:4:", "ca_lifetime"},
    {CERTIFICATES("ca_lifetime = 1y"), "conf:4:", "ca_lifetime"},
    {CERTIFICATES("server_lifetime = 3650d"),
	"conf:4:", "ca_lifetime must be above server_lifetime"},
    {CERTIFICATES("terminal_lifetime = 4000d"),
	"conf:4:", "ca_lifetime must be above terminal_lifetime"},
    {CERTIFICATES("ca_lifetime = 1d\nserver_lifetime = 1h"),
	"conf:4:", "ca_lifetime must be above terminal_lifetime"},
};

static void expect_problem(
    size_t row, const char *text, const char *place, const char *says)
{
	if (strncmp(text, place, strlen(place)) != 0)
		fail_msg("row %zu: \"%s\" does not begin with \"%s\"", row,
		    text, place);
	if (!strstr(text, says))
		fail_msg(
		    "row %zu: \"%s\" does not say \"%s\"", row, text, says);
	assert_null(strchr(text, '\n'));
}

static void bad_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct settings settings;
		struct config_problem problem = {""};

		if (parse(bad_rows[i].text, &settings, &problem) != ERR_INVALID)
			fail_msg("row %zu was taken", i);
		expect_problem(
		    i, problem.text, bad_rows[i].place, bad_rows[i].says);
	}
}

static int make_directory(void **state)
{
	char *path = strdup("/tmp/test-settings-XXXXXX");

	*state = path;
	return path && mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	unlink("conf");
	unlink("link");
	if (chdir("/") != 0)
		return -1;
	rmdir(*state);
	free(*state);
	return 0;
}

static void write_file(const char *text)
{
	FILE *file = NULL;

	unlink("conf");
	file = fopen("conf", "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod("conf", 0644), 0);
}

/* The same rows, each in a file of its own. */
static void bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct settings settings;
		struct config_problem problem = {""};

		write_file(bad_rows[i].text);
		if (settings_read("conf", &settings, &problem) == ERR_NONE)
			fail_msg("row %zu was taken", i);
		expect_problem(
		    i, problem.text, bad_rows[i].place, bad_rows[i].says);
	}
}

static void expect_refused_file(const char *path, const char *says)
{
	struct settings settings;
	struct config_problem problem = {""};

	assert_int_not_equal(
	    settings_read(path, &settings, &problem), ERR_NONE);
	expect_problem(0, problem.text, path, says);
}

static void files_that_are_not_believed(void **state)
{
	char line[CONFIG_LINE_BYTES_MAX + 64];

	(void)state;
	expect_refused_file("missing", "");
	write_file(NAMED);
	assert_int_equal(chmod("conf", 0664), 0);
	expect_refused_file("conf", "write");
	assert_int_equal(chmod("conf", 0646), 0);
	expect_refused_file("conf", "write");
	assert_int_equal(chmod("conf", 0600), 0);
	assert_int_equal(symlink("conf", "link"), 0);
	expect_refused_file("link", "link");
	expect_refused_file("/tmp", "");
	memset(line, '#', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	write_file(line);
	expect_refused_file("conf", "");
}

/* The installed example, each "#key = value" line uncommented if asked.
 * Empty when the test does not run in the source tree. */
static void read_example(bool uncommented, char *out, size_t out_size)
{
	char line[CONFIG_LINE_BYTES_MAX];
	FILE *file = fopen("config/sekimorid.conf", "re");
	size_t used = 0;

	out[0] = '\0';
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		bool is_key =
		    line[0] == '#' && line[1] != ' ' && line[1] != '\n';

		used += (size_t)snprintf(out + used, out_size - used, "%s",
		    line + (uncommented && is_key ? 1 : 0));
	}
	fclose(file);
}

/* What stands in it as a comment is what holds without it. */
static void the_example_is_valid(void **state)
{
	char text[CONFIG_FILE_BYTES_MAX];
	struct settings settings, defaults;
	struct config_problem problem = {""};

	(void)state;
	assert_int_equal(parse(NAMED, &defaults, &problem), ERR_NONE);
	read_example(false, text, sizeof(text));
	if (text[0] == '\0')
		skip();
	if (parse(text, &settings, &problem) != ERR_NONE)
		fail_msg("%s", problem.text);
	assert_memory_equal(&settings, &defaults, sizeof(settings));
	read_example(true, text, sizeof(text));
	if (parse(text, &settings, &problem) != ERR_NONE)
		fail_msg("%s", problem.text);
	assert_string_equal(settings.key_file, "/var/lib/sekimori/kek");
	memset(settings.key_file, 0, sizeof(settings.key_file));
	assert_memory_equal(&settings, &defaults, sizeof(settings));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_the_contract),
	    cmocka_unit_test(good_values),
	    cmocka_unit_test(bad_values),
	    cmocka_unit_test(the_example_is_valid),
	    cmocka_unit_test_setup_teardown(
		bad_files, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(
		files_that_are_not_believed, make_directory, remove_directory),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
