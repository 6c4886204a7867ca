/* Secret file: see secret_file.h. */
#include "net/secret_file.h"

#include "base/disk.h"
#include "base/error.h"
#include "crypto/entropy.h"

#include <stdlib.h>
#include <string.h>

choir_status ch_secret_file_write(const char *path, json_t *root, choir_error *err) {
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to write it", path);
    }
    const choir_bytes parts[] = {{.data = (const uint8_t *)text, .size = strlen(text)},
                                 {.data = (const uint8_t *)"\n", .size = 1}};
    const choir_status status = ch_disk_replace_private(path, parts, 2, err);
    ch_wipe(text, strlen(text));
    free(text);
    return status;
}
