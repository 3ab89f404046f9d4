/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid's configuration file: which keys there are, their defaults and
 * bounds (CONTRACT section 2). The parser is shared/config.h.
 */
#ifndef SEKIMORI_SETTINGS_H
#define SEKIMORI_SETTINGS_H

#include "server/core/decide.h"
#include "server/keys/authority.h"
#include "shared/config.h"

struct settings {
	/* [server] */
	char state_dir[CONFIG_VALUE_SIZE];
	struct config_list listen;
	char admin_socket[CONFIG_VALUE_SIZE];
	struct config_list server_names;
	char store[CONFIG_VALUE_SIZE];    /* sqlite */
	char key_file[CONFIG_VALUE_SIZE]; /* empty: state_dir/kek;
					     credential:NAME */
	char zone[CONFIG_VALUE_SIZE];     /* Asia/Tokyo */
	int64_t disk_reserve_mb;
	/* [throttle], [otp] */
	struct decide_limits limits;
	int64_t terminal_rate;     /* attempts a second; 0: off */
	int64_t terminal_failures; /* a minute; 0: off */
	int64_t admin_signins;     /* a minute from one address; 0: off */
	/* [admin] */
	int64_t request_days; /* a request waits for its approval */
	/* [certificates] */
	struct authority_lifetimes lifetimes;
};

/* Fills with defaults, then reads the file. Also checks what concerns two
 * keys at once (longest_wait not below first_wait). */
enum err settings_read(
    const char *path, struct settings *out, struct config_problem *problem);

/* For the fuzzer and unit tests: the same on text. */
enum err settings_parse(const char *name, const char *bytes, size_t length,
    struct settings *out, struct config_problem *problem);

/* Paths inside state_dir: "sekimori.db", "kek". */
void settings_path(const struct settings *settings, const char *name, char *out,
    size_t out_size);

#endif
