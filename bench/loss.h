/* loss.h - which packets of a path are lost: a die for each packet, from a seed, so that the same
 * packets (by their number) are lost in each run, whatever else happens. Also in test/unit/loss.c.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { LOSS_WHOLE = 1000000 }; /* parts: all packets */

/* Packet number n (from 0) of a path: splitmix64's step, which needs no state beside the number. */
static inline bool loss_takes(uint64_t seed, uint64_t n, uint32_t parts)
{
    uint64_t z = seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z % LOSS_WHOLE < parts;
}

/* The two directions of a connection roll dice of their own. */
static inline uint64_t loss_seed(uint64_t seed, unsigned direction)
{
    return (seed * 2 + direction) * UINT64_C(0xd1342543de82ef95) + UINT64_C(0x632be59bd9b4e019);
}
