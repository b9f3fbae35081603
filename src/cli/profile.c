// SPDX-License-Identifier: Apache-2.0
/* culvert profile — connections under a name: made, listed, changed, taken over from elsewhere. */
#include "cli/profile.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/instance.h"

static const char usage[] =
	"Usage: culvert profile add NAME -- CONNECT-OPTIONS\n"
	"       culvert profile list [--json]\n"
	"       culvert profile show NAME [--json]\n"
	"       culvert profile edit NAME [--unset KEY]... [-- CONNECT-OPTIONS]\n"
	"       culvert profile remove NAME\n"
	"       culvert profile import FILE [--name NAME]\n"
	"       culvert profile export NAME\n"
	"\n"
	"A profile is what `culvert connect` is asked for, under a name: `culvert up NAME` brings it up. It is\n"
	"kept in /etc/culvert/profiles/NAME.conf, or of a user who is not root in ~/.config/culvert/profiles.\n"
	"Each long option of `culvert connect` is a key, with yes for one without an argument; the server\n"
	"is the key `server`. A password from standard input (--password-file -), or from a file that\n"
	"others can read, is kept in NAME.secret (0600).\n"
	"\n"
	"import takes an invite (`culvert user invite`), an export, and what other clients keep: a phonebook\n"
	"(.pbk) or ProfileXML of Windows, VpnSettings.xml of an Azure package, a keyfile of NetworkManager (sstp),\n"
	"a command line of sstpc in a file. It prints each line that it leaves out.\n"
	"\n"
	"      --unset KEY     edit: take this key away; repeat. Without it and options: opens $VISUAL or $EDITOR\n"
	"      --name NAME     import: of the new profile (that in the file)\n"
	"      --json          list, show: as JSON\n"
	"  -h, --help\n"
	"\n"
	"Exit codes: 0 done, 1 it failed, 2 wrong use or a profile that is not understood.\n";

struct args {
	const char *name;
	int argc; /* of what stands behind --, argv[0] a name for it; 0: nothing */
	char **argv;
	const char *new_name; /* --name */
	const char *unset[32];
	size_t n_unset;
	bool json;
};

/* ---- add, edit, remove ---------------------------------------------------------- */

static int keep(struct profile_file *f, const char *past)
{
	int r = profile_judge(f);

	if (!r)
		r = profile_save(f);
	if (!r)
		text_fprintf(stdout, "culvert: profile %s %s: %s\n", f->name, past, f->path);
	return r;
}

static int add(const struct args *a)
{
	struct profile_file f;
	int r;

	if (!a->argc)
		return cmd_usage(usage);
	r = profile_begin(a->name, &f);
	if (!r)
		r = profile_take_words(&f, a->argc, a->argv);
	if (!r)
		r = keep(&f, "was added");
	profile_done(&f);
	return r;
}

static int unset(struct profile_file *f, const char *key)
{
	const struct connect_option *row = connect_option_named(key);

	if (!row)
		return cmd_bad("profile", "--unset", key, "a long option of `culvert connect`");
	profile_drop(f->profile, (int)row->id);
	if (row->kind == CONNECT_SECRET)
		*f->secrets.value[profile_secret_at((int)row->id)] = '\0';
	return 0;
}

static int edit(const struct args *a)
{
	struct profile_file f;
	int r = profile_load(a->name, &f);

	if (!r && !a->argc && !a->n_unset) {
		r = profile_edit(&f);
		profile_done(&f);
		return r;
	}
	for (size_t i = 0; !r && i < a->n_unset; i++)
		r = unset(&f, a->unset[i]);
	if (!r && a->argc)
		r = profile_take_words(&f, a->argc, a->argv);
	if (!r)
		r = keep(&f, "is changed");
	profile_done(&f);
	return r;
}

static int remove_profile(const struct args *a)
{
	struct instance_paths paths;
	struct profile_file f;
	int r;

	if (!profile_find(a->name, &f))
		return profile_load(a->name, &f); /* says what is wrong */
	instance_paths(a->name, &paths);
	if (instance_running(&paths) > 0)
		return cmd_fail(EV_CLIENT_RUNS, "");
	r = profile_remove(&f);
	if (!r)
		text_fprintf(stdout, "culvert: profile %s was removed\n", a->name);
	return r;
}

/* ---- show, list ---------------------------------------------------------- */

