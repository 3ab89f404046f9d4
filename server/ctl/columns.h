/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown of the answers of commands, as columns of a table or lines of
 * one object. Which command shows which is commands.c's.
 */
#ifndef SEKIMORI_CTL_COLUMNS_H
#define SEKIMORI_CTL_COLUMNS_H

#include "server/ctl/output.h"

extern const struct output_column PERSON_COLUMNS[], IMPORT_COLUMNS[],
    TOKEN_COLUMNS[], LEDGER_COLUMNS[], INVENTORY_COLUMNS[], CARD_COLUMNS[],
    TERMINAL_COLUMNS[], AUDIT_COLUMNS[], AUDIT_CSV_COLUMNS[], ADMIN_COLUMNS[],
    POLICY_COLUMNS[], SHADOW_COLUMNS[], REQUEST_COLUMNS[], STATUS_COLUMNS[];

#endif
