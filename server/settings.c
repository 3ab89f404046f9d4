/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of sekimorid's configuration keys, their defaults, and the rules
 * that concern two keys at once. The syntax is shared/config.c's business;
 * what the values are for is known to those who read them. Opens no socket
 * and no database.
 */
#include "server/settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	DAY_S = 86400,
	LIFETIME_S_MIN = 10, /* short ones are for tests of renewal */
	LIFETIME_S_MAX = 20000 * DAY_S, /* within 31 bits, and 54 years */
	DNS_NAME_BYTES_MAX = 253,
	DNS_LABEL_BYTES_MAX = 63,
	CREDENTIAL_BYTES_MAX = 255,
};

static const char zone_dir[] = "/usr/share/zoneinfo";
static const char credential_prefix[] = "credential:";

static bool is_port(const char *text)
{
	char *end = NULL;
	long port = 0;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 5)
		return false;
	port = strtol(text, &end, 10);
	return *end == '\0' && port >= 1 && port <= 65535;
}

static bool is_address(int family, const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(family, text, bytes) == 1;
}

/* "192.0.2.1:8443" or "[2001:db8::1]:8443". Names are not looked up: what a
 * daemon listens on must not depend on a resolver. */
static bool is_listen_address(const char *text)
{
	char host[INET6_ADDRSTRLEN] = "";
	const char *colon = strrchr(text, ':');
	size_t length = 0;
	int family = AF_INET;

	if (!colon || !is_port(colon + 1))
		return false;
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		family = AF_INET6;
		text++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	return is_address(family, host);
}

