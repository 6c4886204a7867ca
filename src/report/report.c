/* Report: see report.h. */
#include "report/report.h"

#include "base/arena.h"
#include "base/disk.h"
#include "base/error.h"
#include "report/page.h"

#include <stdio.h>
#include <string.h>

static const char COMPARISON_FILE[] = "comparison.html";
static const char REPORT_FILE[] = "report.html";

/* Where the page goes. */
static choir_status path_choose(char out[CHOIR_PATH_MAX], const char *out_path,
                                const ch_record *records, uint32_t count, choir_error *err) {
    if (out_path == NULL || out_path[0] == '\0') {
        if (count == 1) {
            return ch_run_dir_file(out, records[0].dir, REPORT_FILE, err);
        }
        out_path = COMPARISON_FILE;
    }
    const int size = snprintf(out, CHOIR_PATH_MAX, "%s", out_path);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes",
                            out_path, CHOIR_PATH_MAX - 1);
    }
    return CHOIR_OK;
}

static choir_status page_write(ch_report_result *result, ch_page *page, const ch_record *records,
                               uint32_t count, const choir_env *env, choir_error *err) {
    if (count == 1) {
        ch_page_run(page, &records[0], env);
    } else {
        ch_page_comparison(page, records, count, env);
    }
    if (ch_draft_status(&page->html) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for the page", result->path);
    }
    result->has_charts = !page->has_no_charts;
    (void)snprintf(result->warning, sizeof(result->warning), "%s", page->warning);
    const choir_bytes bytes = ch_draft_bytes(&page->html);
    return ch_disk_replace(result->path, &bytes, 1, err);
}

static choir_status records_write(ch_report_result *result, ch_record *records,
                                  const char *const *runs, uint32_t count, const char *out_path,
                                  const choir_env *env, choir_error *err) {
    for (uint32_t i = 0; i < count; i++) {
        const choir_status status = ch_record_read(&records[i], runs[i], env, err);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    choir_status status = path_choose(result->path, out_path, records, count, err);
    if (status == CHOIR_OK) {
        ch_page page;
        ch_page_init(&page, env);
        status = page_write(result, &page, records, count, env, err);
        ch_page_release(&page);
    }
    return status;
}

choir_status ch_report_check(const char *out_path, uint32_t count, choir_error *err) {
    const bool is_given = out_path != NULL && out_path[0] != '\0';
    return is_given || count > 1 ? ch_disk_check_replace(is_given ? out_path : COMPARISON_FILE, err)
                                 : CHOIR_OK;
}

choir_status ch_report_write(ch_report_result *out, const char *const *runs, uint32_t count,
                             const char *out_path, const choir_env *env, choir_error *err) {
    if (count < 1 || count > CH_REPORT_RUNS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "a report is of 1 to %d runs, not of %u",
                            CH_REPORT_RUNS_MAX, count);
    }
    ch_arena arena;
    choir_status status = ch_arena_init(&arena, ch_arena_cost(count, sizeof(ch_record)), env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory to read %u runs", count);
    }
    ch_record *records = CH_NEW(&arena, ch_record, count);
    ch_report_result result = {.path = ""};
    status = records_write(&result, records, runs, count, out_path, env, err);
    for (uint32_t i = 0; i < count; i++) {
        ch_record_release(&records[i]);
    }
    ch_arena_release(&arena);
    if (status == CHOIR_OK) {
        *out = result;
    }
    return status;
}
