/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls the conversation function itself instead of pam_prompt(), so that no
 * copy of prompt or answer is left in memory that nobody wipes.
 */
#include "pam_module/conversation.h"

#include <stdlib.h>
#include <string.h>

static enum err conversation_call(
    pam_handle_t *pamh, int style, const char *text, char **out)
{
	const struct pam_message message = {.msg_style = style, .msg = text};
	const struct pam_message *messages = &message;
	struct pam_response *responses = NULL;
	const struct pam_conv *conv = NULL;
	const void *item = NULL;

	if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || !item)
		return ERR_IO;
	conv = item;
	/* What a failed call left in responses may be freed already: a leak
	 * in a broken application is better than a second free in ours. */
	if (!conv->conv || conv->conv(1, &messages, &responses,
			       conv->appdata_ptr) != PAM_SUCCESS)
		return ERR_IO;
	if (responses) {
		*out = responses[0].resp;
		free(responses);
	}
	return ERR_NONE;
}

enum err conversation_ask(pam_handle_t *pamh, enum conversation_echo echo,
    const char *prompt, char **out)
{
	int style = echo == CONVERSATION_ECHO ? PAM_PROMPT_ECHO_ON
					      : PAM_PROMPT_ECHO_OFF;
	char *answer = NULL;
	enum err err = conversation_call(pamh, style, prompt, &answer);

	if (err != ERR_NONE)
		return err;
	if (!answer)
		return ERR_IO;
	*out = answer;
	return ERR_NONE;
}

void conversation_tell(pam_handle_t *pamh, int style, const char *text)
{
	char *answer = NULL;

	(void)conversation_call(pamh, style, text, &answer);
	conversation_forget(&answer);
}

void conversation_forget(char **answer)
{
	if (*answer)
		explicit_bzero(*answer, strlen(*answer));
	free(*answer);
	*answer = NULL;
}
