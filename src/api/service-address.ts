import { AccelError } from '../errors/accel-error.ts'

/** Where a service answers. */
export interface ServiceAddress {
  /** As the user wrote it, for messages. */
  text: string
  secure: boolean
  where: { host: string; port: string | number } | { socketPath: string }
}

/** Reads `host:port`, `http://…`, `https://…` or `unix:///path/of/the.sock`. Throws HTTP_SERVICE_UNREACHABLE when it is none. */
export function parseServiceAddress(text: string): ServiceAddress {
  if (text.startsWith('unix://')) {
    return { text, secure: false, where: { socketPath: text.slice('unix://'.length) } }
  }
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url === undefined || url.hostname === '') {
    throw new AccelError('HTTP_SERVICE_UNREACHABLE', {
      address: text,
      problem: 'that is no address',
    })
  }
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { text, secure, where: { host, port: url.port || (secure ? 443 : 80) } }
}
