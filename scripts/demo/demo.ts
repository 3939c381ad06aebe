/**
 * `npm run demo`: what the service is for, on this machine, in half a minute. Ends by itself; `npm run demo -- --serve`
 * keeps registry and daemon up until Ctrl-C.
 */
import { once } from 'node:events'
import { createNarrator } from './narrator.ts'
import { demonstrate } from './story.ts'

const usage = `usage: npm run demo [-- --serve]

Starts a registry and acceld on this machine, builds and pushes an image, has it
converted by webhook and reads one file of the result without pulling it.

  --serve   keeps both up until Ctrl-C
`

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(usage)
    return 0
  }
  const unknown = argv.find((argument) => argument !== '--serve')
  if (unknown !== undefined) {
    process.stderr.write(`unknown argument ${unknown}\n\n${usage}`)
    return 2
  }
  const abort = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => abort.abort(new Error(`ended by ${name}`)))
  }
  const { signal } = abort
  const narrator = createNarrator({
    write: (text) => void process.stdout.write(text),
    colored: process.stdout.isTTY && !process.env['NO_COLOR'],
  })
  const serving = async (): Promise<void> => {
    if (!signal.aborted) await once(signal, 'abort')
  }
  try {
    await demonstrate(narrator, { signal, ...(argv.includes('--serve') ? { serving } : {}) })
    return 0
  } catch (error) {
    // once it is being ended, everything fails for that reason
    const cause: unknown = signal.aborted ? signal.reason : error
    const text = cause instanceof Error ? cause.message : String(cause)
    process.stderr.write(`\nThe demo failed: ${text}\n`)
    return 1
  }
}
