import { Command, InvalidArgumentError } from 'commander'
import { userAgent } from '../config/version.ts'
import type { Check, CheckState } from '../doctor/check.ts'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { readTextFile } from '../config/text-file.ts'
import type { Sentence, Tone } from '../story/sentence.ts'
import { configuration } from './configuration.ts'
import { reportFailure, voiceOf, type ProgramIo, type Voice } from './program-io.ts'
import { sentenceStyle, sentenceText } from './sentence-text.ts'

interface DoctorOptions {
  config?: string
  addr?: string
  token?: string
  caFile?: string
  write: boolean
  timeout: number
  json: boolean
}

/** Exit code where something does not work. */
const FAILED = 3

const tones: Record<CheckState, Tone> = {
  ok: 'good',
  warning: 'warning',
  failure: 'problem',
  skipped: 'plain',
}

const marks: Record<Tone, string> = {
  good: 'ok     ',
  warning: 'warning',
  problem: 'FAILURE',
  plain: 'skipped',
}

/** `accelctl doctor`: whether a set-up works, and what to do where it does not. `exit` is told the code. */
export function doctorCommand(io: ProgramIo, exit: (code: number) => void): Command {
  return new Command('doctor')
    .description('test a set-up: configuration, machine, registries, permissions, webhooks')
    .argument('[target]', 'a registry, REGISTRY/PROJECT or an image: its permissions are tested')
    .option('--config <file>', 'path of the configuration file')
    .option('--addr <address>', 'where acceld is, when not where the configuration has it listen')
    .option('--token <token>', "the service's api_token; $ACCEL_TOKEN is used when left out")
    .option('--ca-file <file>', "certificates trusted for acceld besides the system's, PEM")
    .option('--write', 'push an artifact of a few bytes as well, and remove it again', false)
    .option('--timeout <seconds>', 'how long it may take in all', seconds, 60)
    .option('--json', 'print the findings as JSON', false)
    .addHelpText(
      'after',
      `
Only configured registries and acceld are contacted, and no secret is shown.
Exit codes: 0 all works, warnings or not; ${FAILED} something does not; 1 it could not be tested.`,
    )
    .action(async (target: string | undefined, options: DoctorOptions) => {
      const voice = voiceOf(io, 'error')
      try {
        exit(await examineAndSay(target, options, io, voice))
      } catch (error) {
        exit(reportFailure(error, io, voice))
      }
    })
}

async function examineAndSay(
  text: string | undefined,
  options: DoctorOptions,
  io: ProgramIo,
  voice: Voice,
): Promise<number> {
  const { config: file, json, write, timeout, addr: address, caFile } = options
  // clients of registries and a database: nothing that another command needs
  const { areasOf, examine } = await import('../doctor/doctor.ts')
  const { readTarget } = await import('../doctor/target.ts')
  const config = file === undefined ? undefined : usable(file, io, voice)
  if (text !== undefined && file === undefined) {
    throw new AccelError('CONFIG_ARGUMENT_MISSING', { name: '--config' })
  }
  const target = text === undefined || config === undefined ? undefined : readTarget(text, config)
  const token = options.token ?? io.environment['ACCEL_TOKEN']
  const init = {
    file,
    config,
    target,
    write,
    service: {
      address,
      authorization: token ? `Bearer ${token}` : undefined,
      ca: caFile === undefined ? undefined : readTextFile(caFile),
    },
    environment: io.environment,
    registry: {
      userAgent: userAgent(),
      environment: io.environment,
    },
    signal: AbortSignal.any([io.signal, AbortSignal.timeout(timeout * 1000)]),
  }
  const style = { ...sentenceStyle(io), marks, topicWidth: widest(areasOf(init)) }
  const checks: Check[] = []
  for await (const found of examine(init, voice)) {
    // what a registry said may hold what the configuration calls a secret
    const shown = found.map((check) => redacted(check, voice))
    checks.push(...shown)
    if (!json) io.stdout.write(sentenceText(shown.map(sentenceOf), style))
  }
  io.signal.throwIfAborted()
  const { countsOf } = await import('../doctor/check.ts')
  const counts = countsOf(checks)
  io.stdout.write(
    json ? `${JSON.stringify({ checks, counts }, null, 2)}\n` : `${summary(counts)}\n`,
  )
  return counts.failure === 0 ? 0 : FAILED
}

/** The configuration; undefined where it cannot be used, which is a finding of its own. */
function usable(
  file: string,
  io: ProgramIo,
  voice: Voice,
): ReturnType<typeof configuration> | undefined {
  try {
    return configuration(file, io, voice)
  } catch (error) {
    if (isAccelError(error, 'CONFIG_INVALID')) return undefined
    throw error
  }
}

function redacted({ found, fix, ...rest }: Check, { redaction }: Voice): Check {
  const hidden = { ...rest, found: redaction.apply(found) }
  return fix === undefined ? hidden : { ...hidden, fix: redaction.apply(fix) }
}

function sentenceOf({ area, state, found, fix }: Check): Sentence<string> {
  return { topic: area, tone: tones[state], text: found, ...(fix === undefined ? {} : { fix }) }
}

function summary({ ok, warning, failure, skipped }: Record<CheckState, number>): string {
  const parts = [
    [failure, failure === 1 ? 'failure' : 'failures'],
    [warning, warning === 1 ? 'warning' : 'warnings'],
    [skipped, 'skipped'],
    [ok, 'ok'],
  ] as const
  return parts.map(([number, what]) => `${number} ${what}`).join(', ')
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length))
}

function seconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number of seconds from 1 on.')
}
