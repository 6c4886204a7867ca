/*
 * What a device needs of memory, for each model of the zoo: as the library states it, and as an
 * allocator that counts saw it. `make size` runs it.
 */
#include "support/measured_training.h"

#include "choir/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS = 100, BATCH = 10, KB = 1000 };

static size_t kb(size_t bytes) {
    return (bytes + KB - 1) / KB;
}

static choir_status sizes_print(const char *folder, choir_error *err) {
    static const uint32_t none = 1;
    choir_status status = CHOIR_OK;
    printf("a participant                %6zu bytes\n", choir_participant_bytes());
    printf("a client that rests          %6zu KB, with room for its server's answers\n",
           kb(choir_client_bytes(none, 0)));
    printf("an agent with four that rest %6zu KB\n\n",
           kb(choir_agent_bytes((const uint32_t[]){1, 1, 1, 1}, NULL, 4)));
    printf("                             KB with a task   KB to train a client,     KB to\n"
           "model       parameters       (stated)         B = %d: measured, stated  predict\n",
           BATCH);
    for (uint32_t row = 0; row < CH_ZOO_COUNT && status == CHOIR_OK; row++) {
        measured_training m;
        if (CH_ZOO[row].tokens > 0) {
            continue; // a device's store has no text
        }
        status = measured_train(&m, &CH_ZOO[row], folder, ROWS, BATCH, err);
        printf("%-10s  %10u  %13zu  %16zu  %10zu  %11zu\n", CH_ZOO[row].name, m.dim,
               kb(choir_client_bytes(m.dim, 0)), kb(m.peak), kb(m.stated), kb(m.predictor));
    }
    return status;
}

int main(void) {
    char folder[] = "/tmp/choir-sizes-XXXXXX";
    char command[64];
    choir_error err = {.message = ""};
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    const choir_status status = sizes_print(folder, &err);
    if (status != CHOIR_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
    }
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 && status == CHOIR_OK ? 0 : 1;
}