static json_t *json_of(const struct profile_file *f)
{
	json_t *o = json_object(), *keys = json_object();

	for (size_t i = 0; f->profile && i < f->profile->n; i++) {
		const struct profile_item *item = &f->profile->item[i];
		const struct connect_option *row =
			item->id == PROFILE_SERVER ? NULL
						   : connect_option((enum connect_id)item->id);
		const char *key = row ? row->name : "server";
		json_t *list = json_object_get(keys, key);

		if (row && row->kind != CONNECT_LIST) {
			json_object_set_new(keys, key,
				row->kind == CONNECT_FLAG ? json_true() : json_text(item->value));
			continue;
		}
		if (!list)
			json_object_set_new(keys, key, list = json_array());
		json_array_append_new(list, json_text(item->value));
	}
	json_object_set_new(o, "name", json_text(f->name));
	json_object_set_new(o, "file", json_text(f->path));
	json_object_set_new(o, "options", keys);
	return o;
}

static void print_text(const struct profile_file *f)
{
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out) {
		profile_print(f->profile, false, out);
		fclose(out);
	}
	for (char *save = NULL, *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		text_fprintf(stdout, "%s\n", line);
}

static int show(const struct args *a)
{
	struct profile_file f;
	int r = profile_load(a->name, &f);

	if (!r && a->json) {
		json_t *o = json_of(&f);

		ask_print_json(o);
		json_decref(o);
	} else if (!r) {
		text_fprintf(stdout, "# %s\n", f.path);
		print_text(&f);
		for (size_t i = 0; i < PROFILE_SECRETS; i++)
			if (*f.secrets.value[i])
				text_fprintf(stdout, "# the secret of %s is in %s\n",
					connect_option(profile_secret_row(i))->name, f.secret_path);
	}
	profile_done(&f);
	return r;
}

static void print_row(const struct profile_file *f)
{
	const char *server = profile_get(f->profile, PROFILE_SERVER);

	text_fprintf(stdout, "%-20s %-40s %s\n", f->name, server ? server : "-", f->path);
}

static int list(const struct args *a)
{
	struct profile_names names;
	json_t *all = json_array();
	int r = 0;

	profile_names(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct profile_file f;
		int failed = profile_load(names.name[i], &f);

		if (failed)
			r = failed;
		else if (a->json)
			json_array_append_new(all, json_of(&f));
		else
			print_row(&f);
		profile_done(&f);
	}
	if (a->json)
		ask_print_json(all);
	json_decref(all);
	return r;
}

/* ---- from elsewhere, for elsewhere ---------------------------------------------------------- */

static int profile_import(const struct args *a)
{
	return profile_import_file(a->name, a->new_name);
}

static int export(const struct args *a)
{
	struct profile_file f;
	int r = profile_load(a->name, &f);

	if (!r)
		r = profile_export(&f, stdout);
	profile_done(&f);
	return r;
}

/* ---- the command line ---------------------------------------------------------- */

static const struct action {
	const char *name;
	int (*run)(const struct args *a);
	bool named;
} actions[] = {
	{"add", add, true},
	{"list", list, false},
	{"show", show, true},
	{"edit", edit, true},
	{"remove", remove_profile, true},
	{"import", profile_import, true},
	{"export", export, true},
};

/* What stands before --; the rest is for connect. */
static int take_own(struct args *a, int argc, char **argv)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
		{"unset", required_argument, NULL, 'u'}, {"name", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == '?')
			return CMD_USAGE;
		if (c == 'h') {
			fputs(usage, stdout);
			return -1;
		}
		a->json |= c == 'j';
		if (c == 'n')
			a->new_name = optarg;
		if (c == 'u' && a->n_unset == ARRAY_SIZE(a->unset))
			return cmd_bad("profile", "--unset", optarg, "32 of them at most");
		if (c == 'u')
			a->unset[a->n_unset++] = optarg;
	}
	return 0;
}

int cmd_profile(int argc, char **argv)
{
	const struct action *action;
	struct args a = {0};
	int own = 0, r;

	while (own < argc && strcmp(argv[own], "--"))
		own++;
	if (own < argc) {
		a.argc = argc - own;
		a.argv = argv + own;
		argv[own] = argv[0]; /* the name in getopt's complaints */
	}
	r = take_own(&a, own, argv);
	if (r)
		return r < 0 ? CMD_OK : r;
	if (optind == own)
		return cmd_usage(usage);
	action = cmd_action(
		"profile", argv[optind++], actions, ARRAY_SIZE(actions), sizeof(*actions));
	if (!action)
		return CMD_USAGE;
	if (own - optind != action->named)
		return cmd_usage(usage);
	a.name = action->named ? argv[optind] : "";
	return action->run(&a);
}
