/* choir data list: what data sets there are, and which are on this machine. */
#include "commands.h"

#include "choir/job.h"
#include "data/catalog.h"
#include "data/generator.h"
#include "data/source.h"

#include <stdbool.h>
#include <stdlib.h>

typedef struct list_flags {
    char dir[CHOIR_PATH_MAX];
} list_flags;

static const ch_option ROWS[] = {
    {"--dir", CH_OPTION_TEXT, offsetof(list_flags, dir), 0, CHOIR_PATH_MAX, "", NULL,
     "where data sets are kept, if not in the user's data directory"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const list_flags DEFAULTS = {.dir = ""};

/* Files that a run trains on may have come by another way, without all that is to be had. */
static const char *where(const ch_catalog_row *row, const char *dir) {
    choir_job_data data = choir_job_defaults().data;
    const size_t room = sizeof(data.source);
    if (ch_catalog_is_here(row, dir)) {
        return "here";
    }
    const bool fits = (size_t)snprintf(data.source, room, "%s/%s", dir, row->name) < room;
    return fits && ch_source_look(&data) != CH_SOURCE_UNSEEN ? "in part" : "to get";
}

static int list_run(const ch_call *call, choir_error *err) {
    const list_flags *flags = call->options;
    char dir[CHOIR_PATH_MAX];
    const choir_status status = ch_data_dir(dir, flags->dir, err);
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    for (size_t i = 0; i < CH_GENERATORS_COUNT; i++) {
        (void)fprintf(call->out, "%-14s built in  %s\n", CH_GENERATORS[i]->name,
                      CH_GENERATORS[i]->about);
    }
    for (size_t i = 0; i < CH_CATALOG_COUNT; i++) {
        (void)fprintf(call->out, "%-14s %-8s  %s\n", CH_CATALOG[i].name, where(&CH_CATALOG[i], dir),
                      CH_CATALOG[i].about);
    }
    const char *variable = getenv("CHOIR_DATA");
    const bool is_set = variable != NULL && variable[0] != '\0';
    const char *from = flags->dir[0] != '\0' ? "--dir"
                       : is_set              ? "$CHOIR_DATA"
                                             : "$CHOIR_DATA would change it";
    (void)fprintf(call->out, "data directory: %s (%s)\n", dir, from);
    return EXIT_DONE;
}

const ch_command CMD_DATA_LIST = {
    .name = "data list",
    .operands = "",
    .summary = "list the data sets that have names",
    .text = "Lists the data sets that data.source can name: those built in, those downloaded to "
            "the data directory (here), those that 'choir data get' would download, and those of "
            "which some files are there that choir reads (in part). Files of your own are named by "
            "their path; docs/dataset.md says which kinds.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = list_run,
};
