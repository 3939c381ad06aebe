import { Command, InvalidArgumentError } from 'commander'
import { userAgent } from '../config/version.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { configuration } from './configuration.ts'
import { runCommand, sourceRequired, type ProgramIo, type Voice } from './program-io.ts'

interface InspectOptions {
  config?: string
  layer?: number
  platform: string
  tree: boolean
  chunks: boolean
  json: boolean
}

/** `accelctl inspect`: what a file or an image is made of. `exit` is told the code. */
export function inspectCommand(io: ProgramIo, exit: (code: number) => void): Command {
  return new Command('inspect')
    .description('show what a bootstrap, blob, layer or image is made of')
    .argument('[source]', 'a file, oci:PATH and the like, or a reference')
    .option('--config <file>', 'path of the configuration file: needed for a reference')
    .option('--layer <number>', 'look into this layer of an image, counted from 1', layerNumber)
    .option('--platform <platforms>', 'which members of an index: os/architecture, …', '')
    .option('--tree', 'list every name of the file system', false)
    .option('--chunks', 'list every chunk', false)
    .option('--json', 'print it as JSON', false)
    .action(async (source: string | undefined, options: InspectOptions) => {
      await runCommand(io, exit, async (voice) => {
        if (source === undefined) throw sourceRequired()
        await show(source, options, io, voice)
        return 0
      })
    })
}

async function show(
  source: string,
  options: InspectOptions,
  io: ProgramIo,
  voice: Voice,
): Promise<void> {
  const { tree, chunks, layer } = options
  // readers of every format: nothing that another command needs
  const { inspect } = await import('./inspect/inspect.ts')
  const facts = await inspect(
    {
      subject: source,
      detail: { tree, chunks },
      layer,
      platforms: parsePlatforms(options.platform),
      signal: io.signal,
    },
    voice,
    {
      config: options.config === undefined ? undefined : configuration(options.config, io, voice),
      userAgent: userAgent(),
      environment: io.environment,
    },
  )
  if (options.json) {
    const { jsonPieces } = await import('./inspect/json.ts')
    write(jsonPieces(facts), io)
  } else {
    const { textLines } = await import('./inspect/text.ts')
    write(lines(textLines(facts)), io)
  }
}

function layerNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number from 1 on.')
}

function* lines(all: Iterable<string>): Generator<string> {
  for (const line of all) yield `${line}\n`
}

/** Bytes that are gathered before they are written: a system call for each of a million lines would take the time. */
const WRITE_SIZE = 64 * 1024

function write(pieces: Iterable<string>, io: ProgramIo): void {
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length < WRITE_SIZE) continue
    io.stdout.write(text)
    text = ''
  }
  io.stdout.write(text)
}
