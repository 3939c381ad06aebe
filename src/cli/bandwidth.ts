import { InvalidArgumentError } from 'commander'

/** Bytes a second of a megabit. */
export const MEGABIT = 1e6 / 8

/** Bytes a second, of an option: `100Mbit`, `1Gbit`. */
export function bandwidthOption(text: string): number {
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,3})?)\s*(Mbit|Gbit)$/.exec(text) ?? []
  const rate = Number(number) * (unit === 'Gbit' ? 1000 : 1) * MEGABIT
  if (rate > 0) return rate
  throw new InvalidArgumentError('Write 100Mbit or 1Gbit.')
}
