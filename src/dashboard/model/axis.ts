/** Steps of an axis, times a power of ten. */
const STEPS = [1, 2, 5, 10]

/** Most steps of an axis. */
const MAX_STEPS = 3

/**
 * Round values for an axis: 0, and two or three equal steps of which the last is not below `highest`. `least`: the
 * smallest step that makes sense, such as 1 for what is counted.
 */
export function ticksOf(highest: number, least = 0): number[] {
  const rough = Math.max(highest / MAX_STEPS, least, Number.MIN_VALUE)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = (STEPS.find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power
  const count = Math.max(1, Math.ceil(highest / step - 1e-9))
  return Array.from({ length: count + 1 }, (_, i) => i * step)
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Stretches of time that people count in, in milliseconds. */
const SPANS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((count) => count * HOUR),
]

/** Moments of an axis that is `length` milliseconds long, from 0 on in equal steps, where there is room for `room` of them. */
export function timeTicksOf(length: number, room: number): number[] {
  const step = SPANS.find((span) => length / span < Math.max(1, room)) ?? length
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step)
}

/** Which of `count` things in a row get a label where there is room for `room` of them: the first, and equal steps. */
export function labelled(count: number, room: number): number[] {
  const step = Math.max(1, Math.ceil(count / Math.max(1, room)))
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step)
}
