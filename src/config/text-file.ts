import { readFileSync } from 'node:fs'
import { AccelError } from '../errors/accel-error.ts'

/** The text of a file that an option or the configuration names. Throws CONFIG_UNREADABLE. */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw unreadableFile(file, cause)
  }
}

/** The error for a file that an option or the configuration names, where the file system refused it by `cause`. */
export function unreadableFile(file: string, cause: unknown): AccelError {
  const problem = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new AccelError('CONFIG_UNREADABLE', { file, problem }, { cause })
}
