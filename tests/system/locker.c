/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A screen locker as far as PAM can tell: runs as an ordinary user, has one
 * text per attempt for one prompt, turns down a second prompt, drops what it
 * is told, and uses one PAM handle for every attempt. Attempts come as lines
 * on standard input; exit 0 once unlocked.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct typed {
	char text[600];
	int prompts;
};

static int converse(int count, const struct pam_message **messages,
    struct pam_response **responses, void *context)
{
	struct typed *typed = context;
	struct pam_response *all = calloc((size_t)count, sizeof *all);

	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;

		if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON)
			continue;
		if (++typed->prompts > 1) {
			free(all);
			return PAM_CONV_ERR;
		}
		all[i].resp = strdup(typed->text);
	}
	*responses = all;
	return PAM_SUCCESS;
}

int main(int argc, char **argv)
{
	struct typed typed = {0};
	struct pam_conv conversation = {converse, &typed};
	pam_handle_t *pamh = NULL;
	int code;

	if (argc != 3 || geteuid() == 0) {
		fprintf(stderr, "usage: locker SERVICE USER, as that user\n");
		return 2;
	}
	code = pam_start(argv[1], argv[2], &conversation, &pamh);
	while (code == PAM_SUCCESS &&
	       fgets(typed.text, sizeof typed.text, stdin)) {
		int result;

		typed.text[strcspn(typed.text, "\n")] = '\0';
		typed.prompts = 0;
		result = pam_authenticate(pamh, 0);
		if (result == PAM_SUCCESS)
			result = pam_acct_mgmt(pamh, 0);
		printf("%s\n",
		    result == PAM_SUCCESS ? "unlocked" : "still locked");
		fflush(stdout);
		if (result == PAM_SUCCESS) {
			pam_setcred(pamh, PAM_REFRESH_CRED);
			pam_end(pamh, PAM_SUCCESS);
			return 0;
		}
	}
	pam_end(pamh, PAM_AUTH_ERR);
	return 1;
}
