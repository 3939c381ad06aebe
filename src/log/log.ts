import { jsonLine } from './json-format.ts'
import { levels, type Level } from './level.ts'
import { surroundingFields } from './log-context.ts'
import type { Redaction } from './redaction.ts'
import { createRedaction } from './redaction.ts'
import { pipeLine, terminalLine } from './text-format.ts'

/** What stands behind a message as `name=value`. An error becomes its message and those of its causes; undefined is left out. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where the program says what it does. Secrets that are registered with its redaction never appear. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The reason for which the program ends; does not end it. */
  fatal(message: string, fields?: LogFields): void
  /** A log that adds `fields` to every line: `log.child({ module: 'api' })`. */
  child(fields: LogFields): Log
}

/** Where the log goes, and how it looks. */
export interface LogInit {
  /** Takes one finished line, with its line end. */
  write: (line: string) => void
  /** Lines below this level are dropped. @default 'info' */
  level?: Level
  /** An object a line, or logrus' text. @default 'text' */
  format?: LogFormat
  /** The form of text for people instead of the one for pipes. @default false */
  terminal?: boolean
  /** Colours, on a terminal. @default false */
  colored?: boolean
  /** Hides secrets in messages and fields. @default one that knows none */
  redaction?: Redaction
  /** The clock. @default the system's */
  now?: () => Date
}

/** `text` is the format of logrus, which upstream's users have tools for. */
export type LogFormat = 'text' | 'json'

/** A log whose level and format may change while it is written to. */
export interface RootLog extends Log {
  /** Holds for every line from now on, of child logs as well. */
  set(changed: { level?: Level; format?: LogFormat }): void
}

/** A log, in the text format of logrus or as JSON. Lines of a task carry its id: see `withLogFields`. */
export function createLog(init: LogInit): RootLog {
  const { terminal = false, colored = false, now = () => new Date() } = init
  const redaction = init.redaction ?? createRedaction()
  let { level = 'info', format = 'text' } = init
  const emit = (at: Level, message: string, fields: LogFields): void => {
    if (levels.indexOf(at) < levels.indexOf(level)) return
    const entry = {
      time: now(),
      level: at,
      message: redaction.apply(message),
      fields: texts({ ...surroundingFields(), ...fields }, redaction),
    }
    if (format === 'json') init.write(jsonLine(entry))
    else init.write(terminal ? terminalLine(entry, colored) : pipeLine(entry))
  }
  return {
    ...withFields(emit, {}),
    set(changed) {
      level = changed.level ?? level
      format = changed.format ?? format
    },
  }
}

/** A log that says nothing. */
export const silentLog: Log = withFields(() => undefined, {})

type Emit = (level: Level, message: string, fields: LogFields) => void

function withFields(emit: Emit, own: LogFields): Log {
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}): void =>
      emit(level, message, { ...own, ...fields })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warning'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => withFields(emit, { ...own, ...fields }),
  }
}

function texts(fields: LogFields, redaction: Redaction): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, redaction.apply(textOf(value))]),
  )
}

function textOf(value: unknown): string {
  if (value instanceof Error) return errorText(value)
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? typeof value)
}

/** The message of `error` and of its causes, the outermost first, each once. */
export function errorText(error: unknown): string {
  const messages: string[] = []
  for (let at = error, depth = 0; at !== undefined && depth < 8; depth += 1) {
    const message = at instanceof Error ? at.message || at.name : textOf(at)
    if (!messages.some((said) => said.includes(message))) messages.push(message)
    at = at instanceof Error ? at.cause : undefined
  }
  return messages.join(': ')
}
