/* Record: see record.h. */
#include "report/record.h"

#include "base/disk.h"
#include "base/error.h"
#include "report/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FAILURE_BYTES_MAX = 4096 };

void ch_record_find(ch_record *r, bool is_bad, const char *format, ...) {
    if (r->findings_count == CH_FINDINGS_MAX) {
        return;
    }
    ch_finding *f = &r->findings[r->findings_count++];
    f->is_bad = is_bad;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(f->text, sizeof(f->text), format, arguments);
    va_end(arguments);
}

static bool is_there(const char *dir, const char *file) {
    char path[CHOIR_PATH_MAX];
    return ch_run_dir_file(path, dir, file, NULL) == CHOIR_OK && access(path, F_OK) == 0;
}

static choir_status job_read(ch_record *r, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(path, r->dir, "job.yaml", err);
    if (status == CHOIR_OK && access(path, F_OK) != 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: is not a run: it has no job.yaml", r->dir);
    }
    return status == CHOIR_OK ? choir_job_read(&r->job, path, NULL, 0, err) : status;
}

static choir_status metrics_read(ch_record *r, const choir_env *env, choir_error *err) {
    if (!is_there(r->dir, "metrics.jsonl")) {
        return CHOIR_OK;
    }
    return ch_metrics_read(&r->metrics, r->dir, env, err);
}

/* What the page can do without: a finding says why it has to. Only ENOMEM is passed on. */
static choir_status spared(ch_record *r, choir_status status, const choir_error *why) {
    if (status != CHOIR_OK && status != CHOIR_EAGAIN && status != CHOIR_ENOMEM) {
        ch_record_find(r, false, "Left out: %s.", why->message);
    }
    return status == CHOIR_ENOMEM ? status : CHOIR_OK;
}

/* What failure.txt in dir, the run's or a baseline's, says. */
static choir_status failure_read(ch_record *r, const char *dir, const char *what,
                                 const choir_env *env) {
    char path[CHOIR_PATH_MAX];
    choir_error why = {.message = ""};
    choir_status status = ch_run_dir_file(path, dir, CH_REPORT_FAILURE_FILE, &why);
    if (status != CHOIR_OK || access(path, F_OK) != 0) {
        return spared(r, status, &why);
    }
    ch_disk_file file = {.size = 0};
    status = ch_disk_read(&file, path, FAILURE_BYTES_MAX, env, &why);
    if (status == CHOIR_OK) {
        const char *end = memchr(file.data, '\n', file.size);
        const size_t size = end == NULL ? file.size : (size_t)(end - (const char *)file.data);
        ch_record_find(r, true, "%s: %.*s", what, (int)size, (const char *)file.data);
    }
    ch_disk_release(&file);
    return spared(r, status, &why);
}

static choir_status baselines_read(ch_record *r, const choir_env *env) {
    static const char *const folders[CH_BASELINES] = {"baseline-central", "baseline-local"};
    choir_status status = CHOIR_OK;
    for (int i = 0; i < CH_BASELINES && status == CHOIR_OK; i++) {
        char dir[CHOIR_PATH_MAX] = "";
        choir_error why = {.message = ""};
        status = ch_run_dir_file(dir, r->dir, folders[i], &why);
        if (status == CHOIR_OK && is_there(dir, "metrics.jsonl")) {
            status = ch_metrics_read(&r->baselines[i], dir, env, &why);
        }
        status = spared(r, status, &why);
        if (status == CHOIR_OK && dir[0] != '\0') {
            status = failure_read(r, dir, "A baseline failed", env);
        }
    }
    return status;
}

static choir_status extras_read(ch_record *r, const choir_env *env) {
    choir_error why = {.message = ""};
    choir_status status = failure_read(r, r->dir, "The run failed", env);
    if (status == CHOIR_OK) {
        status = baselines_read(r, env);
    }
    if (status == CHOIR_OK) {
        status = spared(r, ch_clients_read(&r->clients, r->dir, env, &why), &why);
    }
    if (status == CHOIR_OK) {
        status = spared(r, ch_samples_read(&r->samples, r->dir, env, &why), &why);
    }
    if (status == CHOIR_OK && is_there(r->dir, "run.json")) {
        const choir_status facts = ch_run_facts_read(&r->facts, r->dir, env, &why);
        r->has_facts = facts == CHOIR_OK;
        status = spared(r, facts, &why);
    }
    return status;
}

choir_status ch_record_read(ch_record *out, const char *dir, const choir_env *env,
                            choir_error *err) {
    *out = (ch_record){.findings_count = 0};
    const int size = snprintf(out->dir, sizeof(out->dir), "%s", dir);
    if (size < 0 || (size_t)size >= sizeof(out->dir)) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", dir,
                            CHOIR_PATH_MAX - 1);
    }
    for (size_t end = strlen(out->dir); end > 1 && out->dir[end - 1] == '/'; end--) {
        out->dir[end - 1] = '\0';
    }
    choir_status status = job_read(out, err);
    if (status == CHOIR_OK) {
        status = metrics_read(out, env, err);
    }
    if (status == CHOIR_OK && extras_read(out, env) != CHOIR_OK) {
        status = ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for what it holds", dir);
    }
    if (status == CHOIR_OK) {
        ch_record_judge(out);
    }
    return status;
}

void ch_record_release(ch_record *r) {
    ch_metrics_table_release(&r->metrics);
    for (int i = 0; i < CH_BASELINES; i++) {
        ch_metrics_table_release(&r->baselines[i]);
    }
    ch_clients_release(&r->clients);
    ch_samples_release(&r->samples);
}
