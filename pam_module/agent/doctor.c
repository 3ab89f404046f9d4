/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per check: ok, warn or fail, what it is about, and behind a
 * failure how to mend it. This file looks at the terminal's own state and at
 * its servers.
 */
#include "pam_module/agent/doctor.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/agent/logind_list.h"
#include "pam_module/agent/self.h"
#include "pam_module/agent/server_client.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/status.h"
#include "pam_module/agent/steady.h"
#include "shared/certificate.h"

#define POLKIT_RULE "50-sekimori-agent.rules"
#define POLKIT_DAEMON                                                          \
	"/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"

enum {
	WAIT_MS = 5000,
	EXPIRY_WARN_S = 7 * 86400,
};

void doctor_tell(struct doctor *doctor, enum doctor_level level,
    const char *subject, const char *finding)
{
	static const char *const words[] = {"fail", "warn", "ok"};

	printf("%-4s  %s: %s\n", words[level], subject, finding);
	doctor->failed |= level == DOCTOR_FAIL;
}

static void check_file(
    struct doctor *doctor, const char *name, mode_t forbidden)
{
	char path[STATE_PATH_SIZE];
	struct stat file, directory;

	snprintf(path, sizeof(path), "%s/%s", doctor->directory, name);
	if (stat(doctor->directory, &directory) != 0 || lstat(path, &file) != 0)
		doctor_tell(doctor, DOCTOR_FAIL, path,
		    errno == ENOENT ? "missing. Run sekimori-agent join."
				    : "cannot be looked at. Run as root.");
	else if (!S_ISREG(file.st_mode) || (file.st_mode & forbidden) != 0)
		doctor_tell(doctor, DOCTOR_FAIL, path,
		    "others may read or write it. chmod 0600 for "
		    "terminal.key, 0644 for the rest.");
	else if (file.st_uid != directory.st_uid && file.st_uid != 0)
		doctor_tell(doctor, DOCTOR_FAIL, path,
		    "belongs to another user than the directory. chown it.");
	else
		doctor_tell(
		    doctor, DOCTOR_OK, path, "mode and owner are right");
}

static void check_dates(struct doctor *doctor, const char *pem)
{
	X509 *certificate = NULL;
	int64_t from = 0, until = 0, now = (int64_t)time(NULL);
	enum err err = certificate_from_pem(pem, strlen(pem), &certificate);

	if (err == ERR_NONE)
		err = certificate_validity(certificate, &from, &until);
	X509_free(certificate);
	if (err != ERR_NONE)
		doctor_tell(doctor, DOCTOR_FAIL, STATE_CERTIFICATE,
		    "is unreadable. Join again with --force.");
	else if (now < from)
		doctor_tell(doctor, DOCTOR_FAIL, STATE_CERTIFICATE,
		    "is not valid yet. Set this machine's clock.");
	else if (now >= until)
		doctor_tell(doctor, DOCTOR_FAIL, STATE_CERTIFICATE,
		    "has expired. Check the clock, or join again with "
		    "--force.");
	else if (until - now < EXPIRY_WARN_S)
		doctor_tell(doctor, DOCTOR_WARN, STATE_CERTIFICATE,
		    "ends within a week. The agent renews it when it runs.");
	else
		doctor_tell(doctor, DOCTOR_OK, STATE_CERTIFICATE, "is valid");
}

/* What answers, and how to mend it. */
static void tell_fault(
    struct doctor *doctor, const char *url, enum https_fault fault)
{
	static const char *const mends[] = {
	    [HTTPS_FAULT_NONE] = "But not in time. Try again.",
	    [HTTPS_FAULT_UNKNOWN_HOST] = "Check name servers and /etc/hosts.",
	    [HTTPS_FAULT_UNREACHABLE] = "Check network and firewall, and on "
					"the server: systemctl status "
					"sekimorid",
	    [HTTPS_FAULT_NO_TLS] = "Check the port in agent.conf.",
	    [HTTPS_FAULT_UNTRUSTED] = "If the server was made anew, join "
				      "again with --force; else somebody "
				      "stands in between.",
	    [HTTPS_FAULT_WRONG_NAME] = "Add this name to server_names in "
				       "sekimorid.conf and restart sekimorid.",
	    [HTTPS_FAULT_DATES] = "Set the clocks of both machines.",
	    [HTTPS_FAULT_GARBAGE] = "Check the port in agent.conf.",
	};
	char finding[256];

	snprintf(finding, sizeof(finding), "%s. %s", https_fault_text(fault),
	    mends[fault]);
	doctor_tell(doctor, DOCTOR_FAIL, url, finding);
}

/* Whoever looks after this terminal may believe that it is guarded. */
static void tell_shadow(struct doctor *doctor, const char *rules)
{
	char finding[512];

	if (!rules || !rules[0])
		return;
	snprintf(finding, sizeof(finding),
	    "NOT ENFORCED here, refusals are recorded and let past: %s. On "
	    "the server: sekimorictl policy report, then policy set without "
	    "shadow=",
	    rules);
	doctor_tell(doctor, DOCTOR_WARN, "SHADOW MODE", finding);
}

