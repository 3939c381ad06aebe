/** `npm run bench`: see `usage` in arguments.ts and docs/benchmarks.md. */
import { isAccelError } from '../../src/errors/accel-error.ts'
import { parseArguments, usage, UsageError, type BenchArguments } from './arguments.ts'
import { machineFacts } from './machine.ts'
import { measureImage, type Bench } from './measure-image.ts'
import { formatResult } from './print.ts'
import { openPlace } from './place.ts'
import { summaryOf, type BenchResult, type ImageResult } from './result.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => abort.abort(new Error(`ended by ${name}`)))
  }
  try {
    const wanted = parseArguments(argv)
    if (wanted === undefined) {
      process.stdout.write(usage)
      return 0
    }
    const result = await measure(wanted, abort.signal)
    process.stdout.write(
      wanted.json ? `${JSON.stringify(result, null, 2)}\n` : formatResult(result),
    )
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${usage}`)
      return 2
    }
    const known = abort.signal.aborted || isAccelError(error)
    const text = error instanceof Error ? (known ? error.message : error.stack) : String(error)
    process.stderr.write(`bench: ${text}\n`)
    return 1
  }
}

async function measure(wanted: BenchArguments, signal: AbortSignal): Promise<BenchResult> {
  const { driver, options, verify, against } = wanted
  const machine = machineFacts()
  await using stack = new AsyncDisposableStack()
  const bench: Bench = { ...(await openPlace(stack, signal)), wanted }
  const images: ImageResult[] = []
  for (const [i, image] of wanted.images.entries()) {
    images.push(await measureImage(bench, image, `image-${i}`))
  }
  return {
    machine,
    driver,
    options,
    verify,
    ...(against === undefined ? {} : { against }),
    images: images.map((image) => ({ ...image, summary: summaryOf(image) })),
  }
}
