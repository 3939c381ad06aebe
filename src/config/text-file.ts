import { readFileSync } from 'node:fs'
import { AccelError } from '../errors/accel-error.ts'

/** The text of a file that an option or the configuration names. Throws CONFIG_UNREADABLE. */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw new AccelError('CONFIG_UNREADABLE', { file, problem }, { cause })
  }
}
