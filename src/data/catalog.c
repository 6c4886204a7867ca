/* The rows of the catalog; see catalog.h. */
#include "data/catalog.h"

#include "base/disk.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 2048 };

#define MNIST_AT(file)                                                                             \
    {                                                                                              \
        "https://ossci-datasets.s3.amazonaws.com/mnist/" file,                                     \
            "https://storage.googleapis.com/cvdf-datasets/mnist/" file                             \
    }
#define QMNIST_AT(file)                                                                            \
    { "https://raw.githubusercontent.com/facebookresearch/qmnist/main/" file, NULL }
#define GUTENBERG_BYTES_MAX (16 << 20) // an edition has between five and six million
#define FASHION_AT(file)                                                                           \
    { "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/" file, NULL }

const ch_catalog_row CH_CATALOG[] = {
    {
        .name = "mnist",
        .about = "handwritten digits: 70,000 of 28 x 28 grey, 10 classes, with QMNIST's writers",
        .files =
            {
                {"train-images-idx3-ubyte.gz", MNIST_AT("train-images-idx3-ubyte.gz"),
                 "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422},
                {"train-labels-idx1-ubyte.gz", MNIST_AT("train-labels-idx1-ubyte.gz"),
                 "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881},
                {"t10k-images-idx3-ubyte.gz", MNIST_AT("t10k-images-idx3-ubyte.gz"),
                 "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877},
                {"t10k-labels-idx1-ubyte.gz", MNIST_AT("t10k-labels-idx1-ubyte.gz"),
                 "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542},
                {"qmnist-train-labels-idx2-int.gz", QMNIST_AT("qmnist-train-labels-idx2-int.gz"),
                 "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f", 463024},
            },
        .file_count = 5,
    },
    {
        .name = "fashion-mnist",
        .about = "pieces of clothing: 70,000 of 28 x 28 grey, 10 classes",
        .files =
            {
                {"train-images-idx3-ubyte.gz", FASHION_AT("train-images-idx3-ubyte.gz"),
                 "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880},
                {"train-labels-idx1-ubyte.gz", FASHION_AT("train-labels-idx1-ubyte.gz"),
                 "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515},
                {"t10k-images-idx3-ubyte.gz", FASHION_AT("t10k-images-idx3-ubyte.gz"),
                 "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102},
                {"t10k-labels-idx1-ubyte.gz", FASHION_AT("t10k-labels-idx1-ubyte.gz"),
                 "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148},
            },
        .file_count = 4,
    },
    {
        .name = "shakespeare",
        .about = "the plays, as lines of 1,200 roles; an edition of Project Gutenberg",
        .files =
            {
                {"pg100.txt",
                 {"https://www.gutenberg.org/cache/epub/100/pg100.txt", NULL},
                 NULL,
                 GUTENBERG_BYTES_MAX},
            },
        .file_count = 1,
        .published = "1146 clients, 3564579 characters to train on, 870014 for testing (McMahan et "
                     "al. 2017); docs/dataset.md says why they differ",
    },
    {
        .name = "tinyshakespeare",
        .about = "parts of plays, as lines of 264 roles",
        .files =
            {
                {"input.txt",
                 {"https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
                  "input.txt",
                  NULL},
                 "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                 1115394},
            },
        .file_count = 1,
    },
    {
        .name = "cifar10",
        .about = "small photographs: 60,000 of 32 x 32 colour, 10 classes",
        .files =
            {
                {"cifar-10-binary.tar.gz",
                 {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", NULL},
                 "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                 170052171},
            },
        .file_count = 1,
    },
};
const size_t CH_CATALOG_COUNT = sizeof(CH_CATALOG) / sizeof(CH_CATALOG[0]);

const ch_catalog_row *ch_catalog_find(const char *name) {
    for (size_t i = 0; i < CH_CATALOG_COUNT; i++) {
        if (strcmp(CH_CATALOG[i].name, name) == 0) {
            return &CH_CATALOG[i];
        }
    }
    return NULL;
}

static bool file_path(char out[PATH_BYTES], const ch_catalog_row *row, const char *dir,
                      const char *file) {
    return snprintf(out, PATH_BYTES, "%s/%s/%s", dir, row->name, file) < PATH_BYTES;
}

static bool is_its_size(const ch_catalog_file *file, uint64_t bytes) {
    return file->sha256 != NULL ? bytes == file->bytes : bytes > 0 && bytes <= file->bytes;
}

bool ch_catalog_is_here(const ch_catalog_row *row, const char *dir) {
    for (uint32_t i = 0; i < row->file_count; i++) {
        char path[PATH_BYTES];
        struct stat about;
        if (!file_path(path, row, dir, row->files[i].name) || stat(path, &about) != 0 ||
            !is_its_size(&row->files[i], (uint64_t)about.st_size)) {
            return false;
        }
    }
    return true;
}

static choir_status file_get(const ch_catalog_row *row, const ch_catalog_file *file,
                             const char *dir, const ch_download *like, choir_error *err) {
    char path[PATH_BYTES];
    if (!file_path(path, row, dir, file->name)) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: the path is too long", dir);
    }
    ch_download d = *like;
    d.urls = file->urls;
    d.url_count = file->urls[1] == NULL ? 1 : 2;
    d.path = path;
    d.sha256 = file->sha256;
    d.bytes = file->bytes;
    return ch_download_run(&d, err);
}

choir_status ch_catalog_get(const ch_catalog_row *row, const char *dir, const ch_download *like,
                            void (*fetching)(void *self, const char *file), choir_error *err) {
    char folder[PATH_BYTES];
    if (snprintf(folder, sizeof(folder), "%s/%s", dir, row->name) >= PATH_BYTES) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: the path is too long", dir);
    }
    choir_status status = ch_disk_folders(folder, err);
    for (uint32_t i = 0; i < row->file_count && status == CHOIR_OK; i++) {
        if (fetching != NULL) {
            fetching(like->self, row->files[i].name);
        }
        status = file_get(row, &row->files[i], dir, like, err);
    }
    return status;
}
