import { isAccelError, type AccelError } from '../errors/accel-error.ts'
import { failure, type Finding } from './check.ts'

/** How a registry is spoken to, for what is to be done about an error of it. */
export interface Spoken {
  /** As the configuration names it. */
  host: string
  secure: boolean
}

/** The server answered, and not in TLS. */
const noTls = /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST))$/
const otherName = /^(HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)$/
const expired = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/

/** What an error of a registry means for a set-up, with the one thing to do. Throws `error` itself where it is not of a registry. */
export function registryFailure(error: unknown, spoken: Spoken): Finding {
  if (!isAccelError(error)) throw error
  return failure(error.message, fixOf(error, spoken))
}

function fixOf(error: AccelError, { host, secure }: Spoken): string {
  const section = `provider.source."${host}"`
  switch (error.code) {
    case 'REGISTRY_TLS': {
      const code = codeOf(error.cause)
      if (noTls.test(code)) return `it speaks HTTP without TLS: set ${section}.plain_http: true`
      if (otherName.test(code)) {
        return `name the registry as its certificate does; where it is reached under another name, set ${section}.address`
      }
      if (expired.test(code))
        return 'renew the certificate of the registry, or set the clock of this machine'
      return `write the certificate of its authority, PEM, into a file and name it in ${section}.ca_file`
    }
    case 'REGISTRY_UNREACHABLE':
      return secure
        ? error.hint
        : `check name, address, port and firewall; where it speaks TLS, set ${section}.plain_http: false`
    case 'REGISTRY_STATUS':
      // What Go's and nginx' servers answer to HTTP on a port with TLS
      return isPlainToTls(error, secure)
        ? `it expects TLS: set ${section}.plain_http: false`
        : error.hint
    case 'REGISTRY_AUTH':
      return `correct ${section}.auth, base64 of user:password; a robot account of Harbor has its whole name before the colon, such as robot$acceld`
    default:
      return error.hint
  }
}

function isPlainToTls(error: AccelError, secure: boolean): boolean {
  return !secure && isAccelError(error, 'REGISTRY_STATUS') && error.context.status === 400
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''
}
