import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../source-tree.ts'
import {
  largeImage,
  manyFilesImage,
  syntheticImages,
  type SyntheticImage,
} from './synthetic-image.ts'

/** An image to measure: fetched from a registry, or made here. */
export type BenchImage = { name: string } & ({ reference: string } | { definition: SyntheticImage })

/** What the command line asks for. */
export interface BenchArguments {
  images: BenchImage[]
  /** Runs of each side. */
  runs: number
  /** A command line in which `{}` is the image. */
  against: string | undefined
  /** `converter.driver.type`. */
  driver: string
  /** `converter.driver.config`. */
  options: Record<string, string>
  /** `converter.verify`. */
  verify: boolean
  /** The `accelctl.js` that is measured. */
  program: string
  /** Whether the floor is measured as well. */
  floor: boolean
  json: boolean
}

export const usage = `usage: npm run bench -- [options] [IMAGE …]

Converts images and prints what it took: wall clock, processor time, peak of
memory, throughput, and the sizes and times of each phase.

IMAGE is a reference, or one of the built-in images that are made on the spot:
${Object.keys(syntheticImages).join(', ')}. Without any: all of these.

  --runs N           runs of each side (default 3)
  --against CMD      another converter, run in turns with ours: a shell command in
                     which {} is the image; it pushes its result beside it
  --format NAME      the driver (default estargz)
  --option KEY=VALUE an option of the driver; may be repeated
  --no-verify        the result is not compared with its source before it is pushed,
                     which other converters do not do
  --program FILE     measures this accelctl.js, such as that of an installed package,
                     in place of the sources
  --large SIZE       adds an image with one layer of this size, such as 2GiB
  --files N          adds an image with one layer of N small files
  --no-floor         does not measure the floor
  --json             prints everything as JSON
  --help
`

/** Raised for a command line that cannot be understood. */
export class UsageError extends Error {}

/** Reads the command line; undefined when only the usage is asked for. Throws UsageError. */
export function parseArguments(argv: readonly string[]): BenchArguments | undefined {
  const { values, positionals } = read(argv)
  if (values.help) return undefined
  const images = positionals.map(imageNamed)
  if (values.large !== undefined) {
    const definition = largeImage(parseSize(values.large))
    images.push({ name: `large-${values.large}`.toLowerCase(), definition })
  }
  if (values.files !== undefined) {
    const definition = manyFilesImage(parseCount('--files', values.files))
    images.push({ name: `files-${values.files}`, definition })
  }
  if (images.length === 0) images.push(...Object.keys(syntheticImages).map(imageNamed))
  return {
    images: distinct(images),
    runs: parseCount('--runs', values.runs),
    against: values.against,
    driver: values.format,
    options: Object.fromEntries(values.option.map(parseOption)),
    verify: !values['no-verify'],
    program: resolve(values.program),
    floor: !values['no-floor'],
    json: values.json,
  }
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '3' },
        against: { type: 'string' },
        format: { type: 'string', default: 'estargz' },
        option: { type: 'string', multiple: true, default: [] },
        'no-verify': { type: 'boolean', default: false },
        program: { type: 'string', default: join(root, 'bin/accelctl.js') },
        large: { type: 'string' },
        files: { type: 'string' },
        'no-floor': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The image that a word of the command line names. */
export function imageNamed(text: string): BenchImage {
  const definition = Object.hasOwn(syntheticImages, text) ? syntheticImages[text] : undefined
  return definition === undefined ? { name: text, reference: text } : { name: text, definition }
}

/** Names tell images apart. */
function distinct(images: BenchImage[]): BenchImage[] {
  return [...new Map(images.map((image) => [image.name, image])).values()]
}

function parseOption(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--option ${text}: KEY=VALUE is wanted`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function parseCount(option: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`${option} ${text}: not a number from 1`)
  return Number(text)
}

const sizeUnits: Record<string, number> = {
  '': 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** Bytes of a size such as `2GiB`, `500MB` or `1048576`. Throws UsageError. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([kKMG]i?B)?$/.exec(text) ?? []
  const factor = sizeUnits[unit]
  if (digits === undefined || factor === undefined || Number(digits) === 0) {
    throw new UsageError(`--large ${text}: not a size such as 2GiB`)
  }
  return Math.round(Number(digits) * factor)
}
