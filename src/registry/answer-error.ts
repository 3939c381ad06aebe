import { AccelError } from '../errors/accel-error.ts'
import type { Diagnostic, RegistryAnswer } from '../errors/catalogue/registry.ts'
import type { Side } from '../errors/row.ts'
import { oneLine, readErrorText } from '../network/error-text.ts'
import type { Incoming } from '../network/exchange.ts'
import type { Scrubber } from '../network/redact.ts'

const MAX_DIAGNOSTICS = 4

/** What was asked, for the message of an error. */
export interface Asked {
  what: string
  side: Side | undefined
  method: string
  url: string
}

/** The error that a refusing answer stands for. `diagnostics` are those of its body. */
export function answerError(
  asked: Asked,
  status: number,
  diagnostics: Diagnostic[],
  retryAfterMs: number | undefined,
): AccelError {
  const context: RegistryAnswer = { ...asked, status, diagnostics }
  if (status === 429) return new AccelError('REGISTRY_RATE_LIMITED', { ...context, retryAfterMs })
  if (status === 412) {
    const writes = asked.method !== 'GET' && asked.method !== 'HEAD'
    return new AccelError(writes ? 'REGISTRY_TAG_IMMUTABLE' : 'REGISTRY_POLICY', context)
  }
  return new AccelError(codeOf(status), context)
}

function codeOf(
  status: number,
): 'REGISTRY_DENIED' | 'REGISTRY_TOO_LARGE' | 'REGISTRY_UNAVAILABLE' | 'REGISTRY_STATUS' {
  if (status === 403) return 'REGISTRY_DENIED'
  if (status === 413) return 'REGISTRY_TOO_LARGE'
  if (status === 408 || (status >= 500 && status !== 501 && status !== 505))
    return 'REGISTRY_UNAVAILABLE'
  return 'REGISTRY_STATUS'
}

/**
 * Reads the diagnostics of a refusing answer: `{"errors":[{"code","message","detail"}]}`, or the first line of plain text.
 * The text is cut, freed of control characters and of `scrubber`'s secrets. Ends the answer; never throws.
 * Source: OCI distribution-spec, "Error Codes".
 */
export async function readDiagnostics(answer: Incoming, scrubber: Scrubber): Promise<Diagnostic[]> {
  const text = await readErrorText(answer)
  const clean = (value: unknown) => oneLine(scrubber.scrub(typeof value === 'string' ? value : ''))
  const type = String(answer.headers['content-type'] ?? '')
  if (type.includes('html') || text === '') return []
  const errors = errorsIn(text)
  if (errors === undefined) {
    return type.includes('json') ? [] : [{ code: 'text', message: clean(text.split('\n', 1)[0]) }]
  }
  return errors.slice(0, MAX_DIAGNOSTICS).map((entry) => {
    const message = clean(entry.message)
    const detail =
      typeof entry.detail === 'string' ? entry.detail : JSON.stringify(entry.detail ?? '')
    // The codes' own messages are general; what is meant is often in the detail.
    const more =
      detail === '""' || detail === 'null' || detail === '{}' ? '' : ` (${clean(detail)})`
    return { code: clean(entry.code) || 'UNKNOWN', message: oneLine(message + more) }
  })
}

/** Whether one of the diagnostics has the specification's `code`. */
export function hasCode(diagnostics: Diagnostic[], code: string): boolean {
  return diagnostics.some((entry) => entry.code === code)
}

function errorsIn(text: string): Record<string, unknown>[] | undefined {
  try {
    const body: unknown = JSON.parse(text)
    const errors = (body as { errors?: unknown } | null)?.errors
    if (!Array.isArray(errors)) return undefined
    return errors.filter(
      (entry): entry is Record<string, unknown> => typeof entry === 'object' && entry !== null,
    )
  } catch {
    return undefined
  }
}
