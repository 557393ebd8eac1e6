// The most memory that this process has held.

/** Bytes; maxRSS is in KiB on every system that libuv runs on. */
export function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