static bool is_dns_label(const char *text, size_t length)
{
	if (length == 0 || length > DNS_LABEL_BYTES_MAX)
		return false;
	if (text[0] == '-' || text[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-')
			return false;
	return true;
}

static bool is_server_name(const char *text)
{
	if (is_address(AF_INET, text) || is_address(AF_INET6, text))
		return true;
	if (strlen(text) > DNS_NAME_BYTES_MAX)
		return false;
	for (;;) {
		size_t length = strcspn(text, ".");

		if (!is_dns_label(text, length))
			return false;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

/* A Unix socket's name has less room than a path. */
static bool is_socket_path(const char *text)
{
	return strlen(text) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static bool is_sqlite(const char *text)
{
	return strcmp(text, "sqlite") == 0;
}

static bool is_clean_path(const char *text)
{
	if (text[0] != '/')
		return false;
	for (const char *step = text; *step;) {
		size_t length = strcspn(++step, "/");

		if ((length == 1 && step[0] == '.') ||
		    (length == 2 && step[0] == '.' && step[1] == '.'))
			return false;
		step += length;
	}
	return true;
}

static bool is_key_file(const char *text)
{
	size_t prefix = sizeof(credential_prefix) - 1;

	if (strncmp(text, credential_prefix, prefix) != 0)
		return is_clean_path(text);
	text += prefix;
	return text[0] != '\0' && text[0] != '.' && !strchr(text, '/') &&
	       strlen(text) <= CREDENTIAL_BYTES_MAX;
}

/* Without tzdata there is nothing to look the name up in. */
static bool is_zone(const char *text)
{
	char path[sizeof(zone_dir) + CONFIG_VALUE_SIZE];
	struct stat file;

	if (!isalpha((unsigned char)text[0]) || strstr(text, ".."))
		return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
			return false;
	if (stat(zone_dir, &file) != 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s", zone_dir, text);
	return stat(path, &file) == 0 && S_ISREG(file.st_mode);
}

#define TARGET(member) offsetof(struct settings, member)

static const struct config_key keys[] = {
    {.section = "server",
	.name = "state_dir",
	.kind = CONFIG_PATH,
	.offset = TARGET(state_dir)},
    {.section = "server",
	.name = "listen",
	.kind = CONFIG_LIST,
	.offset = TARGET(listen),
	.is_valid = is_listen_address,
	.expected = "ADDRESS:PORT, as 0.0.0.0:8443 or [::]:8443"},
    {.section = "server",
	.name = "admin_socket",
	.kind = CONFIG_PATH,
	.offset = TARGET(admin_socket),
	.is_valid = is_socket_path,
	.expected = "a path of at most 107 bytes"},
    {.section = "server",
	.name = "server_names",
	.kind = CONFIG_LIST,
	.offset = TARGET(server_names),
	.is_valid = is_server_name,
	.expected = "host names or addresses that terminals connect to",
	.required = true},
    {.section = "server",
	.name = "store",
	.kind = CONFIG_TEXT,
	.offset = TARGET(store),
	.is_valid = is_sqlite,
	.expected = "sqlite (PostgreSQL is not in this version)"},
    {.section = "server",
	.name = "key_file",
	.kind = CONFIG_TEXT,
	.offset = TARGET(key_file),
	.is_valid = is_key_file,
	.expected = "an absolute path or credential:NAME"},
    {.section = "server",
	.name = "zone",
	.kind = CONFIG_TEXT,
	.offset = TARGET(zone),
	.is_valid = is_zone,
	.expected = "a time zone of this machine, as Asia/Tokyo"},
    {.section = "server",
	.name = "disk_reserve_mb",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(disk_reserve_mb),
	.minimum = 0,
	.maximum = 1024},
    {.section = "throttle",
	.name = "after",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(limits.throttle.after),
	.minimum = 3,
	.maximum = 10},
    {.section = "throttle",
	.name = "first_wait",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(limits.throttle.first_wait_s),
	.minimum = 30,
	.maximum = 3600},
    {.section = "throttle",
	.name = "longest_wait",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(limits.throttle.longest_wait_s),
	.minimum = 30,
	.maximum = 3600},
    {.section = "throttle",
	.name = "disable_at",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(limits.throttle.disable_at),
	.minimum = 10,
	.maximum = 50},
    {.section = "throttle",
	.name = "terminal_rate",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(terminal_rate),
	.minimum = 0,
	.maximum = 10000},
    {.section = "throttle",
	.name = "terminal_failures",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(terminal_failures),
	.minimum = 0,
	.maximum = 100000},
    {.section = "throttle",
	.name = "admin_signins",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(admin_signins),
	.minimum = 0,
	.maximum = 1000},
    {.section = "otp",
	.name = "window",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(limits.window.steps),
	.minimum = 0,
	.maximum = OTP_WINDOW_STEPS_MAX},
    {.section = "otp",
	.name = "hotp_window",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(limits.window.look_ahead),
	.minimum = 1,
	.maximum = 50},
    {.section = "admin",
	.name = "request_days",
	.kind = CONFIG_NUMBER,
	.offset = TARGET(request_days),
	.minimum = 1,
	.maximum = 31},
    {.section = "certificates",
	.name = "ca_lifetime",
	.kind = CONFIG_DURATION,
	.offset = TARGET(lifetimes.ca_s),
	.minimum = LIFETIME_S_MIN,
	.maximum = LIFETIME_S_MAX},
    {.section = "certificates",
	.name = "server_lifetime",
	.kind = CONFIG_DURATION,
	.offset = TARGET(lifetimes.server_s),
	.minimum = LIFETIME_S_MIN,
	.maximum = LIFETIME_S_MAX},
    {.section = "certificates",
	.name = "terminal_lifetime",
	.kind = CONFIG_DURATION,
	.offset = TARGET(lifetimes.terminal_s),
	.minimum = LIFETIME_S_MIN,
	.maximum = LIFETIME_S_MAX},
};

enum {
	KEY_COUNT = sizeof(keys) / sizeof(keys[0])
};

/* Two keys of one section whose values must be in order. */
struct order {
	const char *section;
	const char *low, *high;
	size_t low_offset, high_offset;
	bool strict;
};

static const struct order orders[] = {
    {"throttle", "first_wait", "longest_wait",
	TARGET(limits.throttle.first_wait_s),
	TARGET(limits.throttle.longest_wait_s), false},
    {"certificates", "server_lifetime", "ca_lifetime",
	TARGET(lifetimes.server_s), TARGET(lifetimes.ca_s), true},
    {"certificates", "terminal_lifetime", "ca_lifetime",
	TARGET(lifetimes.terminal_s), TARGET(lifetimes.ca_s), true},
};

static void set_defaults(struct settings *settings)
{
	*settings = (struct settings){
	    .state_dir = "/var/lib/sekimori",
	    .listen = {.count = 1, .items = {"0.0.0.0:8443"}},
	    .admin_socket = "/run/sekimori/admin.sock",
	    .store = "sqlite",
	    .zone = "Asia/Tokyo",
	    .disk_reserve_mb = 32,
	    .limits = {.throttle = {.after = 5,
			   .first_wait_s = 30,
			   .longest_wait_s = 3600,
			   .disable_at = 50},
		.window = {.steps = 1, .look_ahead = 10}},
	    .terminal_rate = 50,
	    .terminal_failures = 30,
	    .admin_signins = 10,
	    .request_days = 7,
	    .lifetimes = {.ca_s = 3650 * (int64_t)DAY_S,
		.server_s = 365 * (int64_t)DAY_S,
		.terminal_s = 90 * (int64_t)DAY_S},
	};
}

static int64_t number_at(const struct settings *settings, size_t offset)
{
	int64_t number = 0;

	memcpy(&number, (const char *)settings + offset, sizeof(number));
	return number;
}

/* The next line of a text that is known to parse; false at its end. */
static bool next_line(
    const char **bytes, size_t *length, char *out, size_t out_size)
{
	const char *feed = NULL;
	size_t used = 0;

	if (*length == 0)
		return false;
	feed = memchr(*bytes, '\n', *length);
	used = feed ? (size_t)(feed - *bytes) : *length;
	snprintf(out, out_size, "%.*s", (int)used, *bytes);
	*bytes += used + (feed ? 1 : 0);
	*length -= used + (feed ? 1 : 0);
	return true;
}

/* Where section.name is set, or 0. */
static int line_of(
    const char *bytes, size_t length, const char *section, const char *name)
{
	char line[CONFIG_LINE_BYTES_MAX + 1];
	bool inside = false;

	for (int n = 1; next_line(&bytes, &length, line, sizeof(line)); n++) {
		const char *text = line + strspn(line, " \t");
		size_t name_length = strlen(name);

		if (text[0] == '[')
			inside =
			    strncmp(text + 1, section, strlen(section)) == 0 &&
			    text[1 + strlen(section)] == ']';
		else if (inside && strncmp(text, name, name_length) == 0 &&
			 strchr(" \t=", text[name_length]))
			return n;
	}
	return 0;
}

/* NULL when all is in order. */
static const struct order *find_disorder(const struct settings *settings)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		const struct order *order = &orders[i];
		int64_t low = number_at(settings, order->low_offset);
		int64_t high = number_at(settings, order->high_offset);

		if (low > high || (order->strict && low == high))
			return order;
	}
	return NULL;
}

static void describe_disorder(const struct order *order, const char *name,
    const char *bytes, size_t length, struct config_problem *problem)
{
	int line = line_of(bytes, length, order->section, order->high);

	if (line == 0)
		line = line_of(bytes, length, order->section, order->low);
	snprintf(problem->text, sizeof(problem->text),
	    "%s:%d: %s must be %s %s in [%s]. Raise it, or lower %s.", name,
	    line, order->high, order->strict ? "above" : "at least", order->low,
	    order->section, order->low);
}

enum err settings_parse(const char *name, const char *bytes, size_t length,
    struct settings *out, struct config_problem *problem)
{
	const struct order *disorder = NULL;
	enum err err = ERR_INVALID;

	set_defaults(out);
	err = config_parse(name, bytes, length, keys, KEY_COUNT, out, problem);
	if (err != ERR_NONE)
		return err;
	disorder = find_disorder(out);
	if (!disorder)
		return ERR_NONE;
	describe_disorder(disorder, name, bytes, length, problem);
	return ERR_INVALID;
}

/* Only to say on which line a disorder is, so a failure reads as nothing. */
static size_t read_again(const char *path, char *out, size_t out_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = 0;

	if (fd < 0)
		return 0;
	got = read(fd, out, out_size);
	close(fd);
	return got > 0 ? (size_t)got : 0;
}

enum err settings_read(
    const char *path, struct settings *out, struct config_problem *problem)
{
	const struct order *disorder = NULL;
	char *bytes = NULL;
	enum err err = ERR_INVALID;

	set_defaults(out);
	err = config_read_file(path, keys, KEY_COUNT, out, problem);
	if (err != ERR_NONE)
		return err;
	disorder = find_disorder(out);
	if (!disorder)
		return ERR_NONE;
	bytes = malloc(CONFIG_FILE_BYTES_MAX);
	if (!bytes)
		return ERR_MEMORY;
	describe_disorder(disorder, path, bytes,
	    read_again(path, bytes, CONFIG_FILE_BYTES_MAX), problem);
	free(bytes);
	return ERR_INVALID;
}

void settings_path(const struct settings *settings, const char *name, char *out,
    size_t out_size)
{
	snprintf(out, out_size, "%s/%s", settings->state_dir, name);
}
