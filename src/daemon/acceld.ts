import { Command, CommanderError, Option } from 'commander'
import { configCommand } from '../config-check/command.ts'
import type { ConfigChange } from '../config/live-config.ts'
import type { Config } from '../config/schema.ts'
import { programVersion } from '../config/version.ts'
import type { ConversionService } from '../convert/service.ts'
import { isAccelError, rowOf } from '../errors/accel-error.ts'
import { levels, type Level } from '../log/level.ts'
import { createLog, errorText, type Log } from '../log/log.ts'
import { createRedaction, type Redaction } from '../log/redaction.ts'
import { terminalStyle, type Output } from '../log/terminal.ts'
import { longOptions } from '../config/arguments.ts'
import { startDaemon, type Daemon } from './daemon.ts'
import { applyLogConfig, readConfig, reload } from './reload.ts'

/** What the program is given by its process, or by a test. */
export interface AcceldInit {
  stdout: Output
  stderr: Output
  environment: Readonly<Record<string, string | undefined>>
  /** Where signals and stray rejections come from: the process. */
  process: Signals
  openConversions(config: Config, components: ConversionComponents): Promise<ConversionService>
}

/** The part of `process` that is used. */
export interface Signals {
  on(event: string, listener: (argument: unknown) => void): unknown
  off(event: string, listener: (argument: unknown) => void): unknown
}

export interface ConversionComponents {
  log: Log
  redaction: Redaction
  /** As it stands in requests to registries. */
  userAgent: string
}

interface Options {
  config: string
  strictConfig: boolean
  logLevel?: Level
}

/** Exit code of a process that a second signal ends: 128 and the number of the signal. */
const KILLED = { SIGINT: 130, SIGTERM: 143 } as const

/** `acceld`: serves until a signal comes; resolves to the exit code. */
export async function runAcceld(argv: readonly string[], init: AcceldInit): Promise<number> {
  if (argv[0] === 'config') return runConfigCommand(argv, init)
  const { stdout, stderr, environment } = init
  const version = programVersion()
  const command = acceldProgram(stdout, stderr)
  let options: Options
  try {
    options = command.parse(longOptions(argv), { from: 'user' }).opts<Options>()
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
  const redaction = createRedaction()
  const log = createLog({
    write: (line) => void stderr.write(line),
    ...(options.logLevel === undefined ? {} : { level: options.logLevel }),
    redaction,
    ...terminalStyle(stderr, environment),
  })
  log.info(`Version: ${version.text}`)
  try {
    const reading = { strict: options.strictConfig, environment }
    const config = readConfig(options.config, { log, redaction }, reading)
    applyLogConfig(log, config, options.logLevel)
    const daemon = await startDaemon({
      config,
      log,
      redaction,
      openConversions: () =>
        init.openConversions(config, {
          log,
          redaction,
          userAgent: `acceleration-service/${version.tag.slice(1)}`,
        }),
    })
    const apply = (next: Config): ConfigChange => daemon.reconfigure(next)
    const onHangup = (): void => {
      const { logLevel } = options
      daemon.reloaded(reload(options.config, { log, redaction, apply }, { ...reading, logLevel }))
    }
    return await serve(daemon, log, init.process, onHangup)
  } catch (error) {
    const known = isAccelError(error) ? error : undefined
    log.fatal(known === undefined ? errorText(error) : known.message, {
      code: known?.code,
      hint: known?.hint,
      stack: known === undefined && error instanceof Error ? error.stack : undefined,
    })
    return known === undefined ? 1 : rowOf(known.code).exit
  }
}

/** `acceld config check FILE`: the same as of `accelctl`, for machines that have the service alone. */
async function runConfigCommand(argv: readonly string[], init: AcceldInit): Promise<number> {
  let code = 0
  const program = new Command('acceld').exitOverride()
  const config = configCommand(init, (its) => (code = its))
  for (const command of [config, ...config.commands]) command.exitOverride()
  try {
    await program.addCommand(config).parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
}

/** The command line of `acceld`. */
export function acceldProgram(stdout: Output, stderr: Output): Command {
  return new Command('acceld')
    .description('Converts the images that registries tell it about into lazily pullable ones.')
    .requiredOption('--config <file>', 'path of the configuration file')
    .option('--strict-config', 'make an unknown key of the configuration an error', false)
    .addOption(
      new Option('--log-level <level>', 'lines below this level are left out').choices(levels),
    )
    .version(`acceld version ${programVersion().text}`, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .addHelpText(
      'after',
      '\nacceld config check FILE says, key by key, what becomes of a configuration file.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
}

/** Waits for a signal, stops the daemon, and returns the exit code; a second signal does not wait for the stop. */
async function serve(
  daemon: Daemon,
  log: Log,
  signals: Signals,
  onHangup: () => void,
): Promise<number> {
  const first = Promise.withResolvers<string>()
  const second = Promise.withResolvers<number>()
  let received = 0
  const listeners = new Map<string, (argument: unknown) => void>([
    ...(['SIGINT', 'SIGTERM'] as const).map((signal) => {
      const onSignal = (): void => {
        received += 1
        if (received === 1) first.resolve(signal)
        else second.resolve(KILLED[signal])
      }
      return [signal, onSignal] as const
    }),
    ['SIGHUP', onHangup],
    [
      'unhandledRejection',
      // one conversion's defect is no reason to end all others
      (reason) =>
        log.error('a defect of the program: a failure that nobody waited for', {
          error: reason,
          stack: reason instanceof Error ? reason.stack : undefined,
        }),
    ],
  ])
  for (const [event, listener] of listeners) signals.on(event, listener)
  try {
    const signal = await first.promise
    log.info(`received ${signal}, stopping; a second one ends the program at once`)
    const stopped = daemon.stop().then(() => 0)
    const code = await Promise.race([stopped, second.promise])
    if (code !== 0) stopped.catch(() => undefined)
    return code
  } finally {
    for (const [event, listener] of listeners) signals.off(event, listener)
  }
}
