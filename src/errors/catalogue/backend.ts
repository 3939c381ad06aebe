import { row } from '../row.ts'

/** An answer of an object store that is no success. `url` is without query. */
export interface StoreAnswer {
  /** The blob, and the store by its name in the configuration. */
  what: string
  method: string
  url: string
  status: number
  /** The store's own code and words, cut and cleaned; empty where it gave none. */
  code: string
  message: string
}

/** Blobs that are kept outside of the registry. */
export const backendErrors = {
  BACKEND_REFUSED: row<StoreAnswer>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: answerText,
    hint: 'The object store refused the request for the reason it gives: check bucket, endpoint and region in backend_config.',
  }),
  BACKEND_DENIED: row<StoreAnswer>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: answerText,
    hint: 'Check access key and secret in backend_config, that they may read, write and abort uploads in the bucket (docs/backends.md), and this machine’s clock.',
  }),
  BACKEND_UNAVAILABLE: row<StoreAnswer>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: answerText,
    hint: 'The object store failed or wants fewer requests; the conversion is tried again. Look at its health when it stays.',
  }),
  BACKEND_ANSWER_INVALID: row<StoreAnswer & { problem: string }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) => `${answerText(c)}: ${c.problem}`,
    hint: 'What answers does not speak the protocol of the configured backend_type; check endpoint and scheme.',
  }),
  BACKEND_UNREACHABLE: row<{ what: string; host: string; problem: string; attempts: number }>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: (c) =>
      `${c.what}: ${c.host} cannot be reached: ${c.problem} (${c.attempts} ${c.attempts === 1 ? 'attempt' : 'attempts'})`,
    hint: 'Check endpoint and scheme in backend_config, and the way from here to it.',
  }),
  BACKEND_TLS: row<{ what: string; host: string; problem: string }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: no trusted TLS connection with ${c.host}: ${c.problem}`,
    hint: 'Trust the authority of its certificate (NODE_EXTRA_CA_CERTS names a file of more); an endpoint without TLS must be configured as http, it is never assumed.',
  }),
  BACKEND_FULL: row<{ what: string; path: string }>({
    status: 507,
    exit: 1,
    retry: 'backoff',
    text: (c) => `${c.what}: no space left on the device of ${c.path}`,
    hint: 'Free space there; the conversion is tried again, and nothing of this blob was left behind.',
  }),
  BACKEND_DIRECTORY: row<{ what: string; path: string; problem: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: ${c.path} cannot be used: ${c.problem}`,
    hint: 'backend_config.dir must be a directory that exists or can be made, and in which this user may write.',
  }),
}

function answerText(c: StoreAnswer): string {
  const words = [c.code, c.message].filter((text) => text !== '').join(': ')
  return `${c.what}: ${c.method} ${c.url} answered ${c.status}${words === '' ? '' : `; ${words}`}`
}
