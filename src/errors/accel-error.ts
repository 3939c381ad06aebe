import { catalogue } from './catalogue/index.ts'
import type { ErrorRow, Retry } from './row.ts'

type Catalogue = typeof catalogue

/** A code of the catalogue. */
export type ErrorCode = keyof Catalogue

/** What the message of `Code` is made from. */
export type ErrorContext<Code extends ErrorCode> =
  Catalogue[Code] extends ErrorRow<infer Context> ? Context : never

/** The form in which an error crosses a thread or HTTP. */
export interface WireError {
  code: string
  context: unknown
  message: string
  stack?: string
}

/** The one error class: a code of the catalogue, its typed context, and the cause, if any. */
export class AccelError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AccelError'
  readonly code: Code
  readonly context: ErrorContext<Code>

  constructor(code: Code, context: ErrorContext<Code>, options?: { cause?: unknown }) {
    super(rowOf(code).text(context), options)
    this.code = code
    this.context = context
  }

  get retry(): Retry {
    return rowOf(this.code).retry
  }

  get hint(): string {
    return rowOf(this.code).hint
  }
}

/** The catalogue row of `code`. */
export function rowOf(code: ErrorCode): ErrorRow<unknown> {
  return catalogue[code]
}

/** Tells whether `error` is an AccelError, and of `code` where one is given. */
export function isAccelError<Code extends ErrorCode>(
  error: unknown,
  code?: Code,
): error is AccelError<Code> {
  return error instanceof AccelError && (code === undefined || error.code === code)
}

/** Puts any thrown value into the form that crosses a thread. */
export function toWire(error: unknown): WireError {
  if (error instanceof AccelError) {
    return wire(error.code, error.context, error)
  }
  return wire('', undefined, error instanceof Error ? error : new Error(String(error)))
}

function wire(code: string, context: unknown, error: Error): WireError {
  const form: WireError = { code, context, message: error.message }
  if (error.stack !== undefined) form.stack = error.stack
  return form
}

/** Rebuilds an error from its wire form: by code where the catalogue has it, else a plain Error. */
export function fromWire(form: WireError): Error {
  if (form.code in catalogue) {
    const code = form.code as ErrorCode
    return new AccelError(code, form.context as ErrorContext<typeof code>)
  }
  const error = new Error(form.message)
  if (form.stack !== undefined) error.stack = form.stack
  return error
}