static void check_server(struct doctor *doctor, struct server_client *client,
    size_t server, const char *url)
{
	const struct server_request request = {
	    .path = SELF_PATH, .deadline_ms = steady_ms() + WAIT_MS};
	struct server_reply reply = {0};
	struct self self = {0};
	enum https_fault fault = HTTPS_FAULT_NONE;
	enum err err =
	    server_client_probe(client, server, &request, &reply, &fault);

	if (err != ERR_NONE)
		tell_fault(doctor, url, fault);
	else if (reply.status == 403)
		doctor_tell(doctor, DOCTOR_FAIL, url,
		    "refuses this terminal: revoked or expired. On the "
		    "server: sekimorictl terminal list. To join again: "
		    "sekimori-agent join --force");
	else if (reply.status != 200)
		doctor_tell(doctor, DOCTOR_WARN, url,
		    "answers, but is busy or its disk fails. On the server: "
		    "journalctl -u sekimorid");
	else
		doctor_tell(doctor, DOCTOR_OK, url, "answers");
	if (err == ERR_NONE && self_read(&reply, &self) == ERR_NONE) {
		tell_shadow(doctor, self.shadow);
		self_free(&self);
	}
	server_reply_free(&reply);
}

static void check_servers(
    struct doctor *doctor, const struct state_identity *identity)
{
	struct state_config config;
	struct config_problem problem = {0};
	struct server_client *client = NULL;

	if (state_read_config(doctor->directory, &config, &problem) !=
	    ERR_NONE) {
		doctor_tell(doctor, DOCTOR_FAIL, STATE_CONFIG, problem.text);
		return;
	}
	if (server_client_new(&config.servers, &client) != ERR_NONE ||
	    server_client_use(
		client, &(struct tls_identity){.ca_pem = identity->ca_pem,
			    .certificate_pem = identity->certificate_pem,
			    .key_pem = identity->key_pem}) != ERR_NONE)
		doctor_tell(doctor, DOCTOR_FAIL, STATE_CA,
		    "is unusable. Join again with --force.");
	else
		for (size_t i = 0; i < config.servers.count; i++)
			check_server(
			    doctor, client, i, config.servers.items[i]);
	server_client_free(client);
}

static void check_identity(struct doctor *doctor)
{
	struct state_identity identity = {0};
	enum err err = state_read_identity(doctor->directory, &identity);

	if (err != ERR_NONE) {
		doctor_tell(doctor, DOCTOR_FAIL, doctor->directory,
		    err == ERR_CORRUPT
			? "key and certificate do not match. Join again "
			  "with --force."
			: "holds no usable identity. Run sekimori-agent join, "
			  "or this as root.");
		return;
	}
	doctor_tell(doctor, DOCTOR_OK, doctor->directory,
	    "key and certificate belong together");
	check_dates(doctor, identity.certificate_pem);
	check_servers(doctor, &identity);
	state_identity_free(&identity);
}

/* The module believes the socket only of root or of the agent's user. */
static void check_socket(struct doctor *doctor, const char *path)
{
	const struct passwd *agent = getpwnam("sekimori-agent");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
			  sizeof(address)) != 0)
		doctor_tell(doctor, DOCTOR_FAIL, path,
		    "nobody answers. systemctl enable --now sekimori-agent");
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
		 (peer.uid != 0 && (!agent || peer.uid != agent->pw_uid)))
		doctor_tell(doctor, DOCTOR_FAIL, path,
		    "answered by somebody who is neither root nor "
		    "sekimori-agent. The module will not believe it.");
	else
		doctor_tell(
		    doctor, DOCTOR_OK, path, "answered by the right user");
	if (fd >= 0)
		close(fd);
}

/* Only polkit lets somebody who is not root lock another's session. */
static void check_polkit(struct doctor *doctor)
{
	static const char *const rules[] = {
	    "/usr/share/polkit-1/rules.d/" POLKIT_RULE,
	    "/etc/polkit-1/rules.d/" POLKIT_RULE,
	};
	bool has_rule =
	    access(rules[0], F_OK) == 0 || access(rules[1], F_OK) == 0;

	if (access(POLKIT_DAEMON, F_OK) != 0)
		doctor_tell(doctor, DOCTOR_WARN, "polkit",
		    "is not installed: no session can be locked when its card "
		    "leaves or its person is frozen. apt install polkitd");
	else if (!has_rule)
		doctor_tell(doctor, DOCTOR_WARN, "polkit",
		    "lacks " POLKIT_RULE ": no session can be locked when its "
		    "card leaves or its person is frozen. Copy it to "
		    "/etc/polkit-1/rules.d.");
	else
		doctor_tell(doctor, DOCTOR_OK, "polkit",
		    "lets the agent lock sessions whose card leaves");
}

/* Whoever is frozen is looked for in its files. */
static void check_logind(struct doctor *doctor)
{
	struct logind_open *sessions = NULL;
	size_t count = 0;
	bool more = false;

	if (logind_list(&sessions, &count, &more) == ERR_NONE)
		doctor_tell(doctor, DOCTOR_OK, "logind",
		    "says which sessions a freeze would lock");
	else
		doctor_tell(doctor, DOCTOR_WARN, "logind",
		    "does not run: a freeze refuses logins here and locks "
		    "no session. apt install libpam-systemd");
	free(sessions);
}

bool doctor_print(const char *directory, const char *socket_path)
{
	struct doctor doctor = {.directory = directory};

	check_file(&doctor, STATE_KEY, 077);
	check_file(&doctor, STATE_CERTIFICATE, 022);
	check_file(&doctor, STATE_CA, 022);
	check_file(&doctor, STATE_CONFIG, 022);
	check_file(&doctor, STATE_AUDIT_KEY, 022);
	check_identity(&doctor);
	check_socket(&doctor, socket_path);
	check_polkit(&doctor);
	check_logind(&doctor);
	doctor_check_cards(&doctor);
	doctor_check_pam(&doctor);
	doctor_check_sshd(&doctor);
	return !doctor.failed;
}
