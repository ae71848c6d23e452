/* CRC-32C (Castagnoli), by hardware through ISA-L. */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of bytes that follow others whose CRC is CRC (0: none precede).
 * The check value, of "123456789", is E3069283. */
uint32_t crc32c_update(uint32_t crc, const void *bytes, size_t length);

#endif
