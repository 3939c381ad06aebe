import type { CollectPolicy } from './collector.ts'

/** What of the content is left when some is dropped, where nothing else is said. */
const LOW = 0.8

/** The policy that `provider.gcpolicy` says. Bytes. */
export function collectPolicy({
  threshold = 0,
  low = threshold * LOW,
}: {
  threshold?: number | undefined
  low?: number | undefined
}): CollectPolicy {
  return { high: threshold, low: Math.min(low, threshold) }
}
