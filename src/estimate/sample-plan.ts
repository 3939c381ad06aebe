/** Fewest bytes of a layer that are pulled: what comes first in a tar says little of the rest. */
const LEAST = 256 * 1024
/** A layer of which so much is pulled is pulled whole: then nothing of it is a guess. */
const NEARLY_ALL = 0.8

/**
 * How much of each layer is pulled so that it is about `budget` bytes in all: the same share of each, all of them where they
 * have no more together. What a layer adds to the error is in proportion to its size.
 */
export function planSample(sizes: readonly number[], budget: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  return sizes.map((size) => {
    if (total <= budget) return size
    const share = Math.max(LEAST, Math.floor((budget * size) / total))
    return share >= size * NEARLY_ALL ? size : share
  })
}
