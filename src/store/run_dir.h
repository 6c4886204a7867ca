/*
 * Run directory: where a run leaves what it is, what it did and how to go on.
 *
 *     job.yaml            effective configuration: every key
 *     run.json            version, seed, backend, CPU, workers, command
 *     metrics.jsonl .csv  see metrics_log.h
 *     checkpoint-N.bin    see checkpoint.h
 *     model.safetensors   the final model
 *     report.html *.svg   see src/report
 *     lock                held by the process that writes the run
 *
 * A directory that holds a run is never overwritten; one process at a time may write it.
 */
#ifndef CH_STORE_RUN_DIR_H
#define CH_STORE_RUN_DIR_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/job.h"
#include "choir/status.h"
#include "choir/task.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_run_dir {
    char path[CHOIR_PATH_MAX]; // without a slash at its end
    int lock;                  // descriptor; -1: none
} ch_run_dir;

/*
 * Makes a new run directory, with its parents, and locks it.
 *
 * path  where; NULL or "": runs/<name>-<counter>, the first counter from 1 that is free
 * name  of the job; letters other than [A-Za-z0-9._-] become '-' in the path
 *
 * Returns OK and an object to release; EINVAL when path holds a run already or is too long; EIO.
 */
CHOIR_NODISCARD choir_status ch_run_dir_create(ch_run_dir *out, const char *path, const char *name,
                                               choir_error *err);

/*
 * Locks an existing run directory, to go on with its run.
 *
 * Returns OK and an object to release; EIO when it is none, or another process holds it.
 */
CHOIR_NODISCARD choir_status ch_run_dir_open(ch_run_dir *out, const char *path, choir_error *err);

/* Gives up the lock. Safe to call twice. */
void ch_run_dir_release(ch_run_dir *d);

/* dir/file into out. Returns OK; EINVAL when that is too long. */
CHOIR_NODISCARD choir_status ch_run_dir_file(char out[CHOIR_PATH_MAX], const char *dir,
                                             const char *file, choir_error *err);

/* Writes dir/file, replacing it at once. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_run_dir_write(const char *dir, const char *file, choir_bytes bytes,
                                              choir_error *err);

enum { CH_COMMAND_MAX = 2048 }; // bytes, with the terminating zero

/* What run.json holds: enough to say where figures come from. Texts are cut to their size. */
typedef struct ch_run_facts {
    char name[CHOIR_NAME_MAX];    // the job's
    char version[CHOIR_NAME_MAX]; // of choir
    uint64_t seed;
    char backend[CHOIR_NAME_MAX];     // of the kernels: "vector-avx512", ...
    char cpu[CHOIR_TEXT_MAX];         // as the system names it
    uint32_t workers;                 // training threads
    uint32_t parameters;              // in the model
    char command[CH_COMMAND_MAX];     // how to run it again
    double start_loss;                // of the initial model on the test set; NaN: none, not known
    char data_digest[CHOIR_NAME_MAX]; // of the examples; "": not known
    char model_hash[2 * CHOIR_HASH_BYTES + 1]; // of the final parameters; "": not there yet
} ch_run_facts;

/* The CPU's name, from /proc/cpuinfo; "unknown" elsewhere. */
void ch_cpu_name(char out[CHOIR_TEXT_MAX]);

/* Writes dir/run.json. Returns OK; EIO; ENOMEM. */
CHOIR_NODISCARD choir_status ch_run_facts_write(const char *dir, const ch_run_facts *facts,
                                                choir_error *err);

/* Adds to dir/run.json the hash of the model that the run came to; the rest stays. Returns OK; EIO;
 * EPROTO when it is malformed; ENOMEM. */
CHOIR_NODISCARD choir_status ch_run_facts_end(const char *dir, const char *model_hash,
                                              const choir_env *env, choir_error *err);

/* Adds to the list "resumed" in dir/run.json that the run went on after `round`, with these facts'
 * version, backend, cpu, workers and command; and takes out the hash of the model that it had come
 * to. Returns as ch_run_facts_end. */
CHOIR_NODISCARD choir_status ch_run_facts_resume(const char *dir, uint32_t round,
                                                 const ch_run_facts *facts, const choir_env *env,
                                                 choir_error *err);

/* Reads dir/run.json. Returns OK; EIO when there is none; EPROTO when it is malformed; ENOMEM.
 * *out is unchanged on failure. */
CHOIR_NODISCARD choir_status ch_run_facts_read(ch_run_facts *out, const char *dir,
                                               const choir_env *env, choir_error *err);

/* The same from bytes in memory; name stands for the file in messages. Returns OK; EPROTO. */
CHOIR_NODISCARD choir_status ch_run_facts_parse(ch_run_facts *out, choir_bytes bytes,
                                                const char *name, choir_error *err);

#endif
