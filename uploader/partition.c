/* The table of partitions (AWS, "Amazon S3 endpoints and quotas"; botocore's
 * partitions.json and the errors of its endpoint rules for S3). */
#include "uploader/partition.h"

#include <stddef.h>
#include <string.h>

static const struct partition partitions[] = {
    {"aws-cn", "cn-", "amazonaws.com.cn", false, true, false},
    {"aws-us-gov", "us-gov-", "amazonaws.com", true, true, false},
    {"aws-iso", "us-iso-", "c2s.ic.gov", true, false, false},
    {"aws-iso-b", "us-isob-", "sc2s.sgov.gov", true, false, false},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", true, false, false},
    {"aws-iso-f", "us-isof-", "csp.hci.ic.gov", true, false, false},
    {"aws-eusc", "eusc-", "amazonaws.eu", true, true, false},
    /* The last: every name begins with its prefix. */
    {"aws", "", "amazonaws.com", true, true, true},
};

enum { PARTITION_COUNT = sizeof partitions / sizeof *partitions };

const struct partition *
partition_of(const char *region)
{
	const struct partition *partition = partitions;

	while (strncmp(region, partition->region_prefix,
		   strlen(partition->region_prefix)) != 0)
		partition++;
	return partition;
}

const struct partition *
partition_of_host(const char *host)
{
	size_t length = strlen(host);

	for (size_t i = 0; i < PARTITION_COUNT; i++) {
		const char *domain = partitions[i].domain;
		size_t domain_length = strlen(domain);

		if (length > domain_length &&
		    host[length - domain_length - 1] == '.' &&
		    strcmp(host + length - domain_length, domain) == 0)
			return &partitions[i];
	}
	return NULL;
}
