/* Fuzz: any bytes as a job file. What is accepted must be written and read back to the same. */
#include "base/assert.h"
#include "base/options.h"
#include "choir/job.h"
#include "job/keys.h"

#include <stdint.h>
#include <string.h>

enum { TEXT_SIZE = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    choir_job job;
    choir_error err = {.message = ""};
    if (choir_job_parse(&job, (const char *)data, size, "fuzz.yaml", NULL, 0, &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        return 0;
    }
    char first[TEXT_SIZE];
    char second[TEXT_SIZE];
    const size_t written = choir_job_write(&job, first, sizeof(first));
    CH_ASSERT(written < sizeof(first));
    const choir_status status = choir_job_parse(&job, first, written, "again.yaml", NULL, 0, &err);
    CH_ASSERT(status == CHOIR_OK);
    CH_ASSERT(choir_job_write(&job, second, sizeof(second)) == written);
    CH_ASSERT(memcmp(first, second, written) == 0);
    return 0;
}
