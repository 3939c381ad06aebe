import { changeOf, type ConfigChange, type LiveConfig } from '../config/live-config.ts'
import { loadConfig, requireTagSuffix, type LoadInit } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { ConversionService } from '../convert/service.ts'
import { isAccelError } from '../errors/accel-error.ts'
import type { Level } from '../log/level.ts'
import { errorText, type Log, type RootLog } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import type { TaskQueue } from '../tasks/queue.ts'
import { queueLimits } from './queue-limits.ts'
import { logStartupNotes } from './startup-notes.ts'

/** Reads the file and registers what must not be shown. Throws CONFIG_…. */
export function readConfig(
  file: string,
  components: { log: Log; redaction: Redaction },
  init: LoadInit,
): Config {
  const { config, warnings, secrets } = loadConfig(file, init)
  for (const secret of secrets) components.redaction.add(secret)
  for (const { line, path, problem } of warnings) {
    components.log.warn(`${file}:${line}: ${path}: ${problem}`)
  }
  requireTagSuffix(config, file)
  logStartupNotes(config, components.log)
  return config
}

/** Puts another configuration into effect. Throws CONFIG_…, DRIVER_…, IMAGE_PLATFORM_INVALID, and then nothing has changed. */
export function applyConfig(
  next: Config,
  parts: { live: LiveConfig; conversions: ConversionService; queue: Pick<TaskQueue, 'limit'> },
): ConfigChange {
  const change = changeOf(parts.live.current, next)
  parts.conversions.reconfigure(change.config)
  parts.live.replace(change.config)
  parts.queue.limit(queueLimits(change.config))
  return change
}

/** What `log.level` and `log.format` ask for; the option of the command line comes before the file. */
export function applyLogConfig(log: RootLog, config: Config, option: Level | undefined): void {
  log.set({ level: option ?? config.log.level, format: config.log.format })
}

/** Reads the file again on a signal: what can change changes, all or nothing, and the log says what did and what did not. */
export function reload(
  file: string,
  components: { log: RootLog; redaction: Redaction; apply(next: Config): ConfigChange },
  init: LoadInit & { logLevel: Level | undefined },
): boolean {
  const { log, apply } = components
  try {
    const next = readConfig(file, components, init)
    const { applied, waiting } = apply(next)
    applyLogConfig(log, next, init.logLevel)
    log.info(
      applied.length === 0
        ? `${file} was read again, nothing else is in effect than before`
        : `${file} was read again, in effect from now on: ${applied.join(', ')}`,
    )
    if (waiting.length > 0) {
      log.warn(`changed in ${file}, and in effect only after a restart: ${waiting.join(', ')}`)
    }
    return true
  } catch (error) {
    const known = isAccelError(error) ? error : undefined
    log.error(`the configuration stays as it was: ${errorText(error)}`, {
      code: known?.code,
      hint: known?.hint,
      stack: known === undefined && error instanceof Error ? error.stack : undefined,
    })
    return false
  }
}
