// SPDX-License-Identifier: Apache-2.0
/* config/manual.h — texts for people made from options.def: help, dump's head, culvert.conf(5). */
#pragma once
#include <stdio.h>

/* Every option with type and default, for `culvert serve --help`. */
void config_print_help(FILE *out);
/* A file in which every option stands with its meaning, switched off. */
void config_print_example(FILE *out);
/* culvert.conf(5) in mdoc. */
void config_print_manual(FILE *out);
