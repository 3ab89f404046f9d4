/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that a command leaves behind: new, its owner's alone, "-" is standard
 * output. Failures are told on stderr.
 */
#ifndef SEKIMORI_CTL_OUT_FILE_H
#define SEKIMORI_CTL_OUT_FILE_H

#include <stdio.h>

/* NULL after a failure. Never over a file that is there. */
FILE *out_file_open(const char *path);
/* EXIT_DONE, or EXIT_REFUSED when not all of it was written. */
int out_file_close(FILE *file, const char *path);

#endif
