import { nearest } from '../config/nearest.ts'
import { AccelError } from '../errors/accel-error.ts'

/** Says what is wrong with the value of a key. Throws DRIVER_OPTION_INVALID. */
export type FailOption = (problem: string) => never

/** Reads the value of `key`, or gives `otherwise` where it is not set. */
export type ReadOption<Key extends string> = <Value>(
  key: Key,
  parse: (text: string, fail: FailOption) => Value,
  otherwise: Value,
) => Value

/**
 * Begins reading a driver's section of the configuration, whose keys are those of `docs`. Throws
 * DRIVER_OPTION_INVALID for a key that is not known.
 */
export function readOptions<Key extends string>(
  driver: string,
  docs: Readonly<Record<Key, string>>,
  config: Readonly<Record<string, string>>,
): { read: ReadOption<Key>; fail: (key: Key, problem: string) => never } {
  const keys = Object.keys(docs) as Key[]
  const fail = (key: string, problem: string): never => {
    throw new AccelError('DRIVER_OPTION_INVALID', { driver, key, problem })
  }
  for (const key of Object.keys(config)) {
    if (keys.includes(key as Key)) continue
    const meant = nearest(key, keys)
    const hint = meant === undefined ? `there are ${keys.join(', ')}` : `did you mean ${meant}?`
    fail(key, `it is not known; ${hint}`)
  }
  const read: ReadOption<Key> = (key, parse, otherwise) => {
    const text = config[key]
    return text === undefined ? otherwise : parse(text.trim(), (problem) => fail(key, problem))
  }
  return { read, fail }
}

/** As Go's strconv.ParseBool, with which upstream reads them. */
export function booleanOption(text: string, fail: FailOption): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  return fail(`${JSON.stringify(text)} is neither true nor false`)
}

/** A whole number from `min` to `max`. */
export function levelOption(min: number, max: number): (text: string, fail: FailOption) => number {
  return (text, fail) => {
    const level = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (level >= min && level <= max) return level
    return fail(`${JSON.stringify(text)} is not a level from ${min} to ${max}`)
  }
}

/** Bytes from `min` to `max`: decimal, hexadecimal, or with KiB or MiB behind. */
export function sizeOption(min: number, max: number): (text: string, fail: FailOption) => number {
  return (text, fail) => {
    const [, number = '', unit = ''] = /^(0[xX][0-9a-fA-F]+|[0-9]+)\s*(KiB|MiB|)$/.exec(text) ?? []
    const units: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024, '': 1 }
    const size = Number(number || Number.NaN) * units[unit]!
    if (size >= min && size <= max) return size
    return fail(
      `${JSON.stringify(text)} is not a size from ${min} to ${max} bytes; write 4194304, 0x400000 or 4MiB`,
    )
  }
}

/** One of `values`. */
export function choiceOption<const Value extends string>(
  values: readonly Value[],
): (text: string, fail: FailOption) => Value {
  return (text, fail) =>
    values.find((value) => value === text) ??
    fail(`${JSON.stringify(text)} is none of ${values.join(', ')}`)
}

/** One text a line; empty lines and lines that begin with # are left out. */
export function linesOption(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}
