/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/reader.h"

#include <string.h>
#include <winscard.h>

enum {
	NAMES_BYTES_MAX = 4096,
	NAME_BYTES = 64, /* of slotDescription, padded with blanks */
};

/* The name of the token's reader. False: it is software. */
static bool reader_of(const struct token *token, char out[NAME_BYTES + 1])
{
	CK_SLOT_INFO info = {0};
	size_t length = NAME_BYTES;

	if (token->functions->C_GetSlotInfo(token->slot, &info) != CKR_OK ||
	    !(info.flags & (CKF_HW_SLOT | CKF_REMOVABLE_DEVICE)))
		return false;
	memcpy(out, info.slotDescription, NAME_BYTES);
	while (length > 0 && (out[length - 1] == ' ' || !out[length - 1]))
		length--;
	out[length] = '\0';
	return length > 0;
}

static void reset(SCARDCONTEXT context, const char *reader)
{
	SCARDHANDLE card = 0;
	DWORD protocol = 0;

	if (SCardConnect(context, reader, SCARD_SHARE_SHARED,
		SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card,
		&protocol) == SCARD_S_SUCCESS)
		(void)SCardDisconnect(card, SCARD_RESET_CARD);
}

/* Names are cut at NAME_BYTES by PKCS #11. */
static void reset_named(SCARDCONTEXT context, const char *wanted)
{
	char names[NAMES_BYTES_MAX] = "";
	DWORD length = sizeof(names) - 2;

	if (SCardListReaders(context, NULL, names, &length) != SCARD_S_SUCCESS)
		return;
	for (const char *name = names; *name; name += strlen(name) + 1)
		if (strncmp(name, wanted, NAME_BYTES) == 0)
			reset(context, name);
}

void reader_forget_pin(struct token *token)
{
	char name[NAME_BYTES + 1];
	bool has_reader = reader_of(token, name);
	SCARDCONTEXT context = 0;

	(void)token->functions->C_Logout(token->session);
	token_close(token);
	if (!has_reader || SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
			       &context) != SCARD_S_SUCCESS)
		return;
	reset_named(context, name);
	(void)SCardReleaseContext(context);
}
