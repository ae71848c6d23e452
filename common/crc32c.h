/* CRC-32C (Castagnoli), by hardware through ISA-L. */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of bytes that follow others whose CRC is CRC (0: none precede).
 * The check value, of "123456789", is E3069283. */
uint32_t crc32c_update(uint32_t crc, const void *bytes, size_t length);
/* The CRC of two pieces together, of their CRCs FIRST and SECOND and the
 * LENGTH of the second one in bytes. */
uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t length);

#endif
