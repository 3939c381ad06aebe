import { AccelError } from '../../errors/accel-error.ts'
import type { TarLimits } from './limits.ts'

/** Throws FORMAT_INVALID for byte `at` of the block or body that is being decoded. */
export type Fail = (at: number, problem: string) => never

/** Makes the errors of one tar. Offsets count in the tar. */
export class TarFault {
  readonly limits: TarLimits
  readonly #what: string

  constructor(what: string, limits: TarLimits) {
    this.#what = what
    this.limits = limits
  }

  /** For the decoder of a block or body that begins at `base`. */
  in(base: number): Fail {
    return (at, problem) => {
      throw new AccelError('FORMAT_INVALID', {
        what: this.#what,
        format: 'tar',
        offset: base + at,
        problem,
      })
    }
  }

  truncated(offset: number, expected: string): AccelError {
    return new AccelError('FORMAT_TRUNCATED', { what: this.#what, format: 'tar', offset, expected })
  }

  /** Throws FORMAT_LIMIT_EXCEEDED where `value` is above the limit. `of` says what is counted. */
  check(limit: keyof TarLimits, value: number, of: string): void {
    const max = this.limits[limit]
    if (value <= max) return
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what: this.#what,
      format: 'tar',
      limit: of,
      value,
      max,
    })
  }
}
