import { Command, Option } from 'commander'
import type { Config } from '../config/schema.ts'
import { userAgent } from '../config/version.ts'
import type { ConversionEvent } from '../convert/events.ts'
import type { ConversionReport } from '../convert/report.ts'
import type { ConversionService } from '../convert/service.ts'
import { driverNotes } from '../convert/driver-notes.ts'
import { conversionLog } from '../log/conversion-log.ts'
import { levels, type Level } from '../log/level.ts'
import type { Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import { openLiveRegion, type LiveRegion } from './live-region.ts'
import { configuration } from './configuration.ts'
import { reportFailure, sourceRequired, voiceOf, type ProgramIo } from './program-io.ts'
import { createProgressView } from './progress.ts'
import { formatChange, formatClock, formatSize } from '../quantity/quantity.ts'
import { tabTable } from './table.ts'

/** Opens what converts, as a configuration says. */
export type OpenConversions = (
  config: Config,
  components: { log: Log; redaction: Redaction; userAgent: string },
) => Promise<ConversionService>

interface ConvertOptions {
  config: string
  strictConfig: boolean
  to?: string
  rule?: string
  json: boolean
  progress: boolean
  logLevel: Level
}

/** `accelctl convert`: one image, here and now, without a service. `exit` is told the code. */
export function convertCommand(
  io: ProgramIo,
  open: OpenConversions,
  exit: (code: number) => void,
): Command {
  return new Command('convert')
    .description('convert an image here and now, without a running acceld')
    .argument('[source]', 'reference of the image')
    .requiredOption('--config <file>', 'path of the configuration file')
    .option('--strict-config', 'make an unknown key of the configuration an error', false)
    .option('--to <target>', 'where the result goes, in place of what the rules say')
    .option('--rule <name>', 'convert by this rule; left out, by the first that applies')
    .option('--json', 'print the report of the conversion as JSON', false)
    .option('--no-progress', 'no view of the progress, on a terminal either')
    .addOption(
      new Option('--log-level <level>', 'lines below this level are left out')
        .choices(levels)
        .default('info'),
    )
    .action(async (source: string | undefined, options: ConvertOptions) => {
      exit(await new Conversion(io, open, options).run(source))
    })
}

/** One conversion on the command line. */
class Conversion {
  readonly #io: ProgramIo
  readonly #open: OpenConversions
  readonly #options: ConvertOptions
  #region: LiveRegion | undefined

  constructor(io: ProgramIo, open: OpenConversions, options: ConvertOptions) {
    this.#io = io
    this.#open = open
    this.#options = options
  }

  async run(source: string | undefined): Promise<number> {
    const { stdout, stderr } = this.#io
    const { json, logLevel } = this.#options
    const voice = voiceOf(this.#io, logLevel, (line) => {
      if (this.#region === undefined) stderr.write(line)
      else this.#region.print(line)
    })
    try {
      if (source === undefined) throw sourceRequired()
      const report = await this.#convert(source, voice)
      if (json) stdout.write(`${JSON.stringify(report, null, 2)}\n`)
      else if (voice.movable) stderr.write(summary(report))
      return 0
    } catch (error) {
      return reportFailure(error, this.#io, voice)
    }
  }

  async #convert(source: string, voice: ReturnType<typeof voiceOf>): Promise<ConversionReport> {
    const { log, redaction, movable } = voice
    const { config: file, strictConfig, to, rule, progress } = this.#options
    const { signal, stderr } = this.#io
    const config = configuration(file, this.#io, voice, { strict: strictConfig })
    for (const note of driverNotes(config)) log.warn(note)
    await using conversions = await this.#open(config, { log, redaction, userAgent: userAgent() })
    const view = createProgressView(() => performance.now())
    const lines = conversionLog(log)
    const onEvent = (event: ConversionEvent): void => {
      view.take(event)
      lines(event)
    }
    if (movable && progress) this.#region = openLiveRegion(stderr, (size) => view.lines(size))
    try {
      const request = {
        source,
        ...(to === undefined ? {} : { target: to }),
        ...(rule === undefined ? {} : { rule }),
      }
      return await conversions.convert(request, { signal, onEvent })
    } finally {
      this.#region?.end()
      this.#region = undefined
    }
  }
}

/** What a person wants to know at the end. */
function summary(report: ConversionReport): string {
  if (report.skipped !== undefined) return ''
  const { sourceSize, targetSize, target = '', targetDigest = '', timings } = report
  const sizes = `${formatSize(sourceSize)} -> ${formatSize(targetSize)}`
  const change = formatChange(sourceSize, targetSize)
  const clock = formatClock(timings.totalMs / 1000)
  return `${layerTable(report)}${target}\n${targetDigest}\n${sizes} (${change}) in ${clock}\n`
}

/** What each layer costs: its size before and after, and what of it says where files are. */
function layerTable({ images }: ConversionReport): string {
  return images
    .map(({ platform, layers }) => {
      const rows = layers.map(({ source, target, entries = 0, kept }, i) => [
        String(i + 1),
        formatSize(source.size),
        formatSize(target.size),
        kept === undefined ? formatChange(source.size, target.size) : 'kept',
        target.indexSize === undefined ? '' : formatSize(target.indexSize),
        String(entries),
      ])
      return tabTable([[platform, 'SOURCE', 'RESULT', 'CHANGE', 'INDEX', 'ENTRIES'], ...rows])
    })
    .join('')
}
