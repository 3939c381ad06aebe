import { AccelError, isAccelError, rowOf } from '../errors/accel-error.ts'
import type { Level } from '../log/level.ts'
import { createLog, errorText, type Log } from '../log/log.ts'
import { createRedaction, type Redaction } from '../log/redaction.ts'
import { terminalStyle, type Output } from '../log/terminal.ts'

/** What a command is given by its process, or by a test. */
export interface ProgramIo {
  stdout: Output
  stderr: Output
  environment: Readonly<Record<string, string | undefined>>
  /** Aborted when the user wants the command to end. */
  signal: AbortSignal
}

/** How a command speaks: results to `stdout`, everything else through the log to `stderr`. */
export interface Voice {
  log: Log
  redaction: Redaction
  /** The terminal can be drawn upon. */
  movable: boolean
}

/** The voice of a command. `write` takes the lines of the log; by default standard error does. */
export function voiceOf(
  io: ProgramIo,
  level: Level,
  write: (line: string) => void = (line) => void io.stderr.write(line),
): Voice {
  const redaction = createRedaction()
  const style = terminalStyle(io.stderr, io.environment)
  return {
    log: createLog({ write, level, redaction, ...style }),
    redaction,
    movable: style.movable,
  }
}

/**
 * Says why a command failed, with code and next step, and returns its exit code. On a terminal the hint has a line
 * of its own; in a pipe it is a field, so that the failure is one line.
 */
export function reportFailure(
  error: unknown,
  io: ProgramIo,
  voice: Pick<Voice, 'log' | 'redaction'>,
): number {
  if (!isAccelError(error)) {
    const stack = error instanceof Error ? error.stack : undefined
    voice.log.fatal(errorText(error), { stack })
    return 1
  }
  const { terminal } = terminalStyle(io.stderr, io.environment)
  voice.log.fatal(error.message, { code: error.code, hint: terminal ? undefined : error.hint })
  if (terminal) io.stderr.write(`hint: ${voice.redaction.apply(error.hint)}\n`)
  return rowOf(error.code).exit
}

/** Does what a command is for: `work` gives the exit code, which `exit` is told; that of a failure is said and told. */
export async function runCommand(
  io: ProgramIo,
  exit: (code: number) => void,
  work: (voice: Voice) => Promise<number>,
): Promise<void> {
  const voice = voiceOf(io, 'info')
  try {
    exit(await work(voice))
  } catch (error) {
    exit(reportFailure(error, io, voice))
  }
}

/** What is thrown, in place of whatever else happens, when the user ends the command. */
export function interrupted(what: string): AccelError {
  return new AccelError('ABORTED', { what })
}

/** The error of a command that was not told which image. */
export function sourceRequired(): AccelError {
  return new AccelError('CONFIG_ARGUMENT_MISSING', { name: 'source' })
}
