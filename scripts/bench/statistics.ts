/** The arithmetic of repeated measurements. */

/** A value of several runs: the middle one, and between which it lay. */
export interface Spread {
  median: number
  min: number
  max: number
}

/** The middle of `values`; of an even number the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Median, least and greatest of `values`, at least one. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * How many times `ours` is of `theirs`, run by run: what disturbs the machine for a while meets both runs of a pair, so
 * it cancels out, where a quotient of two medians would keep it. Runs without a partner, and partners of 0, are left out.
 */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Spread | undefined {
  const ratios = ours
    .slice(0, theirs.length)
    .map((value, i) => value / theirs[i]!)
    .filter(Number.isFinite)
  return ratios.length === 0 ? undefined : spreadOf(ratios)
}

/**
 * The order of `runs` runs each of A and B: A B, B A, A B … so that a machine that slows down or warms up is no
 * advantage to either.
 */
export function alternating<T>(a: T, b: T, runs: number): T[] {
  return Array.from({ length: runs }, (_, i) => (i % 2 === 0 ? [a, b] : [b, a])).flat()
}
