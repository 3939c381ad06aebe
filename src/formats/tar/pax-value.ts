import type { Fail } from './fault.ts'
import { textAt } from './field.ts'
import type { Text } from './field.ts'

/** Whole seconds, floored, and 0 to 999,999,999 nanoseconds more. */
export interface Time {
  seconds: number
  nanoseconds: number
}

/** The text in bytes `start` to `end`, which may hold no zero byte: it would end a path early. */
export function paxText(bytes: Buffer, start: number, end: number, key: string, fail: Fail): Text {
  for (let i = start; i < end; i++) {
    if (bytes[i] === 0) fail(0, `the value of the PAX record "${key}" holds a zero byte`)
  }
  return textAt(bytes, start, end)
}

/** A decimal number of 0 to `max` in bytes `start` to `end`. */
export function paxCount(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: string,
  max: number,
  fail: Fail,
): number {
  let value = start === end ? Number.NaN : 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN
  }
  return value <= max ? value : fail(0, `the PAX record "${key}" is no number of 0 to ${max}`)
}

/** `[-]seconds[.fraction]`: digits after the ninth are dropped, as Go does; then seconds are floored. */
export function paxTime(bytes: Buffer, start: number, end: number, fail: Fail): Time {
  const negative = bytes[start] === 0x2d
  let at = negative ? start + 1 : start
  let seconds = at === end || bytes[at] === 0x2e ? Number.NaN : 0
  for (; at < end && bytes[at] !== 0x2e; at++) seconds = seconds * 10 + digitAt(bytes, at)
  let nanoseconds = 0
  let unit = 100_000_000
  // The digits below a nanosecond are read as well, so that none passes that is not one.
  for (at++; at < end; at++, unit = Math.floor(unit / 10)) nanoseconds += unit * digitAt(bytes, at)
  if (!Number.isSafeInteger(seconds) || Number.isNaN(nanoseconds)) {
    const text = bytes.toString('latin1', start, Math.min(end, start + 40))
    return fail(0, `the PAX record "mtime" is ${JSON.stringify(text)}, no time`)
  }
  if (!negative) return { seconds, nanoseconds }
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds }
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds }
}

function digitAt(bytes: Uint8Array, at: number): number {
  const digit = bytes[at]! - 0x30
  return digit >= 0 && digit <= 9 ? digit : Number.NaN
}
