/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor's look at the machine's own files: which PAM services ask us, and
 * what sshd is told. Reads them as text: enough to find what people forget,
 * no substitute for a trial login.
 */
#include "pam_module/agent/doctor.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	LINE_SIZE = 1024,
	INCLUDE_DEPTH_MAX = 4
};

/* What the lines of one kind of a PAM service name, itself or by an include. */
struct lines {
	const char *kind; /* "auth", "session" */
	bool ours;
	bool loginuid;        /* the line that makes an audit session */
	bool ours_is_earlier; /* than that one */
};

/* The service that a line includes, for lines of this kind. */
static bool read_include(
    const char *text, const char *kind, char out[LINE_SIZE])
{
	char of[16], word[16];

	if (sscanf(text, "@include %1023s", out) == 1)
		return true;
	return sscanf(text, "%15s %15s %1023s", of, word, out) == 3 &&
	       strcmp(of, kind) == 0 &&
	       (strcmp(word, "include") == 0 || strcmp(word, "substack") == 0);
}

static void read_lines(const char *service, int depth, struct lines *out)
{
	char path[LINE_SIZE], line[LINE_SIZE], included[LINE_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "/etc/pam.d/%.256s", service);
	file = depth < INCLUDE_DEPTH_MAX ? fopen(path, "re") : NULL;
	while (file && fgets(line, sizeof(line), file)) {
		const char *text = line + strspn(line, " \t-");

		if (read_include(text, out->kind, included))
			read_lines(included, depth + 1, out);
		if (strncmp(text, out->kind, strlen(out->kind)) != 0)
			continue;
		if (strstr(text, "pam_loginuid.so"))
			out->loginuid = true;
		if (strstr(text, "pam_sekimori.so")) {
			out->ours_is_earlier |= !out->loginuid;
			out->ours = true;
		}
	}
	if (file)
		fclose(file);
}

/* Of programs that open sessions. Whoever has no line of ours there wants
 * nothing of it. */
static void check_session(
    struct doctor *doctor, const char *service, const char *path)
{
	static const char *const services[] = {
	    "sshd", "login", "gdm-password", "lightdm", "sddm"};
	struct lines lines = {.kind = "session"};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcmp(service, services[i]) == 0)
			read_lines(service, 0, &lines);
	if (lines.ours && lines.ours_is_earlier)
		doctor_tell(doctor, DOCTOR_WARN, path,
		    "its session line stands before pam_loginuid.so, or that "
		    "is missing: a policy's grace= never holds after it. Put "
		    "it behind.");
}

void doctor_check_pam(struct doctor *doctor)
{
	static const char *const services[] = {"sshd", "login", "su", "su-l",
	    "sudo", "sudo-i", "gdm-password", "lightdm", "sddm", "i3lock",
	    "swaylock", "vlock", "physlock", "xscreensaver", "kde"};
	char path[LINE_SIZE];
	struct lines lines;

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		snprintf(path, sizeof(path), "/etc/pam.d/%s", services[i]);
		if (access(path, F_OK) != 0)
			continue;
		lines = (struct lines){.kind = "auth"};
		read_lines(services[i], 0, &lines);
		if (lines.ours)
			doctor_tell(doctor, DOCTOR_OK, path, "asks for a code");
		else
			doctor_tell(doctor, DOCTOR_WARN, path,
			    "asks for no code: pam_sekimori.so is not in it.");
		check_session(doctor, services[i], path);
	}
}

/* sshd takes the first value it meets; Debian's file includes the folder
 * first. Match blocks are not looked into. */
static void sshd_option(const char *name, char *out, size_t out_size)
{
	static const char pattern[] = "/etc/ssh/sshd_config.d/*.conf";
	char line[LINE_SIZE], key[64], value[64];
	glob_t files = {0};
	bool found = false;

	(void)glob(pattern, 0, NULL, &files);
	(void)glob("/etc/ssh/sshd_config", GLOB_APPEND, NULL, &files);
	for (size_t i = 0; i < files.gl_pathc && !found; i++) {
		FILE *file = fopen(files.gl_pathv[i], "re");

		while (file && !found && fgets(line, sizeof(line), file)) {
			if (sscanf(line, " %63[^ \t=] %*[ \t=] %63s", key,
				value) != 2 &&
			    sscanf(line, " %63s %63s", key, value) != 2)
				continue;
			if (strcasecmp(key, "match") == 0)
				break;
			found = strcasecmp(key, name) == 0;
		}
		if (file)
			fclose(file);
	}
	globfree(&files);
	if (found)
		snprintf(out, out_size, "%s", value);
}

void doctor_check_sshd(struct doctor *doctor)
{
	char use_pam[64] = "no", keyboard[64] = "yes";
	char root[64] = "prohibit-password";

	if (access("/etc/ssh/sshd_config", R_OK) != 0)
		return;
	sshd_option("UsePAM", use_pam, sizeof(use_pam));
	sshd_option("KbdInteractiveAuthentication", keyboard, sizeof(keyboard));
	sshd_option("PermitRootLogin", root, sizeof(root));
	if (strcasecmp(use_pam, "yes") != 0)
		doctor_tell(doctor, DOCTOR_FAIL, "sshd_config",
		    "UsePAM is not yes: sshd never asks us. Set UsePAM yes.");
	else
		doctor_tell(doctor, DOCTOR_OK, "sshd_config", "UsePAM yes");
	if (strcasecmp(keyboard, "yes") != 0)
		doctor_tell(doctor, DOCTOR_WARN, "sshd_config",
		    "KbdInteractiveAuthentication is not yes: nobody can be "
		    "asked for a code over ssh. Set it in a file below "
		    "/etc/ssh/sshd_config.d.");
	if (strcasecmp(root, "no") != 0)
		doctor_tell(doctor, DOCTOR_WARN, "sshd_config",
		    "PermitRootLogin is not no. Keep a key for emergencies "
		    "only if that is your plan; else set PermitRootLogin no.");
}
