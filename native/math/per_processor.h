// Marks a function that is compiled once per instruction set; the loader picks the processor's own (GCC on Linux x86-64,
// elsewhere the compiler's default). Such a function is never inlined, so it should loop.
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define SNUG_HAS_TARGETS
#define SNUG_PER_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SNUG_PER_PROCESSOR
#endif

#if defined(__GNUC__)
#define SNUG_INLINE __attribute__((always_inline)) inline
#else
#define SNUG_INLINE inline
#endif
