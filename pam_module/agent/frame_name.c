/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/frame_name.h"

#include <string.h>

enum err frame_get_name(
    const struct frame *frame, enum frame_tag tag, char out[NAME_BYTES_MAX + 1])
{
	enum err err = frame_get_text(frame, tag, out, NAME_BYTES_MAX + 1);

	if (err == ERR_NONE && !text_is_name(out, strlen(out)))
		err = ERR_INVALID;
	return err;
}

void frame_get_optional_name(
    const struct frame *frame, enum frame_tag tag, char out[NAME_BYTES_MAX + 1])
{
	if (frame_get_name(frame, tag, out) != ERR_NONE)
		out[0] = '\0';
}

void frame_get_tty(const struct frame *frame, char out[NAME_BYTES_MAX + 1])
{
	static const char folder[] = "/dev/";
	const size_t length = sizeof(folder) - 1;

	frame_get_optional_name(frame, FRAME_TTY, out);
	if (strncmp(out, folder, length) == 0)
		memmove(out, out + length, strlen(out + length) + 1);
}
