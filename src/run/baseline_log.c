/* BaselineLog: see baseline_log.h. */
#include "run/baseline_log.h"

#include "base/error.h"
#include "report/report.h"
#include "store/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A baseline's log is here until it is whole: a process that is killed leaves none that would pass
 * for that. */
static const char UNFINISHED[] = "unfinished";

/* What a log has; a reader looks for the last. */
static const char *const LOG_FILES[] = {"metrics.csv", "metrics.jsonl"};
enum { LOG_FILES_COUNT = sizeof(LOG_FILES) / sizeof(LOG_FILES[0]) };

static choir_status folder_make(const char *folder, choir_error *err) {
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot make this folder: %s", folder,
                            strerror(errno));
    }
    return CHOIR_OK;
}

static choir_status file_remove(const char *folder, const char *file, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const choir_status status = ch_run_dir_file(path, folder, file, err);
    if (status == CHOIR_OK) {
        (void)unlink(path); // it may not be there
    }
    return status;
}

choir_status ch_baseline_log_open(ch_metrics_log **out, const char *folder, const choir_env *env,
                                  choir_error *err) {
    char part[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(part, folder, UNFINISHED, err);
    if (status == CHOIR_OK) {
        status = folder_make(folder, err);
    }
    if (status == CHOIR_OK) {
        status = folder_make(part, err);
    }
    for (size_t i = 0; i < LOG_FILES_COUNT && status == CHOIR_OK; i++) {
        status = file_remove(folder, LOG_FILES[i], err);
    }
    if (status == CHOIR_OK) {
        status = file_remove(folder, CH_REPORT_FAILURE_FILE, err);
    }
    return status == CHOIR_OK ? ch_metrics_log_open(out, part, 0, env, err) : status;
}

/* Takes a file of the log to where it is looked for. */
static choir_status file_finish(const char *folder, const char *part, const char *file,
                                choir_error *err) {
    char from[CHOIR_PATH_MAX];
    char to[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(from, part, file, err);
    if (status == CHOIR_OK) {
        status = ch_run_dir_file(to, folder, file, err);
    }
    if (status == CHOIR_OK && rename(from, to) != 0) {
        status = ch_error_set(err, CHOIR_EIO, "%s: cannot be put into its place: %s", from,
                              strerror(errno));
    }
    return status;
}

choir_status ch_baseline_log_end(ch_metrics_log *log, const char *folder, choir_status status,
                                 const char *why, choir_error *err) {
    char part[CHOIR_PATH_MAX];
    ch_metrics_log_close(log);
    if (log != NULL && ch_run_dir_file(part, folder, UNFINISHED, NULL) == CHOIR_OK) {
        for (size_t i = 0; i < LOG_FILES_COUNT && status == CHOIR_OK; i++) {
            status = file_finish(folder, part, LOG_FILES[i], err);
        }
        for (size_t i = 0; i < LOG_FILES_COUNT; i++) {
            ch_ignore(file_remove(part, LOG_FILES[i], NULL), "nobody looks for it there");
        }
        (void)rmdir(part);
    }
    if (why[0] != '\0') {
        ch_ignore(ch_run_dir_write(folder, CH_REPORT_FAILURE_FILE,
                                   (choir_bytes){.data = (const uint8_t *)why, .size = strlen(why)},
                                   NULL),
                  "the caller hears of it in any case");
    }
    return status;
}
