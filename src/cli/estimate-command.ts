import { Command, InvalidArgumentError, Option } from 'commander'
import { parseConfig } from '../config/load.ts'
import { userAgent } from '../config/version.ts'
import { AccelError } from '../errors/accel-error.ts'
import { sizeOption } from '../drivers/option-reader.ts'
import { formatNames, type FormatName } from '../estimate/format-name.ts'
import { isLayoutLocation } from '../layout/location.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { bandwidthOption, MEGABIT } from './bandwidth.ts'
import { configuration } from './configuration.ts'
import { readTraceFile } from './trace-file.ts'
import { runCommand, sourceRequired, type ProgramIo, type Voice } from './program-io.ts'

interface EstimateOptions {
  config?: string
  format: FormatName[]
  platform?: string
  sample: number
  full: boolean
  trace?: string
  bandwidth: number
  json: boolean
}

/** What is needed of one where images of the local disk are concerned. */
const NO_CONFIGURATION = 'converter: {driver: {type: estargz}}'

const MIB = 1024 * 1024
const sampleSizes = sizeOption(MIB, 16 * 1024 * MIB)

/** `accelctl estimate`: what a conversion would cost and bring. `exit` is told the code. */
export function estimateCommand(io: ProgramIo, exit: (code: number) => void): Command {
  return new Command('estimate')
    .description(
      'say what a conversion would cost and bring, before it is made; nothing is written',
    )
    .argument('[source]', 'reference of the image, or oci:PATH and the like')
    .option('--config <file>', 'path of the configuration file: needed for a reference')
    .addOption(
      new Option('--format <formats>', `${formatNames.join(', ')}, or all; separated by commas`)
        .argParser(formatList)
        .default([...formatNames], 'all'),
    )
    .option(
      '--platform <platforms>',
      'which images of an index: os/architecture, …; left out, those of converter.platforms',
    )
    .addOption(
      new Option('--sample <size>', 'how much of the layers is pulled, in all')
        .argParser(sampleSize)
        .default(32 * MIB, '32MiB'),
    )
    .option(
      '--trace <file>',
      'what a container reads at its start: paths, one a line, or what a snapshotter recorded',
    )
    .option('--full', 'pull all layers: what is said of them is exact then', false)
    .addOption(
      new Option('--bandwidth <rate>', 'what clients get from the registry, for the verdict')
        .argParser(bandwidthOption)
        .default(1000 * MEGABIT, '1Gbit'),
    )
    .option('--json', 'print it as JSON', false)
    .action(async (source: string | undefined, options: EstimateOptions) => {
      await runCommand(io, exit, async (voice) => {
        if (source === undefined) throw sourceRequired()
        await show(source, options, io, voice)
        return 0
      })
    })
}

async function show(
  source: string,
  options: EstimateOptions,
  io: ProgramIo,
  voice: Voice,
): Promise<void> {
  if (options.config === undefined && !isLayoutLocation(source)) {
    throw new AccelError('CONFIG_ARGUMENT_MISSING', { name: '--config' })
  }
  const config =
    options.config === undefined
      ? parseConfig(NO_CONFIGURATION, 'no configuration', { environment: io.environment }).config
      : configuration(options.config, io, voice)
  // drivers and readers of every format: nothing that another command needs
  const { estimate } = await import('../estimate/estimate.ts')
  const report = await estimate(
    {
      source,
      formats: options.format,
      platforms: parsePlatforms(options.platform ?? config.converter.platforms),
      sample: options.full ? 'full' : options.sample,
      bandwidth: options.bandwidth,
      startMs: performance.now(),
      ...(options.trace === undefined ? {} : { trace: await readTraceFile(options.trace) }),
      signal: io.signal,
    },
    config,
    voice,
    {
      userAgent: userAgent(),
      environment: io.environment,
    },
  )
  const { estimateText } = await import('./estimate-text.ts')
  io.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : estimateText(report))
}

function formatList(text: string): FormatName[] {
  const wanted = text.split(',').map((part) => part.trim())
  const unknown = wanted.find((one) => one !== 'all' && !formatNames.some((name) => name === one))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(
      `${JSON.stringify(unknown)} is none of ${formatNames.join(', ')}, all.`,
    )
  }
  return formatNames.filter((name) => wanted.includes('all') || wanted.includes(name))
}

function sampleSize(text: string): number {
  return sampleSizes(text, (problem) => {
    throw new InvalidArgumentError(`${problem}.`)
  })
}
