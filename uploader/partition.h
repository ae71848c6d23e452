/* AWS's partitions: separate worlds with regions and domains of their own. */
#ifndef UPLOADER_PARTITION_H
#define UPLOADER_PARTITION_H

#include <stdbool.h>

struct partition {
	const char *name; /* as in ARNs */
	const char *region_prefix;
	const char *domain;
	bool has_fips, has_dualstack, has_accelerate;
};

/* The partition of REGION; regions that no other has are "aws"'s. */
const struct partition *partition_of(const char *region);
/* The partition whose domain HOST (lower case, no port) lies in, or NULL. */
const struct partition *partition_of_host(const char *host);

#endif
