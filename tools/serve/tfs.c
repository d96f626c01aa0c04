#include "tools/serve/server.h"

const struct route tfs_routes[] = {{NULL, NULL, NULL}};
