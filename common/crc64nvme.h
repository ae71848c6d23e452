/* CRC-64/NVME, by tables: ISA-L 2.30 doesn't have it. */
#ifndef COMMON_CRC64NVME_H
#define COMMON_CRC64NVME_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of bytes that follow others whose CRC is CRC (0: none precede).
 * The check value, of "123456789", is AE8B14860A799888. */
uint64_t crc64nvme_update(uint64_t crc, const void *bytes, size_t length);

#endif
