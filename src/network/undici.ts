import { createRequire } from 'node:module'
import type * as Undici from 'undici'

const require = createRequire(import.meta.url)

/**
 * The package `undici`, loaded when it is first asked for: between layouts nothing is connected to, and loading it takes
 * a third as long as all of the program's own modules.
 */
export function undici(): typeof Undici {
  return require('undici') as typeof Undici
}
