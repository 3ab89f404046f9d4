/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor's look at cards: modules that are named exist, and the card child
 * starts and says what it sees. No PIN is asked for.
 */
#include "pam_module/agent/doctor.h"

#include <unistd.h>

#include "pam_module/agent/card_child.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/steady.h"

static bool check_modules(
    struct doctor *doctor, const struct config_list *modules)
{
	bool all = true;

	for (size_t i = 0; i < modules->count; i++)
		if (access(modules->items[i], R_OK) != 0) {
			doctor_tell(doctor, DOCTOR_FAIL, modules->items[i],
			    "cannot be read. Correct card_modules in "
			    "agent.conf.");
			all = false;
		}
	return all;
}

void doctor_check_cards(struct doctor *doctor)
{
	static const struct {
		enum doctor_level level;
		const char *finding;
	} findings[] = {
	    [CARD_TROUBLE] = {DOCTOR_WARN,
		"cannot be looked for: sekimori-card is missing, a module "
		"fails, or a card does. Try pkcs11-tool -L."},
	    [CARD_ABSENT] = {DOCTOR_OK, "none in a reader, if there is one"},
	    [CARD_OTHER] = {DOCTOR_OK,
		"one in a reader, without a certificate for logins"},
	    [CARD_SEVERAL] = {DOCTOR_OK,
		"several keys for logins in the readers"},
	    [CARD_PRESENT] = {DOCTOR_OK, "one for logins in a reader"},
	};
	struct state_config config = {0};
	struct config_problem problem = {0};
	const struct card_child child = {.modules = &config.card_modules,
	    .state_directory = doctor->directory};
	const struct card_reader reader = card_child_reader(&child);
	const struct card_wanted any = {.tag_count = 0};
	struct card_session *session = NULL;
	struct card_seen seen;

	/* A bad configuration has been told already. */
	if (state_read_config(doctor->directory, &config, &problem) !=
		ERR_NONE ||
	    !check_modules(doctor, &config.card_modules))
		return;
	seen = reader.find(
	    reader.context, &any, steady_ms() + CARD_FIND_WAIT_MS, &session);
	reader.close(reader.context, session);
	doctor_tell(doctor, findings[seen.presence].level, "cards",
	    findings[seen.presence].finding);
}
