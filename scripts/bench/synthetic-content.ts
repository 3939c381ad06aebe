/** Bytes that compress like those of real images and are the same in every run and on every machine. */

/** Whole numbers from 0 below `limit`, always the same ones for a `seed` (xorshift32). */
export type Chance = (limit: number) => number

/** A sequence that depends on nothing but `seed`. */
export function chanceOf(seed: number): Chance {
  let state = Math.imul(seed, 0x9e3779b1) | 1
  return (limit) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.floor(((state >>> 0) / 0x1_0000_0000) * limit)
  }
}

/** Content is cut out of a pool at random places: making it costs next to nothing, repeats are too far apart to be seen. */
export type Pool = (chance: Chance, size: number) => Uint8Array

/** Files like sources and documentation: words, the frequent ones far more often, and phrases that come again; 3.5 : 1, alone 2 : 1. */
export function textPool(): Pool {
  const chance = chanceOf(1)
  const letters = 'etaoinshrdlucmfwypvbgkjqxz_'
  const word = (): string =>
    Array.from({ length: 2 + chance(9) }, () => letters[chance(1 + chance(letters.length))]).join(
      '',
    )
  const vocabulary = Array.from({ length: 4096 }, word)
  const marks = [' ', ' ', ' ', ' ', ' ', ', ', '.', '(', ')', ' = ', ';\n', '\n  ', '\n\n']
  const pool = Buffer.alloc(8 * 1024 * 1024)
  for (let at = 0; at < pool.length;) {
    if (chance(4) === 0 && at > 0) at = repeat(pool, at, { length: 8 + chance(40), chance })
    // the product of three draws favours the beginning of the vocabulary
    const next = vocabulary[Math.floor((chance(4096) * chance(4096) * chance(4096)) / 2 ** 24)]!
    at += pool.write(next + marks[chance(marks.length)]!, at, 'latin1')
    if (pool.length - at < 16) break
  }
  return cutsOf(pool)
}

/** Files like programs: instructions of four bytes from few, tables of zeros, noise, and what comes again; 2.8 : 1. */
export function binaryPool(): Pool {
  const chance = chanceOf(2)
  const pool = Buffer.alloc(16 * 1024 * 1024)
  const common = Array.from({ length: 24 }, () => chance(256))
  for (let at = 0; at < pool.length;) {
    const kind = chance(64)
    if (kind === 0) {
      at += 1024
    } else if (kind < 18 && at > 0) {
      at = repeat(pool, at, { length: 4 + chance(96), chance })
    } else if (kind === 18) {
      for (const end = Math.min(at + 512, pool.length); at < end; at++) pool[at] = chance(256)
    } else {
      for (const end = Math.min(at + 16, pool.length); at < end; at++) {
        const place = at % 4
        pool[at] = place === 3 ? 0 : place === 2 ? chance(64) : common[chance(1 + chance(24))]!
      }
    }
  }
  return cutsOf(pool)
}

/** Copies `length` bytes from somewhere in the 16 KiB before `at` to `at`; gives where they end. */
function repeat(pool: Buffer, at: number, init: { length: number; chance: Chance }): number {
  const length = Math.min(init.length, at, pool.length - at)
  const start = at - length - init.chance(Math.min(at - length, 16 * 1024) + 1)
  pool.copyWithin(at, start, start + length)
  return at + length
}

function cutsOf(pool: Uint8Array): Pool {
  return (chance, size) => {
    const start = chance(pool.length - size)
    return pool.subarray(start, start + size)
  }
}
