import { Command, InvalidArgumentError } from 'commander'
import { userAgent } from '../config/version.ts'
import { AccelError } from '../errors/accel-error.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { bandwidthOption } from './bandwidth.ts'
import { configuration } from './configuration.ts'
import { runCommand, sourceRequired, type ProgramIo } from './program-io.ts'
import { readTraceFile } from './trace-file.ts'

interface BenchReadOptions {
  config?: string
  trace?: string
  platform: string
  runs: number
  concurrency?: number
  latency: number
  bandwidth?: number
  json: boolean
}

/** `accelctl bench-read`: what reading an image lazily takes. `exit` is told the code. */
export function benchReadCommand(io: ProgramIo, exit: (code: number) => void): Command {
  return new Command('bench-read')
    .description('read files from images as the readers of their formats do: requests, bytes, time')
    .argument(
      '[references...]',
      'an image and what was made of it; of one alone, what lies beside it',
    )
    .option('--config <file>', 'path of the configuration file')
    .option('--trace <file>', 'what is read; without it what the image says that it starts')
    .option('--platform <platforms>', 'which members of an index: os/architecture, …', '')
    .option('--runs <number>', 'runs, of which medians are shown', positive, 1)
    .option('--concurrency <number>', 'layers opened or pulled at a time', positive)
    .option('--latency <ms>', 'milliseconds that each request waits', duration, 0)
    .option('--bandwidth <rate>', 'what all answers together have: 100Mbit, 1Gbit', bandwidthOption)
    .option('--json', 'print the report as JSON', false)
    .addHelpText(
      'after',
      '\nExit codes: 0 measured, 3 the images have not the same content, 1 it could not be measured.',
    )
    .action(async (references: string[], options: BenchReadOptions) => {
      await runCommand(io, exit, async (voice) => {
        if (references.length === 0) throw sourceRequired()
        if (options.config === undefined)
          throw new AccelError('CONFIG_ARGUMENT_MISSING', { name: '--config' })
        const config = configuration(options.config, io, voice)
        const trace =
          options.trace === undefined
            ? undefined
            : { file: options.trace, trace: await readTraceFile(options.trace) }
        // readers of every format: nothing that another command needs
        const { benchReadService } = await import('../bench-read/service.ts')
        const report = await benchReadService(
          {
            references,
            platforms: parsePlatforms(options.platform),
            ...(trace === undefined ? {} : { trace }),
            runs: options.runs,
            concurrency: options.concurrency,
            link: {
              latencyMs: options.latency,
              ...(options.bandwidth === undefined ? {} : { bytesPerSecond: options.bandwidth }),
            },
            signal: io.signal,
            onStep: (text) => voice.log.info(text),
          },
          voice,
          {
            config,
            userAgent: userAgent(),
            environment: io.environment,
          },
        )
        const { readReportText } = await import('./bench-read-text.ts')
        io.stdout.write(
          options.json ? `${JSON.stringify(report, null, 2)}\n` : readReportText(report),
        )
        return 0
      })
    })
}

function positive(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number from 1 on.')
}

function duration(text: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number of milliseconds.')
}
